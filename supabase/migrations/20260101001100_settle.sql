-- Purpose: how a job ends: one transaction decides, whatever its worker thinks.
-- Touches: complete_ai_response_jobs, settle_overdue_ai_response_jobs, and the original's single-job forms.
-- Locks:   each conversation, in the order of their ids, then its job.
-- Undo:    drop the functions.

create type private.settlement as (settled boolean, outcome text, message_id uuid);

-- Writes the answer and everything that goes with it. The conversation is locked and the job is ours.
create or replace function private.answer_job(
  job public.ai_response_queue, conversation public.conversations, result jsonb
)
returns private.settlement
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_escalates boolean := result ->> 'action' = 'escalate';
  v_outcome text := case when v_escalates then 'escalated' else 'replied' end;
  v_response_ms integer := extract(epoch from clock_timestamp() - job.turn_started_at) * 1000;
  v_text text := nullif(btrim(result ->> 'ai_response'), '');
  v_answer public.messages;
begin
  if v_text is null then
    v_text := private.handover_text(coalesce(result ->> 'language', conversation.language));
  end if;
  -- First, so that an escalation finds only the turn behind this one still open.
  update public.ai_response_queue as jobs
  set status = 'completed', outcome = v_outcome, leased_until = null, completed_at = clock_timestamp(),
    ai_response = v_text, ai_confidence = (result ->> 'confidence')::numeric,
    response_time_ms = coalesce((result ->> 'response_time_ms')::integer, v_response_ms)
  where jobs.id = job.id;
  v_answer := private.write_answer(conversation, job.turn_id, v_text, result, jsonb_strip_nulls(jsonb_build_object(
    'kind', case when v_escalates then 'handover' end,
    'reason', case when v_escalates then coalesce(result ->> 'reason', 'ai_failure') end,
    'language', result ->> 'language', 'model', result ->> 'model')));
  insert into public.realtime_metrics (metric_name, metric_value, dimensions, timestamp)
  values ('ai_response_generated', v_response_ms, jsonb_build_object('outcome', v_outcome), v_answer.created_at);
  perform realtime.send(jsonb_build_object(
    'turn_id', job.turn_id, 'outcome', v_outcome, 'message_id', v_answer.id),
    'reply.settled', 'conversation:' || conversation.id, true);
  return (true, v_outcome, v_answer.id)::private.settlement;
end $$;
comment on function private.answer_job is 'Write the reply or the hand-over of a job.';
revoke execute on function private.answer_job from public, anon, authenticated;

-- Settles one job if `attempt` is the one that holds it. A repeated call finds its own result; a zombie's
-- finds that the job went on without it, and changes nothing.
create or replace function private.settle_job(job_id uuid, attempt integer, result jsonb)
returns private.settlement
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_conversation public.conversations;
  v_job public.ai_response_queue;
  v_answer_id uuid;
  v_settlement private.settlement;
begin
  select * into v_conversation from public.conversations as conversations
  where conversations.id = (select jobs.conversation_id from public.ai_response_queue as jobs where jobs.id = job_id)
  for no key update;
  select * into v_job from public.ai_response_queue as jobs where jobs.id = job_id for update;
  select messages.id into v_answer_id from public.messages as messages
  where messages.turn_id = v_job.turn_id and messages.sender_type = 'ai';

  if v_job.status = 'processing' and v_job.attempt = settle_job.attempt and v_answer_id is null then
    v_settlement := private.answer_job(v_job, v_conversation, result);
    select * into v_job from public.ai_response_queue as jobs
    where jobs.conversation_id = v_conversation.id and jobs.status = 'pending';
    if found then  -- the turn that waited behind this one
      perform private.announce_job(v_job);
    end if;
    return v_settlement;
  end if;
  return (
    v_job.status = 'completed' and v_job.attempt = settle_job.attempt, v_job.outcome,
    case when v_job.status = 'completed' then v_answer_id end
  )::private.settlement;
end $$;
comment on function private.settle_job is 'Settle a job for the attempt that holds it.';
revoke execute on function private.settle_job from public, anon, authenticated;

create or replace function private.is_result(item jsonb)
returns boolean
language sql
immutable
security invoker
set search_path = ''
as $$
  select jsonb_typeof(item) = 'object'
    and coalesce(item ->> 'job_id', '') ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
    and coalesce(item ->> 'attempt', '') ~ '^[0-9]{1,9}$'
    and (item ->> 'action' = 'reply' and btrim(coalesce(item ->> 'ai_response', '')) <> ''
      or item ->> 'action' = 'escalate' and coalesce(item ->> 'reason', 'ai_failure') in (
        'low_confidence', 'human_requested', 'ai_failure', 'overdue', 'negative_sentiment', 'legal',
        'safety', 'repeated_failure', 'out_of_scope'))
    and coalesce(item ->> 'confidence', '0') ~ '^(0(\.[0-9]+)?|1(\.0+)?|[1-9](\.[0-9]+)?e-[0-9]{1,2})$'
    and coalesce(item ->> 'response_time_ms', '0') ~ '^[0-9]{1,9}$'
    and coalesce(item ->> 'tokens_used', '0') ~ '^[0-9]{1,9}$'
    and length(coalesce(item ->> 'intent', '')) <= 100
    and coalesce(item ->> 'sentiment', 'neutral') in ('positive', 'neutral', 'negative')
    and length(coalesce(item ->> 'language', '')) <= 10;
