-- Purpose: all that is known of a person, and its removal, everywhere, in one transaction with its record.
-- Touches: find_customers, export_customer, erase_customer; what refers to a customer, webhooks, changes, broadcasts,
--          accounts; private.erasures.
-- Locks:   the customer's conversations in the order of their ids, then the customers; then what goes with them.
-- Undo:    drop the policy and the functions.

drop policy if exists "only the functions" on private.erasures;
create policy "only the functions" on private.erasures for all to service_role using (false);

create or replace function public.find_customers(id text)
returns jsonb
language plpgsql
stable
security definer  -- what channels call people is in private
set search_path = ''
as $$
declare
  v_id text := btrim(id);
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object('id', customers.id, 'name', customers.name, 'email', customers.email,
      'phone', customers.phone, 'external_id', customers.external_id) order by customers.created_at, customers.id), '[]')
    from public.customer_profiles as customers
    where v_id in (customers.id::text, customers.user_id::text, customers.external_id, customers.verified_id)
      or customers.id in (
        select sessions.customer_id from private.customer_sessions as sessions where sessions.user_id::text = v_id)
      or lower(customers.email) = lower(v_id)
      or v_id ~ '^\+?[0-9 ()/.-]{5,}$' and private.phone_digits(customers.phone) = private.phone_digits(v_id)
      or customers.id in (
        select conversations.customer_id from public.conversations as conversations where conversations.id::text = v_id)
      or customers.id in (
        select known.customer_id from private.channel_customers as known where known.external_id in (v_id, lower(v_id)))
  );
end $$;
comment on function public.find_customers is 'The customers whom an id means: theirs, a conversation''s, a channel''s, a user''s, an address or a number.';

-- The customer, and those of whom it was found that they are one with them.
create or replace function private.customers_of_person(customer_id uuid)
returns uuid[]
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return array(
    with recursive found (id) as (
      select customers.id from public.customer_profiles as customers where customers.id = customer_id
      union
      select merged.id from found join public.customer_profiles as merged
        on jsonb_typeof(merged.custom_fields) = 'object' and merged.custom_fields ->> 'merged_into' = found.id::text
    )
    select found.id from found
  );
end $$;
comment on function private.customers_of_person is 'The ids of a customer and of those who were merged into them; empty if there is none.';

create or replace function private.users_of(customer_ids uuid[])
returns uuid[]
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return array(
    select customers.user_id from public.customer_profiles as customers
    where customers.id = any (customer_ids) and customers.user_id is not null
    union
    select sessions.user_id from private.customer_sessions as sessions where sessions.customer_id = any (customer_ids)
  );
end $$;
comment on function private.users_of is 'The accounts and sessions that are these customers.';

-- Follows every key that deletes rows with a customer, ours and those of the project's own tables: what is added later
-- is found too.
create or replace function private.rows_of_customers(customer_ids uuid[])
returns table (source text, item jsonb)
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_tables oid[] := array['public.customer_profiles'::regclass::oid];
  v_ids jsonb := jsonb_build_object(v_tables[1]::text, to_jsonb(customer_ids));
  v_key record;
  v_found text[];
  v_place integer := 1;
begin
  return query select 'public.customer_profiles', to_jsonb(customers) from public.customer_profiles as customers
    where customers.id = any (customer_ids);
  while v_place <= cardinality(v_tables) loop
    for v_key in
      select keys.conrelid, tables.relname, schemas.nspname, columns.attname as column_name, target.attname as target_name,
        exists (select from pg_catalog.pg_attribute as own
          where own.attrelid = keys.conrelid and own.attname = 'id' and not own.attisdropped) as has_id
      from pg_catalog.pg_constraint as keys
      join pg_catalog.pg_class as tables on tables.oid = keys.conrelid
      join pg_catalog.pg_namespace as schemas on schemas.oid = tables.relnamespace
      join pg_catalog.pg_attribute as columns on columns.attrelid = keys.conrelid and columns.attnum = keys.conkey[1]
      join pg_catalog.pg_attribute as target on target.attrelid = keys.confrelid and target.attnum = keys.confkey[1]
      where keys.contype = 'f' and keys.confdeltype = 'c' and keys.confrelid = v_tables[v_place]
        and cardinality(keys.conkey) = 1 and target.attname = 'id' and keys.conparentid = 0
      order by schemas.nspname, tables.relname, columns.attname
    loop
      return query execute format('select %L, to_jsonb(rows) from %I.%I as rows where rows.%I::text = any ($1)',
        format('%s.%s', v_key.nspname, v_key.relname), v_key.nspname, v_key.relname, v_key.column_name)
        using array(select jsonb_array_elements_text(v_ids -> v_tables[v_place]::text));
      if v_key.has_id and not v_key.conrelid = any (v_tables) then
        execute format('select array_agg(rows.id::text) from %I.%I as rows where rows.%I::text = any ($1)',
          v_key.nspname, v_key.relname, v_key.column_name)
          into v_found using array(select jsonb_array_elements_text(v_ids -> v_tables[v_place]::text));
        v_tables := v_tables || v_key.conrelid;
        v_ids := v_ids || jsonb_build_object(v_key.conrelid::text, to_jsonb(coalesce(v_found, '{}')));
      end if;
    end loop;
    v_place := v_place + 1;
  end loop;
