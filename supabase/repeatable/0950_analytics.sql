-- Purpose: the original's analytics, where there are any, for staff to read. Romashka's own: 0900_metrics.sql.
-- Touches: a policy on public.conversation_analytics.

do $$
begin
  if to_regclass('public.conversation_analytics') is not null then
    drop policy if exists "staff read the analytics" on public.conversation_analytics;
    create policy "staff read the analytics" on public.conversation_analytics
      for select to authenticated using ((select private.is_staff()));
  end if;
end $$;
