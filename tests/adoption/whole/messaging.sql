-- The whole product: what its later SQL added to the messaging tables, and the tables around a conversation.

alter table public.conversations
  add column metadata jsonb default '{}',
  add column user_id uuid references auth.users (id) on delete set null,
  add column title varchar(255),
  add column summary text,
  add constraint conversations_status_check check (status in ('active', 'closed', 'archived')) not valid;
alter table public.messages
  add column status text default 'sent' check (status in ('sending', 'sent', 'delivered', 'read', 'failed')),
  add constraint messages_sender_type_check check (sender_type in ('user', 'ai', 'agent')),
  add constraint messages_message_type_check check (message_type in ('text', 'image', 'file', 'system'));
alter table public.conversation_analytics add unique (conversation_id);
-- With both of its triggers, a conversation's second row of analytics is refused, and so is the conversation.
drop trigger trigger_create_conversation_analytics on public.conversations;

create table public.conversation_notes (
  id uuid primary key default gen_random_uuid(),
  conversation_id uuid references public.conversations (id) on delete cascade,
  agent_id uuid references public.profiles (id) on delete cascade,
  note text not null,
  is_internal boolean default true,
  note_type varchar(50) default 'general',
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);
create index idx_conversation_notes_conversation_id on public.conversation_notes (conversation_id);

create table public.webhook_events (
  id uuid primary key default gen_random_uuid(),
  channel_id uuid references public.communication_channels (id) on delete cascade,
  event_type varchar(100) not null,
  source varchar(100) not null,
  payload jsonb not null,
  processed boolean default false,
  processing_attempts integer default 0,
  error_message text,
  created_at timestamptz default now(),
  processed_at timestamptz
);
create index idx_webhook_events_processed on public.webhook_events (processed);

create table public.typing_indicators (
  id uuid primary key default gen_random_uuid(),
  user_id text not null,
  conversation_id uuid references public.conversations (id) on delete cascade,
  is_typing boolean default false,
  last_activity timestamptz not null default timezone('utc', now()),
  created_at timestamptz not null default timezone('utc', now()),
  updated_at timestamptz not null default timezone('utc', now()),
  unique (user_id, conversation_id)
);
alter publication supabase_realtime add table public.typing_indicators;

create table public.conversation_metrics (
  id uuid primary key default gen_random_uuid(),
  conversation_id varchar(255) not null unique,  -- text, without a foreign key
  ai_handled boolean default false,
  escalated_to_human boolean default false,
  customer_satisfaction integer check (customer_satisfaction between 1 and 5),
  response_time_ms integer default 0,
  message_count integer default 0,
  resolution_status varchar(20) default 'pending'
    check (resolution_status in ('resolved', 'pending', 'escalated', 'abandoned')),
  session_start timestamptz default now(),
  session_end timestamptz,
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);

create table public.message_delivery_tracking (
  id uuid primary key default gen_random_uuid(),
  message_id uuid references public.messages (id) on delete cascade,
  channel_type varchar(50) not null,
  external_message_id varchar(255),
  delivery_status varchar(50) default 'sent',
  delivery_timestamp timestamptz,
  read_timestamp timestamptz,
  error_details jsonb,
  retry_count integer default 0,
  max_retries integer default 3,
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);

create table public.file_attachments (
  id uuid primary key default gen_random_uuid(),
  conversation_id uuid references public.conversations (id) on delete cascade,
  message_id uuid references public.messages (id) on delete cascade,
  filename varchar(255) not null,
  file_path varchar(500) not null,
  file_size integer,
  mime_type varchar(100),
  file_hash varchar(64),
  uploaded_by uuid references public.profiles (id) on delete set null,
  storage_provider varchar(50) default 'supabase',
  is_public boolean default false,
  created_at timestamptz default now()
);

create table public.conversation_context (
  id uuid primary key default gen_random_uuid(),
  conversation_id uuid references public.conversations (id) on delete cascade,
  context_data jsonb not null,
  last_intent varchar(100),
  conversation_summary text,
  key_entities jsonb,
  customer_preferences jsonb,
  updated_at timestamptz default now()
);

create table public.escalation_reasons (
  id uuid primary key default gen_random_uuid(),
  conversation_id varchar(255) not null,
  reason varchar(255) not null,
  created_at timestamptz default now()
);

create table public.escalation_requests (
  id uuid primary key default gen_random_uuid(),
  conversation_id varchar(255) not null,
  customer_message text not null,
  ai_response text,
  escalation_reason varchar(255) not null,
  assigned_agent_id uuid references public.profiles (id) on delete set null,
  status varchar(20) default 'pending',
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);
