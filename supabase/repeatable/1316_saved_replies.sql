-- Purpose: what the team answers often: all of it writes them, as it does the knowledge.
-- Touches: policies and a trigger of saved_replies.
-- Undo:    drop the policies and the trigger.

drop policy if exists "staff have the saved replies" on public.saved_replies;
create policy "staff have the saved replies" on public.saved_replies
  for all to authenticated using ((select private.is_staff())) with check ((select private.is_staff()));

create or replace trigger saved_replies_touch before update on public.saved_replies
  for each row execute function private.touch_updated_at();
