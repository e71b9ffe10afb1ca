-- Purpose: a visitor who signs in takes along what they have open: the session that wrote it says so, by a word that
--          works once, and the session that is signed in shows the word. Neither can do it alone.
-- Touches: offer_conversations, bring_conversations.
-- Locks:   the offer, then the conversations in the order of their ids.
-- Undo:    drop the policy and the functions.

drop policy if exists "only the functions" on private.conversation_offers;
create policy "only the functions" on private.conversation_offers for all to service_role using (false);

create or replace function public.offer_conversations()
returns text
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  return private.store_offer();
end $$;
comment on function public.offer_conversations is 'A word, good for ten minutes and once, with which a signed-in session takes this visitor''s open conversations; null where there are none. Raises session_has_account.';

-- Only a visitor has something to give: a customer who is known keeps what is theirs.
create or replace function private.store_offer()
returns text
language plpgsql
volatile
security definer  -- nobody writes offers
set search_path = ''
as $$
declare
  v_token text := encode(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()), 'hex');
  v_customer_id uuid := (
    select customers.id from public.customer_profiles as customers where customers.user_id = auth.uid()
  );
begin
  if private.is_known() then
    raise exception 'unable to offer the conversations; this session is signed in'
      using errcode = 'PT409', detail = 'session_has_account', hint = 'Conversations are brought from a visitor to who they turn out to be, and no further.';
  elsif not exists (select from private.conversations_to_bring(v_customer_id)) then
    return null;
  end if;
  insert into private.conversation_offers as offers (customer_id, digest, expires_at)
  values (v_customer_id, sha256(convert_to(v_token, 'UTF8')), clock_timestamp() + interval '10 minutes')
  on conflict on constraint conversation_offers_pkey
    do update set digest = excluded.digest, expires_at = excluded.expires_at;
  return v_token;
end $$;
comment on function private.store_offer is 'Let whoever shows a word have the caller''s open conversations. Raises session_has_account.';

-- Not only a session: an account, or an id that the page signed.
create or replace function private.is_known()
returns boolean
language plpgsql
stable
security definer  -- nobody reads sessions
set search_path = ''
as $$
begin
  return exists (select from private.customer_sessions as sessions where sessions.user_id = auth.uid())
    or exists (select from auth.users as users where users.id = auth.uid() and not coalesce(users.is_anonymous, false));
end $$;
comment on function private.is_known is 'Is the caller somebody, and not just a visitor?';

-- What is open on the website: what has ended may be of whoever sat there before.
create or replace function private.conversations_to_bring(customer_id uuid)
returns setof uuid
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return query select conversations.id from public.conversations as conversations
  where conversations.customer_id = conversations_to_bring.customer_id and conversations.channel_id is null
    and conversations.status not in ('resolved', 'closed');
end $$;
comment on function private.conversations_to_bring is 'The conversations that a visitor may take along.';

create or replace function public.bring_conversations(token text)
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  return private.take_offer(token);
end $$;
comment on function public.bring_conversations is 'Take the open conversations of the visitor who was offered so; returns how many. Raises session_not_signed_in, offer_not_found, too_many_conversations.';

create or replace function private.take_offer(token text)
returns integer
language plpgsql
volatile
security definer  -- nobody changes whose a conversation is
set search_path = ''
as $$
declare
  v_from uuid;
  v_to uuid;
  v_count integer;
begin
  if not private.is_known() or private.is_staff() then
    raise exception 'unable to bring the conversations; this session is nobody''s that is known'
      using errcode = 'PT403', detail = 'session_not_signed_in', hint = 'Sign in to an account, or identify_customer, and then bring what was offered.';
  end if;
  delete from private.conversation_offers as offers
  where offers.digest = sha256(convert_to(token, 'UTF8')) and offers.expires_at > clock_timestamp()
  returning offers.customer_id into v_from;
  if v_from is null then
    raise exception 'unable to bring the conversations; there is no such offer'
      using errcode = 'PT404', detail = 'offer_not_found', hint = 'It is good for ten minutes, and once: let the visitor''s session call offer_conversations again.';
  end if;
  v_to := private.find_or_create_own_customer();
  perform private.check_customer_conversations();
  perform from public.conversations as conversations
  where conversations.id in (select private.conversations_to_bring(v_from)) order by conversations.id for no key update;
  update public.conversations as conversations set customer_id = v_to
  where conversations.id in (select private.conversations_to_bring(v_from));
  get diagnostics v_count = row_count;
  update private.left_addresses as addresses set customer_id = v_to
  where addresses.customer_id = v_from and addresses.conversation_id in (
    select conversations.id from public.conversations as conversations where conversations.customer_id = v_to);
  update private.rating_changes as changes set customer_id = v_to where changes.customer_id = v_from;
  return v_count;
end $$;
comment on function private.take_offer is 'Make a visitor''s open conversations the caller''s. Raises session_not_signed_in, offer_not_found, too_many_conversations.';
