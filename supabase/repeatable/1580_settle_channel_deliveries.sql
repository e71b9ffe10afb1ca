-- Purpose: how a delivery ends, or goes on: what its worker says, and what the channel says of it.
-- Touches: settle_channel_deliveries.
-- Locks:   external ids (advisory, in order), then conversations in the order of their ids, skipping what is locked;
--          their deliveries and messages; last the accounts' rate limits, then the accounts' rows, each in the order of
--          their ids.

create or replace function private.check_delivery_results(results jsonb)
returns void
language plpgsql
immutable
security invoker
set search_path = ''
as $$
declare
  v_wrong jsonb;
begin
  if jsonb_typeof(results) is distinct from 'array' then
    raise exception 'unable to settle deliveries; results is not an array of objects'
      using errcode = 'PT400', detail = 'bad_results', hint = 'Send [{"delivery_id", "attempt", "outcome", ...}].';
  end if;
  select item into v_wrong from jsonb_array_elements(results) as item
  where (
    jsonb_typeof(item) = 'object'
    and item ->> 'delivery_id' ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
    and item ->> 'attempt' ~ '^[0-9]{1,9}$'
    and item ->> 'outcome' in ('sent', 'part_sent', 'retry', 'unknown', 'failed', 'released')
    and coalesce(item ->> 'parts_sent', '0') ~ '^[0-9]{1,4}$'
    and coalesce(item ->> 'retry_after_seconds', '0') ~ '^[0-9]{1,6}(\.[0-9]+)?$'
    and coalesce(item ->> 'pause_seconds', '0') ~ '^[0-9]{1,6}(\.[0-9]+)?$'
    and coalesce(jsonb_typeof(item -> 'external_ids'), 'null') in ('array', 'null')
    and not jsonb_path_exists(item, '$.external_ids[*] ? (@.type() != "string" || @ == "")')
    and coalesce(jsonb_typeof(item -> 'recipient_ids'), 'null') in ('array', 'null')
    and not jsonb_path_exists(item, '$.recipient_ids[*] ? (@.type() != "string" || @ == "")')
    and coalesce(jsonb_typeof(item -> 'media'), 'null') in ('array', 'null')
    and not jsonb_path_exists(item, '$.media[*] ? (@.type() != "object")')
  ) is not true limit 1;
  if found then
    raise exception 'unable to settle deliveries; the result of delivery % is not one', coalesce(v_wrong ->> 'delivery_id', '(none)')
      using errcode = 'PT400', detail = 'bad_results', hint = 'A result has delivery_id (uuid), attempt and outcome '
        '(sent, part_sent, retry, unknown, failed or released); external_ids and recipient_ids are lists of texts, media of objects; '
        'parts_sent, retry_after_seconds and pause_seconds are numbers.';
  end if;
end $$;
comment on function private.check_delivery_results is 'Check what settle_channel_deliveries is given. Raises bad_results.';

-- The caller holds the conversations' locks. Of a conversation's open messages the oldest is due, if none is.
create or replace function private.open_next_deliveries(conversation_ids uuid[])
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_now timestamptz := clock_timestamp();
begin
  update public.channel_deliveries as deliveries set process_after = v_now
  from (select distinct id from unnest(conversation_ids) as id) as concerned
  cross join lateral (
    select waiting.id, waiting.process_after from public.channel_deliveries as waiting
    where waiting.conversation_id = concerned.id and waiting.kind = 'message' and waiting.settled_at is null
    order by waiting.position limit 1
  ) as oldest
  where deliveries.id = oldest.id and oldest.process_after is null;
end $$;
comment on function private.open_next_deliveries is 'Make the next message of each conversation due.';

-- The caller holds the conversations' locks, and the advisory locks of the external ids. Statuses that came before a
-- message was known to be out are applied when its ids are linked.
create or replace function private.conclude_sent(delivery_ids uuid[])
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  update public.messages as messages
  set delivery_status = case messages.delivery_status when 'pending' then 'sent' else messages.delivery_status end,
    external_message_id = coalesce(messages.external_message_id, left(deliveries.external_ids[1], 255))
  from public.channel_deliveries as deliveries
  where deliveries.id = any (delivery_ids) and deliveries.kind = 'message' and messages.id = deliveries.message_id;
  perform private.link_channel_message(deliveries.channel_id, ids.id, deliveries.message_id)
  from public.channel_deliveries as deliveries cross join lateral unnest(deliveries.external_ids) as ids (id)
  where deliveries.id = any (delivery_ids) and deliveries.kind = 'message';
  -- The channel's status may have come before the worker's result.
  update public.channel_deliveries as deliveries set status = messages.delivery_status
  from public.messages as messages
  where deliveries.id = any (delivery_ids) and deliveries.kind = 'message' and messages.id = deliveries.message_id
    and deliveries.status = 'sent' and messages.delivery_status in ('delivered', 'read', 'failed');