$$;
comment on function private.is_result is 'Is this one result of a job, complete and in range?';
revoke execute on function private.is_result from public, anon, authenticated;

create or replace function private.check_results(results jsonb)
returns void
language plpgsql
immutable
security invoker
set search_path = ''
as $$
declare
  v_wrong jsonb;
begin
  if jsonb_typeof(results) is distinct from 'array' then
    raise exception 'unable to settle jobs; results is not an array of objects'
      using errcode = 'PT400', detail = 'bad_results', hint = 'Send [{"job_id", "attempt", "action", ...}].';
  end if;
  select item into v_wrong from jsonb_array_elements(results) as item
  where private.is_result(item) is not true limit 1;
  if found then
    raise exception 'unable to settle jobs; the result of job % is not one', coalesce(v_wrong ->> 'job_id', '(none)')
      using errcode = 'PT400', detail = 'bad_results', hint = 'A result has job_id (uuid), attempt, action '
        '(reply, with ai_response, or escalate, with reason); confidence is 0 to 1; response_time_ms and '
        'tokens_used are integers; intent has at most 100 characters, sentiment is positive, neutral or '
        'negative, language a code of at most 10 characters.';
  end if;
end $$;
comment on function private.check_results is 'Check what complete_ai_response_jobs is given. Raises bad_results.';
revoke execute on function private.check_results from public, anon, authenticated;

create or replace function public.complete_ai_response_jobs(results jsonb)
returns table (job_id uuid, settled boolean, outcome text, message_id uuid)
language plpgsql
volatile
security definer  -- AI rows are written by the owner alone
set search_path = ''
-- The queue's size changes by the minute, its statistics by the hour: one plan, by the indexes' order.
set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
set enable_hashjoin = off set enable_mergejoin = off
as $$
#variable_conflict use_column
declare
  v_result jsonb;
begin
  perform private.check_results(results);
  for v_result in
    select item from jsonb_array_elements(results) as item
    left join public.ai_response_queue as jobs on jobs.id = (item ->> 'job_id')::uuid
    order by jobs.conversation_id, jobs.created_at
  loop
    return query select (v_result ->> 'job_id')::uuid, settlement.*
      from private.settle_job((v_result ->> 'job_id')::uuid, (v_result ->> 'attempt')::integer, v_result) as settlement;
  end loop;
end $$;
comment on function public.complete_ai_response_jobs is 'Settle a batch of jobs; returns what became of each. Raises bad_results.';
revoke execute on function public.complete_ai_response_jobs from public, anon, authenticated;
grant execute on function public.complete_ai_response_jobs to service_role;

-- What is past its deadline, what has no live lease one second before it, and what has killed its workers
-- max_retries times. A turn behind one that is being answered waits until that has ended: then it is next.
-- Two branches, each with its partial index; a job may be in both.
create or replace function private.overdue_jobs(moment timestamptz)
returns setof public.ai_response_queue
language plpgsql
stable
rows 10
security invoker
set search_path = ''
as $$
begin
  return query
  select jobs.* from public.ai_response_queue as jobs
  where jobs.status in ('pending', 'processing') and jobs.deadline <= moment + interval '1 second'
    and (jobs.deadline <= moment or jobs.status = 'pending' or jobs.leased_until <= moment)
    and not (jobs.status = 'pending' and exists (
      select from public.ai_response_queue as running
      where running.conversation_id = jobs.conversation_id and running.status = 'processing'
    ))
  union all
  select jobs.* from public.ai_response_queue as jobs
  where jobs.status = 'processing' and jobs.leased_until <= moment and jobs.attempt >= jobs.max_retries;
end $$;
comment on function private.overdue_jobs is 'The open jobs that must be handed over at this moment.';
revoke execute on function private.overdue_jobs from public, anon, authenticated;

-- `skip locked`: sweeps never wait for one another, or for a settle. What is found is looked up again once
-- the conversations are locked. A hundred at a time, so that none of them waits long for the commit.
create or replace function public.settle_overdue_ai_response_jobs()
returns integer
language plpgsql
volatile
security definer  -- AI rows are written by the owner alone
set search_path = ''
-- The queue's size changes by the minute, its statistics by the hour: one plan, by the indexes' order.
set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_conversation_ids uuid[];
  v_job public.ai_response_queue;
  v_count integer := 0;
