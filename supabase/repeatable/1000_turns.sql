-- Purpose: what a new message does: it joins, supersedes or opens a turn, or stops the AI; and what a conversation's
--          return to the AI, or its taking, does to its turns.
-- Touches: triggers trigger_handle_new_message on messages; conversations_return and conversations_settle_jobs on
--          conversations; functions.
-- Locks:   the conversation (held since its message was numbered, or by the update that fires a trigger), then its
--          open jobs: everywhere in this order.
-- Undo:    drop the triggers and functions.

-- The functions below are plpgsql where SQL would do: Postgres keeps their plans for the session, while
-- before version 18 it plans a SQL function again in every statement that calls it.

-- The caller holds the conversation's lock. A screen may show what has been streamed of the job that runs: the event
-- tells it that no reply comes of it.
create or replace function private.end_open_jobs(conversation_id uuid, outcome text)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  perform realtime.send(jsonb_build_object(
    'turn_id', jobs.turn_id, 'outcome', end_open_jobs.outcome, 'message_id', null),
    'reply.settled', 'conversation:' || jobs.conversation_id, true)
  from public.ai_response_queue as jobs
  where jobs.conversation_id = end_open_jobs.conversation_id and jobs.status = 'processing';
  update public.ai_response_queue as jobs
  set status = 'failed', outcome = end_open_jobs.outcome, leased_until = null, completed_at = clock_timestamp()
  where jobs.conversation_id = end_open_jobs.conversation_id and jobs.status in ('pending', 'processing');
end $$;
comment on function private.end_open_jobs is 'Settle the open jobs of a conversation as superseded or taken_over.';

create or replace function private.job_priority(conversation public.conversations)
returns integer
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return case conversation.priority when 'urgent' then 1 when 'high' then 2 when 'low' then 4 else 3 end;
end $$;
comment on function private.job_priority is 'The priority of a conversation''s jobs: 1 is first.';

-- The caller holds the conversation's lock. A turn's key is its first message's id, and it gets one answer. Where that
-- key has its answer already (a message that was deleted and sent again with its id; a turn that was handed over, and
-- returned to the AI) the new turn has another key.
create or replace function private.unused_turn_id(message_id uuid)
returns uuid
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  return case when exists (
    select from public.messages as answers
    where answers.turn_id = unused_turn_id.message_id and answers.sender_type = 'ai'
  ) then gen_random_uuid() else unused_turn_id.message_id end;
end $$;
comment on function private.unused_turn_id is 'The key of a turn that begins with a message.';

-- The caller holds the conversation's lock, and none of its jobs is pending.
create or replace function private.open_job(message public.messages, conversation public.conversations)
returns public.ai_response_queue
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_job public.ai_response_queue;
begin
  insert into public.ai_response_queue (conversation_id, message_id, user_message, priority, created_at,
    process_after, turn_id, turn_started_at, deadline)
  select conversation.id, message.id, message.content,
    private.job_priority(conversation),
    message.created_at, message.created_at, private.unused_turn_id(message.id), message.created_at,
    message.created_at + make_interval(secs => settings.deadline_ms / 1000.0)
  from public.ai_settings as settings
  returning * into v_job;
  return v_job;
end $$;
comment on function private.open_job is 'Open a turn with its first message.';

-- The caller holds the conversation's lock, and the job is pending. It never waits longer than cap_ms after the turn's
-- first message.
create or replace function private.join_job(job public.ai_response_queue, message public.messages)
returns public.ai_response_queue
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_job public.ai_response_queue;
begin
  update public.ai_response_queue as jobs
  set message_id = message.id,
    user_message = concat_ws(e'\n', nullif(jobs.user_message, ''), nullif(message.content, '')),
    process_after = least(
      message.created_at + make_interval(secs => settings.quiet_ms / 1000.0),
      jobs.turn_started_at + make_interval(secs => settings.cap_ms / 1000.0)
    )
  from public.ai_settings as settings
  where jobs.id = job.id
  returning jobs.* into v_job;
  return v_job;
end $$;
comment on function private.join_job is 'Add a message to a pending job.';

-- The caller holds the conversation's lock; the job is processing, and none is pending. The customer wrote more while
-- the draft was being made: the draft's job ends, and a new one has the same turn.
create or replace function private.supersede_job(job public.ai_response_queue, message public.messages)
returns public.ai_response_queue
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_job public.ai_response_queue;
begin
  perform private.end_open_jobs(job.conversation_id, 'superseded');
  insert into public.ai_response_queue (conversation_id, message_id, user_message, priority, created_at,
    turn_id, turn_started_at, deadline, is_return)
  values (job.conversation_id, job.message_id, job.user_message, job.priority, message.created_at,
    job.turn_id, job.turn_started_at, job.deadline, job.is_return)
  returning * into v_job;
  return private.join_job(v_job, message);
end $$;
comment on function private.supersede_job is 'Replace a job that is being worked on by one that has the new message too.';

-- The caller holds the conversation's lock, and the AI answers in it.
create or replace function private.enqueue_message(message public.messages, conversation public.conversations)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_pending public.ai_response_queue;
  v_running public.ai_response_queue;
  v_cap interval := (select make_interval(secs => settings.cap_ms / 1000.0) from public.ai_settings as settings);
