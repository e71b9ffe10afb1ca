-- Purpose: the accounts through which customers come, as the inbox shows them, and their secrets, which
--          nobody sees.
-- Touches: public.communication_channels, private.channel_secrets, functions.
-- Locks:   who makes an account takes an advisory lock of its type.
-- Undo:    drop the policies, the trigger and the functions.

drop policy if exists "the service role keeps them" on private.channel_secrets;
create policy "the service role keeps them" on private.channel_secrets
  for all to service_role using (true) with check (true);

create or replace trigger communication_channels_touch before update on public.communication_channels
  for each row execute function private.touch_updated_at();

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

-- The account of a verified webhook; the caller holds no conversation's lock yet. A row without an account is this
-- one's if it is the only row of its type. Who finds no row takes the advisory lock and looks again, so that one is
-- made.
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
