-- Purpose: the accounts through which customers come, as the inbox shows them, and their secrets, which
--          nobody sees.
-- Touches: public.communication_channels, private.channel_secrets, functions.
-- Locks:   communication_channels and conversations, while columns and keys are added.
-- Undo:    drop table public.communication_channels, private.channel_secrets cascade; drop the functions.

create table if not exists public.communication_channels (
  id uuid primary key default gen_random_uuid(),
  name varchar(100) not null,
  type varchar(50) not null,
  status varchar(20) default 'active',
  configuration jsonb not null default '{}',
  webhook_url text,
  webhook_secret varchar(255),
  api_credentials jsonb,
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);
alter table public.communication_channels
  add column if not exists api_credentials jsonb,
  -- What the channel calls the account: the phone number's id, the Instagram account's id, the address.
  add column if not exists external_account_id text,
  add column if not exists connected_at timestamptz,
  add column if not exists last_received_at timestamptz,
  add column if not exists last_sent_at timestamptz,
  add column if not exists received_count bigint not null default 0,
  add column if not exists sent_count bigint not null default 0,
  add column if not exists failed_count bigint not null default 0,
  add column if not exists last_error text,
  add column if not exists last_error_at timestamptz;

-- An original's row may name its account in the configuration. Of two that name the same the older has it.
with named as (
  select id, type, created_at, nullif(btrim(case type
    when 'whatsapp' then coalesce(configuration ->> 'phone_number_id', configuration ->> 'phoneNumberId')
    when 'instagram' then coalesce(configuration ->> 'instagram_account_id', configuration ->> 'instagramAccountId')
    when 'messenger' then coalesce(configuration ->> 'page_id', configuration ->> 'pageId')
    when 'email' then lower(coalesce(configuration ->> 'email', configuration ->> 'address'))
  end), '') as account
  from public.communication_channels where external_account_id is null
), ranked as (
  select id, account, row_number() over (partition by type, account order by created_at, id) as place from named
)
update public.communication_channels as channels set external_account_id = ranked.account
from ranked where ranked.id = channels.id and ranked.account is not null and ranked.place = 1;
create unique index if not exists communication_channels_account_key
  on public.communication_channels (type, external_account_id) where external_account_id is not null;

do $$
declare
  v_count bigint;
begin
  update public.communication_channels
  set status = case when status in ('inactive', 'paused', 'disconnected') then 'disabled' else 'active' end
  where status is null or status not in ('active', 'disabled', 'error');
  get diagnostics v_count = row_count;
  if v_count > 0 then
    raise notice 'romashka: % channels had a status that there is not; they are active or disabled now', v_count;
  end if;
end $$;
alter table public.communication_channels
  alter column status set not null,
  drop constraint if exists communication_channels_status_is_known,
  add constraint communication_channels_status_is_known check (status in ('active', 'disabled', 'error'));

alter table public.conversations
  drop constraint if exists conversations_channel_id_fkey,
  add constraint conversations_channel_id_fkey
    foreign key (channel_id) references public.communication_channels (id) on delete set null;
create index if not exists conversations_channel_id_idx on public.conversations (channel_id);

create table private.channel_secrets (
  channel_id uuid not null references public.communication_channels (id) on delete cascade,
  -- One that private.credential_name knows; one that was moved, by the column it was in and its path there.
  name text not null,
  value text not null check (value <> ''),
  primary key (channel_id, name)
);
comment on table private.channel_secrets is 'What channels prove themselves with; no API reaches it.';
alter table private.channel_secrets enable row level security;
revoke all on private.channel_secrets from anon, authenticated;
grant select, insert, update, delete on private.channel_secrets to service_role;
create policy "the service role keeps them" on private.channel_secrets
  for all to service_role using (true) with check (true);

