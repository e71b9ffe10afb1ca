-- Purpose: the service level over time, as a chart shows it, and the conversations behind each of its figures.
-- Touches: get_service_level, get_service_level_conversations.
-- Locks:   none.
-- Undo:    drop the functions.

create or replace function private.check_service_level_range(starts_at timestamptz, ends_at timestamptz)
returns void
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  if current_user = 'authenticated' and not private.is_staff() then
    raise exception 'unable to report; only staff may see it'
      using errcode = 'PT403', detail = 'staff_only', hint = 'Sign in as an agent or an admin.';
  elsif (isfinite(starts_at) and isfinite(ends_at) and starts_at < ends_at
      and ends_at <= starts_at + interval '400 days') is not true then
    raise exception 'unable to report; the range is no more than 400 days, and begins before it ends'
      using errcode = 'PT400', detail = 'bad_range', hint = 'Give two times, the earlier one first.';
  end if;
end $$;
comment on function private.check_service_level_range is 'Check who asks, and for when. Raises staff_only, bad_range.';

-- A turn counts when it began. What counts as one, and as resolved by the AI, says 1510_slo.sql.
create or replace function private.turns_between(starts_at timestamptz, ends_at timestamptz, channel_type text)
returns table (
  conversation_id uuid, turn_id uuid, started_at timestamptz, channel text, outcome text, reason text, answer_ms integer,
  is_delivered boolean, is_resolved boolean
)
language plpgsql
stable
security invoker
set search_path = ''
set random_page_cost = 1.1 set max_parallel_workers_per_gather = 0 set jit = off  -- as get_messaging_slo
as $$
#variable_conflict use_column
begin
  return query
  with undelivered as (
    select answers.turn_id, answers.delivery_status = 'failed' as is_failed from public.messages as answers
    where answers.delivery_status in ('pending', 'failed') and answers.turn_id is not null
      and answers.created_at >= turns_between.starts_at
  ), turns as (
    select jobs.conversation_id, jobs.turn_id, jobs.turn_started_at, jobs.outcome,
      private.milliseconds(jobs.completed_at - jobs.turn_started_at) as answer_ms,
      case when undelivered.turn_id is null then true when undelivered.is_failed then false end as is_delivered
    from public.ai_response_queue as jobs
    left join undelivered on undelivered.turn_id = jobs.turn_id
    where jobs.turn_started_at >= turns_between.starts_at and jobs.turn_started_at < turns_between.ends_at
      and jobs.outcome in ('replied', 'escalated')
  ), by_conversation as (
    select conversations.id, coalesce(conversations.channel_type, 'website')::text as channel, counted.is_replied
      and coalesce(conversations.last_human_at < counted.started_at, true)
      and coalesce(conversations.reopened_at <= counted.started_at, true) as is_resolved
    from (
      select turns.conversation_id, bool_and(turns.outcome = 'replied') as is_replied, min(turns.turn_started_at) as started_at
      from turns group by turns.conversation_id
    ) as counted
    join public.conversations as conversations on conversations.id = counted.conversation_id
    where turns_between.channel_type is null or coalesce(conversations.channel_type, 'website') = turns_between.channel_type
  )
  select turns.conversation_id, turns.turn_id, turns.turn_started_at, by_conversation.channel, turns.outcome,
    case when turns.outcome = 'escalated' then coalesce((
      select answers.metadata ->> 'reason' from public.messages as answers
      where answers.turn_id = turns.turn_id and answers.sender_type = 'ai'
    ), 'ai_failure') end,
    turns.answer_ms, turns.is_delivered, by_conversation.is_resolved
  from turns
  join by_conversation on by_conversation.id = turns.conversation_id;
end $$;
comment on function private.turns_between is 'The answered turns that began in a range, each with what a report says of it.';

-- Buckets are of the caller's clock on the wall: a day in a zone has 23 or 25 hours twice a year, and an hour is an hour.
-- They begin where one of their kind does, so the first and the last may be cut by the range.
create or replace function private.buckets_between(starts_at timestamptz, ends_at timestamptz, bucket text, timezone text)
returns table (bucket_starts_at timestamptz, bucket_ends_at timestamptz)
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_step interval := ('1 ' || bucket)::interval;
  v_from timestamptz;
  v_to timestamptz;
