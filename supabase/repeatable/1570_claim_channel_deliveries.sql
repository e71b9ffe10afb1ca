-- Purpose: how a worker gets deliveries: in order, at the account's rate, while they may still be sent.
-- Touches: claim_channel_deliveries.
-- Locks:   conversations and deliveries that expired, accounts' rate limits, conversations and deliveries that are due
--          (all skip locked); last the rows of accounts of which something was given up, in the order of their ids.
-- Undo:    drop the functions.

-- Meta's status webhooks and echoes tell within seconds whether a message is out of which the worker did not
-- hear. A mail keeps its Message-ID, so a second copy is harmless. The more copies may be out, the longer the wait:
-- all eight together outlast an outage of hours.
create or replace function private.confirmation_timeout(channel_type text, unconfirmed integer)
returns interval
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return case when channel_type = 'email' and unconfirmed = 0 then interval '0'
    else interval '20 seconds' * 3 ^ least(unconfirmed, 6) end;
end $$;
comment on function private.confirmation_timeout is 'How long to wait for a channel to tell that a message is out.';

-- What is past its time; what a worker may still be sending is left to it. The caller counts it on the accounts
-- (update_account_statistics).
create or replace function private.expire_deliveries()
returns uuid[]
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_expired uuid[];
begin
  with late as materialized (
    select deliveries.id from public.channel_deliveries as deliveries
    join public.conversations as conversations on conversations.id = deliveries.conversation_id
    where deliveries.settled_at is null and deliveries.expires_at <= v_now
      and (deliveries.status = 'pending' or deliveries.process_after <= v_now)
    order by deliveries.expires_at limit 100 for no key update of conversations, deliveries skip locked
  ), expired as (
    update public.channel_deliveries as deliveries
    set status = 'failed', settled_at = v_now, error_code = 'expired',
      error = concat_ws(': ', 'it could not be sent in time', deliveries.error)
    from late where late.id = deliveries.id
    returning deliveries.id
  )
  select array_agg(expired.id) into v_expired from expired;
  perform private.conclude_deliveries(v_expired);
  return v_expired;
end $$;
comment on function private.expire_deliveries is 'Give up what could not be sent in time; returns the ids.';

-- For prune, which comes where no worker claims, too.
create or replace function private.expire_old_deliveries()
returns uuid[]
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_given_up uuid[] := private.expire_deliveries();
begin
  perform private.update_account_statistics(coalesce(v_given_up, '{}'), '{}');
  return v_given_up;
end $$;
comment on function private.expire_old_deliveries is 'Give up some of what could not be sent in time, and count it on the accounts; returns the ids.';

-- The caller holds the account's rate limit. Leases what is due of one kind. After a lease that ran out nobody knows
-- how the attempt ended.
create or replace function private.lease_deliveries(
  account public.communication_channels, kind text, max_deliveries integer, worker_id text, lease interval
)
returns uuid[]
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_leased uuid[];
begin
  with due as materialized (
    select deliveries.id, deliveries.unconfirmed + (deliveries.status = 'sending')::integer as unconfirmed
    from public.channel_deliveries as deliveries
    join public.conversations as conversations on conversations.id = deliveries.conversation_id
    where deliveries.channel_id = account.id and deliveries.kind = lease_deliveries.kind
      and deliveries.settled_at is null and deliveries.process_after <= v_now and deliveries.expires_at > v_now
      and (deliveries.kind <> 'receipt' or deliveries.status = 'pending')
    order by deliveries.process_after limit max_deliveries
    for no key update of conversations, deliveries skip locked
  ), leased as (
    update public.channel_deliveries as deliveries
    set status = 'sending', attempt = deliveries.attempt + 1,
      unconfirmed = due.unconfirmed, leased_by = worker_id,
      process_after = v_now + lease + private.confirmation_timeout(account.type, due.unconfirmed)
    from due where due.id = deliveries.id
    returning deliveries.id
  )
  select coalesce(array_agg(leased.id), '{}') into v_leased from leased;
  return v_leased;
end $$;
comment on function private.lease_deliveries is 'Lease the due deliveries of an account; returns their ids.';

-- The caller has leased the deliveries in this transaction, and so holds them and their conversations. What must not be
-- sent: its window has closed, its customer cannot be reached, or so many attempts ended without anybody hearing how
-- that one more copy is worse than none.
create or replace function private.refuse_deliveries(delivery_ids uuid[])
returns uuid[]
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_refused uuid[];
begin
  with reasons as (
    select deliveries.id, channels.type, case
      when private.recipient_of(conversations) is null then 'no_recipient'
      when deliveries.unconfirmed >= 8 then 'unconfirmed'
      -- What has begun is finished: perhaps all of it is out, and only its worker died before it could say so.
      when deliveries.parts_sent = 0 and private.window_of(messages, channels) is null then 'window_closed' end as code
    from public.channel_deliveries as deliveries
    join public.conversations as conversations on conversations.id = deliveries.conversation_id
    join public.communication_channels as channels on channels.id = deliveries.channel_id
    join public.messages as messages on messages.id = deliveries.message_id
    where deliveries.id = any (delivery_ids) and deliveries.kind = 'message'
  ), refused as (
    update public.channel_deliveries as deliveries
    set status = 'failed', settled_at = v_now, error_code = reasons.code, error = case reasons.code
      when 'window_closed' then private.window_error(reasons.type)
      when 'no_recipient' then 'the customer has no address on this channel'
      else 'it may be out: the channel did not say, eight times' end
    from reasons where reasons.id = deliveries.id and reasons.code is not null
    returning deliveries.id
  )
  select array_agg(refused.id) into v_refused from refused;
  perform private.conclude_deliveries(v_refused);
  return v_refused;
