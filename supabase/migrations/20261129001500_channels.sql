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

create table if not exists private.channel_secrets (
  channel_id uuid not null references public.communication_channels (id) on delete cascade,
  -- One that private.credential_name knows; one that was moved, by the column it was in and its path there.
  name text not null,
  value text not null check (value <> ''),
  primary key (channel_id, name)
);
comment on table private.channel_secrets is 'What channels prove themselves with; no API reaches it.';
alter table private.channel_secrets enable row level security;

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

-- Where the original has them in columns that staff read, they move.
do $$
declare
  v_channel public.communication_channels;
  v_secret jsonb;
  v_count integer := 0;
begin
  for v_channel in
    select * from public.communication_channels
    where webhook_secret is not null or api_credentials is not null or private.secrets_in(configuration) <> '[]'
  loop
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
alter table public.communication_channels enable row level security;
