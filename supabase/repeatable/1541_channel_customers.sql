-- Purpose: which customer an event is of: by the channel's ids, or a phone or address that is known to be theirs.
-- Touches: private.channel_customers, customer_profiles; functions.
-- Locks:   as 1530_channel_webhooks.sql says.
-- Undo:    drop the policy and the functions.

drop policy if exists "only the functions" on private.channel_customers;
create policy "only the functions" on private.channel_customers for all to service_role using (false);

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

-- Who comes with a session, or is vouched for by the page, is nobody else, whatever is noted on their row.
create or replace function private.is_nobodys(customer public.customer_profiles)
returns boolean
language sql
immutable
security invoker
set search_path = ''
as $$
  select customer.user_id is null and customer.verified_id is null;
$$;
comment on function private.is_nobodys is 'Is a customer known by channels and staff alone?';

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
  return private.is_nobodys(customer) or exists (
    select from auth.users as users where users.id = customer.user_id and (
      users.email_confirmed_at is not null and lower(users.email) = contact
        and private.is_mailed(users.confirmation_sent_at, users.raw_app_meta_data)
      or users.phone_confirmed_at is not null and private.phone_digits(users.phone) = contact
    )
  );
end $$;
comment on function private.is_proven is 'Is a phone''s digits or an address on a customer''s row known to be theirs?';

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
  v_id := coalesce(v_id, (private.customers_of_event(event))[1]);
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
  v_id uuid := coalesce(private.merge_customers_of_event(event), private.find_channel_customer(event));
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
