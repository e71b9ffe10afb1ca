-- Purpose: the queue: one job is one turn to be answered. States and transitions: docs/job-states.md.
-- Touches: public.ai_response_queue.
-- Undo:    drop the policy.

drop policy if exists "AI response queue access" on public.ai_response_queue;

drop policy if exists "whoever reads a conversation reads its jobs" on public.ai_response_queue;
create policy "whoever reads a conversation reads its jobs" on public.ai_response_queue
  for select to authenticated using (
    (select private.is_staff()) or conversation_id in (select private.my_conversation_ids())
  );
