-- Purpose: when somebody of the team is there, and what customers are told when nobody is.
-- Touches: public.business_hours.
-- Locks:   none.
-- Undo:    drop table public.business_hours.

create table if not exists public.business_hours (
  id uuid primary key default gen_random_uuid(),
  -- Of a kind of channel, or of one account; of all that have none of their own, if both are null.
  channel_type text check (channel_type in ('website', 'whatsapp', 'instagram', 'email', 'sms', 'messenger')),
  channel_id uuid references public.communication_channels (id) on delete cascade,
  hours jsonb not null,
  -- By language, as ai_settings.handover_texts; {when} stands for when somebody is back.
  away_texts jsonb not null default '{}' constraint business_hours_away_texts_are_texts check (
    jsonb_typeof(away_texts) = 'object' and length(away_texts::text) <= 50000
    and not jsonb_path_exists(away_texts, '$.* ? (@.type() != "string" || @ == "")')
  ),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint business_hours_are_of_one check (channel_type is null or channel_id is null),
  constraint business_hours_one_each unique nulls not distinct (channel_type, channel_id)
);
comment on table public.business_hours is 'When the team is there, by channel, and what a hand-over says when it is not.';
create index if not exists business_hours_channel_id_idx on public.business_hours (channel_id);
alter table public.business_hours enable row level security;
