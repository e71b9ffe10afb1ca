-- Purpose: the service level of the last minutes: times, escalations, deliveries and the queue.
-- Touches: get_messaging_slo.
-- Undo:    drop function public.get_messaging_slo.

-- A turn is an answered job: its time is from the turn's first message to the answer, by the server's
-- clock. Superseded and taken-over jobs are no turns of their own: nobody was due an automatic answer.
-- Resolved by the AI is a conversation with turns in the window, all of them replied, that no human has
-- had since the first of them (no escalation, takeover or agent's message) and that was not reopened
-- after it had been resolved. It can still become unresolved: look at windows that have ended.
-- What is put aside waits too: the database refuses to settle it (private.set_aside_reasons says why).
-- Delivered is the share of the answers that did not fail; what is still on its way is not counted yet.
create or replace function public.get_messaging_slo(window_minutes integer default 60)
returns table (
  channel_type text, turns integer, p50_ms integer, p95_ms integer, p99_ms integer, within_6s numeric,
  resolved_by_ai numeric, escalations jsonb, delivered numeric, queue_depth integer, oldest_waiting_ms integer,
  set_aside integer
)
language plpgsql
stable
security invoker
set search_path = ''
set random_page_cost = 1.1  -- as on hosted projects; the default reads all conversations for an hour's turns
set max_parallel_workers_per_gather = 0 set jit = off  -- either takes as long as the report
as $$
#variable_conflict use_column
begin
  if (get_messaging_slo.window_minutes between 1 and 44640) is not true then
    raise exception 'unable to report; window_minutes is 1 to 44640 (31 days)'
      using errcode = 'PT400', detail = 'bad_window', hint = 'Leave it out to have an hour.';
  elsif current_user = 'authenticated' and not private.is_staff() then
    raise exception 'unable to report; only staff may see it'
      using errcode = 'PT403', detail = 'staff_only', hint = 'Sign in as an agent or an admin.';
  end if;
  return query
  with undelivered as (
    select answers.turn_id, answers.delivery_status = 'failed' as is_failed from public.messages as answers
    where answers.delivery_status in ('pending', 'failed') and answers.turn_id is not null
      and answers.created_at > now() - make_interval(mins => get_messaging_slo.window_minutes)
  ), turns as (
    select jobs.conversation_id, jobs.outcome, jobs.turn_id, jobs.turn_started_at,
      private.milliseconds(jobs.completed_at - jobs.turn_started_at) as answer_ms,
      case when undelivered.turn_id is null then 1 when undelivered.is_failed then 0 end as is_delivered
    from public.ai_response_queue as jobs
    left join undelivered on undelivered.turn_id = jobs.turn_id
    where jobs.turn_started_at > now() - make_interval(mins => get_messaging_slo.window_minutes)
      and jobs.outcome in ('replied', 'escalated')
  ), by_conversation as (
    select conversations.id, coalesce(conversations.channel_type, 'website') as channel, counted.is_replied
      and coalesce(conversations.last_human_at < counted.started_at, true)
      and coalesce(conversations.reopened_at <= counted.started_at, true) as is_resolved
    from (
      select conversation_id, bool_and(outcome = 'replied') as is_replied, min(turn_started_at) as started_at
      from turns group by conversation_id
    ) as counted
    join public.conversations as conversations on conversations.id = counted.conversation_id
  ), answered as (
    select turns.*, by_conversation.channel
    from turns join by_conversation on by_conversation.id = turns.conversation_id
  ), reasons as (
    select channel, coalesce(answers.metadata ->> 'reason', 'ai_failure') as reason, count(*) as count
    from answered
    left join public.messages as answers on answers.turn_id = answered.turn_id and answers.sender_type = 'ai'
    where outcome = 'escalated' group by 1, 2
  ), waiting as (
    select coalesce(conversations.channel_type, 'website') as channel, jobs.turn_started_at, jobs.set_aside_until
    from public.ai_response_queue as jobs
    join public.conversations as conversations on conversations.id = jobs.conversation_id
    where jobs.status in ('pending', 'processing')
  ), channels as (
    select channel from answered union select channel from waiting union all select null  -- null: all together
  )
  select coalesce(channels.channel, 'all')::text, turns.count::integer,
    turns.p50::integer, turns.p95::integer, turns.p99::integer, round(turns.within_6s, 4),
    (select round(avg(is_resolved::integer), 4) from by_conversation
     where channel = channels.channel or channels.channel is null),
    coalesce((
      select jsonb_object_agg(summed.reason, summed.count) from (
        select reason, sum(count) as count from reasons
        where channel = channels.channel or channels.channel is null group by reason
      ) as summed
    ), '{}'),
    round(turns.delivered, 4), queue.depth::integer, queue.oldest_ms::integer, queue.set_aside::integer
  from channels
  cross join lateral (
    select count(*) as count,
      percentile_cont(0.5) within group (order by answer_ms) as p50,
      percentile_cont(0.95) within group (order by answer_ms) as p95,
      percentile_cont(0.99) within group (order by answer_ms) as p99,
      avg((answer_ms <= 6000)::integer) as within_6s,
      avg(is_delivered) as delivered
    from answered where channel = channels.channel or channels.channel is null
  ) as turns
  cross join lateral (
    select count(*) as depth, count(set_aside_until) as set_aside,
      coalesce(private.milliseconds(clock_timestamp() - min(turn_started_at)), 0) as oldest_ms
    from waiting where channel = channels.channel or channels.channel is null
  ) as queue
  order by channels.channel nulls last;
end $$;
comment on function public.get_messaging_slo is 'Turns, times, escalations and the queue of the last minutes, by channel and in all. Raises bad_window, staff_only.';
