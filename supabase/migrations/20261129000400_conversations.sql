-- Purpose: the conversations of the inbox, and the one place where their state changes take effect.
-- Touches: public.conversations, private.my_conversation_ids.
-- Locks:   conversations, while columns are added.
-- Undo:    drop table public.conversations cascade; drop the functions.

create table if not exists public.conversations (id uuid primary key default gen_random_uuid());

-- One by one: an original has some of these columns or most, and keeps what it has besides.
alter table public.conversations
  add column if not exists customer_id uuid references public.customer_profiles (id) on delete cascade,
  add column if not exists customer_name varchar(255),
  add column if not exists user_name varchar(255),
  add column if not exists user_email varchar(255),
  add column if not exists customer_phone varchar(50),
  add column if not exists customer_social_id varchar(255),
  add column if not exists channel_type varchar(50) default 'website',
  add column if not exists channel_id uuid,
  add column if not exists external_conversation_id varchar(255),
  add column if not exists status varchar(50) default 'active',
  add column if not exists priority varchar(20) default 'normal',
  add column if not exists assigned_agent_id uuid,
  add column if not exists requires_human boolean default false,
  add column if not exists escalation_reason text,
  add column if not exists handoff_reason text,
  add column if not exists ai_confidence numeric(3, 2),
  add column if not exists intent varchar(100),
  add column if not exists sentiment varchar(20),
  add column if not exists language varchar(10),
  add column if not exists department varchar(100) default 'general',
  add column if not exists tags text[] default '{}',
  add column if not exists satisfaction_score numeric(3, 2),
  add column if not exists satisfaction_rating numeric(3, 2),
  add column if not exists resolution_time_seconds integer,
  add column if not exists business_context jsonb default '{}',
  add column if not exists workflow_id uuid,  -- text where the chat widget made it so: nothing here reads it
  add column if not exists last_message text,
  add column if not exists last_message_at timestamptz,  -- its default comes below: rows of old have none
  add column if not exists message_count integer default 0,
  add column if not exists resolved_at timestamptz,
  add column if not exists created_at timestamptz default now(),
  add column if not exists updated_at timestamptz default now(),
  -- When the last hand-over was written; null once an agent has written or taken over.
  add column if not exists handed_over_at timestamptz,
  -- When a human last had it (escalated to, taken over or written), and when a resolved one came back:
  -- what counts as resolved by the AI is what neither happened to.
  add column if not exists last_human_at timestamptz,
  add column if not exists reopened_at timestamptz,
  -- How far each side has read.
  add column if not exists customer_read_position bigint not null default 0,
  add column if not exists agent_read_position bigint not null default 0;

alter table public.conversations
  alter column created_at set default now(),
  alter column updated_at set default now(),
  alter column last_message_at set default now(),
  -- Null until somebody has said what it is: the original's default, 'en', is a guess.
  alter column language drop default,
  drop constraint if exists conversations_assigned_agent_id_fkey,
  add constraint conversations_assigned_agent_id_fkey
    foreign key (assigned_agent_id) references public.profiles (id) on delete set null;

-- No state is decided by a null.
update public.conversations
set status = coalesce(status, 'active'), requires_human = coalesce(requires_human, false),
  priority = coalesce(priority, 'normal'), channel_type = coalesce(channel_type, 'website')
where status is null or requires_human is null or priority is null or channel_type is null;
create index if not exists conversations_customer_id_idx on public.conversations (customer_id, channel_type);
create index if not exists conversations_assigned_agent_id_idx on public.conversations (assigned_agent_id);
create index if not exists conversations_last_message_at_idx on public.conversations (last_message_at desc, id desc);
create index if not exists conversations_requires_human_idx on public.conversations (last_message_at desc, id desc)
  where requires_human;

-- What a screen missed while its connection was interrupted.
create index if not exists conversations_updated_at_idx on public.conversations (updated_at, id);
alter table public.conversations enable row level security;
