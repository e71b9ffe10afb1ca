-- Purpose: what goes out by a channel: messages, receipts, and files that customers sent and we fetch.
-- Touches: public.channel_deliveries; triggers on messages, conversations, channel_deliveries.
-- Locks:   the conversation (held since its message was numbered), then its deliveries. Staff who set a message's
--          delivery_status themselves hold the message instead. No trigger is for the website's messages.
-- Undo:    drop the policy, the triggers and the functions.

drop policy if exists "staff read deliveries" on public.channel_deliveries;
create policy "staff read deliveries" on public.channel_deliveries
  for select to authenticated using ((select private.is_staff()));

create or replace function private.announce_failure(delivery public.channel_deliveries)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  perform realtime.send(jsonb_build_object('delivery_id', delivery.id, 'conversation_id', delivery.conversation_id,
    'message_id', delivery.message_id, 'error_code', delivery.error_code, 'error', delivery.error),
    'delivery.failed', 'inbox', true);
  perform private.notify('delivery.failed', delivery.id || ' ' || clock_timestamp(), delivery.conversation_id, delivery.message_id);
end $$;
comment on function private.announce_failure is 'Tell the inbox, and whom the rules name, that a delivery was given up.';

-- An account is connected once a verified webhook came from it; before that, somebody else may send its messages.
-- A conversation that came by a channel has its account. One that staff opened by a customer's number or
-- address gets the only account of its channel. A number that a visitor claims is not used.
create or replace function private.account_of(conversation public.conversations)
returns public.communication_channels
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_account public.communication_channels;
begin
  if conversation.channel_id is not null then
    select * into v_account from public.communication_channels as channels
    where channels.id = conversation.channel_id
      and channels.external_account_id is not null and channels.connected_at is not null;
  elsif private.recipient_of(conversation) is not null then
    select ((array_agg(channels))[1]).* into v_account from public.communication_channels as channels
    where channels.type = conversation.channel_type and channels.status <> 'disabled'
      and channels.external_account_id is not null and channels.connected_at is not null
    having count(*) = 1;
  end if;
  return v_account;
end $$;
comment on function private.account_of is 'The account by which a conversation''s messages go out; null for none.';

-- May it be sent, and as what? Null: no more. Meta's windows run from the customer's last message.
create or replace function private.send_window(
  channel_type text, sender_type text, metadata jsonb, configuration jsonb, silence interval
)
returns text
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return case
    when channel_type not in ('whatsapp', 'instagram') then 'open'
    when channel_type = 'whatsapp' and jsonb_typeof(metadata -> 'template') = 'object' then 'template'
    when silence < interval '24 hours' then 'open'
    when channel_type = 'whatsapp' and jsonb_typeof(configuration -> 'template') = 'object' then 'template'
    when channel_type = 'instagram' and sender_type = 'agent' and silence < interval '7 days' then 'human_agent'
  end;
end $$;
comment on function private.send_window is 'Whether a message may go out now: open, human_agent, template, or null.';

create or replace function private.window_of(message public.messages, account public.communication_channels)
returns text
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  return private.send_window(account.type, message.sender_type, message.metadata, account.configuration,
    clock_timestamp() - (
      select earlier.created_at from public.messages as earlier
      where earlier.conversation_id = message.conversation_id and earlier.sender_type = 'user'
      order by earlier.position desc limit 1
    ));
end $$;
comment on function private.window_of is 'Whether a message may go out by an account now.';

create or replace function private.window_error(channel_type text)
returns text
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return case channel_type
    when 'whatsapp' then 'WhatsApp takes free text within 24 hours of the customer''s last message. Send a '
      'template (metadata.template), or give the account one (configuration.template).'
    else 'Instagram takes messages within 24 hours of the customer''s last one, an agent''s within 7 days. '
      'Wait until the customer writes.'
  end;
end $$;
comment on function private.window_error is 'What staff are told of a message that came too late.';

-- The transaction holds the conversation's lock (messages_number or the settle took it). A message of ours that goes
-- out by a channel is pending, or has failed already, and says which channel.
create or replace function private.plan_delivery()
returns trigger
language plpgsql
volatile
security definer  -- whoever writes a message may not read what decides this
set search_path = ''
as $$
declare
  v_conversation public.conversations;
  v_account public.communication_channels;
