-- Purpose: what follows from a customer's message besides an answer: that it was read, that the AI answers,
--          and its files.
-- Touches: triggers on messages and conversations; public.channel_deliveries.
-- Locks:   the conversation, then its deliveries. Who deletes a delivery might hold the delivery alone.
-- Undo:    drop the triggers and functions.

-- The caller holds the conversation's lock. A receipt that comes late is useless: it expires after ten seconds, a newer
-- one takes its place, and it is sent at most once.
create or replace function private.open_receipt(message public.messages, channel_id uuid, is_typing boolean)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
#variable_conflict use_variable
declare
  v_now timestamptz := clock_timestamp();
begin
  if not exists (
    select from public.communication_channels as channels
    where channels.id = channel_id and channels.type in ('whatsapp', 'instagram')
      and channels.status = 'active'
  ) then
    return;
  end if;
  delete from public.channel_deliveries as deliveries
  where deliveries.conversation_id = message.conversation_id and deliveries.kind = 'receipt'
    and deliveries.status = 'pending';
  insert into public.channel_deliveries (channel_id, conversation_id, message_id, kind, position, is_typing,
    created_at, process_after, expires_at)
  values (channel_id, message.conversation_id, message.id, 'receipt', message.position, is_typing,
    v_now, v_now, v_now + interval '10 seconds')
  on conflict on constraint channel_deliveries_one_of_each do update  -- what was sent stays as it is
  set status = 'pending', settled_at = null, error_code = null, error = null, is_typing = excluded.is_typing,
    process_after = excluded.process_after, expires_at = excluded.expires_at
  where channel_deliveries.status = 'failed';
end $$;
comment on function private.open_receipt is 'Let a customer see that a message was read.';

create or replace function private.open_fetch(message public.messages, channel_id uuid)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  insert into public.channel_deliveries (channel_id, conversation_id, message_id, kind, position, created_at,
    process_after, expires_at)
  values (open_fetch.channel_id, message.conversation_id, message.id, 'media', message.position,
    message.created_at, message.created_at, message.created_at + interval '24 hours');
end $$;
comment on function private.open_fetch is 'Have the files of a message fetched into Storage.';

-- The caller holds the conversation's lock, and has put the message into its turn.
create or replace function private.open_receipt_and_fetch(message public.messages, conversation public.conversations)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  if conversation.channel_id is null then
    return;
  end if;
  if exists (
    select from public.ai_response_queue as jobs
    where jobs.conversation_id = conversation.id and jobs.status = 'pending' and jobs.message_id = message.id
  ) then
    perform private.open_receipt(message, conversation.channel_id, true);
  end if;
  if jsonb_typeof(message.metadata -> 'media') = 'array' and exists (
    select from jsonb_array_elements(message.metadata -> 'media') as item
    where coalesce(item ->> 'path', item ->> 'file') is null
  ) then
    perform private.open_fetch(message, conversation.channel_id);
  end if;
end $$;
comment on function private.open_receipt_and_fetch is 'After a message of a channel: its receipt, its files.';

-- The update that fires it holds the conversation's lock.
create or replace function private.tell_channel_that_staff_read()
returns trigger
language plpgsql
volatile
security definer  -- only these functions write deliveries
set search_path = ''
as $$
begin
  perform private.open_receipt(messages, new.channel_id, false)
  from public.messages as messages
  where messages.conversation_id = new.id and messages.position > old.agent_read_position
    and messages.position <= new.agent_read_position
    and messages.sender_type = 'user' and messages.external_message_id is not null
  order by messages.position desc limit 1;
  return null;
end $$;
comment on function private.tell_channel_that_staff_read is 'Let a customer see that staff have read.';

create or replace trigger conversations_tell_channel after update on public.conversations
  for each row
  when (new.agent_read_position > old.agent_read_position and new.channel_id is not null)
  execute function private.tell_channel_that_staff_read();

-- A delivery is deleted with its account, say: its message does not go out, and the next one is due. A message that comes
-- at this moment waits behind the one that goes, or is found.
create or replace function private.follow_deleted_delivery()
returns trigger
language plpgsql
volatile
security definer  -- only these functions write deliveries
set search_path = ''
as $$
begin
  update public.messages as messages set delivery_status = 'failed', metadata = coalesce(messages.metadata, '{}')
    || '{"delivery_error": {"code": "deleted", "message": "its delivery was deleted"}}'
  where messages.id = old.message_id and messages.delivery_status = 'pending';
  perform from public.conversations as conversations where conversations.id = old.conversation_id for no key update;
  perform private.open_next_deliveries(array[old.conversation_id]);
  return null;
end $$;
comment on function private.follow_deleted_delivery is 'Show that a message does not go out; make the next one due.';

create or replace trigger channel_deliveries_follow after delete on public.channel_deliveries
  for each row when (old.kind = 'message' and old.settled_at is null)
  execute function private.follow_deleted_delivery();