-- Staff read `configuration`. A secret in it is a text or an object whose name ends like one (what is inside
-- of that object is part of it), or an address with a password in it.
create or replace function private.secrets_in(configuration jsonb)
returns jsonb
language sql
immutable
security invoker
set search_path = ''
as $$
  with recursive parts (path, value, is_secret) as (
    select '{}'::text[], configuration, false
    union all
    select parts.path || child.key, child.value,
      child.key ~* '(token|secret|password|passwd|api_?key|private_?key|access_?key|credentials?)$'
        and jsonb_typeof(child.value) in ('string', 'object', 'array')
        and child.value not in ('""', '{}', '[]')
        or jsonb_typeof(child.value) = 'string' and child.value #>> '{}' ~ '://[^/@[:space:]]*:[^/@[:space:]]+@'
    from parts cross join lateral (
      select key, value from jsonb_each(case jsonb_typeof(parts.value) when 'object' then parts.value else '{}' end)
      union all
      select (place - 1)::text, value
      from jsonb_array_elements(case jsonb_typeof(parts.value) when 'array' then parts.value else '[]' end)
        with ordinality as elements (value, place)
    ) as child
    where not parts.is_secret
  )
  select coalesce(jsonb_agg(jsonb_build_object('path', parts.path, 'value', parts.value #>> '{}') order by parts.path), '[]')
  from parts where parts.is_secret;
$$;
comment on function private.secrets_in is 'The secrets in a channel''s configuration: [{path, value}].';
revoke execute on function private.secrets_in from public, anon;
grant execute on function private.secrets_in to authenticated, service_role;

create or replace function private.leaves_of(tree jsonb)
returns table (path text, value text)
language sql
immutable
security invoker
set search_path = ''
as $$
  with recursive parts (path, value) as (
    select '', tree
    union all
    select parts.path || '.' || child.key, child.value
    from parts cross join lateral (
      select key, value from jsonb_each(case jsonb_typeof(parts.value) when 'object' then parts.value else '{}' end)
      union all
      select (place - 1)::text, value
      from jsonb_array_elements(case jsonb_typeof(parts.value) when 'array' then parts.value else '[]' end)
        with ordinality as elements (value, place)
    ) as child
  )
  select parts.path, parts.value #>> '{}' from parts
  where jsonb_typeof(parts.value) not in ('object', 'array', 'null');
$$;
comment on function private.leaves_of is 'The texts and numbers in a JSON value: `.access_token`, or nothing for the value itself.';
revoke execute on function private.leaves_of from public, anon, authenticated;

-- Where the original has them in columns that staff read, they move.
do $$
declare
  v_channel public.communication_channels;
  v_secret jsonb;
  v_count integer := 0;
begin
  for v_channel in select * from public.communication_channels loop
    insert into private.channel_secrets (channel_id, name, value)
    select v_channel.id, found.name, found.value from (
      select 'webhook_secret' as name, v_channel.webhook_secret as value
      union all
      select 'api_credentials' || leaves.path, leaves.value from private.leaves_of(v_channel.api_credentials) as leaves
      union all
      select concat_ws('.', 'configuration', array_to_string(secrets.path, '.')) || leaves.path, leaves.value
      from (
        select array(select jsonb_array_elements_text(secret -> 'path')) as path
        from jsonb_array_elements(private.secrets_in(v_channel.configuration)) as secret
      ) as secrets, private.leaves_of(v_channel.configuration #> secrets.path) as leaves
    ) as found where found.value <> '';
    v_count := v_count + found::integer;
    for v_secret in select * from jsonb_array_elements(private.secrets_in(v_channel.configuration)) loop
      v_channel.configuration := v_channel.configuration
        #- array(select jsonb_array_elements_text(v_secret -> 'path'));
    end loop;
    update public.communication_channels
    set webhook_secret = null, api_credentials = null, configuration = v_channel.configuration
    where id = v_channel.id;
  end loop;
  if v_count > 0 then
    raise notice 'romashka: the secrets of % channels are in private.channel_secrets now', v_count;
  end if;
end $$;
alter table public.communication_channels drop constraint if exists communication_channels_no_secret;
alter table public.communication_channels add constraint communication_channels_no_secret
  check (webhook_secret is null and api_credentials is null and private.secrets_in(configuration) = '[]');

drop trigger if exists communication_channels_touch on public.communication_channels;
create trigger communication_channels_touch before update on public.communication_channels
  for each row execute function private.touch_updated_at();

alter table public.communication_channels enable row level security;
revoke all on public.communication_channels from anon, authenticated;
grant select on public.communication_channels to authenticated;
drop policy if exists "staff read the channels" on public.communication_channels;
create policy "staff read the channels" on public.communication_channels
  for select to authenticated using ((select private.is_staff()));

-- What the functions and the worker ask for by name. A moved secret is one of these by the end of its path:
-- `configuration.accessToken` is an access token.
create or replace function private.credential_name(channel_type text, name text)
returns text
language plpgsql
immutable
security invoker
set search_path = ''
as $$
declare
  v_name text := lower(regexp_replace(
    regexp_replace(credential_name.name, '^.*\.', ''), '([a-z])([A-Z])', '\1_\2', 'g'));
begin
  return case
    when v_name in ('app_secret', 'verify_token', 'webhook_token', 'access_token', 'smtp_url') then v_name
    when v_name like '%verify_token' then 'verify_token'
    when v_name in ('token', 'api_token') or v_name like '%access_token' then 'access_token'
    when v_name in ('webhook_secret', 'secret', 'client_secret') and channel_type = 'email' then 'webhook_token'
    when v_name in ('webhook_secret', 'secret', 'client_secret') or v_name like '%app_secret' then 'app_secret'
  end;
end $$;
comment on function private.credential_name is 'Which credential a secret of this name is, or null.';
revoke execute on function private.credential_name from public, anon, authenticated;

create or replace function public.get_channel_credentials(channel_type text)
returns table (channel_id uuid, account text, name text, value text)
language plpgsql
stable
security definer  -- no API reaches private.channel_secrets
set search_path = ''
as $$
#variable_conflict use_column
begin
  return query
  select distinct on (channels.id, known.name) channels.id, channels.external_account_id, known.name, secrets.value
  from public.communication_channels as channels
  join private.channel_secrets as secrets on secrets.channel_id = channels.id
  cross join lateral private.credential_name(channels.type, secrets.name) as known (name)
  where channels.type = get_channel_credentials.channel_type and known.name is not null
  order by channels.id, known.name, secrets.name = known.name desc,
    -- One that says what it is (`api_credentials.appSecret`) before one that may be it (`webhook_secret`).
    secrets.name ~* (replace(known.name, '_', '_?') || '$') desc, length(secrets.name), secrets.name;
end $$;
comment on function public.get_channel_credentials is 'The credentials of the accounts of a type, as set or as moved from where the original had them.';
revoke execute on function public.get_channel_credentials from public, anon, authenticated;
grant execute on function public.get_channel_credentials to service_role;

create or replace function public.set_channel_secret(channel_id uuid, name text, value text)
returns void
language plpgsql
volatile
security definer  -- no API reaches private.channel_secrets
set search_path = ''
as $$
#variable_conflict use_column
begin
  if (set_channel_secret.name in ('app_secret', 'verify_token', 'webhook_token', 'access_token', 'smtp_url')) is not true then
    raise exception 'unable to set the secret; there is none of this name'
      using errcode = 'PT400', detail = 'bad_secret',
        hint = 'Secrets: app_secret, verify_token, webhook_token, access_token, smtp_url.';
  elsif not exists (
    select from public.communication_channels as channels where channels.id = set_channel_secret.channel_id
  ) then
    raise exception 'unable to set the secret; there is no channel %', set_channel_secret.channel_id
      using errcode = 'PT404', detail = 'channel_not_found', hint = 'Give the id of a row of communication_channels.';
  end if;
  delete from private.channel_secrets as secrets
  where secrets.channel_id = set_channel_secret.channel_id and secrets.name = set_channel_secret.name;
  if set_channel_secret.value <> '' then
    insert into private.channel_secrets (channel_id, name, value)
    values (set_channel_secret.channel_id, set_channel_secret.name, set_channel_secret.value);
  end if;
end $$;
comment on function public.set_channel_secret is 'Give an account a secret, or with none take it away. Raises bad_secret, channel_not_found.';
revoke execute on function public.set_channel_secret from public, anon, authenticated;
grant execute on function public.set_channel_secret to service_role;

-- The account of a verified webhook. A row that was there before without an account is this one, when nothing
-- else can be meant. Who finds no row waits for whoever makes it.
create or replace function private.find_or_create_account(channel_type text, account text)
returns public.communication_channels
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_channel public.communication_channels;
begin
  select * into v_channel from public.communication_channels as channels
  where channels.type = channel_type and channels.external_account_id = account;
  if found then
    return v_channel;
  end if;
  perform pg_advisory_xact_lock(hashtextextended('romashka:accounts:' || channel_type, 0));
  select * into v_channel from public.communication_channels as channels
  where channels.type = channel_type and channels.external_account_id = account;
  if found then
    return v_channel;
  end if;
  update public.communication_channels as channels set external_account_id = account, connected_at = clock_timestamp()
  where channels.type = channel_type and not exists (
    select from public.communication_channels as others
    where others.type = channel_type and (others.id <> channels.id or others.external_account_id is not null)
  )
  returning * into v_channel;
  if not found then
    insert into public.communication_channels (name, type, external_account_id, connected_at)
    values (left(case channel_type when 'whatsapp' then 'WhatsApp' else initcap(channel_type) end || ' ' || account, 100),
      channel_type, account, clock_timestamp())
    returning * into v_channel;
  end if;
  return v_channel;
end $$;
comment on function private.find_or_create_account is 'The row of an account that a verified webhook names.';
revoke execute on function private.find_or_create_account from public, anon, authenticated;
