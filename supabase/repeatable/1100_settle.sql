-- Purpose: how a job ends: one transaction decides, whatever its worker thinks.
-- Touches: complete_ai_response_jobs, settle_overdue_ai_response_jobs; functions.
-- Locks:   conversations, in the order of their ids, then their jobs; skips what is locked. One sweeps at a time (an
--          advisory lock), takes them by deadline, and skips too.
-- Undo:    drop the functions.

-- The results have been checked (check_results); the conversations are locked here. All at once, by sets: fifty cost
-- little more than a few. Only what its attempt still holds is written; of two results for one job one counts. An
-- escalation ends what waits behind it when it changes its conversation (conversations_settle_jobs). A conversation
-- that waits for a human already is not handed over a second time, nor is its customer asked what they mean
-- (private.stay_silent). An escalation that answers part of what was asked says that somebody comes for the rest.
-- Returns the jobs whose conversation somebody else has locked: nothing is waited for, so one of them delays none of the others.
create or replace function private.settle_jobs(results jsonb)
returns uuid[]
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_now timestamptz;
  v_locked uuid[];
  v_sent integer;
  v_settled integer;
begin
  set constraints all immediate;  -- what a project's deferred trigger refuses is refused here, not at the commit
  v_locked := array(
    select conversations.id from public.conversations as conversations
    where conversations.id = any (array(
      select jobs.conversation_id from jsonb_populate_recordset(null::private.result, results) as result
      join public.ai_response_queue as jobs on jobs.id = result.job_id
    ))
    order by conversations.id for no key update skip locked
  );
  v_now := clock_timestamp();

  with ended as (
    update public.ai_response_queue as jobs
    set status = 'completed', outcome = case result.action when 'reply' then 'replied' else 'escalated' end,
      leased_until = null, completed_at = v_now, set_aside_until = null,
      ai_response = concat_ws(e'\n\n', nullif(btrim(result.ai_response), ''), case
        when coalesce(btrim(result.ai_response), '') = '' or result.asked is not null then
          (
            select private.handover_text(coalesce(result.language, private.known_language(conversations)),
              conversations.channel_type, conversations.channel_id)
            from public.conversations as conversations where conversations.id = jobs.conversation_id
          ) end),
      ai_confidence = result.confidence,
      response_time_ms = coalesce(result.response_time_ms, private.milliseconds(v_now - jobs.turn_started_at))
    from jsonb_populate_recordset(null::private.result, results) as result
    where jobs.id = result.job_id and jobs.attempt = result.attempt and jobs.leased_until is not null
      and jobs.conversation_id = any (v_locked)
      and (
        select answers.id from public.messages as answers
        where answers.turn_id = jobs.turn_id and answers.sender_type = 'ai'
      ) is null
      and (result.action = 'reply' and result.choices is null or result.action <> 'none' and (
        select conversations.requires_human from public.conversations as conversations
        where conversations.id = jobs.conversation_id
      ) is not true)
    returning jobs.conversation_id, jobs.turn_id, jobs.turn_started_at, jobs.outcome, jobs.ai_response as content, result,
      case when jobs.outcome = 'escalated' then coalesce(result.reason, 'ai_failure') end as reason,
      (
        select conversations.channel_type from public.conversations as conversations
        where conversations.id = jobs.conversation_id
      ) as channel_type,
      (
        select nullif(conversations.requires_human, false) from public.conversations as conversations
        where conversations.id = jobs.conversation_id
      ) as is_waiting,
      1 + greatest((
        select conversations.message_count from public.conversations as conversations
        where conversations.id = jobs.conversation_id
      ), (
        select max(messages.position) from public.messages as messages
        where messages.conversation_id = jobs.conversation_id
      )) as position
  ), answers as (
    insert into public.messages (conversation_id, sender_type, content, channel_type, position, turn_id,
      created_at, updated_at, metadata, confidence_score, processing_time_ms, intent_detected,
      knowledge_sources, tokens_used)
    select conversation_id, 'ai', content, channel_type, position, turn_id, v_now, v_now,
      jsonb_strip_nulls(jsonb_build_object('kind', case when outcome = 'escalated' then 'handover' end,
        'reason', reason, 'asked', (result).asked, 'language', (result).language, 'model', (result).model,
        'while_waiting', is_waiting))
        || case when (result).choices is null then '{}' else jsonb_build_object('choices', (result).choices) end,
      (result).confidence, (result).response_time_ms, (result).intent,
      coalesce((result).knowledge_sources, '[]'), (result).tokens_used
    from ended
    returning messages.*
  ), updated as (
    update public.conversations as conversations
    set last_message = content, last_message_at = v_now, message_count = position,
      intent = coalesce((result).intent, conversations.intent),
      sentiment = coalesce((result).sentiment, conversations.sentiment),
      language = coalesce((result).language, conversations.language),
      ai_confidence = coalesce((result).confidence, conversations.ai_confidence),
      requires_human = conversations.requires_human or outcome = 'escalated',
      status = case outcome when 'escalated' then 'escalated' else conversations.status end,
      handed_over_at = case outcome when 'escalated' then v_now else conversations.handed_over_at end,
      escalation_reason = coalesce(ended.reason, conversations.escalation_reason)
    from ended
    where conversations.id = ended.conversation_id
  ), counted as (
    insert into public.realtime_metrics (metric_name, metric_value, dimensions, timestamp)
    select 'ai_response_generated', private.milliseconds(v_now - turn_started_at),
      jsonb_build_object('outcome', outcome), v_now
    from ended
  ), events as (
    select 'conversation:' || conversation_id as topic, 'message.created' as event,
      private.event_of_message(row(answers.*)::public.messages) as payload
    from answers
  )
  select count(realtime.send(events.payload, events.event, events.topic, true)), (select count(*) from ended)
  into v_sent, v_settled from events;
  if v_settled = jsonb_array_length(results) then
    return '{}';
  end if;
  perform private.end_jobs_without_answer(results, v_locked);
  return array(
    select jobs.id from jsonb_populate_recordset(null::private.result, results) as result
    join public.ai_response_queue as jobs on jobs.id = result.job_id and jobs.attempt = result.attempt
    where jobs.leased_until is not null and jobs.conversation_id <> all (v_locked)
  );