begin
  select * into v_pending from public.ai_response_queue as jobs
  where jobs.conversation_id = conversation.id and jobs.status = 'pending' for update;
  select * into v_running from public.ai_response_queue as jobs
  where jobs.conversation_id = conversation.id and jobs.status = 'processing' for update;

  if v_pending.id is not null then
    perform private.join_job(v_pending, message);
  elsif message.created_at < v_running.turn_started_at + v_cap then
    perform private.supersede_job(v_running, message);
  else
    perform private.open_job(message, conversation);
  end if;
end $$;
comment on function private.enqueue_message is 'Put a customer message into the turn that it belongs to.';

-- After a wish for a human, anger, a loop or a rule; not after a doubt or a failure of its own.
create or replace function private.silences_ai(reason text)
returns boolean
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return (reason in ('low_confidence', 'ai_failure', 'overdue', 'out_of_scope', 'ungrounded')) is not true;
end $$;
comment on function private.silences_ai is 'Is the AI silent after an escalation for this reason?';

-- Nobody of the team has written or taken over yet: what the AI is sure of it answers, and the customer goes on waiting
-- for the human.
create or replace function private.answers_while_waiting(conversation public.conversations)
returns boolean
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return conversation.requires_human and conversation.handed_over_at is not null
    and not private.silences_ai(conversation.escalation_reason)
    and (select settings.answers_while_waiting from public.ai_settings as settings);
end $$;
comment on function private.answers_while_waiting is 'Does the AI go on in this conversation, which waits for a human?';

create or replace function private.is_silent(conversation public.conversations)
returns boolean
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return coalesce(conversation.requires_human, false) and not private.answers_while_waiting(conversation);
end $$;
comment on function private.is_silent is 'Does a human have this conversation, so that the AI says nothing?';

-- The caller holds the conversation's lock, and a human has the conversation. Nothing else is automatic then: a
-- customer whom no agent has answered yet is told again, once in a while, that somebody is coming.
create or replace function private.repeat_handover(message public.messages, conversation public.conversations)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_answer public.messages;
  v_is_loop boolean := conversation.handed_over_at = '-infinity';  -- private.stop_loop
begin
  if conversation.handed_over_at < message.created_at - (
    select make_interval(mins => settings.handover_repeat_minutes) from public.ai_settings as settings
  ) then
    insert into public.messages (conversation_id, sender_type, content, channel_type, turn_id, metadata)
    values (conversation.id, 'ai', private.handover_text(private.known_language(conversation), conversation.channel_type, conversation.channel_id),
      conversation.channel_type, message.id, '{"kind": "handover", "repeated": true}'
        || case when v_is_loop then '{"is_loop": true}'::jsonb else '{}' end)
    returning * into v_answer;
    perform realtime.send(private.event_of_message(v_answer), 'message.created',
      'conversation:' || conversation.id, true);
    update public.conversations as conversations
    set last_message = v_answer.content, last_message_at = v_answer.created_at,
      message_count = v_answer.position,
      handed_over_at = case when not v_is_loop then v_answer.created_at end  -- a program is told once
    where conversations.id = conversation.id;
  end if;
end $$;
comment on function private.repeat_handover is 'Repeat the hand-over to a customer who still waits for a human.';

-- What a program sent (an absence note, a bounce), what needs no answer (a mention in a story), what was taken back
-- before it came, a choice that comes late or twice, and what a blocked customer writes, on whichever channel, is
-- stored, and nothing follows. The first three are a channel's: what a customer inserts has no external id.
create or replace function private.expects_no_answer(message public.messages)
returns boolean
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return message.external_message_id is not null and coalesce(
      message.metadata @> '{"is_automatic": true}' or message.metadata @> '{"needs_no_answer": true}'
      or message.metadata ? 'deleted_at', false)
    or coalesce(message.metadata @> '{"choice": {"is_late": true}}', false)
    or exists (
      select from public.conversations as conversations
      join public.customer_profiles as customers on customers.id = conversations.customer_id
      where conversations.id = message.conversation_id and customers.status = 'blocked'
    );
end $$;
comment on function private.expects_no_answer is 'Is this a message that opens no turn and reopens nothing?';

-- The transaction holds the conversation's lock since the message was numbered (private.number_message).
create or replace function public.handle_new_message()
returns trigger
language plpgsql
volatile
security definer  -- whoever may write a message has no rights on what follows from it
set search_path = ''
as $$
declare
  v_conversation public.conversations;
  v_is_asking boolean := new.sender_type = 'user' and not private.expects_no_answer(new);
  v_has_turn boolean;
