-- Purpose: what channels send: kept as it came, and applied event by event.
-- Touches: public.webhook_events, receive_channel_webhook, continue_channel_webhook, replay_channel_webhook.
-- Locks:   the webhook's row; to make an account, an advisory lock of its type; the ids that the events are about
--          (advisory, in order); their conversations in the order of their ids (of a single event when it comes to it);
--          what follows from them, customers' rows too; last the accounts, in the order of their ids. After that only
--          what is locked already is changed.
-- Undo:    drop the policy and the functions.

drop policy if exists "the service role reads webhooks" on public.webhook_events;
create policy "the service role reads webhooks" on public.webhook_events
  for all to service_role using (true) with check (true);

-- Null where it is no time with a time zone.
create or replace function private.read_time(said text)
returns timestamptz
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  if said ~ '^(19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)$' then
    return said::timestamptz;
  end if;
  return null;
exception when data_exception then
  return null;
end $$;
comment on function private.read_time is 'A time in ISO 8601, or null.';

create or replace function private.problem_of_event(event jsonb)
returns text
language plpgsql
immutable
security invoker
set search_path = ''
as $$
declare
  v_kind text := case when jsonb_typeof(event) = 'object' then event ->> 'kind' end;
  v_is_message boolean := v_kind in ('message', 'echo');
begin
  return case
    when jsonb_typeof(event) <> 'object' then 'it is not an object'
    when v_kind = 'unreadable' then 'the channel''s function could not read it'
    when v_kind is null or v_kind not in (
      'message', 'echo', 'status', 'reaction', 'edit', 'deletion', 'problem', 'ignored') then 'its kind is unknown'
    when v_kind <> 'ignored' and (jsonb_typeof(event -> 'account') = 'string'
      and length(btrim(event ->> 'account')) between 1 and 320) is not true
      then 'its account is missing or too long'
    when event ->> 'at' is not null and private.read_time(event ->> 'at') is null then 'its time is not ISO 8601'
    when v_kind not in ('problem', 'ignored') and (jsonb_typeof(event -> 'id') = 'string'
      and length(event ->> 'id') between 1 and 4000) is not true then 'its id is missing or too long'
    when v_is_message then private.problem_of_message(event)
    when v_kind = 'status' and (event ->> 'status' in ('sent', 'delivered', 'read', 'failed')) is not true
      then 'its status is unknown'
    when v_kind = 'edit' and (jsonb_typeof(event -> 'content') = 'string') is not true then 'its content is no text'
    when v_kind = 'reaction' and coalesce(jsonb_typeof(event -> 'emoji'), 'null') not in ('string', 'null')
      then 'its emoji is no text'
  end;
end $$;
comment on function private.problem_of_event is 'Why an event makes no sense, or null.';

create or replace function private.problem_of_message(event jsonb)
returns text
language plpgsql
immutable
security invoker
set search_path = ''
as $$
declare
  v_media jsonb := coalesce(nullif(event -> 'media', 'null'), '[]');
begin
  return case
    when (length(event -> 'customer' ->> 'id') between 1 and 1000) is not true
      then 'its customer''s id is missing or too long'
    when coalesce(jsonb_typeof(event -> 'content'), 'null') not in ('string', 'null') then 'its content is no text'
    when jsonb_typeof(v_media) <> 'array' or jsonb_path_exists(v_media, 'strict $[*] ? (@.type() != "object")')
      then 'its media is no list of objects'
    when coalesce(event ->> 'content', '') = '' and v_media = '[]' then 'it has neither content nor media'
    when length(event ->> 'type') > 50 then 'its type is too long'
    when coalesce(jsonb_typeof(event -> 'metadata'), 'null') not in ('object', 'null') then 'its metadata is no object'
    when coalesce(jsonb_typeof(event -> 'thread'), 'null') not in ('object', 'null') then 'its thread is no object'
    when coalesce(jsonb_typeof(event -> 'thread' -> 'references'), 'null') not in ('array', 'null')
      then 'its references are no list'
    else (
      select format('%s is neither true nor false', min(flag))
      from unnest(array['is_automatic', 'is_placeholder', 'is_unsupported', 'needs_no_answer']) as flag
      where coalesce(jsonb_typeof(event -> flag), 'null') not in ('boolean', 'null')
      having count(*) > 0)
  end;
