-- Purpose: why the AI answered as it did, for staff: what the traces of a turn say, for as long as its answer is there.
-- Touches: private.answer_explanations, explain_ai_response.
-- Locks:   the answer's explanation, and the answer by a foreign key.
-- Undo:    drop the policy and the functions.

drop policy if exists "only the functions below" on private.answer_explanations;
create policy "only the functions below" on private.answer_explanations for all to service_role using (false);

-- Of what a worker wrote down only what is named here: a trace may have prompts, and in them what customers wrote.
create or replace function private.explain_attempt(attempt integer, worker text, trace jsonb)
returns jsonb
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return jsonb_strip_nulls(jsonb_build_object('attempt', attempt, 'worker', worker, 'outcome', trace -> 'outcome',
    'action', trace #> '{decided,action}', 'reason', trace #> '{decided,reason}',
    'confidence', trace #> '{decided,confidence}', 'responder', trace -> 'responder',
    'model', trace #> '{decided,model}', 'tokens_used', trace #> '{decided,tokens_used}',
    'probabilities', trace -> 'signals', 'similarity', trace -> 'similarity', 'likelihood', trace -> 'likelihood',
    'questions', trace -> 'questions', 'refers_back', trace -> 'refers_back', 'search', trace -> 'search',
    'small_talk', trace -> 'small_talk', 'ungrounded', trace -> 'ungrounded',
    'found', trace -> 'knowledge', 'milliseconds', trace -> 'milliseconds'));
end $$;
comment on function private.explain_attempt is 'What a trace says of its attempt, without what anybody wrote.';

-- Attempts of jobs that were superseded on the way are the turn's, too.
create or replace function private.explain_turn(answer public.messages)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return (
    select jsonb_build_object('outcome', (array_agg(jobs.outcome order by jobs.created_at desc))[1],
      'started_at', min(jobs.turn_started_at), 'deadline', min(jobs.deadline), 'ended_at', max(jobs.completed_at),
      'jobs', count(distinct jobs.id),
      'attempts', coalesce(jsonb_agg(told.attempts order by jobs.created_at, (told.attempts ->> 'attempt')::integer)
        filter (where told.attempts is not null), '[]'),
      'thresholds', (
        select jsonb_build_object('min_confidence', settings.min_confidence,
          'min_choice_confidence', settings.min_choice_confidence,
          'escalation_probability', settings.escalation_probability, 'escalation_topics', settings.escalation_topics,
          'max_negative_sentiment', settings.max_negative_sentiment, 'max_failed_replies', settings.max_failed_replies)
        from public.ai_settings as settings
      ))
    from public.ai_response_queue as jobs
    left join lateral (
      select private.explain_attempt(traces.attempt, workers.name, traces.trace) as attempts
      from private.job_traces as traces
      left join private.workers as workers on workers.id = jobs.leased_to and traces.attempt = jobs.attempt
      where traces.job_id = jobs.id order by traces.attempt
    ) as told on true
    where jobs.conversation_id = answer.conversation_id and jobs.turn_id = answer.turn_id
    having count(*) > 0
  );
end $$;
comment on function private.explain_turn is 'What jobs and traces say of the turn of an answer: {outcome, started_at, deadline, ended_at, jobs, attempts, thresholds}; null without a job.';

-- Workers tell after their settles, so the thresholds are those of that moment.
create or replace function private.keep_explanations(job_ids uuid[])
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  insert into private.answer_explanations (message_id, explanation)
  select answers.id, private.explain_turn(answers)
  from public.messages as answers
  where answers.sender_type = 'ai' and answers.turn_id in (
    select jobs.turn_id from public.ai_response_queue as jobs where jobs.id = any (job_ids)
  )
  order by answers.id
  on conflict (message_id) do update set explanation = excluded.explanation, noted_at = clock_timestamp();
end $$;
comment on function private.keep_explanations is 'Keep what is known of the answers to the turns of these jobs.';

create or replace function private.explain_answer(message_id uuid)
returns jsonb
language plpgsql
stable
security definer  -- nobody has rights in the schema private
set search_path = ''
as $$
declare
  v_answer public.messages;
  v_turn jsonb;
  v_found jsonb;
begin
  if current_setting('role') = 'authenticated' and not private.is_staff() then
    raise exception 'unable to explain the message; only staff may see that'
      using errcode = 'PT403', detail = 'staff_only', hint = 'Sign in as an agent or an admin.';
  end if;
  select * into v_answer from public.messages as messages
  where messages.id = explain_answer.message_id and messages.sender_type = 'ai';
  if v_answer.id is null then
    raise exception 'unable to explain the message; no automatic answer has the id %', message_id
      using errcode = 'PT404', detail = 'answer_not_found', hint = 'Give the id of a message with sender_type ai.';
  end if;
  v_turn := coalesce((
    select kept.explanation from private.answer_explanations as kept where kept.message_id = v_answer.id
  ), private.explain_turn(v_answer), '{"attempts": []}');
  v_found := coalesce(jsonb_path_query_array(v_turn, '$.attempts[*].found') -> -1, '{}');
  return jsonb_build_object('message_id', v_answer.id, 'conversation_id', v_answer.conversation_id,
    'turn_id', v_answer.turn_id, 'kind', coalesce(v_answer.metadata ->> 'kind', 'reply'),
    'reason', v_answer.metadata ->> 'reason', 'model', v_answer.metadata ->> 'model',
    'language', v_answer.metadata ->> 'language', 'intent', v_answer.intent_detected,
    'confidence', v_answer.confidence_score, 'tokens_used', v_answer.tokens_used,
    'answer_ms', private.milliseconds((v_turn ->> 'ended_at')::timestamptz - (v_turn ->> 'started_at')::timestamptz),
    'sources', (
      select coalesce(jsonb_agg(jsonb_build_object('id', source.id, 'title', items.title, 'status', items.status,
        'score', (v_found ->> source.id)::numeric, 'is_cited', source.is_cited)
        order by source.is_cited desc, (v_found ->> source.id)::numeric desc nulls last, source.id), '[]')
      from (
        select named.id, bool_or(named.is_cited) as is_cited from (
          select jsonb_array_elements_text(case jsonb_typeof(v_answer.knowledge_sources) when 'array'
            then v_answer.knowledge_sources else '[]' end), true
          union all
          select jsonb_object_keys(v_found), false
        ) as named (id, is_cited)
        group by named.id
      ) as source
      left join public.knowledge_items as items on items.id::text = source.id
    )) || v_turn;
end $$;
comment on function private.explain_answer is 'What is known of an automatic answer, for staff. Raises staff_only, answer_not_found.';

create or replace function public.explain_ai_response(message_id uuid)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return private.explain_answer(message_id);
end $$;
comment on function public.explain_ai_response is 'Why the AI answered as it did: sources with scores, probabilities, thresholds, attempts, time by stage. Raises staff_only, answer_not_found.';
