-- Purpose: a channel's message becomes a row: once, its customer's, in the right conversation.
-- Touches: private.channel_messages, private.channel_customers; ingest_channel_message.
-- Locks:   as 1530_channel_webhooks.sql says.
-- Undo:    drop the policies and the functions.

drop policy if exists "only the functions" on private.channel_messages;
create policy "only the functions" on private.channel_messages for all to service_role using (false);

drop policy if exists "only the functions" on private.channel_customers;
create policy "only the functions" on private.channel_customers for all to service_role using (false);

-- The caller holds the id's advisory lock: the answer stays true until the transaction ends.
create or replace function private.find_channel_message(channel_id uuid, external_id text)
returns uuid
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return (
    select links.message_id from private.channel_messages as links
    where links.channel_id = find_channel_message.channel_id
      and links.digest = private.id_digest(find_channel_message.external_id)
  );
end $$;
comment on function private.find_channel_message is 'The message that an account calls so, or null.';

-- Of 1,024 keys, so that no webhook takes more locks than that; two names may have the same one.
create or replace function private.advisory_lock_key(name text)
returns integer
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return hashtext(name) & 1023;
end $$;
comment on function private.advisory_lock_key is 'The key of the advisory lock of a name.';

-- The caller holds no conversation's lock yet, or has these locks already. Whoever writes about an external id or a
-- customer's id holds its lock until it commits: two webhooks of one message come one after the other, and a change is
-- never stored beside the message that it waits for.
create or replace function private.take_advisory_locks(names text[])
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  perform pg_advisory_xact_lock(hashtext('romashka:channels'), keys.key)
  from (select distinct private.advisory_lock_key(name) as key from unnest(names) as name order by 1) as keys;
end $$;
comment on function private.take_advisory_locks is 'Lock ids of messages and customers, in order, until the end of the transaction.';

-- The caller holds no conversation's lock yet, or has these locks already.
create or replace function private.lock_channel_messages(channel_id uuid, external_ids text[])
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  perform private.take_advisory_locks(array(
    select lock_channel_messages.channel_id || ' ' || id from unnest(external_ids) as id));
end $$;
comment on function private.lock_channel_messages is 'Lock external ids of an account until the end of the transaction.';

-- What a customer is found by: the channel's ids, and the phone or address where the channel vouches for it.
create or replace function private.customer_ids(event private.channel_event)
returns text[]
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return array(
    select (event.body -> 'customer' ->> 'id') union all
    select id from jsonb_array_elements_text(case jsonb_typeof(event.body -> 'customer' -> 'other_ids')
      when 'array' then event.body -> 'customer' -> 'other_ids' else '[]' end) as id
    where length(id) between 1 and 1000
  );
end $$;
comment on function private.customer_ids is 'The ids by which a channel means the customer of an event, the first one first.';

create or replace function private.customer_phone(event private.channel_event)
returns text
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return case when event.channel_type in ('whatsapp', 'sms') then
    '+' || substring(private.phone_digits(event.body -> 'customer' ->> 'phone') from '^[0-9]{5,20}$') end;
end $$;
comment on function private.customer_phone is 'The phone of an event''s customer, where the channel is one of phones.';

create or replace function private.customer_email(event private.channel_event)
returns text
language plpgsql
immutable
security invoker
set search_path = ''
as $$
declare
  v_email text := lower(btrim(coalesce(event.body -> 'customer' ->> 'email', event.body -> 'customer' ->> 'id')));
begin
  return case when event.channel_type = 'email' and v_email like '%_@_%' and length(v_email) <= 255 then v_email end;
end $$;
comment on function private.customer_email is 'The address of an event''s customer, where the channel is one of addresses.';

create or replace function private.customer_name(event private.channel_event)
returns text
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return left(coalesce(nullif(btrim(event.body -> 'customer' ->> 'name'), ''),
    '@' || nullif(btrim(event.body -> 'customer' ->> 'username'), '')), 255);
end $$;
comment on function private.customer_name is 'What the customer of an event is called there.';