end $$;
comment on function private.problem_of_message is 'Why a message or echo makes no sense, or null.';

-- The caller holds no conversation's lock yet: an account may have to be made. In the order of their time; those
-- without one, and of one time, as they came.
create or replace function private.read_events(channel_type text, events jsonb)
returns private.channel_event[]
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_events private.channel_event[];
  v_event private.channel_event;
  v_channel public.communication_channels;
begin
  v_events := array(
    select row(item.place, item.event ->> 'kind', read_events.channel_type, null, false, item.event ->> 'id',
      private.read_time(item.event ->> 'at'), item.event, private.problem_of_event(item.event))::private.channel_event
    from jsonb_array_elements(events) with ordinality as item (event, place)
    order by private.read_time(item.event ->> 'at'), item.place
  );
  for v_place in 1..cardinality(v_events) loop
    v_event := v_events[v_place];
    if v_event.problem is null and v_event.kind <> 'ignored' then
      v_channel := private.find_or_create_account(channel_type, case channel_type
        when 'email' then lower(btrim(v_event.body ->> 'account')) else btrim(v_event.body ->> 'account') end);
      v_event.channel_id := v_channel.id;
      v_event.is_disabled := v_channel.status = 'disabled';
      v_events[v_place] := v_event;
    end if;
  end loop;
  return v_events;
end $$;
comment on function private.read_events is 'Check the events of a webhook and find their accounts.';

-- The caller holds the locks of lock_for_events.
create or replace function private.apply_event(event private.channel_event)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  return case
    when event.problem is not null then jsonb_build_object('outcome', 'failed', 'error', event.problem)
    when event.kind = 'ignored' then '{"outcome": "ignored"}'
    when event.is_disabled then '{"outcome": "ignored", "error": "the account is disabled"}'
    when event.kind in ('message', 'echo') then private.store_channel_message(event)
    when event.kind = 'problem' then '{"outcome": "updated"}'  -- told to the account at the end
    else private.change_channel_message(event)
  end;
end $$;
comment on function private.apply_event is 'Apply one event; returns its result.';

-- The caller holds the locks of lock_for_events. An event that fails undoes nothing of the others. An error that may
-- pass by itself ends the whole call: the sender tries again. A customer may have become one with another meanwhile, by
-- an event with other ids than these: then this one looks again for whom it is by.
create or replace function private.try_event(event private.channel_event)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_is_last boolean;
begin
  foreach v_is_last in array array[false, true] loop
    begin
      return private.apply_event(event);
    exception
      when transaction_rollback or insufficient_resources or operator_intervention or system_error or lock_not_available then
        raise;
      when others then  -- its text may hold what was in the event
        if v_is_last or sqlstate <> '23503' then
          return jsonb_build_object('outcome', 'failed', 'error', format('the database refused it (%s)', sqlstate));
        end if;
    end;
  end loop;
end $$;
comment on function private.try_event is 'Apply one event, and say so where that fails; returns its result.';

-- Called last, as every webhook of an account waits for its row. In the order of the accounts' ids.
create or replace function private.note_account_activity(events private.channel_event[], results jsonb[])
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_account record;
begin
  for v_account in
    select event.channel_id as id,
      count(*) filter (where event.kind = 'message' and result.outcome = 'stored') as received,
      bool_or(event.kind <> 'problem' and result.outcome <> 'failed') as works,
      (array_agg(coalesce(nullif(left(concat_ws(' ', event.body -> 'error' ->> 'code',
        event.body -> 'error' ->> 'message'), 500), ''), 'The channel gave no reason.')
        order by event.at desc nulls last, event.place desc) filter (where event.kind = 'problem'))[1] as error
    from unnest(events) as event
    cross join lateral (select results[event.place] ->> 'outcome') as result (outcome)
    where event.channel_id is not null and not event.is_disabled
    group by event.channel_id order by event.channel_id
  loop
    update public.communication_channels as channels
    set connected_at = coalesce(channels.connected_at, clock_timestamp()),
      received_count = channels.received_count + v_account.received,
      last_received_at = case when v_account.works then clock_timestamp() else channels.last_received_at end,
      last_error = coalesce(v_account.error, channels.last_error),
      last_error_at = case when v_account.error is null then channels.last_error_at else clock_timestamp() end,
      status = case
        when channels.status = 'disabled' then 'disabled'
        when v_account.error is not null then 'error'
        when v_account.works and not exists (  -- it takes no messages of ours
          select from private.channel_rate_limits as rate_limit where rate_limit.channel_id = channels.id and rate_limit.is_refused
        ) then 'active'
        else channels.status end
    where channels.id = v_account.id;
  end loop;
