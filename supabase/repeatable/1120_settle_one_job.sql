-- Purpose: the original's forms of settling, which end one job of the bare claim.
-- Touches: complete_ai_response_job, fail_ai_response_job.
-- Locks:   the conversation, which they wait for, then its job.
-- Undo:    drop the functions.

-- The original's form, with the parameters' names of both of its callers. It reaches jobs of the bare claim alone: a
-- worker that names itself settles by attempt.
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
set lock_timeout = '2s'
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
  where jobs.id = job_id and jobs.status = 'processing' and jobs.leased_to is null;
  if not found then
    return false;
  end if;
  perform from public.conversations as conversations  -- waits: this form cannot answer `not_now`
  where conversations.id = (select jobs.conversation_id from public.ai_response_queue as jobs where jobs.id = job_id)
  for no key update;
  perform private.settle_each(jsonb_build_array(jsonb_build_object(
    'job_id', job_id, 'attempt', v_attempt, 'action', case when v_reason is null then 'reply' else 'escalate' end,
    'reason', v_reason, 'ai_response', ai_response, 'confidence', least(greatest(v_confidence, 0), 1),
    'response_time_ms', coalesce(response_time_ms, processing_time_ms), 'intent', left(intent_detected, 100),
    'sentiment', left(sentiment_detected, 20), 'knowledge_sources', knowledge_sources)));
  return exists (
    select from public.ai_response_queue as jobs
    where jobs.id = job_id and jobs.attempt = v_attempt and jobs.status = 'completed'
  );
end $$;
comment on function public.complete_ai_response_job is 'Settle a job of the bare claim; returns whether it took effect.';

-- A failed attempt gives the job back at once, or hands it over when it was the last.
create or replace function public.fail_ai_response_job(job_id uuid, error_message text)
returns boolean
language plpgsql
volatile
security definer  -- AI rows are written by the owner alone
set search_path = ''
set lock_timeout = '2s'
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
  where jobs.id = job_id and jobs.status = 'processing' and jobs.leased_to is null
  returning * into v_job;
  if not found then
    return false;
  end if;
  if v_job.attempt >= v_job.max_retries then
    perform private.settle_each(jsonb_build_array(jsonb_build_object(
      'job_id', job_id, 'attempt', v_job.attempt, 'action', 'escalate', 'reason', 'ai_failure')));
  end if;
  return true;
end $$;
comment on function public.fail_ai_response_job is 'Report that a job of the bare claim failed; returns whether it took effect.';
