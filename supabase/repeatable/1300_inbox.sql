-- Purpose: what frontends call: open and read conversations, take them over, give them back, resolve them.
-- Touches: functions, which run as their caller, under the policies; trigger conversations_guard.
-- Locks:   create_conversation an advisory lock of the customer and channel, then the conversation, if there is a
--          message; the others the conversation.
-- Undo:    drop the trigger and the functions.

-- The caller is staff or the service role. A customer is who their session says; an identifier that they give is a
-- hint for staff, and opens nobody else's conversation.
create or replace function private.find_or_create_customer(customer_identifier text)
returns uuid
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_identifier text := nullif(btrim(customer_identifier), '');
  v_email text := case when v_identifier like '%@%' then lower(v_identifier) end;
  v_phone text := case when v_email is null and v_identifier ~ '^\+?[0-9][0-9 ()./-]{4,}$'
    then regexp_replace(v_identifier, '[^0-9+]', '', 'g') end;
  v_external text := case when v_email is null and v_phone is null then v_identifier end;
  v_id uuid;
begin
  if v_identifier is null then
    raise exception 'unable to create a conversation; the customer identifier is empty'
      using errcode = 'PT400', detail = 'bad_identifier', hint = 'Give an e-mail address, a phone number or an id.';
  end if;
  insert into public.customer_profiles (email, phone, external_id, name)
  values (v_email, v_phone, v_external, v_identifier) on conflict do nothing;
  select customers.id into v_id from public.customer_profiles as customers
  where lower(customers.email) = v_email or customers.external_id = v_external
    or private.phone_digits(customers.phone) = private.phone_digits(v_phone)
  order by customers.created_at limit 1;
  return v_id;
end $$;
comment on function private.find_or_create_customer is 'The customer with this e-mail, phone or external id. Raises bad_identifier.';

-- The caller has a session.
create or replace function private.find_or_create_own_customer()
returns uuid
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  if private.current_customer_id() is null then
    insert into public.customer_profiles (user_id) values (auth.uid()) on conflict do nothing;
  end if;
  return private.current_customer_id();
end $$;
comment on function private.find_or_create_own_customer is 'The customer that the caller is.';

-- The caller holds the advisory lock of the customer and channel, and found no conversation that is open.
create or replace function private.open_conversation(customer_id uuid, channel_type text, identifier text)
returns uuid
language sql
volatile
security invoker
set search_path = ''
as $$
  insert into public.conversations (customer_id, channel_type, user_name, user_email, customer_phone, customer_social_id)
  values (open_conversation.customer_id, open_conversation.channel_type, left(identifier, 255),
    case when identifier like '%@%' then left(lower(identifier), 255) end,
    case when identifier ~ '^\+?[0-9][0-9 ()./-]{4,}$' then left(identifier, 50) end,
    case when identifier not like '%@%' and identifier !~ '^\+?[0-9][0-9 ()./-]{4,}$' then left(identifier, 255) end)
  returning id;
$$;
comment on function private.open_conversation is 'Insert a conversation.';

create or replace function public.create_conversation(
  customer_identifier text, channel_type text, initial_message text default null
)
returns uuid
language plpgsql
volatile
security invoker
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_is_customer boolean := false;
  v_customer_id uuid;
  v_conversation_id uuid;
begin
  if current_user = 'anon' or (current_user = 'authenticated' and auth.uid() is null) then
    raise exception 'unable to create a conversation; there is no session'
      using errcode = 'PT401', detail = 'session_required', hint = 'Sign in, or sign in anonymously: auth.signInAnonymously().';
  elsif coalesce(create_conversation.channel_type, '') not in ('website', 'whatsapp', 'instagram', 'email', 'sms', 'messenger') then
    raise exception 'unable to create a conversation; there is no channel %', coalesce(create_conversation.channel_type, 'null')
      using errcode = 'PT400', detail = 'bad_channel', hint = 'Channels: website, whatsapp, instagram, email, sms, messenger.';
  end if;
  v_is_customer := current_user = 'authenticated' and not private.is_staff();
  v_customer_id := case when v_is_customer then private.find_or_create_own_customer()
    else private.find_or_create_customer(create_conversation.customer_identifier) end;

  -- Two first messages at once make one conversation.
  perform pg_advisory_xact_lock(hashtextextended('romashka:conversation:' || v_customer_id || create_conversation.channel_type, 0));
  select conversations.id into v_conversation_id from public.conversations as conversations
  where conversations.customer_id = v_customer_id and conversations.channel_type = create_conversation.channel_type
    and conversations.status in ('active', 'pending', 'escalated')
  order by conversations.created_at desc limit 1;
  if v_conversation_id is null then
    v_conversation_id := private.open_conversation(v_customer_id, create_conversation.channel_type,
      nullif(btrim(create_conversation.customer_identifier), ''));
  end if;
  if btrim(create_conversation.initial_message) <> '' then
    insert into public.messages (conversation_id, sender_type, content, channel_type)
    values (v_conversation_id, 'user', create_conversation.initial_message, create_conversation.channel_type);
  end if;
  return v_conversation_id;
end $$;
comment on function public.create_conversation is 'Open or find a customer''s conversation on a channel. Raises session_required, bad_channel, bad_identifier.';

