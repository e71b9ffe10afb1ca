-- Purpose: a customer is who the page's server says by its signature (HMAC-SHA256), on each of their devices.
-- Touches: identify_customer, sign_out_customer, rotate_identity_secret, get_identity_secrets, revoke_identity_secret.
-- Locks:   the secrets, by whoever changes them; of a session its row.
-- Undo:    drop the policies and the functions.

drop policy if exists "only the functions" on private.identity_secrets;
create policy "only the functions" on private.identity_secrets for all to service_role using (false);
drop policy if exists "only the functions" on private.customer_sessions;
create policy "only the functions" on private.customer_sessions for all to service_role using (false);

-- RFC 2104. pgcrypto has it, and not every project has pgcrypto.
create or replace function private.hmac_sha256(message bytea, key bytea)
returns bytea
language plpgsql
immutable
security invoker
set search_path = ''
as $$
declare
  v_key bytea := case when length(key) > 64 then sha256(key) else key end;
  v_inner bytea := decode(repeat('36', 64), 'hex');
  v_outer bytea := decode(repeat('5c', 64), 'hex');
begin
  for v_place in 0..length(v_key) - 1 loop
    v_inner := set_byte(v_inner, v_place, get_byte(v_key, v_place) # 54);
    v_outer := set_byte(v_outer, v_place, get_byte(v_key, v_place) # 92);
  end loop;
  return sha256(v_outer || sha256(v_inner || message));
end $$;
comment on function private.hmac_sha256 is 'The HMAC-SHA256 of a message.';

-- What is compared are digests with a word that nobody knows: how far two agree tells nothing. Each secret is tried.
create or replace function private.secret_that_signed(message text, hmac text)
returns uuid
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_nonce bytea := uuid_send(gen_random_uuid());
  v_given bytea := sha256(decode(hmac, 'hex') || v_nonce);
begin
  return (
    select (array_agg(secrets.id order by secrets.created_at desc) filter (
      where sha256(private.hmac_sha256(convert_to(message, 'UTF8'), convert_to(secrets.secret, 'UTF8')) || v_nonce) = v_given
    ))[1]
    from private.identity_secrets as secrets
    where secrets.secret is not null and (secrets.expires_at <= clock_timestamp()) is not true
  );
end $$;
comment on function private.secret_that_signed is 'The secret with which a message was signed so, or null.';

-- The id byte for byte: what looks the same and is not the same is somebody else. A page that signs for whoever has not
-- signed in makes one customer of all of them. A line's end would let an id pass for another one with a time.
create or replace function private.check_page_id(id text)
returns void
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  if (length(id) between 1 and 255 and id !~ '[[:cntrl:]]' and id = btrim(id)
    and lower(id) not in ('null', '<null>', 'undefined', 'none', 'nil', '<nil>', 'nan', 'false', '0', '[object object]',
      'anonymoususer', '00000000-0000-0000-0000-000000000000')) is not true then
    raise exception 'unable to identify the customer; this is no id of a user'
      using errcode = 'PT400', detail = 'bad_id',
        hint = 'Give the id that the page''s server signed: 1 to 255 characters, no control characters, no spaces around it; sign nothing for visitors who have not signed in.';
  end if;
end $$;
comment on function private.check_page_id is 'Check the page''s id of a customer. Raises bad_id.';

create or replace function public.identify_customer(id text, hmac text, expires_at bigint default null)
returns uuid
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  return private.store_identity(id, hmac, expires_at);
end $$;
comment on function public.identify_customer is 'Be the customer whose id the page''s server signed; returns the customer. Raises bad_id, bad_signature, session_required, session_has_account, session_of_another, session_not_new.';

-- Whoever has a copy of a session would be the customer with it, if it were one that has been in use: so it is one that
-- was just made. bring_conversations takes along what was written before.
create or replace function private.store_identity(id text, hmac text, expires_at bigint)
returns uuid
language plpgsql
volatile
security definer  -- nobody reads secrets
set search_path = ''
as $$
declare
  v_secret_id uuid;
  v_user record;
  v_customer_id uuid;
  v_now numeric := extract(epoch from clock_timestamp());
begin
  perform private.check_page_id(id);
  if hmac ~ '^[0-9a-fA-F]{64}$' then
    v_secret_id := private.secret_that_signed(concat_ws(e'\n', id, expires_at), hmac);
  end if;
  -- Milliseconds would be a signature for thousands of years, unnoticed.
  if v_secret_id is null or expires_at <= v_now or expires_at > v_now + 366 * 86400 then
    raise exception 'unable to identify the customer; %', case when v_secret_id is null
        then 'the signature is not one of this id' when expires_at <= v_now then 'the signature has run out'
        else 'the signature would be good for more than a year' end
      using errcode = 'PT403', detail = 'bad_signature',
        hint = 'Let the page''s server sign: hex of HMAC-SHA256 of the id with the secret of `romashka identity rotate`; with a time, of the id, a line''s end and the seconds since 1970.';
  end if;
  select users.id, users.is_anonymous, users.created_at into v_user from auth.users as users
  where users.id = auth.uid() for no key update;
  if v_user.id is null then
    raise exception 'unable to identify the customer; there is no session'
      using errcode = 'PT401', detail = 'session_required', hint = 'Sign in anonymously: auth.signInAnonymously().';
  elsif not coalesce(v_user.is_anonymous, false) or private.is_staff() then
    raise exception 'unable to identify the customer; this session has an account'
      using errcode = 'PT409', detail = 'session_has_account', hint = 'It is who its account is. Sign in anonymously to be somebody whom the page signs.';
  end if;
  insert into public.customer_profiles (verified_id) values (store_identity.id) on conflict do nothing;
  select customers.id into v_customer_id from public.customer_profiles as customers
  where customers.verified_id = store_identity.id;
  perform private.check_session(v_user.id, v_customer_id, v_user.created_at);
  insert into private.customer_sessions as sessions (user_id, customer_id, secret_id, identified_at)
  values (v_user.id, v_customer_id, v_secret_id, clock_timestamp())
  on conflict on constraint customer_sessions_pkey
    do update set secret_id = excluded.secret_id, identified_at = excluded.identified_at;
  delete from private.customer_sessions as sessions
  where sessions.user_id in (
    select older.user_id from private.customer_sessions as older where older.customer_id = v_customer_id
    order by older.identified_at desc, older.user_id = v_user.id desc offset 50
  );
  return v_customer_id;
end $$;
comment on function private.store_identity is 'Make a session a customer''s. Raises bad_id, bad_signature, session_required, session_has_account, session_of_another, session_not_new.';

create or replace function private.check_session(user_id uuid, customer_id uuid, created_at timestamptz)
returns void
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_now_is uuid := (
    select sessions.customer_id from private.customer_sessions as sessions where sessions.user_id = check_session.user_id
  );
begin
  if v_now_is <> check_session.customer_id then
    raise exception 'unable to identify the customer; this session is another customer''s'
      using errcode = 'PT409', detail = 'session_of_another', hint = 'Call sign_out_customer, sign in anonymously anew, and identify that session.';
  elsif v_now_is is null and (check_session.created_at < clock_timestamp() - interval '10 minutes' or exists (
    select from public.customer_profiles as customers where customers.user_id = check_session.user_id
  )) then
    raise exception 'unable to identify the customer; this session has been in use'
      using errcode = 'PT409', detail = 'session_not_new', hint = 'Sign in anonymously anew, and identify that session; offer_conversations and bring_conversations take along what was written before.';
  end if;
end $$;
comment on function private.check_session is 'Check that a session may be a customer''s. Raises session_of_another, session_not_new.';

create or replace function public.sign_out_customer()
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  perform private.end_session();
end $$;
comment on function public.sign_out_customer is 'Be the customer no more: whoever has this session or a copy of it sees nothing of theirs.';

create or replace function private.end_session()
returns void
language plpgsql
volatile
security definer  -- nobody writes sessions
set search_path = ''
as $$
begin
  delete from private.customer_sessions as sessions where sessions.user_id = auth.uid();
  if found then  -- a visitor again, who has been in use: nobody else's
    insert into public.customer_profiles (user_id) values (auth.uid()) on conflict do nothing;
  end if;
end $$;
comment on function private.end_session is 'Make the caller''s session nobody''s.';

-- The caller's limits are the customer's, on however many devices.
create or replace function private.my_user_ids()
returns setof uuid
language sql
stable
security definer  -- policies and checks of customers call it
set search_path = ''
as $$
  select auth.uid()
  union
  select others.user_id from private.customer_sessions as sessions
  join private.customer_sessions as others on others.customer_id = sessions.customer_id
  where sessions.user_id = auth.uid();
$$;
comment on function private.my_user_ids is 'The users that are the same customer as the caller.';

create or replace function public.rotate_identity_secret(overlap_hours integer default 24)
returns text
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  return private.make_identity_secret(overlap_hours);
end $$;
comment on function public.rotate_identity_secret is 'Make the secret that signs customers'' ids, and show it, once; the old one goes on for so many hours. Raises admin_only, bad_overlap.';

create or replace function private.make_identity_secret(overlap_hours integer)
returns text
language plpgsql
volatile
security definer  -- nobody writes secrets
set search_path = ''
as $$
declare
  v_secret text := 'idsec_' || encode(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()), 'hex');
begin
  perform private.raise_unless_admin();
  if (overlap_hours between 0 and 720) is not true then
    raise exception 'unable to make a secret; overlap_hours is 0 to 720'
      using errcode = 'PT400', detail = 'bad_overlap', hint = 'Leave it out to let the old secret go on for a day.';
  end if;
  perform pg_advisory_xact_lock(hashtextextended('romashka:identity', 0));
  update private.identity_secrets as secrets
  set expires_at = least(secrets.expires_at, clock_timestamp() + make_interval(hours => overlap_hours));
  update private.identity_secrets as secrets set secret = null where secrets.expires_at <= clock_timestamp();
  insert into private.identity_secrets (secret, created_at) values (v_secret, clock_timestamp());
  return v_secret;
end $$;
comment on function private.make_identity_secret is 'Make a secret, and let the others run out. Raises admin_only, bad_overlap.';

create or replace function public.get_identity_secrets()
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return private.list_identity_secrets();
end $$;
comment on function public.get_identity_secrets is 'The secrets that sign customers'' ids, the newest first, without what they are: [{id, created_at, expires_at, is_good, sessions}]. Raises admin_only.';

create or replace function private.list_identity_secrets()
returns jsonb
language plpgsql
stable
security definer  -- nobody reads secrets
set search_path = ''
as $$
begin
  perform private.raise_unless_admin();
  return (
    select coalesce(jsonb_agg(jsonb_build_object('id', secrets.id, 'created_at', secrets.created_at,
      'expires_at', secrets.expires_at,
      'is_good', secrets.secret is not null and (secrets.expires_at <= clock_timestamp()) is not true,
      'sessions', (select count(*) from private.customer_sessions as sessions where sessions.secret_id = secrets.id)
    ) order by secrets.created_at desc, secrets.id), '[]')
    from private.identity_secrets as secrets
  );
end $$;
comment on function private.list_identity_secrets is 'What is known of the secrets but what they are. Raises admin_only.';

create or replace function public.revoke_identity_secret(secret_id uuid)
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  return private.remove_identity_secret(secret_id);
end $$;
comment on function public.revoke_identity_secret is 'Take a secret away, at once, and end the sessions that were signed with it; returns how many. Raises admin_only, secret_not_found.';

create or replace function private.remove_identity_secret(secret_id uuid)
returns integer
language plpgsql
volatile
security definer  -- nobody writes secrets
set search_path = ''
as $$
declare
  v_count integer;
begin
  perform private.raise_unless_admin();
  delete from private.customer_sessions as sessions where sessions.secret_id = remove_identity_secret.secret_id;
  get diagnostics v_count = row_count;
  delete from private.identity_secrets as secrets where secrets.id = remove_identity_secret.secret_id;
  if not found then
    raise exception 'unable to take the secret away; there is no secret %', secret_id
      using errcode = 'PT404', detail = 'secret_not_found', hint = 'get_identity_secrets has their ids.';
  end if;
  return v_count;
end $$;
comment on function private.remove_identity_secret is 'Remove a secret and its sessions. Raises admin_only, secret_not_found.';
