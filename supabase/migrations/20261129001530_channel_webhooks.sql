-- Purpose: what channels send: kept as it came, and applied event by event.
-- Touches: public.webhook_events, receive_channel_webhook, replay_channel_webhook.
-- Locks:   the webhook's row, the names of what its events are about (advisory, in order), their conversations
--          in the order of their ids, what follows from them, the accounts last: everywhere in this order.
-- Undo:    drop the functions; drop table public.webhook_events; drop type private.channel_event.

create table if not exists public.webhook_events (
  id uuid primary key default gen_random_uuid(),
  channel_type text not null,
  digest bytea not null,  -- of the payload: the same webhook again is the same row
  payload text not null,
  headers jsonb not null default '{}',
  events jsonb not null,  -- what the channel's function read in it
  received_at timestamptz not null default now(),
  processed_at timestamptz,
  outcomes jsonb not null default '{}',  -- how many of its events: {"stored": 1, "failed": 1}
  error text,  -- why events failed, without what was in them
  attempts integer not null default 1,
  unique (channel_type, digest)
);
comment on table public.webhook_events is 'Raw webhooks, to be looked at and replayed; they go after 14 days.';
create index if not exists webhook_events_received_at_idx on public.webhook_events (received_at);
alter table public.webhook_events enable row level security;

-- An event as it was read. One that makes no sense says why.
do $$
begin
  if to_regtype('private.channel_event') is null then
    create type private.channel_event as (
      place integer, kind text, channel_type text, channel_id uuid, is_disabled boolean, external_id text,
      at timestamptz, body jsonb, problem text
    );
  end if;
end $$;

create or replace function private.id_digest(external_id text)
returns bytea
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return sha256(convert_to(external_id, 'UTF8'));
end $$;
comment on function private.id_digest is 'What an external id is found by: a Message-ID is longer than an index takes.';