begin
  v_from := date_trunc(bucket, starts_at, timezone);
  while v_from < ends_at loop
    -- By time an hour is an hour, also where a clock is put back; by the wall the others are.
    v_to := case when bucket = 'hour' then v_from + v_step
      else (date_trunc(bucket, v_from at time zone timezone) + v_step) at time zone timezone end;
    bucket_starts_at := greatest(v_from, starts_at);
    bucket_ends_at := least(v_to, ends_at);
    return next;
    v_from := v_to;
  end loop;
end $$;
comment on function private.buckets_between is 'The hours, days, weeks or months of a range, by the clocks of a time zone.';

create or replace function public.get_service_level(
  starts_at timestamptz, ends_at timestamptz default now(), bucket text default 'day', timezone text default 'UTC'
)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
set statement_timeout = '8s'
as $$
declare
  v_report jsonb;
begin
  perform private.check_service_level_range(starts_at, ends_at);
  if (bucket in ('hour', 'day', 'week', 'month')) is not true or bucket = 'hour' and ends_at > starts_at + interval '31 days' then
    raise exception 'unable to report; bucket is hour (of 31 days at most), day, week or month'
      using errcode = 'PT400', detail = 'bad_range', hint = 'Leave it out to have days.';
  end if;
  begin
    perform date_trunc('day', starts_at, coalesce(timezone, 'null'));
  exception when invalid_parameter_value then
    raise exception 'unable to report; there is no time zone %', coalesce(timezone, 'null')
      using errcode = 'PT400', detail = 'bad_range', hint = 'Give its name, as Europe/Berlin.';
  end;
  with turns as materialized (
    select * from private.turns_between(get_service_level.starts_at, get_service_level.ends_at, null)
  ), buckets as materialized (
    select * from private.buckets_between(get_service_level.starts_at, get_service_level.ends_at,
      get_service_level.bucket, get_service_level.timezone)
  ), placed as materialized (  -- each turn in its bucket, and in the whole; by its channel, and in all
    select buckets.bucket_starts_at, channels.channel as counted_as, turns.*
    from turns
    join buckets on turns.started_at >= buckets.bucket_starts_at and turns.started_at < buckets.bucket_ends_at
    cross join lateral (values (turns.channel), ('all')) as channels (channel)
  ), conversations as (
    select bucket_starts_at, counted_as, conversation_id, bool_and(is_resolved) as is_resolved
    from placed group by grouping sets ((bucket_starts_at, counted_as, conversation_id), (counted_as, conversation_id))
  ), resolved as (
    select bucket_starts_at, counted_as, count(*) as conversations, round(avg(is_resolved::integer), 4) as resolved_by_ai
    from conversations group by 1, 2
  ), reasons as (
    select bucket_starts_at, counted_as, jsonb_object_agg(reason, count) as escalations from (
      select bucket_starts_at, counted_as, reason, count(*) as count from placed where reason is not null
      group by grouping sets ((bucket_starts_at, counted_as, reason), (counted_as, reason))
    ) as counted group by 1, 2
  ), figures as (
    select bucket_starts_at, counted_as, count(*) as turns,
      percentile_cont(0.5) within group (order by answer_ms)::integer as p50_ms,
      percentile_cont(0.95) within group (order by answer_ms)::integer as p95_ms,
      percentile_cont(0.99) within group (order by answer_ms)::integer as p99_ms,
      round(avg((answer_ms <= 6000)::integer), 4) as within_6s,
      round(avg(is_delivered::integer), 4) as delivered
    from placed group by grouping sets ((bucket_starts_at, counted_as), (counted_as))
  ), cells as (
    select figures.bucket_starts_at, figures.counted_as, jsonb_build_object('channel_type', figures.counted_as,
      'turns', figures.turns, 'conversations', resolved.conversations, 'p50_ms', figures.p50_ms, 'p95_ms', figures.p95_ms,
      'p99_ms', figures.p99_ms, 'within_6s', figures.within_6s, 'resolved_by_ai', resolved.resolved_by_ai,
      'escalations', coalesce(reasons.escalations, '{}'), 'delivered', figures.delivered) as cell
    from figures
    join resolved on resolved.counted_as = figures.counted_as
      and resolved.bucket_starts_at is not distinct from figures.bucket_starts_at
    left join reasons on reasons.counted_as = figures.counted_as
      and reasons.bucket_starts_at is not distinct from figures.bucket_starts_at
  )
  select jsonb_build_object('channels', coalesce(
      (select jsonb_agg(cell order by counted_as = 'all', counted_as) from cells where bucket_starts_at is null), '[]'),
    'buckets', (
      select jsonb_agg(jsonb_build_object('starts_at', buckets.bucket_starts_at, 'ends_at', buckets.bucket_ends_at,
        'channels', coalesce(
          (select jsonb_agg(cells.cell order by cells.counted_as = 'all', cells.counted_as) from cells
           where cells.bucket_starts_at = buckets.bucket_starts_at), '[]')) order by buckets.bucket_starts_at)
      from buckets
    )) into v_report;
  return v_report;