begin
  select * into v_conversation from public.conversations as conversations where conversations.id = new.conversation_id;
  if v_conversation.channel_type = 'website' then
    return new;
  end if;
  v_account := private.account_of(v_conversation);
  if v_account.id is not null then
    new.channel_type := v_account.type;
    new.delivery_status := 'pending';
    if private.window_of(new, v_account) is null then
      new.delivery_status := 'failed';
      new.metadata := coalesce(new.metadata, '{}') || jsonb_build_object('delivery_error',
        jsonb_build_object('code', 'window_closed', 'message', private.window_error(v_account.type)));
    end if;
  end if;
  return new;
end $$;
comment on function private.plan_delivery is 'Mark a message that goes out by a channel.';

create or replace trigger messages_plan_delivery before insert on public.messages  -- after messages_number
  for each row
  when (new.external_message_id is null  -- otherwise it came from there
    and (new.sender_type = 'agent' or new.sender_type = 'ai' and new.channel_type <> 'website'))
  execute function private.plan_delivery();

-- The transaction holds the conversation's lock since the message was numbered, so that one delivery at a time is due.
create or replace function private.insert_delivery(
  message public.messages, account public.communication_channels, is_failed boolean
)
returns public.channel_deliveries
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_delivery public.channel_deliveries;
begin
  insert into public.channel_deliveries (channel_id, conversation_id, message_id, position, created_at,
    expires_at, status, settled_at, error_code, error, process_after)
  select account.id, message.conversation_id, message.id, message.position, message.created_at,
    message.created_at + case account.type when 'email' then interval '48 hours' else interval '24 hours' end,
    case when is_failed then 'failed' else 'pending' end, case when is_failed then message.created_at end,
    case when is_failed then message.metadata #>> '{delivery_error,code}' end,
    case when is_failed then message.metadata #>> '{delivery_error,message}' end,
    case when not is_failed and not exists (
      select from public.channel_deliveries as older
      where older.conversation_id = message.conversation_id and older.kind = 'message' and older.settled_at is null
    ) then message.created_at end
  returning * into v_delivery;
  return v_delivery;
end $$;
comment on function private.insert_delivery is 'Insert the delivery of a message by an account.';

create or replace function private.open_delivery()
returns trigger
language plpgsql
volatile
security definer  -- only these functions write deliveries
set search_path = ''
as $$
declare
  v_conversation public.conversations;
  v_account public.communication_channels;
  v_delivery public.channel_deliveries;
  v_is_failed boolean := new.delivery_status = 'failed';
begin
  select * into v_conversation from public.conversations as conversations where conversations.id = new.conversation_id;
  v_account := private.account_of(v_conversation);
  if v_account.id is null then
    return null;
  end if;
  if v_conversation.channel_id is null then
    update public.conversations as conversations set channel_id = v_account.id
    where conversations.id = new.conversation_id;
  end if;
  v_delivery := private.insert_delivery(new, v_account, v_is_failed);
  if v_is_failed then
    perform private.announce_failure(v_delivery);
  end if;
  return null;
end $$;
comment on function private.open_delivery is 'Let a message go out by its conversation''s account.';

create or replace trigger messages_deliver after insert on public.messages
  for each row
  when (new.external_message_id is null and new.sender_type <> 'user' and new.channel_type <> 'website'
    and new.delivery_status in ('pending', 'failed'))
  execute function private.open_delivery();

-- Who changes the message holds the conversation's lock, except staff who set delivery_status themselves, and
-- follow_deleted_delivery. What the channel says about a message counts for its delivery too, also for one that was
-- given up.
create or replace function private.follow_message()
returns trigger
language plpgsql
volatile
security definer  -- only these functions write deliveries
set search_path = ''
as $$
declare
  v_delivery public.channel_deliveries;
begin
  update public.channel_deliveries as deliveries
  set status = new.delivery_status, error_code = new.metadata #>> '{delivery_error,code}',
    error = new.metadata #>> '{delivery_error,message}'
  where deliveries.message_id = new.id and deliveries.kind = 'message' and deliveries.settled_at is not null
    and deliveries.status <> new.delivery_status
  returning * into v_delivery;
  if v_delivery.status = 'failed' then
    perform private.announce_failure(v_delivery);
  end if;
  return null;
end $$;
comment on function private.follow_message is 'Give a delivery the status of its message.';

create or replace trigger messages_follow_delivery after update on public.messages
  for each row
  when (new.delivery_status is distinct from old.delivery_status and new.sender_type <> 'user'
    and new.channel_type <> 'website' and new.delivery_status in ('delivered', 'read', 'failed'))
  execute function private.follow_message();
