-- Purpose: what is said about messages after they were sent: statuses, reactions, edits, deletions, in any order.
-- Touches: private.channel_changes, record_delivery_status.
-- Locks:   as repeatable/1530_channel_webhooks.sql says.
-- Undo:    drop the functions; drop table private.channel_changes.

-- The last word on each message, by kind (and by whom, for reactions), whether the message is here or still to
-- come: what is written here depends on what came, not on the order in which it came. Then the message is made
-- to agree. A row of kind `thread` says that a conversation (`who`) refers to this mail.
create table if not exists private.channel_changes (
  channel_id uuid not null references public.communication_channels (id) on delete cascade,
  digest bytea not null,  -- of the message's external id
  kind text not null check (kind in ('status', 'reaction', 'edit', 'deletion', 'thread')),
  who text not null default '',
  rank integer not null default 0,  -- a later word counts only if its rank is no lower
  at timestamptz not null,
  body jsonb not null default '{}',
  received_at timestamptz not null default now(),
  primary key (channel_id, digest, kind, who)
);
comment on table private.channel_changes is 'What channels said about messages; it goes after 7 days.';
create index if not exists channel_changes_received_at_idx on private.channel_changes (received_at);
alter table private.channel_changes enable row level security;
