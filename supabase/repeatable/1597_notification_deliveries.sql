-- Purpose: how workers send what is to be told: leased, settled, tried again for a day.
-- Touches: claim_notification_deliveries, settle_notification_deliveries.
-- Locks:   the deliveries (skip locked); then their rules, in the order of their ids.
-- Undo:    drop the functions.

-- What is sent of a delivery: the rows as they are now. The words of people are their rows'; what staff are told by mail
-- or Slack is made of it by the worker, without them.
create or replace function private.notification_body(delivery public.notification_deliveries)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_conversation jsonb;
begin
  select to_jsonb(conversations) || jsonb_build_object('customer', case when customers.id is not null then
      jsonb_build_object('id', customers.id, 'name', customers.name, 'email', customers.email, 'phone', customers.phone,
        'external_id', customers.external_id) end)
  into v_conversation
  from public.conversations as conversations
  left join public.customer_profiles as customers on customers.id = conversations.customer_id
  where conversations.id = delivery.conversation_id;
  return jsonb_build_object(
    'id', delivery.id, 'event', delivery.event, 'created_at', delivery.created_at, 'conversation', v_conversation,
    'message', (select to_jsonb(messages) from public.messages as messages where messages.id = delivery.message_id),
    'turn', (
      select jsonb_build_object('id', jobs.turn_id, 'started_at', jobs.turn_started_at, 'outcome', jobs.outcome,
        'reason', answers.metadata -> 'reason', 'answer_id', answers.id, 'attempts', jobs.attempt,
        'settled_at', jobs.completed_at)
      from public.ai_response_queue as jobs
      left join public.messages as answers on answers.turn_id = jobs.turn_id and answers.sender_type = 'ai'
      where jobs.id = delivery.job_id
    ),
    'delivery', (
      select jsonb_build_object('id', failed.id, 'error_code', failed.error_code, 'error', failed.error)
      from public.channel_deliveries as failed where failed.message_id = delivery.message_id and failed.kind = 'message'
        and delivery.event = 'delivery.failed'
    ),
    'channel', (
      select jsonb_build_object('id', channels.id, 'type', channels.type, 'name', channels.name, 'status', channels.status)
      from public.communication_channels as channels where channels.id = delivery.channel_id
    ),
    'link', (
      select replace(settings.conversation_url, '{conversation_id}', delivery.conversation_id::text)
      from public.ai_settings as settings
    ));
end $$;
comment on function private.notification_body is 'What a webhook is sent of a delivery.';

-- What came too late for anybody: nobody could send it in its time, or a human has come meanwhile.
create or replace function private.drop_late_notifications()
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  with late as materialized (
    select deliveries.id, deliveries.expires_at <= clock_timestamp() as is_expired
    from public.notification_deliveries as deliveries
    join public.notification_rules as rules on rules.id = deliveries.rule_id
    where deliveries.settled_at is null and deliveries.process_after <= clock_timestamp() and (
      deliveries.expires_at <= clock_timestamp()
      or rules.kind <> 'webhook' and deliveries.event in ('conversation.escalated', 'conversation.waiting') and not exists (
        select from public.conversations as conversations
        where conversations.id = deliveries.conversation_id and conversations.handed_over_at is not null
      )
    )
    order by deliveries.process_after limit 100 for update of deliveries skip locked
  )
  update public.notification_deliveries as deliveries
  set status = case when late.is_expired then 'failed' else 'skipped' end, settled_at = clock_timestamp(), leased_by = null,
    error_code = case when late.is_expired then coalesce(deliveries.error_code, 'expired') end,
    error = case when late.is_expired then coalesce(deliveries.error, 'no worker sent it within a day') end
  from late where late.id = deliveries.id;
end $$;
comment on function private.drop_late_notifications is 'End what nobody needs to be told of any more.';

-- Of a rule a few at a time, and none while its receiver has failed lately: one that hangs delays nobody else's.
create or replace function private.due_notifications(max_deliveries integer)
returns uuid[]
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  c_at_a_time constant integer := 4;
  v_now timestamptz := clock_timestamp();
begin
  return (
    select array_agg(due.id) from (
      select deliveries.id from public.notification_rules as rules
      cross join lateral (
        select deliveries.id, deliveries.process_after from public.notification_deliveries as deliveries
        where deliveries.rule_id = rules.id and deliveries.settled_at is null and deliveries.process_after <= v_now
          and deliveries.expires_at > v_now
          and (deliveries.event = 'test' or coalesce(rules.paused_until, '-infinity') <= v_now)
        order by deliveries.process_after
        limit greatest(0, c_at_a_time - (
          select count(*) from public.notification_deliveries as leased
          where leased.rule_id = rules.id and leased.settled_at is null and leased.status = 'sending'
            and leased.process_after > v_now))
        for update skip locked
      ) as deliveries
      where rules.is_enabled
      order by deliveries.process_after limit due_notifications.max_deliveries
    ) as due
  );
