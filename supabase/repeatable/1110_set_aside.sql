-- Purpose: what becomes of a turn that the database refuses to settle, or that is long past.
-- Touches: the policy of private.set_aside_reasons; functions.
-- Locks:   the conversation, then its jobs; to set a job aside, the job alone.
-- Undo:    drop the policy and the functions.

-- A turn whose hand-over the database refuses, or that is an hour past its deadline (nothing ran, a backup was
-- restored): the team sees that the customer waits, and the customer gets no message. The sweep holds the
-- conversation's lock; for settle_alone it is taken here, and waited for.
create or replace function private.leave_to_staff(job public.ai_response_queue)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  -- As if it had been handed over then: whoever writes again is told that somebody is coming.
  update public.conversations as conversations
  set requires_human = true, escalation_reason = 'overdue', status = 'escalated',
    handed_over_at = coalesce(conversations.handed_over_at, job.turn_started_at)
  where conversations.id = job.conversation_id
    and not (conversations.requires_human and conversations.handed_over_at is null);  -- somebody took it meanwhile
  perform private.end_open_jobs(job.conversation_id, 'taken_over');  -- also where a project's trigger undid the change
exception
  when transaction_rollback or insufficient_resources or operator_intervention then
    raise;
  when lock_not_available then
    null;  -- the next sweep finds it
  when others or assert_failure then
    perform private.set_aside(job.id, job.attempt, sqlstate, sqlerrm);
end $$;
comment on function private.leave_to_staff is 'Give a turn to the team without a message.';

drop policy if exists "only the functions below" on private.set_aside_reasons;
create policy "only the functions below" on private.set_aside_reasons for all to service_role using (false);

-- The job keeps its state, and is tried again after a minute, then two, and so on to an hour. Needs no lock of the
-- conversation, which settle_alone does not hold: the attempt and the status say whether the job is still meant.
create or replace function private.set_aside(job_id uuid, attempt integer, code text, reason text)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_now timestamptz := clock_timestamp();
begin
  update public.ai_response_queue as jobs
  set set_aside_count = least(jobs.set_aside_count + 1, 100),
    set_aside_until = v_now + least(interval '1 minute' * 2 ^ least(jobs.set_aside_count, 6), interval '1 hour'),
    error_message = format('the database refused it (%s)', code)  -- customers may read it: the reason is not theirs
  where jobs.id = job_id and jobs.attempt = set_aside.attempt and jobs.status = 'processing';
  insert into private.set_aside_reasons as reasons (job_id, reason)
  values (set_aside.job_id, left(set_aside.reason, 1000))
  on conflict on constraint set_aside_reasons_pkey do update set reason = excluded.reason, noted_at = v_now;
end $$;
comment on function private.set_aside is 'Leave a job alone for a while that cannot be settled, and say why.';