end $$;
comment on function private.conclude_sent is 'Say on the messages that they are out.';

-- The caller holds the conversations' locks.
create or replace function private.conclude_failed(delivery_ids uuid[])
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  update public.messages as messages
  set delivery_status = 'failed', metadata = coalesce(messages.metadata, '{}') || jsonb_build_object('delivery_error',
    jsonb_build_object('code', deliveries.error_code, 'message', deliveries.error))
  from public.channel_deliveries as deliveries
  where deliveries.id = any (delivery_ids) and deliveries.kind = 'message' and messages.id = deliveries.message_id;
  perform private.announce_failure(deliveries) from public.channel_deliveries as deliveries
  where deliveries.id = any (delivery_ids) and deliveries.kind <> 'receipt';
end $$;
comment on function private.conclude_failed is 'Show deliveries that were given up.';

-- The caller holds the locks of the deliveries and their conversations and, of what was sent, the advisory locks of the
-- external ids. The accounts are left to the caller.
create or replace function private.conclude_set(delivery_ids uuid[])
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_sent uuid[];
  v_failed uuid[];
  v_conversations uuid[];
begin
  select array_agg(deliveries.id) filter (where deliveries.status = 'sent'),
    array_agg(deliveries.id) filter (where deliveries.status = 'failed'),
    array_agg(deliveries.conversation_id) filter (where deliveries.kind = 'message')
  into v_sent, v_failed, v_conversations
  from public.channel_deliveries as deliveries where deliveries.id = any (delivery_ids);
  perform private.conclude_sent(v_sent);
  perform private.conclude_failed(v_failed);
  perform private.open_next_deliveries(v_conversations);
end $$;
comment on function private.conclude_set is 'Do what follows from the end of deliveries, for all of them or none.';

-- The caller holds the locks that conclude_set needs. Where a message cannot be changed (a trigger of the project's
-- refuses it) its delivery ends all the same, and says why the message does not show it; the others are not held up.
create or replace function private.conclude_deliveries(delivery_ids uuid[])
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_id uuid;
begin
  begin
    perform private.conclude_set(delivery_ids);
    return;
  exception
    when transaction_rollback or insufficient_resources or operator_intervention or lock_not_available then
      raise;
    when others or assert_failure then
      null;
  end;
  foreach v_id in array delivery_ids loop
    begin
      perform private.conclude_set(array[v_id]);
    exception
      when transaction_rollback or insufficient_resources or operator_intervention or lock_not_available then
        raise;
      when others or assert_failure then
        update public.channel_deliveries as deliveries set error = left(concat_ws('; ', deliveries.error,
          format('its message could not be changed (%s): %s', sqlstate, sqlerrm)), 500)
        where deliveries.id = v_id;
        perform private.open_next_deliveries(array(
          select deliveries.conversation_id from public.channel_deliveries as deliveries
          where deliveries.id = v_id and deliveries.kind = 'message'
        ));
    end;
  end loop;
end $$;
comment on function private.conclude_deliveries is 'Do what follows from the end of deliveries, for each alone where one fails.';

-- What can be settled now: whose conversation and external ids nobody else has locked. Nothing is waited for, so one
-- that is locked delays none of the others.
create or replace function private.lock_deliveries(results jsonb)
returns uuid[]
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_keys integer[];
  v_conversations uuid[];
begin
  v_keys := array(
    select keys.key from (
      select distinct private.advisory_lock_key(deliveries.channel_id || ' ' || ids.id) as key
      from jsonb_populate_recordset(null::private.delivery_result, results) as result
      join public.channel_deliveries as deliveries on deliveries.id = result.delivery_id
      cross join lateral unnest(deliveries.external_ids || result.external_ids || result.recipient_ids) as ids (id)
      order by 1
    ) as keys where pg_try_advisory_xact_lock(hashtext('romashka:channels'), keys.key)
  );
  v_conversations := array(
    select conversations.id from public.conversations as conversations
    where conversations.id = any (array(
      select deliveries.conversation_id
      from jsonb_populate_recordset(null::private.delivery_result, results) as result
      join public.channel_deliveries as deliveries on deliveries.id = result.delivery_id
    ))
    order by conversations.id for no key update skip locked
  );
  return array(
    select deliveries.id
    from jsonb_populate_recordset(null::private.delivery_result, results) as result
    join public.channel_deliveries as deliveries on deliveries.id = result.delivery_id
    where deliveries.conversation_id = any (v_conversations) and not exists (
      select from unnest(deliveries.external_ids || result.external_ids || result.recipient_ids) as id
      where private.advisory_lock_key(deliveries.channel_id || ' ' || id) <> all (v_keys)
    )
  );