end $$;
comment on function private.rows_of_customers is 'Every row that goes with these customers, by its table.';

-- What channels call the person and the person's messages. Not what a visitor says of themselves: that may be another's.
create or replace function private.channel_ids_of(customer_ids uuid[])
returns text[]
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_ids text[] := array(
    select known.external_id from private.channel_customers as known where known.customer_id = any (customer_ids)
    union
    select told.id from public.conversations as conversations
    join public.messages as messages on messages.conversation_id = conversations.id
    cross join lateral (
      select messages.external_message_id::text as id
      union select names.external_id from private.channel_messages as names where names.message_id = messages.id
      union select unnest(deliveries.external_ids) from public.channel_deliveries as deliveries
        where deliveries.message_id = messages.id
    ) as told
    where conversations.customer_id = any (customer_ids) and length(told.id) >= 5
  );
begin
  return v_ids || array(  -- of what they did to a message that has not come
    select distinct event ->> 'id' from public.webhook_events as webhooks
    cross join lateral jsonb_array_elements(webhooks.events) as event
    where private.is_event_of(event, v_ids) and length(event ->> 'id') >= 5
  );
end $$;
comment on function private.channel_ids_of is 'The ids by which channels mean these customers, and messages with them.';

create or replace function private.is_event_of(event jsonb, ids text[])
returns boolean
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return event ->> 'id' = any (ids) or event #>> '{customer,id}' = any (ids)
    or jsonb_typeof(event #> '{customer,other_ids}') = 'array' and event #> '{customer,other_ids}' ?| ids;
end $$;
comment on function private.is_event_of is 'Is an event about one of these ids of a channel?';

create or replace function private.webhooks_of(ids text[])
returns setof public.webhook_events
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return query select webhooks.* from public.webhook_events as webhooks
  where exists (select from jsonb_array_elements(webhooks.events) as event where private.is_event_of(event, ids))
    or exists (
      select from unnest(ids) as id where position(id in webhooks.payload) > 0 and webhooks.payload ~ (
        '(^|[^0-9A-Za-z])' || regexp_replace(id, '([^0-9A-Za-z])', '\\\1', 'g') || '([^0-9A-Za-z]|$)')
    );
end $$;
comment on function private.webhooks_of is 'The raw webhooks in which one of these ids is.';

create or replace function private.files_of(conversation_ids uuid[])
returns setof text
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  if to_regclass('storage.objects') is not null then
    return query select files.name from unnest(conversation_ids) as folder
    join storage.objects as files on files.bucket_id = 'conversation-attachments'
      and files.name >= folder::text || '/' and files.name < folder::text || '0';  -- '0' follows '/'
  end if;
end $$;
comment on function private.files_of is 'The paths of the files of these conversations.';

create or replace function public.export_customer(customer_id uuid)
returns jsonb
language plpgsql
stable
security definer  -- what is in private, and the account
set search_path = ''
set statement_timeout = '10min'  -- raw webhooks are many
as $$
declare
  v_customers uuid[] := private.customers_of_person(customer_id);
  v_ids text[] := private.channel_ids_of(v_customers);
  v_users uuid[] := private.users_of(v_customers);
  v_told jsonb;
begin
  if v_customers = '{}' then
    raise exception 'unable to export; there is no customer %', customer_id
      using errcode = 'PT404', detail = 'customer_not_found', hint = 'Give the id of a row of customer_profiles.';
  end if;
  select jsonb_object_agg(rows.source, rows.items) into v_told from (
    select found.source, jsonb_agg(distinct found.item) as items from private.rows_of_customers(v_customers) as found
    group by found.source
  ) as rows;
  return v_told || jsonb_build_object(
    'auth.users', (
      select coalesce(jsonb_agg(jsonb_build_object('id', users.id, 'email', users.email, 'phone', users.phone,
        'is_anonymous', users.is_anonymous, 'created_at', users.created_at, 'last_sign_in_at', users.last_sign_in_at,
        'user_metadata', users.raw_user_meta_data)), '[]')
      from auth.users as users where users.id = any (v_users)
    ),
    'public.profiles', (
      select coalesce(jsonb_agg(to_jsonb(profiles)), '[]')
      from public.profiles as profiles where profiles.id = any (v_users)
    ),
    'private.channel_changes', (
      select coalesce(jsonb_agg(to_jsonb(changes)), '[]') from private.channel_changes as changes
      where changes.digest in (select private.id_digest(id) from unnest(v_ids) as id)
    ),
    'public.webhook_events', (
      select coalesce(jsonb_agg(jsonb_build_object('id', webhooks.id, 'channel_type', webhooks.channel_type,
        'received_at', webhooks.received_at, 'events', (
          select coalesce(jsonb_agg(event), '[]') from jsonb_array_elements(webhooks.events) as event
          where private.is_event_of(event, v_ids)))), '[]')
      from private.webhooks_of(v_ids) as webhooks
    ),
    'storage.objects', (
      select coalesce(jsonb_agg(files.name), '[]')
      from private.files_of(array(
        select conversations.id from public.conversations as conversations
        where conversations.customer_id = any (v_customers))) as files (name)
    ));
end $$;
comment on function public.export_customer is 'All that is known of a customer: rows by table; of webhooks with others, the events that are theirs. Raises customer_not_found.';

-- Files are Storage's, and go through its API: the caller deletes them, or get_abandoned_attachments tells a worker to.
create or replace function public.erase_customer(customer_id uuid)
returns jsonb
language plpgsql
volatile
security definer  -- what is in private, and the account
set search_path = ''
set statement_timeout = '10min'  -- raw webhooks are many
as $$
#variable_conflict use_variable
declare
  v_customers uuid[] := private.customers_of_person(customer_id);
  v_conversations uuid[];
  v_ids text[];
  v_users uuid[];
  v_kept uuid[];
  v_files text[];
  v_counts jsonb;
  v_erasure_id uuid;
begin
  if v_customers = '{}' then
    raise exception 'unable to erase; there is no customer %', customer_id
      using errcode = 'PT404', detail = 'customer_not_found', hint = 'Give the id of a row of customer_profiles.';
  end if;
  perform from public.conversations as conversations where conversations.customer_id = any (v_customers)
  order by conversations.id for update;
  perform from public.customer_profiles as customers where customers.id = any (v_customers) order by customers.id for update;
  v_conversations := array(
    select conversations.id from public.conversations as conversations where conversations.customer_id = any (v_customers));
  v_ids := private.channel_ids_of(v_customers);
  v_files := array(select private.files_of(v_conversations));
  v_users := private.users_of(v_customers);
  v_kept := array(
    select users.id from auth.users as users where users.id = any (v_users) and (private.is_referred_to(users.id)
      or exists (select from public.profiles as profiles
        where profiles.id = users.id and profiles.role in ('agent', 'admin'))));
  select jsonb_object_agg(rows.source, rows.count) into v_counts from (
    select found.source, count(distinct found.item) as count from private.rows_of_customers(v_customers) as found
    group by found.source
  ) as rows;
  v_counts := v_counts
    || jsonb_build_object('public.webhook_events', private.erase_webhooks(v_ids))
    || jsonb_build_object('realtime.messages', private.erase_broadcasts(v_conversations || v_customers));
  delete from private.channel_changes as changes
  where changes.digest in (select private.id_digest(id) from unnest(v_ids) as id);
  update private.trigger_failures as failures set reason = '(erased with a customer)'
  where failures.failed_at >= (
    select min(customers.created_at) from public.customer_profiles as customers where customers.id = any (v_customers));
  delete from public.customer_profiles as customers where customers.id = any (v_customers);
  delete from auth.users as users where users.id = any (v_users) and users.id <> all (v_kept);
  insert into private.erasures (customer_id, conversation_ids, counts, erased_by)
  values (customer_id, v_conversations, v_counts, auth.uid()) returning id into v_erasure_id;
  return jsonb_build_object('erasure_id', v_erasure_id, 'counts', v_counts, 'files', to_jsonb(v_files),
    'accounts_deleted', cardinality(v_users) - cardinality(v_kept), 'accounts_kept', to_jsonb(v_kept));
exception when foreign_key_violation then
  raise exception 'unable to erase; a table of the project''s own refers to the customer: %', sqlerrm
    using errcode = 'PT409', detail = 'customer_referred_to', hint = 'Remove those rows first, or let them go with it (on delete cascade).';
end $$;
comment on function public.erase_customer is 'Remove all that is known of a customer, with its record; returns what went, and the files to delete. Raises customer_not_found, customer_referred_to.';

-- A webhook that was applied is a copy alone. Of one that was not, the others' events are kept, and how it came is not.
create or replace function private.erase_webhooks(ids text[])
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_webhook public.webhook_events;
  v_others jsonb;
  v_count integer := 0;
begin
  for v_webhook in select * from private.webhooks_of(ids) loop
    v_count := v_count + 1;
    select coalesce(jsonb_agg(event order by place), '[]') into v_others
    from jsonb_array_elements(v_webhook.events) with ordinality as told (event, place)
    where private.is_event_of(event, ids) is not true;
    if v_others = '[]' or v_webhook.processed_at is not null and v_webhook.error is null then
      delete from public.webhook_events as webhooks where webhooks.id = v_webhook.id;
    else
      update public.webhook_events as webhooks set events = v_others, payload = '',
        headers = '{"content-type": "application/vnd.romashka.events"}'
      where webhooks.id = v_webhook.id;
    end if;
  end loop;
  return v_count;
end $$;
comment on function private.erase_webhooks is 'Remove what raw webhooks say of these ids; returns in how many it was.';

-- Realtime keeps what is broadcast for three days.
create or replace function private.erase_broadcasts(ids uuid[])
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_count integer := 0;
begin
  delete from realtime.messages as broadcasts
  where exists (
    select from unnest(ids) as id where broadcasts.topic like 'conversation:' || id || '%'
      or (broadcasts.topic in ('inbox', 'ai-jobs', 'channel-deliveries') or broadcasts.topic like 'drafts:%') and position(id::text in broadcasts.payload::text) > 0
  );
  get diagnostics v_count = row_count;
  return v_count;
exception when insufficient_privilege or undefined_table then
  raise warning 'romashka: broadcasts of erased conversations stay for three days, until Realtime deletes them';
  return 0;
end $$;
comment on function private.erase_broadcasts is 'Remove what was broadcast of these conversations and customers; returns how many.';

-- Conversations that nobody has written in for so long, where the settings say so; and of whom none is left, where they
-- have no account.
create or replace function private.remove_old_conversations(max_conversations integer)
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_days integer := (select settings.keep_conversations_days from public.ai_settings as settings);
  v_customers uuid[];
  v_count integer;
begin
  if v_days is null then
    return 0;
  end if;
  with old as (
    select conversations.id from public.conversations as conversations
    where conversations.last_message_at < now() - make_interval(days => v_days)
    order by conversations.last_message_at limit max_conversations for update skip locked
  ), gone as (
    delete from public.conversations as conversations using old where conversations.id = old.id
    returning conversations.customer_id
  )
  select array_agg(distinct gone.customer_id), count(*) into v_customers, v_count from gone;
  delete from public.customer_profiles as customers
  where customers.id = any (v_customers) and private.users_of(array[customers.id]) = '{}' and not exists (
    select from public.conversations as conversations where conversations.customer_id = customers.id);
  return v_count;
exception
  when lock_not_available then
    return 0;
  when transaction_rollback or insufficient_resources or operator_intervention then
    raise;
  when others or assert_failure then  -- a key of the project's, say
    raise warning 'romashka: old conversations cannot be removed (%)', sqlstate;
    return 0;
end $$;
comment on function private.remove_old_conversations is 'Delete conversations that are older than the settings keep them; returns how many.';
