-- Purpose: what goes out by a channel: messages, receipts, and files that customers sent and we fetch.
-- Touches: public.channel_deliveries; triggers on messages, conversations, channel_deliveries.
-- Locks:   the conversation (a message has it when it is numbered), then its deliveries: everywhere in this
--          order. The website's messages pass by the conditions of the triggers.
-- Undo:    drop table public.channel_deliveries; drop the triggers and functions.

-- Of a conversation's messages one is due, the oldest that is open; those behind it have no process_after.
-- While it is sent, process_after is when it may be claimed again: the end of its lease, and of the time in
-- which the channel may still tell that it is out. A row that is `sending` without a lease may be out.
create table if not exists public.channel_deliveries (
  id uuid primary key default gen_random_uuid(),
  channel_id uuid not null references public.communication_channels (id) on delete cascade,
  conversation_id uuid not null references public.conversations (id) on delete cascade,
  message_id uuid not null references public.messages (id) on delete cascade,
  kind text not null default 'message' check (kind in ('message', 'receipt', 'media')),
  position bigint not null,  -- of the message
  is_typing boolean not null default false,  -- of a receipt: the AI answers, show that too
  status text not null default 'pending'
    check (status in ('pending', 'sending', 'sent', 'delivered', 'read', 'failed')),
  process_after timestamptz,
  expires_at timestamptz not null,
  -- The claim: each is a new attempt, and the number fences off the older ones.
  attempt integer not null default 0,
  failures integer not null default 0,  -- in a row
  unconfirmed integer not null default 0,  -- attempts of which nobody heard how they ended
  leased_by text,  -- null again when it has told how the attempt ended
  parts_sent integer not null default 0,
  external_ids text[] not null default '{}',  -- the channel's ids of what is out
  error_code text,
  error text,
  created_at timestamptz not null default now(),
  settled_at timestamptz,
  constraint channel_deliveries_settled check ((status in ('pending', 'sending')) = (settled_at is null)),
  constraint channel_deliveries_due check (process_after is not null or settled_at is not null
    or (kind = 'message' and status = 'pending')),
  constraint channel_deliveries_one_of_each unique (message_id, kind)
);

alter table public.channel_deliveries set (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
comment on table public.channel_deliveries is 'What goes out by a channel, and what became of it.';
create unique index if not exists channel_deliveries_one_due on public.channel_deliveries (conversation_id)
  where kind = 'message' and settled_at is null and process_after is not null;
create index if not exists channel_deliveries_in_order on public.channel_deliveries (conversation_id, position)
  where kind = 'message' and settled_at is null;

-- What a claim looks at: its cost does not grow with the history.
create index if not exists channel_deliveries_claimable on public.channel_deliveries (channel_id, kind, process_after)
  where settled_at is null;
create index if not exists channel_deliveries_expiring on public.channel_deliveries (expires_at) where settled_at is null;
create index if not exists channel_deliveries_conversation_id_idx on public.channel_deliveries (conversation_id, created_at desc);
create index if not exists channel_deliveries_receipts on public.channel_deliveries (created_at) where kind = 'receipt';
create index if not exists channel_deliveries_created_at_idx on public.channel_deliveries using brin (created_at);
alter table public.channel_deliveries enable row level security;

-- What a worker sends of each delivery.
do $$
begin
  if to_regtype('private.delivery_result') is null then
    create type private.delivery_result as (
      delivery_id uuid, attempt integer, outcome text, external_ids text[], parts_sent integer, error_code text,
      error text, retry_after_seconds double precision, pause_seconds double precision, media jsonb
    );
  end if;
end $$;