end $$;
comment on function private.due_notifications is 'Lock what is to be told now, and return its ids.';

create or replace function public.claim_notification_deliveries(
  worker_id text, max_deliveries integer default 10, lease_seconds numeric default 30
)
returns table (delivery_id uuid, attempt integer, rule_id uuid, kind text, target text, secret text, body jsonb)
language plpgsql
volatile
security definer  -- only these functions write deliveries, and read secrets
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_due uuid[];
begin
  if (claim_notification_deliveries.max_deliveries between 1 and 100
      and claim_notification_deliveries.lease_seconds between 1 and 600
      and claim_notification_deliveries.worker_id <> '') is not true then
    raise exception 'unable to claim notifications; worker_id names the worker, max_deliveries is 1 to 100, lease_seconds 1 to 600'
      using errcode = 'PT400', detail = 'bad_claim', hint = 'Leave a parameter out to have its default.';
  end if;
  perform private.drop_late_notifications();
  v_due := private.due_notifications(claim_notification_deliveries.max_deliveries);
  update public.notification_deliveries as deliveries
  set status = 'sending', attempt = deliveries.attempt + 1, leased_by = claim_notification_deliveries.worker_id,
    process_after = clock_timestamp() + make_interval(secs => claim_notification_deliveries.lease_seconds)
  where deliveries.id = any (v_due);
  return query
  select deliveries.id, deliveries.attempt, rules.id, rules.kind, rules.target,
    case when rules.kind = 'webhook' then secrets.secret end, private.notification_body(deliveries)
  from public.notification_deliveries as deliveries
  join public.notification_rules as rules on rules.id = deliveries.rule_id
  left join private.notification_secrets as secrets on secrets.rule_id = rules.id
  where deliveries.id = any (v_due)
  order by deliveries.created_at, deliveries.id;
end $$;
comment on function public.claim_notification_deliveries is 'Lease what somebody is to be told now to a worker. Raises bad_claim.';

create or replace function private.check_notification_results(results jsonb)
returns void
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  if jsonb_typeof(results) is distinct from 'array' or exists (
    select from jsonb_array_elements(results) as item
    where (
      jsonb_typeof(item) = 'object'
      and item ->> 'delivery_id' ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
      and item ->> 'attempt' ~ '^[0-9]{1,9}$'
      and item ->> 'outcome' in ('sent', 'retry', 'failed', 'released')
      and coalesce(item ->> 'retry_after_seconds', '0') ~ '^[0-9]{1,6}(\.[0-9]+)?$'
    ) is not true
  ) then
    raise exception 'unable to settle notifications; results is not an array of their results'
      using errcode = 'PT400', detail = 'bad_results',
      hint = 'Each has delivery_id, attempt and outcome (sent, retry, failed or released); retry has error_code and error.';
  end if;
end $$;
comment on function private.check_notification_results is 'Check what workers say of notifications. Raises bad_results.';

create or replace function private.notification_pause(failures integer, retry_after double precision)
returns double precision
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  return greatest(least(900, 5 * 2 ^ least(failures, 10)) * (0.75 + random() / 2), retry_after);
end $$;
comment on function private.notification_pause is 'For how many seconds to wait after so many failures: 5 s, 10 s … 15 min, or what the receiver asked for.';

-- A next try that would come too late is a failure.
create or replace function public.settle_notification_deliveries(results jsonb)
returns table (delivery_id uuid, settled boolean)
language plpgsql
volatile
security definer  -- only these functions write deliveries
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_now timestamptz := clock_timestamp();
  v_settled uuid[];