end $$;
comment on function public.get_service_level is
  'Turns, times, hand-overs and volume of a range, by channel: in all ({channels}), and by hour, day, week or month of a time zone ({buckets}). Raises bad_range, staff_only.';

-- Behind a figure of get_service_level: `filters` says which. The latest turn of each conversation that it counts.
create or replace function public.get_service_level_conversations(
  starts_at timestamptz, ends_at timestamptz, filters jsonb default '{}', after jsonb default null,
  max_results integer default 50
)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
set statement_timeout = '8s'
as $$
declare
  v_rows jsonb;
begin
  perform private.check_service_level_range(starts_at, ends_at);
  if (jsonb_typeof(filters) = 'object' and max_results between 1 and 200 and not exists (
      select from jsonb_each(filters) as filter
      where (case filter.key
        when 'channel_type' then jsonb_typeof(filter.value) = 'string'
        when 'outcome' then filter.value in ('"replied"', '"escalated"')
        when 'reason' then jsonb_typeof(filter.value) = 'string'
        when 'within_6s' then jsonb_typeof(filter.value) = 'boolean'
        when 'resolved_by_ai' then jsonb_typeof(filter.value) = 'boolean'
        when 'delivered' then jsonb_typeof(filter.value) = 'boolean'
      end) is not true
    ) and (after is null or jsonb_typeof(after) = 'null'
      or after ->> 'at' ~ '^\d{4}-\d\d-\d\d[T ][0-9:.+-]{8,24}Z?$'
        and after ->> 'id' ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$')) is not true then
    raise exception 'unable to list the conversations; a filter is none, or not of its type'
      using errcode = 'PT400', detail = 'bad_filters', hint = 'Filters: channel_type, outcome (replied, escalated), reason '
        '(texts), within_6s, resolved_by_ai, delivered (true or false); max_results is 1 to 200; after is next of the page before.';
  end if;
  select jsonb_agg(jsonb_build_object('turn_id', page.turn_id, 'started_at', page.started_at, 'outcome', page.outcome,
      'reason', page.reason, 'answer_ms', page.answer_ms, 'turns', page.turns,
      'conversation', private.listed(conversations))
    order by page.started_at desc, page.conversation_id desc) into v_rows
  from (
    select latest.* from (
      select distinct on (turns.conversation_id) turns.*, count(*) over (partition by turns.conversation_id) as turns
      from private.turns_between(get_service_level_conversations.starts_at, get_service_level_conversations.ends_at,
        filters ->> 'channel_type') as turns
      where (filters ->> 'outcome' is null or turns.outcome = filters ->> 'outcome')
        and (filters ->> 'reason' is null or turns.reason = filters ->> 'reason')
        and (filters -> 'within_6s' is null or (turns.answer_ms <= 6000) = (filters ->> 'within_6s')::boolean)
        and (filters -> 'resolved_by_ai' is null or turns.is_resolved = (filters ->> 'resolved_by_ai')::boolean)
        and (filters -> 'delivered' is null or turns.is_delivered = (filters ->> 'delivered')::boolean)
      order by turns.conversation_id, turns.started_at desc
    ) as latest
    where after ->> 'at' is null
      or (latest.started_at, latest.conversation_id) < ((after ->> 'at')::timestamptz, (after ->> 'id')::uuid)
    order by latest.started_at desc, latest.conversation_id desc limit max_results + 1
  ) as page
  join public.conversations as conversations on conversations.id = page.conversation_id;
  v_rows := coalesce(v_rows, '[]');
  if jsonb_array_length(v_rows) <= max_results then
    return jsonb_build_object('rows', v_rows, 'next', null);
  end if;
  v_rows := v_rows - max_results;
  return jsonb_build_object('rows', v_rows, 'next', jsonb_build_object(
    'at', v_rows #> array[(max_results - 1)::text, 'started_at'],
    'id', v_rows #> array[(max_results - 1)::text, 'conversation', 'id']));
end $$;
comment on function public.get_service_level_conversations is
  'The conversations behind a figure of get_service_level, the latest first: {rows: [{turn_id, started_at, outcome, reason, answer_ms, turns, conversation}], next}. Raises bad_filters, bad_range, staff_only.';
