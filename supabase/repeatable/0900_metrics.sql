-- Purpose: what is counted while messages flow, and the figures that frontends ask for.
-- Touches: public.realtime_metrics and the functions that read and prune it.
-- Undo:    drop the policy and the functions.

drop policy if exists "Allow authenticated access" on public.realtime_metrics;

drop policy if exists "staff read the metrics" on public.realtime_metrics;
create policy "staff read the metrics" on public.realtime_metrics
  for select to authenticated using ((select private.is_staff()));

create or replace function public.get_realtime_messaging_metrics(time_window_minutes integer default 60)
returns table (
  metric_name text, metric_value numeric, count integer, avg_value numeric, min_value numeric,
  max_value numeric, timestamp_range tstzrange
)
language sql
stable
security invoker
set search_path = ''
as $$
  select metrics.metric_name::text, sum(metrics.metric_value), count(*)::integer,
    round(avg(metrics.metric_value), 2), min(metrics.metric_value), max(metrics.metric_value),
    tstzrange(min(metrics.timestamp), max(metrics.timestamp), '[]')
  from public.realtime_metrics as metrics
  where metrics.timestamp > now() - make_interval(mins => time_window_minutes)
  group by metrics.metric_name
  order by metrics.metric_name;
$$;
comment on function public.get_realtime_messaging_metrics is 'Figures of the last minutes, a row a metric; staff see them.';

create or replace function public.get_conversation_performance_metrics(conversation_id uuid)
returns table (
  total_messages integer, ai_messages integer, human_messages integer, avg_response_time_ms numeric,
  ai_confidence_avg numeric, escalation_count integer, satisfaction_rating numeric,
  conversation_duration_minutes integer
)
language sql
stable
security invoker
set search_path = ''
as $$
  select count(messages.id)::integer,
    count(*) filter (where messages.sender_type = 'ai')::integer,
    count(*) filter (where messages.sender_type = 'agent')::integer,
    round(avg(messages.processing_time_ms) filter (where messages.sender_type = 'ai'), 2),
    round(avg(messages.confidence_score) filter (where messages.sender_type = 'ai'), 2),
    count(*) filter (where messages.sender_type = 'ai' and messages.metadata ->> 'kind' = 'handover'
      and messages.metadata ->> 'repeated' is null)::integer,
    conversations.satisfaction_rating,
    private.seconds(max(messages.created_at) - min(messages.created_at)) / 60
  from public.conversations as conversations
  left join public.messages as messages on messages.conversation_id = conversations.id
  where conversations.id = get_conversation_performance_metrics.conversation_id
  group by conversations.id;
$$;
comment on function public.get_conversation_performance_metrics is 'One conversation in figures, for whoever may read it.';

create or replace function public.cleanup_realtime_metrics(older_than_days integer default 30)
returns integer
language sql
volatile
security invoker
set search_path = ''
as $$
  with deleted as (
    delete from public.realtime_metrics as metrics
    where metrics.timestamp < now() - make_interval(days => least(older_than_days, 100000)) returning 1
  )
  select count(*)::integer from deleted;
$$;
comment on function public.cleanup_realtime_metrics is 'Delete old figures; returns how many.';

create or replace function public.cleanup_expired_metrics()
returns integer
language sql
volatile
security invoker
set search_path = ''
as $$
  with deleted as (
    delete from public.realtime_metrics as metrics where metrics.expires_at < now() returning 1
  )
  select count(*)::integer from deleted;
$$;
comment on function public.cleanup_expired_metrics is 'Delete figures past their time; returns how many.';

create or replace function public.cleanup_ai_response_queue(older_than_days integer default 7)
returns integer
language sql
volatile
security invoker
set search_path = ''
as $$
  with deleted as (
    delete from public.ai_response_queue as jobs
    where jobs.status in ('completed', 'failed')
      and jobs.completed_at < now() - make_interval(days => least(older_than_days, 100000)) returning 1
  )
  select count(*)::integer from deleted;
$$;
comment on function public.cleanup_ai_response_queue is 'Delete old settled jobs; returns how many.';
