-- Purpose: for how long what people wrote is kept, and that somebody's was erased.
-- Touches: columns of public.ai_settings; private.erasures.
-- Undo:    drop table private.erasures; alter table public.ai_settings drop the columns.

-- Days. A visitor's are those since their last visit, where they wrote; conversations stay where it is null.
alter table public.ai_settings
  add column if not exists keep_turns_days integer not null default 30 check (keep_turns_days between 1 and 3650),
  add column if not exists keep_deliveries_days integer not null default 90 check (keep_deliveries_days between 1 and 3650),
  add column if not exists keep_webhooks_days integer not null default 14 check (keep_webhooks_days between 1 and 3650),
  add column if not exists keep_visitors_days integer not null default 365 check (keep_visitors_days between 1 and 3650),
  add column if not exists keep_conversations_days integer check (keep_conversations_days between 1 and 3650);

-- Of whom nothing is left but that: so that what was erased can be erased again in a backup that is restored.
create table if not exists private.erasures (
  id uuid primary key default gen_random_uuid(),
  customer_id uuid not null,
  conversation_ids uuid[] not null,
  counts jsonb not null,  -- of the rows that went, by table
  erased_by uuid,  -- null: the service role
  erased_at timestamptz not null default now()
);
comment on table private.erasures is 'Customers of whom everything was erased: ids and figures, and nobody''s words.';
create index if not exists erasures_customer_id_idx on private.erasures (customer_id);
alter table private.erasures enable row level security;