begin
  if not exists (select from private.overdue_jobs(v_now)) then
    return 0;
  end if;
  with overdue as materialized (
    select jobs.conversation_id from private.overdue_jobs(v_now) as jobs order by jobs.deadline limit 100
  ), locked as materialized (
    select conversations.id from public.conversations as conversations
    where conversations.id in (select overdue.conversation_id from overdue)
    order by conversations.id for no key update skip locked
  )
  select array_agg(locked.id) into v_conversation_ids from locked;
  if v_conversation_ids is null then
    return 0;
  end if;

  for v_job in
    select jobs.* from private.overdue_jobs(v_now) as jobs
    where jobs.conversation_id = any (v_conversation_ids) order by jobs.conversation_id, jobs.turn_started_at
  loop
    -- The new attempt fences off a worker that may still have it. A turn that waits behind another has
    -- ended with that one: then nothing is updated.
    update public.ai_response_queue as jobs
    set status = 'processing', attempt = jobs.attempt + 1, leased_until = v_now, leased_by = null,
      processed_at = coalesce(jobs.processed_at, v_now)
    where jobs.id = v_job.id and jobs.status in ('pending', 'processing')
    returning jobs.* into v_job;
    continue when not found;
    perform private.settle_job(v_job.id, v_job.attempt, jsonb_build_object('action', 'escalate', 'reason',
      case when v_job.deadline <= v_now + interval '1 second' then 'overdue' else 'ai_failure' end));
    v_count := v_count + 1;
  end loop;
  return v_count;
end $$;
comment on function public.settle_overdue_ai_response_jobs is 'Hand over the jobs that nobody will answer in time; returns how many.';
revoke execute on function public.settle_overdue_ai_response_jobs from public, anon, authenticated;
grant execute on function public.settle_overdue_ai_response_jobs to service_role;

-- The original's forms: its two callers name the same things differently. They reach jobs of the bare
-- claim alone: a worker that names itself settles by attempt.
drop function if exists public.complete_ai_response_job(uuid, text, numeric, integer, boolean);
create or replace function public.complete_ai_response_job(
  job_id uuid, ai_response text, confidence numeric default null, response_time_ms integer default null,
  requires_human boolean default false, confidence_score numeric default null,
  processing_time_ms integer default null, intent_detected text default null,
  sentiment_detected text default null, knowledge_sources jsonb default null
)
returns boolean
language plpgsql
volatile
security definer  -- AI rows are written by the owner alone
set search_path = ''
as $$
#variable_conflict use_variable
declare
  v_confidence numeric := coalesce(confidence, confidence_score);
  v_reason text := case
    when btrim(coalesce(ai_response, '')) = '' then 'ai_failure'
    when requires_human and v_confidence < 0.6 then 'low_confidence'
    when requires_human then 'human_requested' end;
  v_attempt integer;
begin
  select jobs.attempt into v_attempt from public.ai_response_queue as jobs
  where jobs.id = job_id and jobs.status = 'processing' and jobs.leased_by is null;
  if not found then
    return false;
  end if;
  return (private.settle_job(job_id, v_attempt, jsonb_strip_nulls(jsonb_build_object(
    'action', case when v_reason is null then 'reply' else 'escalate' end, 'reason', v_reason,
    'ai_response', ai_response, 'confidence', least(greatest(v_confidence, 0), 1),
    'response_time_ms', coalesce(response_time_ms, processing_time_ms), 'intent', left(intent_detected, 100),
    'sentiment', left(sentiment_detected, 20), 'knowledge_sources', knowledge_sources)))).settled;
end $$;
comment on function public.complete_ai_response_job is 'Settle a job of the bare claim; returns whether it took effect.';
revoke execute on function public.complete_ai_response_job from public, anon, authenticated;
grant execute on function public.complete_ai_response_job to service_role;

-- A failed attempt gives the job back at once, or hands it over when it was the last.
drop function if exists public.fail_ai_response_job(uuid, text);
create function public.fail_ai_response_job(job_id uuid, error_message text)
returns boolean
language plpgsql
volatile
security definer  -- AI rows are written by the owner alone
set search_path = ''
as $$
#variable_conflict use_variable
declare
  v_job public.ai_response_queue;
begin
  perform from public.conversations as conversations
  where conversations.id = (select jobs.conversation_id from public.ai_response_queue as jobs where jobs.id = job_id)
  for no key update;
  update public.ai_response_queue as jobs
  set leased_until = clock_timestamp(), error_message = fail_ai_response_job.error_message
  where jobs.id = job_id and jobs.status = 'processing' and jobs.leased_by is null
  returning * into v_job;
  if not found then
    return false;
  end if;
  if v_job.attempt >= v_job.max_retries then
    perform private.settle_job(job_id, v_job.attempt, jsonb_build_object('action', 'escalate', 'reason', 'ai_failure'));
  end if;
  return true;
end $$;
comment on function public.fail_ai_response_job is 'Report that a job of the bare claim failed; returns whether it took effect.';
revoke execute on function public.fail_ai_response_job from public, anon, authenticated;
grant execute on function public.fail_ai_response_job to service_role;