end $$;
comment on function private.lock_deliveries is 'Lock what results are about; returns the deliveries of which nothing is locked by others.';

-- The caller holds the locks of the deliveries. What a result makes of its delivery. Only the attempt that holds it
-- counts, but for `sent`, which is true whoever says it. A next try that would come too late is a failure.
create or replace function private.judge_results(results jsonb, now timestamptz)
returns table (
  delivery_id uuid, outcome text, external_ids text[], parts_sent integer, failures integer,
  error_code text, error text, process_after timestamptz
)
language plpgsql
volatile
security invoker
set search_path = ''
as $$
#variable_conflict use_column
begin
  return query
  select deliveries.id,
    case
      when result.outcome in ('retry', 'unknown') and (deliveries.kind = 'receipt' or next.try_at >= deliveries.expires_at)
        then 'failed'
      else result.outcome end,
    array(
      select id from unnest(deliveries.external_ids || result.external_ids) with ordinality as ids (id, place)
      group by id order by min(place)
    ),
    greatest(deliveries.parts_sent, result.parts_sent), tried.failures,
    left(result.error_code, 100), left(result.error, 500), next.try_at
  from (
    select distinct on (told.delivery_id) told.*  -- the last of several for one delivery
    from jsonb_array_elements(results) with ordinality as items (item, place)
    cross join lateral jsonb_populate_record(null::private.delivery_result, items.item) as told
    order by told.delivery_id, items.place desc
  ) as result
  join public.channel_deliveries as deliveries on deliveries.id = result.delivery_id
  cross join lateral (
    select case when result.outcome in ('retry', 'unknown') then deliveries.failures + 1 else 0 end as failures
  ) as tried
  cross join lateral (
    select case
      when result.outcome in ('retry', 'unknown') then judge_results.now + make_interval(secs => greatest(
        least(900, 2 ^ least(tried.failures, 10)) * (0.5 + random()), result.retry_after_seconds,
        case when result.outcome = 'unknown' then extract(epoch from private.confirmation_timeout(channels.type, deliveries.unconfirmed)) end))
      else judge_results.now end as try_at
    from public.communication_channels as channels where channels.id = deliveries.channel_id
  ) as next
  where deliveries.settled_at is null
    and (result.attempt = deliveries.attempt and deliveries.status = 'sending'
      or result.outcome = 'sent' and result.attempt <= deliveries.attempt);
end $$;
comment on function private.judge_results is 'What becomes of deliveries by what their workers say.';

-- The caller holds the conversation's lock. The customer's files are in Storage now; a message that a trigger of the
-- project's keeps from saying so costs no other delivery anything.
create or replace function private.keep_media(results jsonb, delivery_id uuid)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  update public.messages as messages
  set metadata = coalesce(messages.metadata, '{}') || jsonb_build_object('media', result.media)
      || case when first.item is null then '{}' else jsonb_build_object('attachment', jsonb_strip_nulls(
        jsonb_build_object('name', coalesce(first.item ->> 'name', split_part(first.item ->> 'path', '/', 2)),
          'content_type', first.item -> 'mime_type', 'size', first.item -> 'size'))) end,
    media_url = coalesce(first.item ->> 'path', messages.media_url)
  from jsonb_populate_recordset(null::private.delivery_result, results) as result
  join public.channel_deliveries as deliveries on deliveries.id = result.delivery_id
  cross join lateral (  -- the file that frontends show
    select (
      select item from jsonb_array_elements(result.media) with ordinality as items (item, place)
      where item ->> 'path' is not null order by place limit 1
    ) as item
  ) as first
  where deliveries.id = keep_media.delivery_id and deliveries.kind = 'media' and deliveries.status = 'sent'
    and messages.id = deliveries.message_id and jsonb_array_length(result.media) > 0
    and not coalesce(messages.metadata, '{}') ? 'deleted_at';  -- taken back meanwhile
exception
  when transaction_rollback or insufficient_resources or operator_intervention then
    raise;
  when others or assert_failure then
    raise warning 'romashka: the message of delivery % does not take its files (%)', delivery_id, sqlstate;
end $$;
comment on function private.keep_media is 'Say on a message where its files are.';

