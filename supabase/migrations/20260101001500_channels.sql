-- Purpose: the doors through which customers come, as the inbox shows them, and their secrets, which nobody
--          sees.
-- Touches: public.communication_channels, private.channel_secrets, private.secrets_in.
-- Locks:   communication_channels and conversations, while columns and keys are added.
-- Undo:    drop table public.communication_channels, private.channel_secrets cascade; drop the function.

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
alter table public.communication_channels add column if not exists api_credentials jsonb;

alter table public.conversations
  drop constraint if exists conversations_channel_id_fkey,
  add constraint conversations_channel_id_fkey
    foreign key (channel_id) references public.communication_channels (id) on delete set null;
create index if not exists conversations_channel_id_idx on public.conversations (channel_id);

create table private.channel_secrets (
  channel_id uuid not null references public.communication_channels (id) on delete cascade,
  name text not null,  -- the column that it was in: webhook_secret, api_credentials, configuration.access_token
  value text not null check (value <> ''),
  primary key (channel_id, name)
);
comment on table private.channel_secrets is 'What channels prove themselves with; no API reaches it.';
alter table private.channel_secrets enable row level security;
revoke all on private.channel_secrets from anon, authenticated;
grant select, insert, update, delete on private.channel_secrets to service_role;
create policy "the service role keeps them" on private.channel_secrets
  for all to service_role using (true) with check (true);

-- Staff read `configuration`. A secret in it is a text or an object whose name ends like one; what is inside
-- of that object is part of it.
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
      select 'api_credentials', nullif(v_channel.api_credentials, '{}') #>> '{}'
      union all
      select 'configuration.' || array_to_string(array(select jsonb_array_elements_text(secrets -> 'path')), '.'),
        secrets ->> 'value'
      from jsonb_array_elements(private.secrets_in(v_channel.configuration)) as secrets
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
