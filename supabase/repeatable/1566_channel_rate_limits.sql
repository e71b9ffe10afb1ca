-- Purpose: the rate limit of each account, and its statistics of what went out by it.
-- Touches: private.channel_rate_limits, public.communication_channels.
-- Locks:   rate limits before the rows of accounts, each in the order of their ids; a claim skips a locked rate limit.
-- Undo:    drop the policy and the functions.

drop policy if exists "only the functions" on private.channel_rate_limits;
create policy "only the functions" on private.channel_rate_limits for all to service_role using (false);

create or replace function private.messages_per_second(account public.communication_channels)
returns double precision
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return coalesce((account.configuration ->> 'messages_per_second')::double precision,
    case account.type when 'whatsapp' then 20 else 5 end);
end $$;
comment on function private.messages_per_second is 'How many messages a second an account may send.';

-- What an account may send now. One whose secret is refused, or that has another problem, is tried once a
-- minute until something gets through.
create or replace function private.available_tokens(
  rate_limit private.channel_rate_limits, account public.communication_channels, now timestamptz
)
returns double precision
language plpgsql
immutable
security invoker
set search_path = ''
as $$
declare
  v_rate double precision := case
    when rate_limit.is_refused or account.status = 'error' then 1 / 60.0
    else private.messages_per_second(account) end;
begin
  return least(greatest(1, v_rate),
    rate_limit.tokens + v_rate * extract(epoch from greatest(available_tokens.now - rate_limit.refilled_at, interval '0')));
end $$;
comment on function private.available_tokens is 'How many messages an account may send now.';

-- The caller holds the locks of the deliveries, and of no account's row. In the order of the accounts' ids: an account
-- that must pause, whose secret was refused, or by which something went out.
create or replace function private.adjust_rate_limits(results jsonb, changed_ids uuid[], sent_ids uuid[])
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_account record;
begin
  for v_account in
    select deliveries.channel_id as id, max(result.pause_seconds) as pause_seconds,
      bool_or(deliveries.id = any (sent_ids)) as works,
      bool_or(result.error_code = 'unauthorized' and deliveries.id = any (changed_ids)) as is_refused
    from jsonb_populate_recordset(null::private.delivery_result, results) as result
    join public.channel_deliveries as deliveries on deliveries.id = result.delivery_id
    group by deliveries.channel_id order by deliveries.channel_id
  loop
    update private.channel_rate_limits as rate_limit
    set paused_until = greatest(rate_limit.paused_until, v_now + make_interval(secs => v_account.pause_seconds)),
      is_refused = not v_account.works and (rate_limit.is_refused or v_account.is_refused),
      tokens = case when v_account.is_refused and not v_account.works then 0 else rate_limit.tokens end
    where rate_limit.channel_id = v_account.id
      and (v_account.pause_seconds > 0 or v_account.is_refused or v_account.works and rate_limit.is_refused);
  end loop;
end $$;
comment on function private.adjust_rate_limits is 'Pause accounts, slow them down, or let them go on.';

-- Called last, as every message of an account waits for its row. A message that was too late, or had no recipient, is
-- no failure of the account.
create or replace function private.update_account_statistics(changed_ids uuid[], sent_ids uuid[])
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_account record;
begin
  for v_account in
    select deliveries.channel_id as id,
      count(*) filter (where deliveries.id = any (sent_ids) and deliveries.settled_at is not null) as sent,
      count(*) filter (where failed.is_its_own) as failed,
      max(deliveries.error) filter (where failed.is_its_own or refused.is_refused) as error,
      bool_or(deliveries.id = any (sent_ids)) as works,
      bool_or(refused.is_refused) as is_refused
    from public.channel_deliveries as deliveries
    cross join lateral (select deliveries.status = 'failed' and deliveries.id <> all (sent_ids)
      and coalesce(deliveries.error_code, '') not in ('window_closed', 'no_recipient')) as failed (is_its_own)
    cross join lateral (select deliveries.error_code = 'unauthorized' and deliveries.id <> all (sent_ids)) as refused (is_refused)
    where deliveries.id = any (changed_ids) and deliveries.kind <> 'receipt'
    group by deliveries.channel_id order by deliveries.channel_id
  loop
    update public.communication_channels as channels
    set sent_count = channels.sent_count + v_account.sent, failed_count = channels.failed_count + v_account.failed,
      last_sent_at = case when v_account.works then v_now else channels.last_sent_at end,
      last_error = coalesce(v_account.error, channels.last_error),
      last_error_at = case when v_account.error is null then channels.last_error_at else v_now end,
      status = case
        when channels.status = 'disabled' then 'disabled'
        when v_account.works then 'active'
        when v_account.is_refused then 'error'
        else channels.status end
    where channels.id = v_account.id and (v_account.works or v_account.failed > 0 or v_account.is_refused);
  end loop;
end $$;
comment on function private.update_account_statistics is 'Count on the accounts what their deliveries came to.';