end $$;
comment on function private.refuse_deliveries is 'Give up those of the leased deliveries that must not be sent; returns their ids.';

-- The caller holds the account's rate limit. Messages take tokens; receipts and files do not wait for them, unless the
-- account has a problem.
create or replace function private.serve_account(
  account public.communication_channels, rate_limit private.channel_rate_limits, worker_id text,
  max_deliveries integer, lease interval
)
returns uuid[]
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_tokens double precision := private.available_tokens(rate_limit, account, v_now);
  v_kind text;
  v_leased uuid[];
  v_all uuid[] := '{}';
begin
  foreach v_kind in array array['message', 'media', 'receipt'] loop
    v_leased := private.lease_deliveries(account, v_kind, least(max_deliveries - cardinality(v_all),
      case when v_kind = 'message' or rate_limit.is_refused or account.status = 'error' then floor(v_tokens) end)::integer,
      worker_id, lease);
    v_all := v_all || v_leased;
    if v_kind = 'message' or rate_limit.is_refused or account.status = 'error' then
      v_tokens := v_tokens - cardinality(v_leased);
    end if;
  end loop;
  update private.channel_rate_limits as rate_limits set tokens = v_tokens, refilled_at = v_now
  where rate_limits.channel_id = account.id;
  return v_all;
end $$;
comment on function private.serve_account is 'Lease what an account may send now; returns the ids.';

-- The account that was served longest ago comes first. One that another claim serves is left to that claim.
create or replace function private.claim_deliveries(worker_id text, max_deliveries integer, lease interval)
returns uuid[]
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_account public.communication_channels;
  v_rate_limit private.channel_rate_limits;
  v_claimed uuid[] := '{}';
begin
  insert into private.channel_rate_limits (channel_id)
  select channels.id from public.communication_channels as channels
  where channels.external_account_id is not null
    and not exists (select from private.channel_rate_limits as rate_limit where rate_limit.channel_id = channels.id)
  on conflict do nothing;
  for v_rate_limit in
    select rate_limit.* from private.channel_rate_limits as rate_limit
    where (rate_limit.paused_until <= v_now) is not false and exists (
      select from public.channel_deliveries as deliveries
      where deliveries.channel_id = rate_limit.channel_id and deliveries.kind = any (array['message', 'media', 'receipt'])
        and deliveries.settled_at is null and deliveries.process_after <= v_now
    )
    order by rate_limit.refilled_at for no key update of rate_limit skip locked
  loop
    exit when cardinality(v_claimed) >= max_deliveries;
    select * into v_account from public.communication_channels as channels where channels.id = v_rate_limit.channel_id;
    if v_account.status <> 'disabled' then
      v_claimed := v_claimed || private.serve_account(
        v_account, v_rate_limit, worker_id, max_deliveries - cardinality(v_claimed), lease);
    end if;
  end loop;
  return v_claimed;
end $$;
comment on function private.claim_deliveries is 'Lease deliveries to a worker; returns their ids.';

create or replace function public.claim_channel_deliveries(
  worker_id text, max_deliveries integer default 10, lease_seconds numeric default 30
)
returns table (
  delivery_id uuid, attempt integer, kind text, channel_id uuid, channel_type text, account text,
  configuration jsonb, conversation_id uuid, message_id uuid, recipient text, sender_type text, content text,
  message_type text, media jsonb, reply_to text, parts_sent integer, send_window text, thread jsonb,
  metadata jsonb, is_typing boolean, created_at timestamptz
)
language plpgsql
volatile
security definer  -- only these functions write deliveries
set search_path = ''
-- The table's size changes by the minute, its statistics by the hour: so there is one plan, which goes by indexes.
set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
set enable_hashjoin = off set enable_mergejoin = off
set jit = off
set lock_timeout = '1s'  -- for the account's row: the worker comes again
as $$
#variable_conflict use_column
declare
  v_given_up uuid[];
  v_claimed uuid[];
begin
  if (claim_channel_deliveries.max_deliveries between 1 and 100
      and claim_channel_deliveries.lease_seconds between 1 and 600
      and claim_channel_deliveries.worker_id <> '') is not true then
    raise exception 'unable to claim deliveries; worker_id names the worker, max_deliveries is 1 to 100, lease_seconds 1 to 600'
      using errcode = 'PT400', detail = 'bad_claim', hint = 'Leave a parameter out to have its default.';
  end if;
  v_given_up := private.expire_deliveries();
  v_claimed := private.claim_deliveries(claim_channel_deliveries.worker_id, claim_channel_deliveries.max_deliveries,
    make_interval(secs => claim_channel_deliveries.lease_seconds));
  v_given_up := v_given_up || private.refuse_deliveries(v_claimed);
  perform private.update_account_statistics(coalesce(v_given_up, '{}'), '{}');
  return query
  select deliveries.id, deliveries.attempt, deliveries.kind, channels.id, channels.type::text, channels.external_account_id,
    channels.configuration, conversations.id, messages.id, private.recipient_of(conversations), messages.sender_type::text,
    messages.content, messages.message_type::text, private.media_of(messages),
    private.answered_id(messages, deliveries.kind, channels.type), deliveries.parts_sent, private.window_of(messages, channels),
    private.thread_of(messages, conversations), coalesce(messages.metadata, '{}'), deliveries.is_typing, deliveries.created_at
  from public.channel_deliveries as deliveries
  join public.communication_channels as channels on channels.id = deliveries.channel_id
  join public.conversations as conversations on conversations.id = deliveries.conversation_id
  join public.messages as messages on messages.id = deliveries.message_id
  where deliveries.id = any (v_claimed) and deliveries.status = 'sending'
  order by deliveries.created_at;
end $$;
comment on function public.claim_channel_deliveries is 'Lease what is due on the channels to a worker. Raises bad_claim.';
