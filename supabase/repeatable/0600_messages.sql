-- Purpose: the messages, each with its place in its conversation.
-- Touches: public.messages, private.guard_message, private.number_message.
-- Locks:   an insert takes its conversation's row (for no key update) until it commits: messages of one
--          conversation are written one after the other, and with them the state of its turn.
-- Undo:    drop the policies, the triggers and the functions.

-- Who may write what. Runs as the caller, so that it sees which role that is: an AI row comes from the
-- functions that settle a turn (they run as the owner) and from nobody else, the service role included.
create or replace function private.guard_message()
returns trigger
language plpgsql
security invoker
set search_path = ''
as $$
begin
  if current_user not in ('anon', 'authenticated', 'service_role') then
    return new;
  end if;
  new.position := null;  -- messages_number gives it
  if new.sender_type = 'ai' then
    raise exception 'unable to store the message; AI messages are written when a job is settled'
      using errcode = 'PT403', detail = 'ai_message_refused', hint = 'Call complete_ai_response_jobs.';
  end if;
  -- Which signs are spaces is the locale's matter, so they are named.
  if new.content ~ '^[\s\u00a0\u1680\u2000-\u200d\u2028\u2029\u202f\u205f\u2060\u3000\ufeff]*$'
    and coalesce(new.media_url, new.metadata ->> 'attachment', new.metadata ->> 'attachments') is null
    and coalesce(new.message_type, 'text') = 'text' then
    raise exception 'unable to store the message; it is empty'
      using errcode = 'PT400', detail = 'message_empty', hint = 'Write something, or attach a file.';
  end if;
  if current_user = 'authenticated' then
    new.sender_id := case when new.sender_type = 'agent' or not private.is_staff() then auth.uid() end;
    if not private.is_staff() then
      perform private.check_customer_message(new);
      new.metadata := private.without_our_keys(new.metadata);
      new.delivery_status := 'sent';
      new.status := 'sent';
      -- The conversation is locked until the transaction ends, and a client may ask for more than the message to be
      -- returned: that is read in it. A server before 17 ends it at the statement's timeout.
      if current_setting('server_version_num')::integer >= 170000 then
        perform set_config('transaction_timeout', '3s', true);
      end if;
    end if;
  end if;
  return new;
end $$;
comment on function private.guard_message is 'Refuse AI rows from outside, and what a customer may not store. Raises ai_message_refused, message_empty, message_too_long, too_many_messages.';

-- What `metadata` says of how a message came, what became of it and what the AI made of it comes from the database, the
-- channels and staff. A customer's own `kind`, `authentication` or `deleted_at` would be believed by every reader. What
-- these readers do not know is the frontend's, and `attachment` is a description that whoever uploads a file gives. A
-- list or a lone word has keys too, as the operator ? sees it: it becomes an empty object.
create or replace function private.without_our_keys(metadata jsonb)
returns jsonb
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return case when jsonb_typeof(metadata) = 'object' then metadata - array[
    -- an answer's
    'kind', 'reason', 'repeated', 'while_waiting', 'choices', 'asked', 'language', 'model',
    -- what became of a message
    'sent_at', 'edited_at', 'deleted_at', 'reactions', 'delivery_error',
    -- how a channel's message came
    'is_automatic', 'maybe_automatic', 'is_placeholder', 'is_unsupported', 'needs_no_answer', 'is_loop', 'not_answered',
    'authentication', 'unproven', 'reply_to', 'reply_to_address', 'thread', 'media', 'too_large', 'is_cut', 'subject',
    'original_text', 'template', 'forwarded', 'referred_product', 'referral', 'contacts', 'errors', 'unsupported',
    'also_came_to', 'type', 'interactive', 'button', 'order', 'location', 'system', 'attachments', 'story',
    'quick_reply', 'postback'
  ] else '{}' end;
end $$;
comment on function private.without_our_keys is 'A customer''s metadata without the keys that have a meaning here.';

-- The caller is the customer who writes (auth.uid()). Bounds what one customer can do to everybody's database: what
-- comes with a text is held to the same limit as the text. It counts what is committed: a customer who sends on many
-- connections at once can pass the rate limit by as many messages.
create or replace function private.check_customer_message(message public.messages)
returns void
language plpgsql
stable
security definer  -- customers have no rights on ai_settings
set search_path = ''
as $$
declare
  v_settings public.ai_settings;
  v_sent integer;
  v_length integer := greatest(length(message.content),
    length(concat(message.media_url, message.media_caption, nullif(message.metadata, '{}'))));
begin
  select settings.* into v_settings from public.ai_settings as settings;
  if v_length > v_settings.max_message_chars then
    raise exception 'unable to store the message; it has % characters, the limit is %',
      v_length, v_settings.max_message_chars
      using errcode = 'PT413', detail = 'message_too_long', hint = 'Send it in parts.';
  end if;
  select count(*) into v_sent from (
    select from public.messages as messages
    where messages.sender_id = any (array(select private.my_user_ids())) and messages.created_at > clock_timestamp() - interval '1 minute'
    limit v_settings.max_messages_per_minute
  ) as recent;
  if v_sent >= v_settings.max_messages_per_minute then
    raise exception 'unable to store the message; the limit is % messages a minute', v_settings.max_messages_per_minute
      using errcode = 'PT429', detail = 'too_many_messages', hint = 'Wait a minute.';
  end if;
