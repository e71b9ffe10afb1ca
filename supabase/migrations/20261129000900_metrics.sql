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

-- Rows come in the order of their time: a block range knows what is in it, and costs an insert nothing.
create index if not exists realtime_metrics_timestamp_idx on public.realtime_metrics using brin (timestamp);
create index if not exists realtime_metrics_expires_at_idx on public.realtime_metrics using brin (expires_at);
alter table public.realtime_metrics enable row level security;