end $$;
comment on function private.settle_jobs is 'Settle jobs for the attempts that hold them; returns those whose conversation is locked.';

-- The caller holds the conversations' locks. A turn that has an answer gets no other, one that needs none ("thanks!")
-- gets none, and where the customer waits for a human already, a second hand-over would tell them nothing. An open job
-- would keep the conversation's next turn waiting.
create or replace function private.end_jobs_without_answer(results jsonb, conversation_ids uuid[])
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_job record;
begin
  for v_job in
    update public.ai_response_queue as jobs
    set status = case ending.outcome when 'not_needed' then 'completed' else 'failed' end, outcome = ending.outcome,
      leased_until = null, completed_at = clock_timestamp(), set_aside_until = null
    from (
      select held.id, coalesce(result.reason, 'ai_failure') as reason, case
        when exists (
          select from public.messages as answers where answers.turn_id = held.turn_id and answers.sender_type = 'ai'
        ) then 'superseded'
        when result.action = 'none' then 'not_needed' else 'taken_over' end as outcome
      from jsonb_populate_recordset(null::private.result, results) as result
      join public.ai_response_queue as held on held.id = result.job_id and held.attempt = result.attempt
      where held.leased_until is not null and held.conversation_id = any (conversation_ids)
    ) as ending
    where jobs.id = ending.id
    returning jobs.*, ending.reason
  loop
    if v_job.outcome <> 'superseded' then
      perform realtime.send(
        jsonb_build_object('turn_id', v_job.turn_id, 'outcome', v_job.outcome, 'message_id', null), 'reply.settled',
        'conversation:' || v_job.conversation_id, true);
    end if;
    if v_job.outcome = 'taken_over' then
      perform private.stay_silent(v_job.conversation_id, v_job.message_id, v_job.reason);
    elsif v_job.outcome = 'not_needed' then  -- nothing of it changes, but inboxes and workers hear that the turn ended
      update public.conversations as conversations set updated_at = v_job.completed_at
      where conversations.id = v_job.conversation_id;
    end if;
  end loop;
end $$;
comment on function private.end_jobs_without_answer is 'End those of the jobs that get no answer of their own.';

-- The caller holds the conversation's lock. A wish for a human, anger or a rule silences the AI from now on. Whatever
-- the reason, the customer is told again that somebody is coming, if that was long ago.
create or replace function private.stay_silent(conversation_id uuid, message_id uuid, reason text)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_conversation public.conversations;
begin
  update public.conversations as conversations
  set escalation_reason = case when private.silences_ai(stay_silent.reason) then stay_silent.reason
    else conversations.escalation_reason end
  where conversations.id = stay_silent.conversation_id
  returning conversations.* into v_conversation;
  perform private.repeat_handover(messages, v_conversation) from public.messages as messages
  where messages.id = stay_silent.message_id;
end $$;
comment on function private.stay_silent is 'Answer nothing to a turn in a conversation that waits for a human.';

