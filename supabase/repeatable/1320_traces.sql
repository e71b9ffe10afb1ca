-- Purpose: why a turn ended as it did: a trace of each attempt, for operators and `romashka replay`.
-- Touches: private.job_traces, record_ai_response_traces, get_ai_response_trace.
-- Locks:   jobs, by a foreign key, in the order of their conversations' ids.
-- Undo:    drop the policy and the functions.

drop policy if exists "only the functions below" on private.job_traces;
create policy "only the functions below" on private.job_traces for all to service_role using (false);

-- Workers call it after their settles, so that no turn waits for it. Repeating it changes nothing; a trace whose job
-- is gone is left out. The foreign key locks jobs: in the order in which settles do.
create or replace function public.record_ai_response_traces(traces jsonb)
returns integer
language plpgsql
volatile
security definer  -- nobody has rights in the schema private
set search_path = ''
as $$
declare
  v_count integer;
begin
  if jsonb_typeof(traces) is distinct from 'array' then
    raise exception 'unable to record traces; traces is not an array of objects'
      using errcode = 'PT400', detail = 'bad_traces', hint = 'Send [{"job_id", "attempt", "trace"}].';
  end if;
  insert into private.job_traces (job_id, attempt, trace)
  select told.job_id, told.attempt, told.trace
  from jsonb_to_recordset(traces) as told (job_id uuid, attempt integer, trace jsonb)
  join public.ai_response_queue as jobs on jobs.id = told.job_id
  where told.attempt is not null and told.trace is not null
  order by jobs.conversation_id, jobs.created_at
  on conflict do nothing;
  get diagnostics v_count = row_count;
  perform private.keep_explanations(array(
    select told.job_id from jsonb_to_recordset(traces) as told (job_id uuid)
  ));
  return v_count;
end $$;
comment on function public.record_ai_response_traces is 'Store what attempts at jobs saw, decided and took; returns how many were new. Raises bad_traces.';

-- The columns of a claim, with the whole time before it, so that a worker can answer the job once more; and
-- how it ended. Nothing is locked, nothing changes.
create or replace function public.get_ai_response_trace(job_id uuid)
returns table (
  conversation_id uuid, message_id uuid, user_message text, conversation_context jsonb,
  customer_profile jsonb, attempt integer, turn_id uuid, turn_started_at timestamptz, budget_ms integer,
  settings jsonb, status text, outcome text, reason text, ai_response text, ai_confidence numeric,
  response_time_ms integer, traces jsonb
)
language plpgsql
stable
security definer  -- nobody has rights in the schema private
set search_path = ''
as $$
#variable_conflict use_column
begin
  return query
  select jobs.conversation_id, jobs.message_id, jobs.user_message,
    private.conversation_context(conversations, messages.position) || private.return_context(jobs, messages.position),
    private.customer_context(customers),
    jobs.attempt, jobs.turn_id, jobs.turn_started_at, settings.deadline_ms, to_jsonb(settings),
    jobs.status::text, jobs.outcome, answers.metadata ->> 'reason', jobs.ai_response, jobs.ai_confidence,
    jobs.response_time_ms,
    (select coalesce(jsonb_agg(traces.trace || jsonb_build_object('attempt', traces.attempt)
      order by traces.attempt), '[]') from private.job_traces as traces where traces.job_id = jobs.id)
  from public.ai_response_queue as jobs
  join public.conversations as conversations on conversations.id = jobs.conversation_id
  join public.messages as messages on messages.id = jobs.message_id
  left join public.customer_profiles as customers on customers.id = conversations.customer_id
  left join public.messages as answers on answers.turn_id = jobs.turn_id and answers.sender_type = 'ai'
  cross join public.ai_settings as settings
  where jobs.id = get_ai_response_trace.job_id;
end $$;
comment on function public.get_ai_response_trace is 'A job as a claim gives it, how it ended, and the traces of its attempts; no row if there is no such job.';
