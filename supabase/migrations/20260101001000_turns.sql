-- Purpose: what a new message does: it joins, supersedes or opens a turn, or stops the AI.
-- Touches: trigger trigger_handle_new_message on messages; conversations_settle_jobs on conversations.
-- Locks:   the conversation (taken when the message was numbered), then its open jobs: everywhere in this
--          order.
-- Undo:    drop the triggers and functions.

-- Ends the open jobs of a conversation without an answer.
create or replace function private.end_open_jobs(conversation_id uuid, outcome text)
returns void
language sql
volatile
security invoker
set search_path = ''
as $$
  update public.ai_response_queue as jobs
  set status = 'failed', outcome = end_open_jobs.outcome, leased_until = null, completed_at = clock_timestamp()
  where jobs.conversation_id = end_open_jobs.conversation_id and jobs.status in ('pending', 'processing');
$$;
comment on function private.end_open_jobs is 'Settle the open jobs of a conversation as superseded or taken_over.';
revoke execute on function private.end_open_jobs from public, anon, authenticated;

create or replace function private.announce_job(job public.ai_response_queue)
returns void
language sql
volatile
security invoker
set search_path = ''
as $$
  select private.broadcast('ai-jobs', 'job.available', jsonb_build_object(
    'job_id', job.id, 'conversation_id', job.conversation_id, 'process_after', job.process_after));
$$;
comment on function private.announce_job is 'Wake the workers for a job.';
revoke execute on function private.announce_job from public, anon, authenticated;

-- The message joins the job that waits. It never waits longer than cap_ms after the turn's first message.
create or replace function private.join_job(job public.ai_response_queue, message public.messages)
returns public.ai_response_queue
language sql
volatile
security invoker
set search_path = ''
as $$
  update public.ai_response_queue as jobs
  set message_id = message.id,
    user_message = concat_ws(e'\n', nullif(jobs.user_message, ''), nullif(message.content, '')),
    process_after = least(
      message.created_at + make_interval(secs => settings.quiet_ms / 1000.0),
      jobs.turn_started_at + make_interval(secs => settings.cap_ms / 1000.0)
    )
  from public.ai_settings as settings
  where jobs.id = job.id
  returning jobs.*;
$$;
comment on function private.join_job is 'Add a message to a pending job.';
revoke execute on function private.join_job from public, anon, authenticated;

create or replace function private.open_job(message public.messages)
returns public.ai_response_queue
language sql
volatile
security invoker
set search_path = ''
as $$
  insert into public.ai_response_queue (conversation_id, message_id, user_message, priority, created_at,
    process_after, turn_id, turn_started_at, deadline)
  select message.conversation_id, message.id, message.content,
    case conversations.priority when 'urgent' then 1 when 'high' then 2 when 'low' then 4 else 3 end,
    message.created_at, message.created_at, message.id, message.created_at,
    message.created_at + make_interval(secs => settings.deadline_ms / 1000.0)
  from public.conversations as conversations cross join public.ai_settings as settings
  where conversations.id = message.conversation_id
  returning *;
$$;
comment on function private.open_job is 'Open a turn with its first message.';
revoke execute on function private.open_job from public, anon, authenticated;

-- The customer wrote more while the draft was being made: the draft's job ends, a new one takes its turn.
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
    turn_id, turn_started_at, deadline)
  values (job.conversation_id, job.message_id, job.user_message, job.priority, message.created_at,
    job.turn_id, job.turn_started_at, job.deadline)
  returning * into v_job;
  return private.join_job(v_job, message);
end $$;
comment on function private.supersede_job is 'Replace a job that is being worked on by one that has the new message too.';
revoke execute on function private.supersede_job from public, anon, authenticated;

create or replace function private.enqueue_message(message public.messages)
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
  where jobs.conversation_id = message.conversation_id and jobs.status = 'pending' for update;
  select * into v_running from public.ai_response_queue as jobs
  where jobs.conversation_id = message.conversation_id and jobs.status = 'processing' for update;

  if v_pending.id is not null then
    v_pending := private.join_job(v_pending, message);
  elsif message.created_at < v_running.turn_started_at + v_cap then
    v_pending := private.supersede_job(v_running, message);
    v_running := null;
  else
    v_pending := private.open_job(message);
  end if;
  if v_running.id is null then  -- otherwise the settle of the running job announces it
    perform private.announce_job(v_pending);
  end if;
end $$;
comment on function private.enqueue_message is 'Put a customer message into the turn that it belongs to.';
revoke execute on function private.enqueue_message from public, anon, authenticated;