-- The caller holds the advisory locks of the ids. A customer whose number is written otherwise at the channel is the same
-- one when they write. Where the id is somebody's already, the channel's status says that the two are one: then they are
-- united (private.merge_customers_of_event).
create or replace function private.learn_recipients(results jsonb, delivery_ids uuid[])
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  insert into private.channel_customers (channel_id, external_id, customer_id)
  select distinct deliveries.channel_id, ids.id, conversations.customer_id
  from jsonb_populate_recordset(null::private.delivery_result, results) as result
  join public.channel_deliveries as deliveries on deliveries.id = result.delivery_id
  join public.conversations as conversations on conversations.id = deliveries.conversation_id
  cross join lateral unnest(result.recipient_ids) as ids (id)
  where deliveries.id = any (delivery_ids) and conversations.customer_id is not null and length(ids.id) <= 1000
  on conflict do nothing;
end $$;
comment on function private.learn_recipients is 'Know customers by what the channel calls them.';

create or replace function private.settle_deliveries(results jsonb)
returns uuid[]
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_now timestamptz;
  v_free uuid[] := private.lock_deliveries(results);
  v_not_now uuid[];
  v_changed uuid[];
  v_settled uuid[];
  v_sent uuid[];
begin
  v_now := clock_timestamp();
  v_not_now := array(
    select deliveries.id from jsonb_populate_recordset(null::private.delivery_result, results) as result
    join public.channel_deliveries as deliveries on deliveries.id = result.delivery_id
    where deliveries.settled_at is null and deliveries.id <> all (v_free)
  );
  results := coalesce((
    select jsonb_agg(item order by place) from jsonb_array_elements(results) with ordinality as items (item, place)
    where (item ->> 'delivery_id')::uuid = any (v_free)
  ), '[]');
  with changed as (
    update public.channel_deliveries as deliveries
    set status = case judged.outcome
        when 'sent' then 'sent' when 'failed' then 'failed' when 'unknown' then 'sending' else 'pending' end,
      settled_at = case when judged.outcome in ('sent', 'failed') then v_now end,
      leased_by = null, process_after = judged.process_after, failures = judged.failures, external_ids = judged.external_ids,
      parts_sent = judged.parts_sent, error_code = judged.error_code, error = judged.error,
      unconfirmed = case when judged.outcome in ('sent', 'part_sent') then 0 else deliveries.unconfirmed end
    from private.judge_results(results, v_now) as judged where judged.delivery_id = deliveries.id
    returning deliveries.id, deliveries.kind, deliveries.settled_at, judged.outcome
  )
  select array_agg(id), array_agg(id) filter (where settled_at is not null),
    array_agg(id) filter (where kind = 'message' and outcome in ('sent', 'part_sent'))
  into v_changed, v_settled, v_sent from changed;
  perform private.keep_media(results, deliveries.id) from public.channel_deliveries as deliveries
  where deliveries.id = any (v_settled) and deliveries.kind = 'media';
  perform private.conclude_deliveries(v_settled);
  perform private.learn_recipients(results, coalesce(v_sent, '{}'));
  perform private.adjust_rate_limits(results, coalesce(v_changed, '{}'), coalesce(v_sent, '{}'));
  perform private.update_account_statistics(coalesce(v_changed, '{}'), coalesce(v_sent, '{}'));
  return v_not_now;
end $$;
comment on function private.settle_deliveries is 'Settle deliveries, or let them go on; returns those that are locked.';

create or replace function public.settle_channel_deliveries(results jsonb)
returns table (delivery_id uuid, settled boolean, status text)
language plpgsql
volatile
security definer  -- only these functions write deliveries
set search_path = ''
-- The table's size changes by the minute, its statistics by the hour: so there is one plan, which goes by indexes.
set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
set jit = off
set lock_timeout = '1s'  -- for the account's row, which every settle of the account needs: the worker tries again
as $$
#variable_conflict use_column
declare
  v_not_now uuid[];
begin
  perform private.check_delivery_results(results);
  v_not_now := private.settle_deliveries(results);
  return query
  select result.delivery_id,
    coalesce(case
      when result.delivery_id = any (v_not_now) then false
      when result.outcome = 'sent' then deliveries.status in ('sent', 'delivered', 'read')
      else deliveries.attempt = result.attempt end, false),
    case when result.delivery_id = any (v_not_now) then 'not_now' else deliveries.status end
  from jsonb_populate_recordset(null::private.delivery_result, results) as result
  left join public.channel_deliveries as deliveries on deliveries.id = result.delivery_id;
end $$;
comment on function public.settle_channel_deliveries is 'Say what became of deliveries; returns whether that took effect. Raises bad_results.';
