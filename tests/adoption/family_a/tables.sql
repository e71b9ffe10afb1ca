-- The original's full product: its tables and keys.

create table public.profiles (
  id uuid not null primary key references auth.users (id) on delete cascade,
  email varchar(255) not null unique,
  full_name text,
  company_name text,
  website_url text,
  avatar_url text,
  role varchar(50) default 'user',
  timezone varchar(50) default 'UTC',
  language varchar(10) default 'en',
  onboarding_completed boolean default false,
  onboarding_data jsonb default '{}',
  settings jsonb default '{}',
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);

create table public.customer_profiles (
  id uuid not null primary key default gen_random_uuid(),
  email varchar(255) unique,
  name varchar(255),
  phone varchar(50),
  company varchar(255),
  location varchar(255),
  timezone varchar(50) default 'UTC',
  language varchar(10) default 'en',
  tags text[] default '{}',
  custom_fields jsonb default '{}',
  total_conversations integer default 0,
  avg_satisfaction numeric(3, 2) default 0,
  last_interaction timestamptz,
  notes text,
  status varchar(50) default 'active',
  created_at timestamptz default now(),
  updated_at timestamptz default now(),
  first_interaction timestamptz default now(),
  satisfaction_rating numeric(3, 2),
  preferences jsonb default '{}'
);

create table public.communication_channels (
  id uuid not null primary key default gen_random_uuid(),
  name varchar(100) not null,
  type varchar(50) not null,
  status varchar(20) default 'active',
  configuration jsonb not null default '{}',
  webhook_url text,
  webhook_secret varchar(255),
  api_credentials jsonb,
  message_limit_per_day integer default 1000,
  messages_sent_today integer default 0,
  last_reset_date date default current_date,
  created_by uuid,
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);

create table public.conversations (
  id uuid not null primary key default gen_random_uuid(),
  customer_id uuid references public.customer_profiles (id) on delete cascade,
  user_name varchar(255),
  user_email varchar(255),
  assigned_agent_id uuid references public.profiles (id),
  status varchar(50) default 'active',
  priority varchar(20) default 'normal',
  channel_type varchar(50) default 'website',
  channel_id uuid references public.communication_channels (id),
  external_conversation_id varchar(255),
  customer_phone varchar(50),
  customer_social_id varchar(255),
  tags text[] default '{}',
  satisfaction_score numeric(3, 2),
  resolution_time_seconds integer,
  handoff_reason text,
  department varchar(100) default 'general',
  language varchar(10) default 'en',
  sentiment varchar(20),
  intent varchar(100),
  ai_confidence numeric(3, 2),
  business_context jsonb default '{}',
  created_at timestamptz default now(),
  updated_at timestamptz default now(),
  last_message_at timestamptz default now(),
  resolved_at timestamptz,
  last_message text,
  message_count integer default 0,
  workflow_id uuid,
  requires_human boolean default false,
  escalation_reason text
);

create table public.messages (
  id uuid not null primary key default gen_random_uuid(),
  conversation_id uuid references public.conversations (id) on delete cascade,
  sender_type varchar(20) not null,
  sender_id uuid references public.profiles (id),
  content text not null,
  channel_type varchar(50) default 'website',
  external_message_id varchar(255),
  message_type varchar(50) default 'text',
  media_url text,
  media_caption text,
  delivery_status varchar(50) default 'sent',
  metadata jsonb default '{}',
  confidence_score numeric(3, 2),
  processing_time_ms integer,
  intent_detected varchar(100),
  knowledge_sources jsonb default '{}',
  tokens_used integer,
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);

create table public.ai_response_queue (
  id uuid not null primary key default gen_random_uuid(),
  conversation_id uuid not null references public.conversations (id) on delete cascade,
  message_id uuid not null references public.messages (id) on delete cascade,
  user_message text not null,
  status varchar(20) default 'pending' check (status in ('pending', 'processing', 'completed', 'failed')),
  priority integer default 3 check (priority between 1 and 5),
  retry_count integer default 0,
  max_retries integer default 3,
  ai_response text,
  ai_confidence numeric(3, 2),
  response_time_ms integer,
  error_message text,
  created_at timestamptz default now(),
  process_after timestamptz default now(),
  processed_at timestamptz,
  completed_at timestamptz
);

create table public.realtime_metrics (
  id uuid not null primary key default gen_random_uuid(),
  metric_name varchar(100) not null,
  metric_value numeric(15, 4) not null,
  dimensions jsonb default '{}',
  timestamp timestamptz default now(),
  expires_at timestamptz default now() + interval '1 hour'
);

create table public.knowledge_items (
  id uuid not null primary key default gen_random_uuid(),
  title varchar(500) not null,
  content text not null,
  category_id uuid,
  source_type varchar(50) not null,
  source_url text,
  file_path text,
  confidence_score numeric(3, 2) default 0.8,
  usage_count integer default 0,
  effectiveness_score numeric(3, 2) default 0.5,
  language varchar(10) default 'en',
  tags text[] default '{}',
  status varchar(20) default 'active',
  version integer default 1,
  created_by uuid,
  updated_by uuid,
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);

create table public.conversation_analytics (
  id uuid not null primary key default gen_random_uuid(),
  conversation_id uuid references public.conversations (id) on delete cascade,
  started_at timestamptz not null,
  first_response_at timestamptz,
  resolved_at timestamptz,
  total_duration_seconds integer,
  total_messages integer default 0,
  customer_messages integer default 0,
  ai_messages integer default 0,
  agent_messages integer default 0,
  resolved_by varchar(20),
  resolution_type varchar(50),
  handoff_count integer default 0,
  agent_switches integer default 0,
  customer_satisfaction integer,
  ai_accuracy_score numeric(3, 2),
  knowledge_items_used integer default 0,
  lead_qualified boolean default false,
  revenue_generated numeric(10, 2) default 0,
  follow_up_required boolean default false,
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);

alter publication supabase_realtime add table public.conversations, public.messages;
