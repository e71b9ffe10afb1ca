-- Purpose: what triggers of others could not do: people see it here, and no message is stopped; which tables of others
--          were closed to visitors.
-- Touches: private.trigger_failures, private.closed_tables.
-- Undo:    drop both tables.

create table if not exists private.trigger_failures (
  id bigint primary key generated always as identity,
  table_name text not null,
  trigger_name text not null,
  code text not null,
  reason text not null,
  failed_at timestamptz not null default clock_timestamp()
);
comment on table private.trigger_failures is 'Failures of guarded triggers, at most one a minute of each; they go after 30 days.';
create index if not exists trigger_failures_failed_at_idx on private.trigger_failures (failed_at);
create index if not exists trigger_failures_trigger_idx
  on private.trigger_failures (table_name, trigger_name, failed_at desc);
alter table private.trigger_failures enable row level security;

create table if not exists private.closed_tables (
  table_name text,
  command text,
  closed_at timestamptz not null default now(),
  primary key (table_name, command)
);
comment on table private.closed_tables is 'What was closed to anonymous users, once: an owner may open it again.';
alter table private.closed_tables enable row level security;
