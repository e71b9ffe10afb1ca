-- Purpose: two programs that answer one another come to an end, and a human is told.
-- Touches: functions.
-- Locks:   none of its own: the caller holds the conversation's.
-- Undo:    drop the functions.

-- The caller holds the conversation's lock, and has not stored the message yet. Since when the AI's answers to a
-- customer count: for an hour, or since a human gave them back to the AI. Who wrote last before they did left no turn to
-- be begun; while a human has the conversation the AI answers nothing, so what they wrote will do.
create or replace function private.loop_window_start(customer_id uuid, channel_id uuid)
returns timestamptz
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_hour_ago timestamptz := clock_timestamp() - interval '1 hour';
begin
  return greatest(v_hour_ago, (
    select max(jobs.turn_started_at) from public.conversations as conversations
    join public.ai_response_queue as jobs on jobs.conversation_id = conversations.id
    where conversations.customer_id = loop_window_start.customer_id
      and conversations.channel_id = loop_window_start.channel_id
      and conversations.last_message_at > v_hour_ago and jobs.is_return
  ), (
    select max(messages.created_at) from public.conversations as conversations
    join public.messages as messages on messages.conversation_id = conversations.id
    where conversations.customer_id = loop_window_start.customer_id
      and conversations.channel_id = loop_window_start.channel_id
      and conversations.last_message_at > v_hour_ago
      and messages.sender_type = 'agent' and messages.created_at > v_hour_ago
  ));
end $$;
comment on function private.loop_window_start is 'From when on the AI''s answers to a customer are looked at for a loop.';

-- The caller holds the conversation's lock, and has not stored the message yet. Short words ("yes", "1") are said again
-- by people, and files have no text.
create or replace function private.reason_of_loop(event private.channel_event, customer_id uuid)
returns text
language plpgsql
volatile
security invoker
set search_path = ''
as $$
#variable_conflict use_variable
declare
  v_since timestamptz := private.loop_window_start(customer_id, event.channel_id);
  v_said text := private.plain_text(event.body ->> 'content');
  v_answers bigint;
  v_same bigint;
begin
  select count(*), count(*) filter (where length(v_said) >= 15 and private.plain_text(said.content) = v_said
    and not coalesce((event.body ->> 'is_placeholder')::boolean, false))
  into v_answers, v_same
  from public.conversations as conversations
  join public.messages as answers on answers.conversation_id = conversations.id
  left join public.messages as said on said.id = answers.turn_id
  where conversations.customer_id = reason_of_loop.customer_id
    and conversations.channel_id = event.channel_id and conversations.last_message_at > v_since
    and answers.sender_type = 'ai' and answers.created_at > v_since;
  return case
    when v_same >= 3 then format('The AI has answered the same text of this customer %s times within an hour: a '
      'program may have written it.', v_same)
    when v_answers >= 10 then format('The AI has answered this customer %s times within an hour: a program may be '
      'answering it.', v_answers)
    when event.body ->> 'needs_human' = 'true' then 'A program may have written this mail.'
  end;
end $$;
comment on function private.reason_of_loop is 'Why what a customer writes may be a program''s, or null.';

-- The caller holds the conversation's lock, and has not stored the message yet. Some programs answer without saying
-- that they are programs (another business's away message, a ticket system), and two of them would never stop. After
-- ten answers of an account's AI to somebody in an hour, or three to the same text, a human has what they write, and
-- finds a note that says why; a mail of which nobody can tell whether a program wrote it is a human's at once. The
-- customer is told so once: a program would answer that, too, and by mail in a new conversation each time.
create or replace function private.stop_loop(event private.channel_event, customer_id uuid, conversation_id uuid)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
#variable_conflict use_variable
declare
  v_reason text;
  v_was_told boolean;
begin
  if event.kind <> 'message' or coalesce((event.body ->> 'is_automatic')::boolean, false)
    or coalesce((event.body ->> 'needs_no_answer')::boolean, false)  -- which open no turn
  then
    return;
  end if;
  v_reason := private.reason_of_loop(event, customer_id);
  if v_reason is null then
    return;
  end if;
  v_was_told := exists (
    select from public.conversations as conversations
    join public.messages as answers on answers.conversation_id = conversations.id
    where conversations.customer_id = stop_loop.customer_id and conversations.channel_id = event.channel_id
      and conversations.last_message_at > clock_timestamp() - interval '1 hour'
      and answers.sender_type = 'ai' and answers.created_at > clock_timestamp() - interval '1 hour'
      and answers.metadata @> '{"is_loop": true}'
  );
  update public.conversations as conversations
  set requires_human = true, escalation_reason = 'repeated_failure',
    status = case when conversations.status in ('resolved', 'closed') then conversations.status else 'escalated' end,
    -- Long ago, so that repeat_handover tells the customer when this message is stored; else never.
    handed_over_at = case when not v_was_told then '-infinity'::timestamptz end
  where conversations.id = conversation_id and not private.is_silent(conversations);
  if found then
    insert into public.conversation_notes (conversation_id, author_id, content)
    values (stop_loop.conversation_id, null, v_reason || ' Return the conversation to the AI if a person wrote.');
  end if;
end $$;
comment on function private.stop_loop is 'Give a conversation to a human, if a program may be writing in it.';
