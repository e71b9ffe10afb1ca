-- Purpose: the pace of each account, and what it shows of what went out by it.
-- Touches: private.channel_pace, public.communication_channels.
-- Locks:   paces before the rows of accounts, each in the order of their ids; a claim leaves a locked pace to
--          whoever has it.
-- Undo:    drop the functions; drop table private.channel_pace; drop constraint communication_channels_pace.

-- The token bucket of each account: it holds what may be sent within a second.
create table if not exists private.channel_pace (
  channel_id uuid primary key references public.communication_channels (id) on delete cascade,
  tokens double precision not null default 0,
  refilled_at timestamptz not null default '2000-01-01',  -- long ago: the first bucket is full
  paused_until timestamptz,
  is_refused boolean not null default false  -- its secret was, and nothing got through since
);
comment on table private.channel_pace is 'How much each account may send now.';
alter table private.channel_pace enable row level security;

update public.communication_channels as channels set configuration = channels.configuration - 'messages_per_second'
where channels.configuration ? 'messages_per_second' and case jsonb_typeof(channels.configuration -> 'messages_per_second')
  when 'number' then (channels.configuration ->> 'messages_per_second')::numeric not between 0.01 and 1000 else true end;

alter table public.communication_channels drop constraint if exists communication_channels_pace;

alter table public.communication_channels add constraint communication_channels_pace
  check (not configuration ? 'messages_per_second' or case jsonb_typeof(configuration -> 'messages_per_second')
    when 'number' then (configuration ->> 'messages_per_second')::numeric between 0.01 and 1000 else false end);