end $$;
comment on function private.note_account_activity is 'Show on the accounts what came, and their problems.';

-- The caller holds no conversation's lock yet. Applies a part of the events, in the order of their time; each result
-- says by `place` which event it is of.
create or replace function private.apply_events(
  channel_type text, events jsonb, from_event integer default 0, max_events integer default 5000
)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_events private.channel_event[] := (private.read_events(channel_type, events))[from_event + 1:from_event + max_events];
  v_results jsonb[] := array_fill(null::jsonb, array[jsonb_array_length(events)]);
  v_event private.channel_event;
begin
  perform private.lock_for_events(v_events);
  foreach v_event in array v_events loop
    v_results[v_event.place] := '{"message_id": null, "conversation_id": null, "error": null}'
      || private.try_event(v_event) || jsonb_build_object('place', v_event.place);
  end loop;
  perform private.note_account_activity(v_events, v_results);
  return (select coalesce(jsonb_agg(result order by place), '[]')
    from unnest(v_results) with ordinality as results (result, place) where result is not null);
end $$;
comment on function private.apply_events is 'Apply events, or a part of them; returns a result for each, in their order.';

-- The caller holds the conversations' locks. Nobody sees a turn before the call's transaction ends, and that of a
-- backlog takes a while: the time to answer counts from its end.
create or replace function private.start_turns_now(results jsonb, since timestamptz)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_now timestamptz := clock_timestamp();
begin
  update public.ai_response_queue as jobs
  set turn_started_at = v_now, deadline = v_now + (jobs.deadline - jobs.turn_started_at)
  where jobs.status = 'pending' and jobs.turn_started_at >= since and jobs.conversation_id = any (array(
    select (result ->> 'conversation_id')::uuid from jsonb_array_elements(results) as result
    where result ->> 'outcome' = 'stored'
  ));
end $$;
comment on function private.start_turns_now is 'Let the turns that a webhook opened begin at its end.';

-- The caller holds the webhook's row.
create or replace function private.process_webhook(
  webhook public.webhook_events, from_event integer, max_events integer
)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_started_at timestamptz := clock_timestamp();
  v_results jsonb := private.apply_events(webhook.channel_type, webhook.events, from_event, max_events);
  v_next integer := from_event + max_events;
begin
  if jsonb_array_length(v_results) > 1 then
    perform private.start_turns_now(v_results, v_started_at);
  end if;
  update public.webhook_events as webhooks
  set processed_at = case when v_next >= jsonb_array_length(webhook.events) then clock_timestamp() end,
    outcomes = (
      select coalesce(jsonb_object_agg(counted.outcome, counted.count), '{}') from (
        select outcome, sum(count) as count from (
          select result ->> 'outcome' as outcome, 1 as count from jsonb_array_elements(v_results) as result
          union all
          select key, value::integer from jsonb_each_text(webhooks.outcomes) where from_event > 0
        ) as parts group by outcome
      ) as counted
    ),
    error = nullif(left(concat_ws('; ', case when from_event > 0 then webhooks.error end, (
      select string_agg(format('event %s: %s', result ->> 'place', result ->> 'error'), '; ' order by (result ->> 'place')::integer)
      from jsonb_array_elements(v_results) as result where result ->> 'outcome' = 'failed'
    )), 1000), '')
  where webhooks.id = webhook.id;
  return jsonb_build_object('webhook_id', webhook.id, 'results', v_results,
    'next', case when v_next < jsonb_array_length(webhook.events) then v_next end);
end $$;
comment on function private.process_webhook is 'Apply the events of a webhook that is kept, and note what became of them.';

