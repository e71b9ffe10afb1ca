-- Purpose: who of the team, or which program, is told of what, and what was told.
-- Touches: public.notification_rules, public.notification_deliveries, private.notification_secrets, public.ai_settings.
-- Locks:   ai_settings, for a moment.
-- Undo:    drop table public.notification_deliveries, private.notification_secrets, public.notification_rules;
--          alter table public.ai_settings drop column conversation_url.

alter table public.ai_settings add column if not exists conversation_url text
  check (conversation_url ~ '^https?://[^\s]+$' and conversation_url like '%{conversation_id}%');
comment on column public.ai_settings.conversation_url is 'Where staff see a conversation: a URL with {conversation_id} in it.';

create table if not exists public.notification_rules (
  id uuid primary key default gen_random_uuid(),
  kind text not null check (kind in ('email', 'slack', 'webhook')),
  target text not null check (length(target) <= 2000),  -- of Slack a secret: admins alone read it
  events text[] not null check (cardinality(events) > 0 and events <@ array['conversation.escalated',
    'conversation.waiting', 'delivery.failed', 'channel.error', 'message.created', 'conversation.changed', 'turn.settled']),
  reasons text[],
  wait_minutes integer check (wait_minutes between 1 and 1440),
  hours jsonb,
  is_enabled boolean not null default true,
  failed_at timestamptz,
  error_code text,
  error text,
  failures integer not null default 0,  -- since one got through
  paused_until timestamptz,
  created_at timestamptz not null default now(),
  constraint notification_rules_target check (case kind
    when 'email' then target ~ '^[^@\s<>]+@[^@\s<>]+$' else target ~ '^https?://[^\s/?#@]+([/?#]\S*)?$' end),
  constraint notification_rules_wait check (('conversation.waiting' = any (events)) = (wait_minutes is not null))
);
comment on table public.notification_rules is 'Who is told of what.';
alter table public.notification_rules enable row level security;

-- What signs the webhooks of a rule.
create table if not exists private.notification_secrets (
  rule_id uuid primary key references public.notification_rules (id) on delete cascade,
  secret text not null
);
comment on table private.notification_secrets is 'The secret that signs a rule''s webhooks.';
alter table private.notification_secrets enable row level security;

-- What it is about is read when it is sent: nothing of a customer is copied.
create table if not exists public.notification_deliveries (
  id uuid primary key default gen_random_uuid(),
  rule_id uuid not null references public.notification_rules (id) on delete cascade,
  event text not null,
  subject text not null,  -- what makes it this event and no other one
  conversation_id uuid references public.conversations (id) on delete cascade,
  message_id uuid references public.messages (id) on delete cascade,
  job_id uuid references public.ai_response_queue (id) on delete cascade,
  channel_id uuid references public.communication_channels (id) on delete cascade,
  status text not null default 'pending' check (status in ('pending', 'sending', 'sent', 'failed', 'skipped')),
  process_after timestamptz not null default now(),
  expires_at timestamptz not null default now() + interval '1 day',
  attempt integer not null default 0,
  failures integer not null default 0,
  leased_by text,
  error_code text,
  error text,
  created_at timestamptz not null default now(),
  settled_at timestamptz,
  constraint notification_deliveries_settled check ((status in ('pending', 'sending')) = (settled_at is null)),
  constraint notification_deliveries_once unique (rule_id, event, subject)
);
comment on table public.notification_deliveries is 'What is told by the rules, and what became of it.';
create index if not exists notification_deliveries_claimable on public.notification_deliveries (rule_id, process_after) where settled_at is null;
create index if not exists notification_deliveries_conversation_id_idx on public.notification_deliveries (conversation_id);
create index if not exists notification_deliveries_message_id_idx on public.notification_deliveries (message_id);
create index if not exists notification_deliveries_job_id_idx on public.notification_deliveries (job_id);
create index if not exists notification_deliveries_channel_id_idx on public.notification_deliveries (channel_id);
create index if not exists notification_deliveries_settled_at_idx on public.notification_deliveries (settled_at);
alter table public.notification_deliveries enable row level security;