begin
  perform private.check_notification_results(results);
  with told as (
    select distinct on (item ->> 'delivery_id') (item ->> 'delivery_id')::uuid as id, (item ->> 'attempt')::integer as attempt,
      item ->> 'outcome' as outcome, left(item ->> 'error_code', 100) as error_code, left(item ->> 'error', 500) as error,
      coalesce((item ->> 'retry_after_seconds')::double precision, 0) as retry_after
    from jsonb_array_elements(results) as item
  ), judged as (
    select told.*, deliveries.failures + (told.outcome = 'retry')::integer as failures,
      v_now + make_interval(secs => case told.outcome when 'retry' then
        private.notification_pause(deliveries.failures, told.retry_after) else 0 end) as try_at,
      deliveries.expires_at
    from told join public.notification_deliveries as deliveries
      on deliveries.id = told.id and deliveries.attempt = told.attempt and deliveries.status = 'sending'
    order by deliveries.id for update of deliveries
  ), changed as (
    update public.notification_deliveries as deliveries
    set status = case when judged.outcome = 'sent' then 'sent'
        when judged.outcome = 'failed' or judged.try_at >= judged.expires_at then 'failed' else 'pending' end,
      settled_at = case when judged.outcome in ('sent', 'failed') or judged.try_at >= judged.expires_at then v_now end,
      process_after = judged.try_at, failures = judged.failures, leased_by = null,
      error_code = case when judged.outcome <> 'sent' then coalesce(judged.error_code, deliveries.error_code) end,
      error = case when judged.outcome <> 'sent' then coalesce(judged.error, deliveries.error) end
    from judged where judged.id = deliveries.id
    returning deliveries.*
  )
  select array_agg(changed.id) into v_settled from changed;
  perform private.note_on_rules(v_settled);
  perform private.pause_rules(results);
  return query
  select (item ->> 'delivery_id')::uuid, coalesce((item ->> 'delivery_id')::uuid = any (v_settled), false)
  from jsonb_array_elements(results) as item;
end $$;
comment on function public.settle_notification_deliveries is 'Say what became of notifications; returns whether that took effect. Raises bad_results.';

-- The last of a rule that ended tells how the rule is.
create or replace function private.note_on_rules(delivery_ids uuid[])
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  with ended as materialized (
    select distinct on (deliveries.rule_id) deliveries.rule_id, deliveries.status, deliveries.settled_at,
      deliveries.error_code, deliveries.error
    from public.notification_deliveries as deliveries
    where deliveries.id = any (delivery_ids) and deliveries.settled_at is not null
    order by deliveries.rule_id, deliveries.status = 'sent' desc
  ), locked as materialized (
    select rules.id from public.notification_rules as rules join ended on ended.rule_id = rules.id
    where rules.failed_at is not null or ended.status = 'failed'
    order by rules.id for no key update of rules
  )
  update public.notification_rules as rules
  set failed_at = case ended.status when 'failed' then ended.settled_at end, error_code = ended.error_code, error = ended.error
  from ended join locked on locked.id = ended.rule_id where rules.id = ended.rule_id;
end $$;
comment on function private.note_on_rules is 'Keep on rules why the last of them was given up.';

-- A pause begins once, however many were on their way to the receiver; one that got through ends it.
create or replace function private.pause_rules(results jsonb)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  with tried as materialized (
    select deliveries.rule_id, bool_or(item ->> 'outcome' = 'sent') as is_sent,
      least(3600, max(coalesce((item ->> 'retry_after_seconds')::double precision, 0))) as retry_after
    from jsonb_array_elements(results) as item
    join public.notification_deliveries as deliveries on deliveries.id = (item ->> 'delivery_id')::uuid
    where item ->> 'outcome' in ('sent', 'retry')
    group by deliveries.rule_id
  ), locked as materialized (
    select rules.id from public.notification_rules as rules join tried on tried.rule_id = rules.id
    where case when tried.is_sent then rules.failures > 0
      else coalesce(rules.paused_until, '-infinity') <= clock_timestamp() end
    order by rules.id for no key update of rules
  )
  update public.notification_rules as rules
  set failures = case when tried.is_sent then 0 else rules.failures + 1 end,
    paused_until = case when not tried.is_sent then
      clock_timestamp() + make_interval(secs => private.notification_pause(rules.failures, tried.retry_after)) end
  from tried join locked on locked.id = tried.rule_id where rules.id = tried.rule_id;
end $$;
comment on function private.pause_rules is 'Spare a receiver that fails, and what waits for others.';

-- For `romashka notifications test`: whoever sets a rule up sees at once whether it gets there.
create or replace function public.test_notification_rule(rule_id uuid)
returns uuid
language plpgsql
volatile
security definer  -- only these functions write deliveries
set search_path = ''
as $$
declare
  v_id uuid;
begin
  insert into public.notification_deliveries (rule_id, event, subject, process_after, expires_at)
  select rules.id, 'test', gen_random_uuid()::text, clock_timestamp(), clock_timestamp() + interval '1 minute' from public.notification_rules as rules
  where rules.id = test_notification_rule.rule_id
  returning id into v_id;
  if v_id is null then
    raise exception 'unable to test the rule; there is no rule %', test_notification_rule.rule_id
      using errcode = 'PT404', detail = 'rule_not_found', hint = 'See the ids in notification_rules.';
  end if;
  return v_id;
end $$;
comment on function public.test_notification_rule is 'Tell of nothing, by a rule; returns the delivery. Raises rule_not_found.';