-- Two deliveries of one webhook come one after the other: the second waits for the row. With max_events only so many
-- are applied, and `next` says where continue_channel_webhook goes on: each part is a transaction, seen at its end.
create or replace function public.receive_channel_webhook(
  channel_type text, payload text, events jsonb, headers jsonb default '{}', max_events integer default 5000
)
returns jsonb
language plpgsql
volatile
security definer  -- what channels write is in private
set search_path = ''
set statement_timeout = '30s'  -- a thousand messages of a backlog in one webhook
set lock_timeout = '2s'  -- the sender comes again
as $$
#variable_conflict use_variable
declare
  v_webhook public.webhook_events;
begin
  if (channel_type ~ '^[a-z][a-z0-9_]{0,49}$' and channel_type <> 'website' and payload is not null
    and jsonb_typeof(events) = 'array' and jsonb_typeof(coalesce(headers, '{}')) = 'object') is not true
    or jsonb_array_length(events) > 5000 or (max_events between 1 and 5000) is not true
  then
    raise exception 'unable to take the webhook; the channel''s type, payload, events or headers are none'
      using errcode = 'PT400', detail = 'bad_webhook',
        hint = 'Give a type, the raw text, an array of at most 5,000 events and an object.';
  end if;
  insert into public.webhook_events as webhooks (channel_type, digest, payload, headers, events)
  values (channel_type, private.id_digest(payload), payload, (
    -- Headers that authorize are not kept: a webhook stays for 14 days.
    select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(coalesce(headers, '{}'))
    where lower(key) not in ('authorization', 'proxy-authorization', 'cookie', 'apikey')
  ), events)
  on conflict on constraint webhook_events_channel_type_digest_key do update
  set headers = excluded.headers, events = excluded.events, attempts = webhooks.attempts + 1
  returning * into v_webhook;
  return private.process_webhook(v_webhook, 0, max_events);
end $$;
comment on function public.receive_channel_webhook is 'Keep a verified webhook and apply its events; returns what became of each. Raises bad_webhook.';

create or replace function public.continue_channel_webhook(webhook_id uuid, from_event integer, max_events integer)
returns jsonb
language plpgsql
volatile
security definer  -- what channels write is in private
set search_path = ''
set statement_timeout = '30s'
set lock_timeout = '2s'  -- the sender comes again
as $$
#variable_conflict use_variable
declare
  v_webhook public.webhook_events;
begin
  if (from_event between 0 and 5000 and max_events between 1 and 5000) is not true then
    raise exception 'unable to go on with the webhook; from_event is 0 to 5000, max_events 1 to 5000'
      using errcode = 'PT400', detail = 'bad_webhook', hint = 'Give the `next` of the call before.';
  end if;
  select * into v_webhook from public.webhook_events as webhooks where webhooks.id = webhook_id for update;
  if not found then
    raise exception 'unable to go on with the webhook; there is no webhook %', webhook_id
      using errcode = 'PT404', detail = 'webhook_not_found', hint = 'They are kept for 14 days.';
  end if;
  return private.process_webhook(v_webhook, from_event, max_events);
end $$;
comment on function public.continue_channel_webhook is 'Apply more events of a kept webhook; returns what became of each. Raises bad_webhook, webhook_not_found.';

-- For what failed, or was ignored while the account was disabled: the rest is stored already, and stays as it is.
create or replace function public.replay_channel_webhook(webhook_id uuid)
returns jsonb
language plpgsql
volatile
security definer  -- what channels write is in private
set search_path = ''
set statement_timeout = '30s'  -- a thousand messages of a backlog in one webhook
set lock_timeout = '2s'  -- the sender comes again
as $$
#variable_conflict use_variable
declare
  v_webhook public.webhook_events;
begin
  update public.webhook_events as webhooks set attempts = webhooks.attempts + 1
  where webhooks.id = webhook_id returning * into v_webhook;
  if not found then
    raise exception 'unable to replay the webhook; there is no webhook %', webhook_id
      using errcode = 'PT404', detail = 'webhook_not_found', hint = 'They are kept for 14 days.';
  end if;
  return private.process_webhook(v_webhook, 0, 5000);
end $$;
comment on function public.replay_channel_webhook is 'Apply the events of a kept webhook once more; returns what became of each. Raises webhook_not_found.';