-- Bounds what customers insert directly, too, not only through create_conversation.
create or replace function private.guard_conversation()
returns trigger
language plpgsql
security invoker
set search_path = ''
as $$
begin
  if current_user = 'authenticated' and not private.is_staff() then
    -- The original's widget upserts its conversation before each message: one that is there already is none more.
    if not exists (select from public.conversations as conversations where conversations.id = new.id) then
      perform private.check_customer_conversations();
    end if;
    new.customer_id := coalesce(new.customer_id, private.find_or_create_own_customer());
    new.status := 'active';
    perform set_config('romashka.inserted_conversation', new.id::text, true);
  end if;
  return new;
end $$;
comment on function private.guard_conversation is 'Make a customer''s new conversation their own, and bound how many they open. Raises too_many_conversations.';

-- The caller is the customer who opens a conversation (auth.uid()).
create or replace function private.check_customer_conversations()
returns void
language plpgsql
stable
security definer  -- customers have no rights on ai_settings
set search_path = ''
as $$
declare
  v_limit integer := (select settings.max_conversations_per_hour from public.ai_settings as settings);
begin
  if v_limit <= (
    select count(*) from public.conversations as conversations
    where conversations.customer_id = (select private.current_customer_id())
      and conversations.created_at > clock_timestamp() - interval '1 hour'
  ) then
    raise exception 'unable to create a conversation; the limit is % an hour', v_limit
      using errcode = 'PT429', detail = 'too_many_conversations', hint = 'Write into one that is there.';
  end if;
end $$;
comment on function private.check_customer_conversations is 'Check that a customer may open one more. Raises too_many_conversations.';

create or replace trigger conversations_guard before insert on public.conversations
  for each row execute function private.guard_conversation();

create or replace function public.get_conversation_with_messages(conversation_id uuid, message_limit integer default 50)
returns table (conversation_data jsonb, messages_data jsonb)
language plpgsql
stable
security invoker
set search_path = ''
as $$
#variable_conflict use_column
begin
  if (get_conversation_with_messages.message_limit between 1 and 1000) is not true then
    raise exception 'unable to read the conversation; message_limit is 1 to 1000'
      using errcode = 'PT400', detail = 'bad_limit', hint = 'Leave it out to have 50.';
  end if;
  return query
  select to_jsonb(conversations) || jsonb_build_object('customer_profiles', to_jsonb(customers)),
    coalesce((
      select jsonb_agg(to_jsonb(recent) order by recent.position) from (
        select messages.* from public.messages as messages
        where messages.conversation_id = conversations.id
        order by messages.position desc limit get_conversation_with_messages.message_limit
      ) as recent
    ), '[]')
  from public.conversations as conversations
  left join public.customer_profiles as customers on customers.id = conversations.customer_id
  where conversations.id = get_conversation_with_messages.conversation_id;
  if not found then
    raise exception 'unable to read the conversation; there is no conversation % that you may read', get_conversation_with_messages.conversation_id
      using errcode = 'PT404', detail = 'conversation_not_found', hint = 'Check the id and the session.';
  end if;
end $$;
comment on function public.get_conversation_with_messages is 'A conversation and its newest messages, oldest first. Raises conversation_not_found, bad_limit.';

-- Called right after the update. An update by a customer, or of a conversation that does not exist, changes no row:
-- this says which it was.
create or replace function private.raise_unless_staff_changed(conversation_id uuid, is_changed boolean)
returns void
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  if current_user = 'authenticated' and not private.is_staff() then
    raise exception 'unable to change the conversation; only staff may'
      using errcode = 'PT403', detail = 'staff_only', hint = 'Sign in as an agent or an admin.';
  elsif not is_changed then
    raise exception 'unable to change the conversation; there is no conversation %', conversation_id
      using errcode = 'PT404', detail = 'conversation_not_found', hint = 'Check the id.';
  end if;
end $$;
comment on function private.raise_unless_staff_changed is 'Say why a conversation was not changed. Raises staff_only, conversation_not_found.';

create or replace function public.take_over_conversation(conversation_id uuid)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  update public.conversations as conversations
  set requires_human = true, handed_over_at = null, assigned_agent_id = coalesce(auth.uid(), assigned_agent_id)
  where conversations.id = take_over_conversation.conversation_id;
  perform private.raise_unless_staff_changed(conversation_id, found);
end $$;
comment on function public.take_over_conversation is 'Take a conversation from the AI: no automatic message follows. Raises staff_only, conversation_not_found.';

create or replace function public.return_conversation_to_ai(conversation_id uuid)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  update public.conversations as conversations set requires_human = false
  where conversations.id = return_conversation_to_ai.conversation_id;
  perform private.raise_unless_staff_changed(conversation_id, found);
end $$;
comment on function public.return_conversation_to_ai is 'Let the AI answer again, first what nobody has answered yet. Raises staff_only, conversation_not_found.';

create or replace function public.resolve_conversation(conversation_id uuid)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  update public.conversations as conversations set status = 'resolved'
  where conversations.id = resolve_conversation.conversation_id;
  perform private.raise_unless_staff_changed(conversation_id, found);
end $$;
comment on function public.resolve_conversation is 'Close a conversation; a new customer message reopens it with the AI. Raises staff_only, conversation_not_found.';