begin
  perform realtime.send(private.event_of_message(new), 'message.created',
    'conversation:' || new.conversation_id, true);
  select * into v_conversation from public.conversations as conversations where conversations.id = new.conversation_id;
  -- Before the conversation is changed: its event tells the workers of it.
  v_has_turn := v_is_asking and not private.is_silent(v_conversation);
  if v_has_turn then
    perform private.enqueue_message(new, v_conversation);
  end if;
  if new.external_message_id is not null then
    perform private.open_receipt_and_fetch(new, v_conversation);
  end if;
  update public.conversations as conversations
  set last_message = new.content, last_message_at = new.created_at, message_count = new.position,
    status = case
      when v_is_asking and conversations.status in ('resolved', 'closed') then 'active'
      else conversations.status end,
    requires_human = conversations.requires_human or new.sender_type = 'agent',
    handed_over_at = case when new.sender_type = 'agent' then null else conversations.handed_over_at end,
    assigned_agent_id = case
      when new.sender_type = 'agent' then coalesce(conversations.assigned_agent_id, new.sender_id)
      else conversations.assigned_agent_id end
  where conversations.id = new.conversation_id
  returning conversations.* into v_conversation;
  if new.sender_type = 'user' then
    insert into public.realtime_metrics (metric_name, metric_value, dimensions, timestamp)
    values ('message_received', 1, jsonb_build_object('channel_type', v_conversation.channel_type), new.created_at);
  end if;
  if v_is_asking and not v_has_turn then
    perform private.repeat_handover(new, v_conversation);
  end if;
  return null;
end $$;
comment on function public.handle_new_message is 'After a message: its events, its conversation, its turn.';

create or replace trigger trigger_handle_new_message after insert on public.messages
  for each row when (new.sender_type <> 'ai')  -- who writes an answer does the rest, too
  execute function public.handle_new_message();

-- The update that fires it holds the conversation's lock. What the customer has written since anybody last answered (a
-- hand-over is no answer) is a turn, whose time counts from the return. Guards do not look at it: a human has seen it
-- (is_return). A turn that was taken over has ended for every screen; its messages go on under another key.
create or replace function private.open_returned_turn()
returns trigger
language plpgsql
volatile
security definer  -- an agent may update the conversation, not the queue
set search_path = ''
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_waiting public.messages[];
begin
  v_waiting := array(
    select messages from public.messages as messages
    where messages.conversation_id = new.id and messages.sender_type = 'user' and messages.position > coalesce((
      -- A reply of the AI answers what its job had: the customer may have written on while it was made.
      select max(coalesce(answered.position, answers.position)) from public.messages as answers
      left join public.ai_response_queue as jobs
        on jobs.conversation_id = new.id and jobs.turn_id = answers.turn_id and jobs.outcome = 'replied'
      left join public.messages as answered on answered.id = jobs.message_id
      where answers.conversation_id = new.id
        and (answers.sender_type = 'agent'
          or answers.sender_type = 'ai' and answers.metadata ->> 'kind' is distinct from 'handover')
    ), 0) and not private.expects_no_answer(messages)
    order by messages.position desc limit 20
  );
  if cardinality(v_waiting) = 0 or exists (
    select from public.ai_response_queue as jobs
    where jobs.conversation_id = new.id and jobs.status in ('pending', 'processing')
  ) then
    return null;
  end if;
  insert into public.ai_response_queue (conversation_id, message_id, user_message, priority, created_at, process_after,
    turn_id, turn_started_at, deadline, is_return)
  select new.id, v_waiting[1].id,
    coalesce((
      select string_agg(waiting.content, e'\n' order by waiting.position) from unnest(v_waiting) as waiting
      where waiting.content <> ''
    ), ''),
    private.job_priority(new), v_now, v_now, case when exists (
      select from public.ai_response_queue as jobs
      where jobs.conversation_id = new.id and jobs.turn_id = v_waiting[cardinality(v_waiting)].id
    ) then gen_random_uuid() else private.unused_turn_id(v_waiting[cardinality(v_waiting)].id) end, v_now,
    v_now + make_interval(secs => settings.deadline_ms / 1000.0), true
  from public.ai_settings as settings;
  return null;
end $$;
comment on function private.open_returned_turn is 'The AI has the conversation again: open a turn with what nobody has answered.';

create or replace trigger conversations_return after update on public.conversations
  for each row
  when (old.requires_human and not new.requires_human and new.status not in ('resolved', 'closed'))
  execute function private.open_returned_turn();

-- Promise 3. The update that fires it holds the conversation's lock. Whichever way a human took the conversation, what
-- is pending or being written ends in the same transaction; also where the AI had handed it over before.
create or replace function private.end_jobs_of_taken_conversation()
returns trigger
language plpgsql
volatile
security definer  -- an agent may update the conversation, not the queue
set search_path = ''
as $$
begin
  if not private.answers_while_waiting(new) then
    perform private.end_open_jobs(new.id, 'taken_over');
  end if;
  return null;
end $$;
comment on function private.end_jobs_of_taken_conversation is 'A human has the conversation, or it is resolved: end its open jobs.';

create or replace trigger conversations_settle_jobs after update on public.conversations
  for each row
  when (new.requires_human and (not coalesce(old.requires_human, false)
      or old.handed_over_at is not null and new.handed_over_at is null
      or new.escalation_reason is distinct from old.escalation_reason)
    or new.status in ('resolved', 'closed') and old.status not in ('resolved', 'closed'))
  execute function private.end_jobs_of_taken_conversation();
