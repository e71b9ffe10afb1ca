-- Purpose: a channel's message becomes a row: once, its customer's, in the right conversation.
-- Touches: private.channel_messages, private.channel_customers; ingest_channel_message.
-- Locks:   as repeatable/1530_channel_webhooks.sql says.
-- Undo:    drop the functions and tables.

-- What a channel calls our messages. One of ours may be several of theirs: its parts.
create table if not exists private.channel_messages (
  channel_id uuid not null references public.communication_channels (id) on delete cascade,
  external_id text not null,
  digest bytea not null generated always as (private.id_digest(external_id)) stored,
  message_id uuid not null references public.messages (id) on delete cascade,
  primary key (channel_id, digest)
);
comment on table private.channel_messages is 'Which message an external id is.';
create index if not exists channel_messages_message_id_idx on private.channel_messages (message_id);
alter table private.channel_messages enable row level security;

-- Whom a channel means: a customer may have several ids, and an id is somebody else's with another account.
create table if not exists private.channel_customers (
  channel_id uuid not null references public.communication_channels (id) on delete cascade,
  external_id text not null,
  digest bytea not null generated always as (private.id_digest(external_id)) stored,
  customer_id uuid not null references public.customer_profiles (id) on delete cascade,
  primary key (channel_id, digest)
);
comment on table private.channel_customers is 'Which customer a channel''s id is.';
create index if not exists channel_customers_customer_id_idx on private.channel_customers (customer_id);
alter table private.channel_customers enable row level security;

-- Messages that the original had from channels: their replies, receipts and duplicates find them.
insert into private.channel_messages (channel_id, external_id, message_id)
select conversations.channel_id, messages.external_message_id, messages.id
from public.messages as messages
join public.conversations as conversations on conversations.id = messages.conversation_id
where messages.external_message_id <> '' and conversations.channel_id is not null
order by messages.position
on conflict do nothing;
