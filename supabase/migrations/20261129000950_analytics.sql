-- Purpose: the original's analytics, where there are any: indexed as the rest. Makes none.
-- Touches: public.conversation_analytics.
-- Undo:    drop the index.

do $$
begin
  if to_regclass('public.conversation_analytics') is not null then
    create index if not exists conversation_analytics_conversation_id_idx
      on public.conversation_analytics (conversation_id);
  end if;
end $$;