-- The newest come first. The ends of a long list say most: what was answered, and where the thread began.
create or replace function private.thread_references(event private.channel_event)
returns text[]
language plpgsql
immutable
security invoker
set search_path = ''
as $$
declare
  v_ids text[] := array(
    select id from jsonb_array_elements_text(case jsonb_typeof(event.body #> '{thread,references}')
      when 'array' then event.body #> '{thread,references}' else '[]' end) as id  -- only a message's are checked
    where length(id) between 1 and 4000
  );
begin
  return case when cardinality(v_ids) > 50 then v_ids[1:49] || v_ids[cardinality(v_ids):] else v_ids end;
end $$;
comment on function private.thread_references is 'The mails that a mail refers to, at most 50.';

-- Staff may note on a visitor's row what the visitor says about themselves. Only what the visitor signed in with is
-- known to be theirs: an address, if a mail was sent there to confirm it, or another provider vouches for it. Where a
-- project asks for no confirmation, Auth sets email_confirmed_at at the sign-up, whosever address it is.
create or replace function private.is_proven(customer public.customer_profiles, contact text)
returns boolean
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return customer.user_id is null or exists (
    select from auth.users as users where users.id = customer.user_id and (
      users.email_confirmed_at is not null and lower(users.email) = contact and (users.confirmation_sent_at is not null
        or users.raw_app_meta_data ->> 'provider' not in ('email', 'phone', 'anonymous'))
      or users.phone_confirmed_at is not null and private.phone_digits(users.phone) = contact
    )
  );
end $$;
comment on function private.is_proven is 'Is a phone''s digits or an address on a customer''s row known to be theirs?';

-- The caller holds the advisory locks of the event's ids. All of whom a channel says, by an event, that they are one
-- person: known by its ids; on WhatsApp also whom a status says that our message went to, and who got the message of
-- ours that is quoted (each chat has one customer, and its ids are known there alone). Who has signed in is nobody else.
create or replace function private.people_of(event private.channel_event)
returns uuid[]
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_ours text := case
    when event.channel_type <> 'whatsapp' then null
    when event.kind = 'status' and event.body -> 'customer' ->> 'id' <> '' then event.external_id
    when event.kind = 'message' then event.body ->> 'reply_to' end;
  v_delivery text := case when event.channel_type = 'whatsapp' and event.kind = 'status'
    and event.body -> 'customer' ->> 'id' <> ''
    then substring(event.body ->> 'reference' from '^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}):') end;
begin
  return array(
    select customers.id from public.customer_profiles as customers
    where customers.id in (
      select known.customer_id from unnest(private.customer_ids(event)) as id
      join private.channel_customers as known
        on known.channel_id = event.channel_id and known.digest = private.id_digest(id)
      union all
      select conversations.customer_id from public.messages as messages
      join public.conversations as conversations on conversations.id = messages.conversation_id
      where messages.id = private.find_channel_message(event.channel_id, v_ours) and messages.sender_type <> 'user'
      union all
      select conversations.customer_id from public.channel_deliveries as deliveries
      join public.conversations as conversations on conversations.id = deliveries.conversation_id
      where deliveries.id = v_delivery::uuid and deliveries.channel_id = event.channel_id
    )
    order by customers.user_id is null, customers.created_at, customers.id
  );
end $$;
comment on function private.people_of is 'The customers that an event says are one, the one who stays first.';

-- The caller holds the advisory locks of the customer's ids, phone and address: the answer stays true.
create or replace function private.find_channel_customer(event private.channel_event)
returns uuid
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_phone text := private.phone_digits(private.customer_phone(event));
  v_email text := private.customer_email(event);
  v_id uuid;
begin
  select known.customer_id into v_id
  from unnest(private.customer_ids(event)) with ordinality as ids (id, place)
  join private.channel_customers as known
    on known.channel_id = event.channel_id and known.digest = private.id_digest(ids.id)
  order by ids.place limit 1;
  v_id := coalesce(v_id, (private.people_of(event))[1]);
  if v_id is null and v_phone is not null then
    select customers.id into v_id from public.customer_profiles as customers
    where private.phone_digits(customers.phone) = v_phone and private.is_proven(customers, v_phone);
  elsif v_id is null and v_email is not null then
    select customers.id into v_id from public.customer_profiles as customers
    where lower(customers.email) = v_email and private.is_proven(customers, v_email)
    order by customers.created_at, customers.id limit 1;
  end if;
  return v_id;
end $$;
comment on function private.find_channel_customer is 'The customer of an event, or null for a new one.';

-- The caller holds the advisory locks of the customer's ids, phone and address.
create or replace function private.find_or_create_channel_customer(event private.channel_event)
returns uuid
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_id uuid := coalesce(private.unite_people(event), private.find_channel_customer(event));
  v_name text := private.customer_name(event);
begin
  if v_id is null then
    insert into public.customer_profiles (name, phone, email)
    values (v_name, private.customer_phone(event), private.customer_email(event))
    on conflict do nothing returning id into v_id;
    v_id := coalesce(v_id, private.find_channel_customer(event));
    if v_id is null then  -- a visitor's row has the phone or the address
      insert into public.customer_profiles (name) values (v_name) returning id into v_id;
    end if;
  else
    update public.customer_profiles as customers set name = v_name
    where customers.id = v_id and customers.name is null and v_name is not null;
    -- A number becomes known when its owner shows it; who has it already keeps it.
    update public.customer_profiles as customers set phone = private.customer_phone(event)
    where customers.id = v_id and customers.phone is null and private.customer_phone(event) is not null
      and not exists (
        select from public.customer_profiles as others
        where private.phone_digits(others.phone) = private.phone_digits(private.customer_phone(event))
      );
  end if;
  insert into private.channel_customers (channel_id, external_id, customer_id)
  select event.channel_id, id, v_id from unnest(private.customer_ids(event)) as id
  on conflict do nothing;
  return v_id;
end $$;
comment on function private.find_or_create_channel_customer is 'The customer of an event, known by all of its ids from now on.';

-- Whoever knows the id of a mail can send another mail with it. That must keep neither out: of two customers' mails
-- with one id, and of two of which one may be forged, the later one is known by its id, its sender, and whether
-- anybody vouches for that one.
create or replace function private.scoped_id(event private.channel_event)
returns text
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return case when event.channel_type = 'email' and event.kind = 'message'
    then concat_ws(' ', event.external_id, event.body -> 'customer' ->> 'id',
      case when event.body -> 'metadata' ? 'unproven' then 'unproven' end) end;
end $$;
comment on function private.scoped_id is 'What a mail is known by where another one has its id.';

-- The caller holds the advisory locks of both ids and of the customer's.
create or replace function private.external_id_for_customer(event private.channel_event)
returns text
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return case when private.scoped_id(event) is not null and exists (
    select from public.messages as messages
    join public.conversations as conversations on conversations.id = messages.conversation_id
    where messages.id = private.find_channel_message(event.channel_id, event.external_id)
      and messages.sender_type = 'user'
      and (conversations.customer_id is distinct from private.find_channel_customer(event)
        or messages.metadata ? 'unproven' <> coalesce(event.body -> 'metadata' ? 'unproven', false)
          and not private.is_same_mail(messages, event))
  ) then private.scoped_id(event) else event.external_id end;
end $$;
comment on function private.external_id_for_customer is 'The id by which a message is known as its customer''s: the channel''s, or the scoped one.';

-- A new subject may stand above what a mail says (with_new_subject).
create or replace function private.is_same_mail(stored public.messages, event private.channel_event)
returns boolean
language plpgsql
immutable
security invoker
set search_path = ''
as $$
declare
  v_content text := event.body ->> 'content';
begin
  return private.plain_text(stored.content) in (private.plain_text(v_content), private.plain_text(
      concat_ws(e'\n\n', event.body #>> '{thread,subject}', nullif(v_content, '[Empty mail]'))))
    and private.files_named_in(stored.metadata -> 'media') = private.files_named_in(event.body -> 'media');
end $$;
comment on function private.is_same_mail is 'Does a stored message say what an event does, with the same files?';

create or replace function private.files_named_in(media jsonb)
returns jsonb
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_array(item -> 'name', item -> 'size') order by place), '[]')
    from jsonb_array_elements(case jsonb_typeof(media) when 'array' then media else '[]' end)
      with ordinality as files (item, place)
  );
end $$;
comment on function private.files_named_in is 'The names and sizes of files.';

-- The caller holds the advisory locks of the event's ids. A mail to several of the team's addresses comes once for each:
-- with its id, by its sender, with its words. What came as a program's keeps no person's mail out.
create or replace function private.find_copy(event private.channel_event)
returns uuid
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  if event.channel_type <> 'email' or event.kind <> 'message' then
    return null;
  end if;
  return (
    select messages.id from public.communication_channels as channels
    join private.channel_messages as links on links.channel_id = channels.id
      and links.digest in (private.id_digest(event.external_id), private.id_digest(private.scoped_id(event)))
    join public.messages as messages on messages.id = links.message_id
    join public.conversations as conversations on conversations.id = messages.conversation_id
    join private.channel_customers as known on known.channel_id = channels.id
      and known.digest = private.id_digest(event.body -> 'customer' ->> 'id')
      and known.customer_id = conversations.customer_id
    where channels.type = 'email' and channels.id <> event.channel_id and messages.sender_type = 'user'
      and private.is_same_mail(messages, event)
      and (not messages.metadata ? 'is_automatic' or coalesce((event.body ->> 'is_automatic')::boolean, false))
    order by messages.created_at, messages.id limit 1
  );
end $$;
comment on function private.find_copy is 'The message that a mail is, where it came to another account of the team''s before; or null.';