end $$;
comment on function private.check_customer_message is 'Check what a customer may store. Raises message_too_long, too_many_messages.';

create or replace trigger messages_guard before insert on public.messages
  for each row execute function private.guard_message();

-- The caller holds the conversation's lock. A choice is one of a question's of this conversation; it counts while the
-- question is the last that was said, and once.
create or replace function private.with_checked_choice(message public.messages)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_choice jsonb := message.metadata -> 'choice';
  v_question public.messages;
begin
  if message.sender_type = 'user'
    and v_choice ->> 'message_id' ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' and v_choice ->> 'number' ~ '^[1-4]$'
  then
    select * into v_question from public.messages as questions
    where questions.id = (v_choice ->> 'message_id')::uuid and questions.conversation_id = message.conversation_id
      and questions.sender_type = 'ai'
      and (v_choice ->> 'number')::integer <= case jsonb_typeof(questions.metadata -> 'choices')
        when 'array' then jsonb_array_length(questions.metadata -> 'choices') end;
  end if;
  if v_question.id is null then
    return message.metadata - 'choice';
  end if;
  return message.metadata || jsonb_build_object('choice', jsonb_strip_nulls(jsonb_build_object(
    'message_id', v_question.id, 'number', (v_choice ->> 'number')::integer, 'is_late', nullif(exists (
      select from public.messages as later
      where later.conversation_id = message.conversation_id and later.position > v_question.position
        and (later.sender_type <> 'user' or later.metadata -> 'choice' ->> 'message_id' = v_question.id::text)
    ), false))));
end $$;
comment on function private.with_checked_choice is 'A message''s metadata, with its choice as the question makes it, or without one.';

-- Gives the message its place: the conversation's lock makes its counter and the server's clock agree with the order
-- in which messages commit. The counter never goes back, so a deleted message's position is not given again; the last
-- position is looked at too, in case somebody set the counter by hand. A client's own clock is kept in
-- metadata.sent_at. Whoever waits for the lock holds a connection of the API's pool: half a second, then the client
-- comes again.
create or replace function private.number_message()
returns trigger
language plpgsql
security definer  -- customers may not lock conversations
set search_path = ''
set lock_timeout = '500ms'
as $$
declare
  v_count bigint;
begin
  select coalesce(conversations.message_count, 0) into v_count from public.conversations as conversations
  where conversations.id = new.conversation_id for no key update skip locked;
  if not found then
    begin  -- only where it is locked: a subtransaction's lock costs a MultiXact
      select coalesce(conversations.message_count, 0) into v_count from public.conversations as conversations
      where conversations.id = new.conversation_id for no key update;
    exception when lock_not_available then
      raise exception 'unable to store the message; its conversation is busy'
        using errcode = 'PT503', detail = 'conversation_busy', hint = 'Send it again, with the same id.';
    end;
  end if;
  if v_count is null then
    raise exception 'unable to store the message; there is no conversation %', new.conversation_id
      using errcode = 'PT404', detail = 'conversation_not_found', hint = 'Call create_conversation first.';
  end if;
  if new.created_at is distinct from now() then
    new.metadata := coalesce(new.metadata, '{}') || jsonb_build_object('sent_at', new.created_at);
  end if;
  new.position := 1 + greatest(v_count, (
    select max(messages.position) from public.messages as messages
    where messages.conversation_id = new.conversation_id
  ));
  new.created_at := clock_timestamp();
  new.updated_at := new.created_at;
  if new.metadata ? 'choice' then
    new.metadata := private.with_checked_choice(new);
  end if;
  return new;
end $$;
comment on function private.number_message is 'Lock the conversation and give the message its position. Raises conversation_not_found, conversation_busy.';

create or replace trigger messages_number before insert on public.messages
  for each row when (new.position is null)  -- the settle gives its own, under the same lock
  execute function private.number_message();

-- The original's widget has a name of its own for the delivery's state.
create or replace function private.mirror_delivery_status()
returns trigger
language plpgsql
security invoker
set search_path = ''
as $$
begin
  if tg_op = 'UPDATE' and new.delivery_status is not distinct from old.delivery_status
    and new.status in ('sent', 'delivered', 'read', 'failed') then
    new.delivery_status := new.status;
  end if;
  new.status := new.delivery_status;
  return new;
end $$;
comment on function private.mirror_delivery_status is 'Keep messages.status and delivery_status the same.';

create or replace trigger messages_mirror_status before insert or update of delivery_status, status on public.messages
  for each row when (new.status is distinct from new.delivery_status)
  execute function private.mirror_delivery_status();

create or replace trigger messages_touch before update on public.messages
  for each row execute function private.touch_updated_at();

drop policy if exists "Allow authenticated access to messages" on public.messages;

drop policy if exists "whoever reads a conversation reads its messages" on public.messages;
create policy "whoever reads a conversation reads its messages" on public.messages
  for select to authenticated using (
    (select private.is_staff()) or conversation_id in (select private.my_conversation_ids())
  );

drop policy if exists "customers write as themselves, staff as agents too" on public.messages;
create policy "customers write as themselves, staff as agents too" on public.messages
  for insert to authenticated with check (
    (select private.is_staff())
    or (sender_type = 'user' and conversation_id in (select private.my_conversation_ids()))
  );

drop policy if exists "staff update delivery states" on public.messages;
create policy "staff update delivery states" on public.messages
  for update to authenticated using ((select private.is_staff())) with check ((select private.is_staff()));