-- A set in which one row fails is settled row by row, so that the others are not held up. A reply that is refused
-- even alone (by a trigger or a check of the project's own) becomes a hand-over; where that is refused, too, staff get
-- the conversation without a message; and where that cannot be written either, the job is put aside. An error that may
-- pass by itself (a deadlock, say) ends the call: its caller comes again. A lock on a row that an answer refers to is
-- waited for as long as the caller's lock_timeout allows.
create or replace function private.settle_each(results jsonb)
returns uuid[]
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_result jsonb;
  v_not_now uuid[] := '{}';
begin
  begin
    return private.settle_jobs(results);
  exception
    when transaction_rollback or insufficient_resources or operator_intervention then
      raise;
    when others or assert_failure then
      null;
  end;
  for v_result in select * from jsonb_array_elements(results) loop
    v_not_now := v_not_now || private.settle_alone(v_result);
  end loop;
  return v_not_now;
end $$;
comment on function private.settle_each is 'Settle jobs, each alone where one of them fails; returns those whose conversation is locked.';

-- A failure gives back the locks that settle_jobs took, where its caller did not hold them before.
create or replace function private.settle_alone(result jsonb)
returns uuid[]
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  return private.settle_jobs(jsonb_build_array(result));
exception
  when transaction_rollback or insufficient_resources or operator_intervention then
    raise;
  when lock_not_available then  -- a row that its answer refers to: an account
    return array[(result ->> 'job_id')::uuid];
  when others or assert_failure then
    if result ->> 'action' = 'reply' then
      return private.settle_alone(jsonb_build_object('job_id', result -> 'job_id', 'attempt', result -> 'attempt',
        'action', 'escalate', 'reason', 'ai_failure'));
    end if;
    perform private.leave_to_staff(jobs) from public.ai_response_queue as jobs
    where jobs.id = (result ->> 'job_id')::uuid and jobs.attempt = (result ->> 'attempt')::integer
      and jobs.leased_until is not null;
    return '{}';
end $$;
comment on function private.settle_alone is 'Settle one job, hand it over if its reply is refused, or else leave it to staff.';

create or replace function private.are_choices(choices jsonb)
returns boolean
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return jsonb_typeof(choices) = 'array' and jsonb_array_length(choices) between 2 and 4 and not exists (
    select from jsonb_array_elements(choices) as choice
    where (jsonb_typeof(choice -> 'label') = 'string' and length(choice ->> 'label') between 1 and 500
      and coalesce(choice ->> 'item_id', '') ~* '^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})?$') is not true
  );
end $$;
comment on function private.are_choices is 'Is this what a question offers: two to four labels, with the items'' ids?';

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
  where (
    jsonb_typeof(item) = 'object'
    and item ->> 'job_id' ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
    and item ->> 'attempt' ~ '^[0-9]{1,9}$'
    and (item ->> 'action' = 'reply' and btrim(item ->> 'ai_response') <> ''
      or item ->> 'action' = 'none'
      or item ->> 'action' = 'escalate' and coalesce(item ->> 'reason', 'ai_failure') in (
        'low_confidence', 'human_requested', 'ai_failure', 'overdue', 'negative_sentiment', 'legal',
        'safety', 'repeated_failure', 'out_of_scope', 'ungrounded'))
    and coalesce(item ->> 'confidence', '0') ~ '^(0(\.[0-9]+)?|1(\.0+)?|[1-9](\.[0-9]+)?e-[0-9]{1,2})$'
    and coalesce(item ->> 'response_time_ms', '0') ~ '^[0-9]{1,9}$'
    and coalesce(item ->> 'tokens_used', '0') ~ '^[0-9]{1,9}$'
    and length(coalesce(item ->> 'intent', '')) <= 100
    and coalesce(item ->> 'sentiment', 'neutral') in ('positive', 'neutral', 'negative')
    and length(coalesce(item ->> 'language', '')) <= 10
    and (coalesce(item -> 'choices', 'null') = 'null'
      or item ->> 'action' = 'reply' and private.are_choices(item -> 'choices'))
    and (coalesce(item -> 'asked', 'null') = 'null' or item ->> 'action' = 'escalate')
  ) is not true limit 1;
  if found then
    raise exception 'unable to settle jobs; the result of job % is not one', coalesce(v_wrong ->> 'job_id', '(none)')
      using errcode = 'PT400', detail = 'bad_results', hint = 'A result has job_id (uuid), attempt, action '
        '(reply, with ai_response, escalate, with reason, or none); confidence is 0 to 1; response_time_ms and '
        'tokens_used are integers; intent has at most 100 characters, sentiment is positive, neutral or '
        'negative, language a code of at most 10 characters; choices, of a reply, are two to four {label, item_id}; '
        'asked belongs to an escalation.';
  end if;
end $$;
comment on function private.check_results is 'Check what complete_ai_response_jobs is given. Raises bad_results.';

create or replace function public.complete_ai_response_jobs(results jsonb)
returns table (job_id uuid, settled boolean, outcome text, message_id uuid)
language plpgsql
volatile
security definer  -- AI rows are written by the owner alone
set search_path = ''
-- The queue's size changes by the minute, its statistics by the hour: so there is one plan, which goes by indexes.
set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
set enable_hashjoin = off set enable_mergejoin = off
set jit = off  -- before version 18 a plan of what is turned off costs so much that JIT would compile it
set lock_timeout = '250ms'  -- of a row that an answer refers to (an account): its job is settled later
as $$
#variable_conflict use_column
declare
  v_not_now uuid[];
begin
  perform private.check_results(results);
  v_not_now := private.settle_each(results);
  return query
  select result.job_id, coalesce(jobs.status = 'completed' and jobs.attempt = result.attempt, false),
    case when jobs.outcome is null and jobs.id = any (v_not_now) then 'not_now'  -- nobody was quicker meanwhile
      else jobs.outcome end, case when jobs.status = 'completed' then (
      select answers.id from public.messages as answers
      where answers.turn_id = jobs.turn_id and answers.sender_type = 'ai'
    ) end
  from jsonb_populate_recordset(null::private.result, results) as result
  left join public.ai_response_queue as jobs on jobs.id = result.job_id;
end $$;
comment on function public.complete_ai_response_jobs is 'Settle a batch of jobs; returns what became of each. Raises bad_results.';

-- What is past its deadline, what has no live lease one second before it, and what has lost its worker max_retries
-- times. A turn behind one that is being answered waits until that has ended, and is next. One sweeps at a time,
-- worker or cron. It waits for no job or conversation (skip locked). A hundred at a time, so that none of them waits
-- long for the commit.
create or replace function public.settle_overdue_ai_response_jobs()
returns integer
language plpgsql
volatile
security definer  -- AI rows are written by the owner alone
set search_path = ''
-- The queue's size changes by the minute, its statistics by the hour: so there is one plan, which goes by indexes.
set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
set enable_hashjoin = off set enable_mergejoin = off
set jit = off  -- before version 18 a plan of what is turned off costs so much that JIT would compile it
set lock_timeout = '250ms'  -- of a row that an answer refers to (an account): its job is settled later
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_old public.ai_response_queue[];
  v_results jsonb;
begin
  if not pg_try_advisory_xact_lock(hashtextextended('romashka:sweep', 0)) then
    return 0;
  end if;
  with overdue as materialized (
    select jobs.id from public.ai_response_queue as jobs
    join public.conversations as conversations on conversations.id = jobs.conversation_id
    where jobs.status in ('pending', 'processing') and jobs.deadline <= v_now + interval '1 second'
      and (jobs.deadline <= v_now or jobs.status = 'pending' or jobs.leased_until <= v_now)
      and (jobs.set_aside_until <= v_now) is not false
      and not (jobs.status = 'pending' and (
        select true from public.ai_response_queue as running
        where running.conversation_id = jobs.conversation_id and running.status = 'processing'
      ) is not null)
    order by jobs.deadline limit 100 for no key update of conversations, jobs skip locked
  ), exhausted as materialized (
    select jobs.id from public.ai_response_queue as jobs
    join public.conversations as conversations on conversations.id = jobs.conversation_id
    where jobs.status = 'processing' and jobs.leased_until <= v_now and jobs.attempt >= jobs.max_retries
      and (jobs.set_aside_until <= v_now) is not false
    limit 100 for no key update of conversations, jobs skip locked
  ), fenced as (  -- the new attempt fences off a worker that may still have it
    update public.ai_response_queue as jobs
    set status = 'processing', attempt = jobs.attempt + 1, leased_until = v_now, leased_to = null,
      processed_at = coalesce(jobs.processed_at, v_now)
    from (select id from overdue union select id from exhausted) as due where jobs.id = due.id
    returning jobs.*
  )
  select array_agg(fenced) filter (where fenced.deadline <= v_now - interval '1 hour'),
    jsonb_agg(jsonb_build_object('job_id', fenced.id, 'attempt', fenced.attempt, 'action', 'escalate', 'reason',
      case when fenced.deadline <= v_now + interval '1 second' then 'overdue' else 'ai_failure' end))
      filter (where fenced.deadline > v_now - interval '1 hour')
  into v_old, v_results from fenced;
  perform private.leave_to_staff(old) from unnest(v_old) as old;
  if v_results is not null then
    perform private.settle_each(v_results);
  end if;
  return coalesce(cardinality(v_old), 0) + coalesce(jsonb_array_length(v_results), 0);
end $$;
comment on function public.settle_overdue_ai_response_jobs is 'Hand over the jobs that nobody will answer in time; returns how many.';
