-- Purpose: the original's analytics, where there are any, for staff to read. Romashka's own: *_metrics.sql.
-- Touches: public.conversation_analytics; makes none.
-- Undo:    drop the policy and the index.

do $$
begin
  if to_regclass('public.conversation_analytics') is null then
    return;
  end if;
  grant select on public.conversation_analytics to authenticated;
  drop policy if exists "staff read the analytics" on public.conversation_analytics;
  create policy "staff read the analytics" on public.conversation_analytics
    for select to authenticated using ((select private.is_staff()));
  create index if not exists conversation_analytics_conversation_id_idx
    on public.conversation_analytics (conversation_id);
end $$;