-- While a human has it nothing is automatic, but that a customer whom no agent has answered yet is told
-- again, once in a while, that somebody is coming.
create or replace function private.repeat_handover(message public.messages)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  update public.conversations as conversations set handed_over_at = message.created_at
  from public.ai_settings as settings
  where conversations.id = message.conversation_id and conversations.requires_human
    and conversations.handed_over_at < message.created_at - make_interval(mins => settings.handover_repeat_minutes);
  if found then
    perform private.insert_answer(message.conversation_id, message.id, '{}',
      jsonb_build_object('kind', 'handover', 'repeated', true));
  end if;
end $$;
comment on function private.repeat_handover is 'Repeat the hand-over to a customer who still waits for a human.';
revoke execute on function private.repeat_handover from public, anon, authenticated;

-- Writes an automatic answer, or finds that the turn has one: then it returns null.
-- Without a text it is the hand-over, in the customer's language.
create or replace function private.insert_answer(conversation_id uuid, turn_id uuid, result jsonb, metadata jsonb)
returns public.messages
language sql
volatile
security invoker
set search_path = ''
as $$
  insert into public.messages (conversation_id, sender_type, content, channel_type, turn_id, metadata,
    confidence_score, processing_time_ms, intent_detected, knowledge_sources, tokens_used)
  select conversations.id, 'ai',
    coalesce(nullif(btrim(result ->> 'ai_response'), ''),
      private.handover_text(coalesce(result ->> 'language', conversations.language))),
    conversations.channel_type, insert_answer.turn_id, insert_answer.metadata,
    (result ->> 'confidence')::numeric, (result ->> 'response_time_ms')::integer, result ->> 'intent',
    coalesce(result -> 'knowledge_sources', '[]'), (result ->> 'tokens_used')::integer
  from public.conversations as conversations where conversations.id = insert_answer.conversation_id
  on conflict (turn_id) where sender_type = 'ai' do nothing
  returning *;
$$;
comment on function private.insert_answer is 'Write the answer of a turn, at most one.';
revoke execute on function private.insert_answer from public, anon, authenticated;

-- What a message of each sender does to its conversation, in one update.
create or replace function private.note_message(message public.messages)
returns public.conversations
language sql
volatile
security invoker
set search_path = ''
as $$
  update public.conversations as conversations
  set last_message = message.content, last_message_at = message.created_at, message_count = message.position,
    status = case
      when message.sender_type = 'user' and conversations.status in ('resolved', 'closed') then 'active'
      else conversations.status end,
    requires_human = conversations.requires_human or message.sender_type = 'agent',
    handed_over_at = case when message.sender_type = 'agent' then null else conversations.handed_over_at end,
    assigned_agent_id = case
      when message.sender_type = 'agent' then coalesce(conversations.assigned_agent_id, message.sender_id)
      else conversations.assigned_agent_id end
  where conversations.id = message.conversation_id
  returning conversations.*;
$$;
comment on function private.note_message is 'Bring the conversation up to date with its newest message.';
revoke execute on function private.note_message from public, anon, authenticated;

drop trigger if exists trigger_handle_new_message on public.messages;
drop trigger if exists trigger_update_conversation_message_count on public.messages;
drop function if exists public.handle_new_message();
create function public.handle_new_message()
returns trigger
language plpgsql
volatile
security definer  -- whoever may write a message has no rights on what follows from it
set search_path = ''
as $$
declare
  v_conversation public.conversations;
begin
  v_conversation := private.note_message(new);
  perform private.broadcast('conversation:' || new.conversation_id, 'message.created',
    jsonb_build_object('message', to_jsonb(new)));
  if new.sender_type = 'user' then
    perform private.record_metric('message_received', 1, jsonb_build_object('channel_type', v_conversation.channel_type));
    if v_conversation.requires_human then
      perform private.repeat_handover(new);
    else
      perform private.enqueue_message(new);
    end if;
  end if;
  return null;
end $$;
comment on function public.handle_new_message is 'After a message: its conversation, its turn, its events.';
revoke execute on function public.handle_new_message from public, anon, authenticated;

create trigger trigger_handle_new_message after insert on public.messages
  for each row execute function public.handle_new_message();

-- Promise 3. Whichever way a human took it, what is pending or being written ends in the same transaction.
create or replace function private.end_jobs_of_taken_conversation()
returns trigger
language plpgsql
volatile
security definer  -- an agent may update the conversation, not the queue
set search_path = ''
as $$
begin
  perform private.end_open_jobs(new.id, 'taken_over');
  return null;
end $$;
comment on function private.end_jobs_of_taken_conversation is 'A human has the conversation, or it is resolved: end its open jobs.';
revoke execute on function private.end_jobs_of_taken_conversation from public, anon, authenticated;

drop trigger if exists conversations_settle_jobs on public.conversations;
create trigger conversations_settle_jobs after update on public.conversations
  for each row
  when (new.requires_human and not coalesce(old.requires_human, false)
    or new.status in ('resolved', 'closed') and old.status not in ('resolved', 'closed'))
  execute function private.end_jobs_of_taken_conversation();
