-- Purpose: what a worker is told of a delivery: to whom, with what, in answer to what.
-- Touches: functions alone.
-- Undo:    drop the functions.

-- Who a conversation's messages go to: as the channel named its customer last. In one that staff opened, what
-- the team knows of the customer; what a visitor (who has a session) says about themselves is not used.
create or replace function private.recipient_of(conversation public.conversations)
returns text
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  if conversation.channel_type = 'website' then  -- where its answers are mailed to
    return case when not private.is_stopped(conversation.answer_email) then conversation.answer_email end;
  end if;
  return coalesce((
    select known.external_id from private.channel_customers as known
    where known.channel_id = conversation.channel_id and known.customer_id = conversation.customer_id
      and known.digest = private.id_digest(conversation.customer_social_id)
  ), (
    select case conversation.channel_type
      when 'whatsapp' then private.phone_digits(customers.phone)
      when 'sms' then customers.phone
      when 'email' then customers.email
      else customers.external_id end
    from public.customer_profiles as customers
    where customers.id = conversation.customer_id and private.is_nobodys(customers)
  ));
end $$;
comment on function private.recipient_of is 'The id or address of a conversation''s customer on its channel.';

-- What a message answers: what its author said, else (mails are threads) the customer's last one before it.
create or replace function private.answered_id(message public.messages, kind text, channel_type text)
returns text
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_reply_to text := message.metadata ->> 'reply_to';
  v_answered_id uuid;
begin
  if kind <> 'message' then
    v_answered_id := message.id;
  elsif v_reply_to ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
    select answered.id into v_answered_id from public.messages as answered
    where answered.id = v_reply_to::uuid and answered.conversation_id = message.conversation_id;
  elsif v_reply_to is null and channel_type = 'email' then
    select said.id into v_answered_id from public.messages as said
    where said.conversation_id = message.conversation_id and said.sender_type = 'user' and said.position < message.position
      and said.created_at > private.left_since(message.conversation_id)
    order by said.position desc limit 1;
  else
    return v_reply_to;
  end if;
  return (
    select links.external_id from private.channel_messages as links where links.message_id = v_answered_id limit 1
  );
end $$;
comment on function private.answered_id is 'The channel''s id of what a delivery is about, or null.';

create or replace function private.thread_of(message public.messages, conversation public.conversations)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return jsonb_strip_nulls(jsonb_build_object('subject', conversation.business_context -> 'subject')) || coalesce((
    select said.metadata -> 'thread' from public.messages as said
    where said.conversation_id = message.conversation_id and said.sender_type = 'user'
      and said.position < message.position and jsonb_typeof(said.metadata -> 'thread') = 'object'
      and said.created_at > private.left_since(message.conversation_id)
    order by said.position desc limit 1
  ), '{}') || jsonb_strip_nulls(jsonb_build_object('reply_token', conversation.id,
    'note', case when conversation.channel_type = 'website' then private.mail_note(conversation.language) end));
end $$;
comment on function private.thread_of is 'The thread that a mail belongs to: subject, references, reply_token; and the note below it.';

-- The files of a message: those that a customer sent (to be fetched), or the one that staff attached.
create or replace function private.media_of(message public.messages)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return case
    when message.external_message_id is not null and message.sender_type = 'user'
      then coalesce(message.metadata -> 'media', '[]')
    when coalesce(message.media_url, '') = '' then '[]'
    else jsonb_build_array(jsonb_strip_nulls(jsonb_build_object(
      -- A file of another conversation is not sent: it would be shown to somebody else's customer.
      'path', case when message.media_url like message.conversation_id || '/%' then message.media_url end,
      'url', case when message.media_url ~* '^https?://' then message.media_url end,
      'name', message.metadata #>> '{attachment,name}',
      'mime_type', message.metadata #>> '{attachment,content_type}',
      'size', message.metadata #> '{attachment,size}')))
  end;
end $$;
comment on function private.media_of is 'The files of a message, as a worker gets them.';
