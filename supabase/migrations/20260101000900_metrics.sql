-- Purpose: what is counted while messages flow, and the figures that frontends ask for.
-- Touches: public.realtime_metrics and the functions that read and prune it.
-- Undo:    drop the functions; drop table public.realtime_metrics.

create table if not exists public.realtime_metrics (
  id uuid primary key default gen_random_uuid(),
  metric_name varchar(100) not null,
  metric_value numeric(15, 4) not null,
  dimensions jsonb default '{}',
  timestamp timestamptz default now(),
  expires_at timestamptz default now() + interval '30 days'
);
-- The original kept an hour, less than its own functions ask for; and it pruned on every insert.
alter table public.realtime_metrics alter column expires_at set default now() + interval '30 days';
drop trigger if exists cleanup_expired_realtime_metrics_trigger on public.realtime_metrics;
-- Rows come in the order of their time: a block range knows what is in it, and costs an insert nothing.
create index if not exists realtime_metrics_timestamp_idx on public.realtime_metrics using brin (timestamp);
create index if not exists realtime_metrics_expires_at_idx on public.realtime_metrics using brin (expires_at);

alter table public.realtime_metrics enable row level security;
revoke all on public.realtime_metrics from anon, authenticated;
grant select on public.realtime_metrics to authenticated;
drop policy if exists "Allow authenticated access" on public.realtime_metrics;
drop policy if exists "staff read the metrics" on public.realtime_metrics;
create policy "staff read the metrics" on public.realtime_metrics
  for select to authenticated using ((select private.is_staff()));

drop function if exists public.get_realtime_messaging_metrics(integer);
create function public.get_realtime_messaging_metrics(time_window_minutes integer default 60)
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
revoke execute on function public.get_realtime_messaging_metrics from public, anon;
grant execute on function public.get_realtime_messaging_metrics to authenticated, service_role;

drop function if exists public.get_conversation_performance_metrics(uuid);
create function public.get_conversation_performance_metrics(conversation_id uuid)
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
    (extract(epoch from max(messages.created_at) - min(messages.created_at)) / 60)::integer
  from public.conversations as conversations
  left join public.messages as messages on messages.conversation_id = conversations.id
  where conversations.id = get_conversation_performance_metrics.conversation_id
  group by conversations.id;
$$;
comment on function public.get_conversation_performance_metrics is 'One conversation in figures, for whoever may read it.';
revoke execute on function public.get_conversation_performance_metrics from public, anon;
grant execute on function public.get_conversation_performance_metrics to authenticated, service_role;

drop function if exists public.cleanup_realtime_metrics(integer);
create function public.cleanup_realtime_metrics(older_than_days integer default 30)
returns integer
language sql
volatile
security invoker
set search_path = ''
as $$
  with deleted as (
    delete from public.realtime_metrics as metrics
    where metrics.timestamp < now() - make_interval(days => older_than_days) returning 1
  )
  select count(*)::integer from deleted;
$$;
comment on function public.cleanup_realtime_metrics is 'Delete old figures; returns how many.';
revoke execute on function public.cleanup_realtime_metrics from public, anon, authenticated;
grant execute on function public.cleanup_realtime_metrics to service_role;

drop function if exists public.cleanup_expired_metrics();
create function public.cleanup_expired_metrics()
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
revoke execute on function public.cleanup_expired_metrics from public, anon, authenticated;
grant execute on function public.cleanup_expired_metrics to service_role;

drop function if exists public.cleanup_ai_response_queue(integer);
create function public.cleanup_ai_response_queue(older_than_days integer default 7)
returns integer
language sql
volatile
security invoker
set search_path = ''
as $$
  with deleted as (
    delete from public.ai_response_queue as jobs
    where jobs.status in ('completed', 'failed')
      and jobs.completed_at < now() - make_interval(days => older_than_days) returning 1
  )
  select count(*)::integer from deleted;
$$;
comment on function public.cleanup_ai_response_queue is 'Delete old settled jobs; returns how many.';
revoke execute on function public.cleanup_ai_response_queue from public, anon, authenticated;
grant execute on function public.cleanup_ai_response_queue to service_role;
