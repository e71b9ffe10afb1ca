-- The whole product: the team, its texts, its articles' surroundings and its numbers.

create table public.agent_availability (
  id uuid primary key default gen_random_uuid(),
  agent_id uuid not null references public.profiles (id) on delete cascade,
  is_online boolean default false,
  status varchar(50) default 'available',
  max_concurrent_chats integer default 5,
  current_chat_count integer default 0,
  last_activity timestamptz default now(),
  auto_away_time integer default 300,
  working_hours jsonb default '{"monday": {"start": "09:00", "end": "17:00"}}',
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);

create table public.human_agents (
  id uuid primary key default gen_random_uuid(),
  profile_id uuid references public.profiles (id) on delete cascade,
  name varchar(255) not null,
  email varchar(255) not null,
  is_online boolean default false,
  last_active timestamptz default now(),
  assigned_conversations integer default 0,
  status varchar(20) default 'offline',
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);

create table public.conversation_transfers (
  id uuid primary key default gen_random_uuid(),
  conversation_id uuid references public.conversations (id) on delete cascade,
  from_agent_id uuid references public.profiles (id) on delete set null,
  to_agent_id uuid references public.profiles (id) on delete set null,
  transfer_reason text,
  transfer_type varchar(50) default 'manual',
  transfer_time timestamptz default now(),
  accepted_at timestamptz,
  rejected_at timestamptz,
  status varchar(50) default 'pending'
);

create table public.sla_tracking (
  id uuid primary key default gen_random_uuid(),
  conversation_id uuid references public.conversations (id) on delete cascade,
  sla_type varchar(50) not null,
  target_time_seconds integer not null,
  actual_time_seconds integer,
  status varchar(20) default 'pending',
  breach_reason text,
  created_at timestamptz default now(),
  completed_at timestamptz
);

create table public.canned_responses (
  id uuid primary key default gen_random_uuid(),
  title varchar(255) not null,
  content text not null,
  shortcut varchar(50),
  category varchar(100) default 'general',
  language varchar(10) default 'en',
  usage_count integer default 0,
  created_by uuid references public.profiles (id) on delete set null,
  is_public boolean default true,
  is_active boolean default true,
  tags text[] default '{}',
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);

create table public.message_templates (
  id uuid primary key default gen_random_uuid(),
  name varchar(255) not null,
  language varchar(10) not null,
  category varchar(50) not null,
  template_content jsonb not null,
  status varchar(50) default 'pending',
  channel_type varchar(50) not null,
  external_template_id varchar(255),
  usage_count integer default 0,
  created_by uuid references public.profiles (id) on delete set null,
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);

create table public.channel_routing_rules (
  id uuid primary key default gen_random_uuid(),
  name varchar(255) not null,
  priority integer default 0,
  conditions jsonb not null,
  target_channel_type varchar(50) not null,
  fallback_channel_type varchar(50),
  is_active boolean default true,
  created_by uuid references public.profiles (id) on delete set null,
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);

create table public.knowledge_categories (
  id uuid primary key default gen_random_uuid(),
  name varchar(255) not null,
  description text,
  parent_id uuid references public.knowledge_categories (id) on delete set null,
  order_index integer default 0,
  icon varchar(100),
  color varchar(20),
  is_active boolean default true,
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);
alter table public.knowledge_items
  add foreign key (category_id) references public.knowledge_categories (id) on delete set null;

create table public.knowledge_versions (
  id uuid primary key default gen_random_uuid(),
  knowledge_item_id uuid references public.knowledge_items (id) on delete cascade,
  version integer not null,
  content text not null,
  changes_description text,
  created_by uuid references public.profiles (id) on delete set null,
  created_at timestamptz default now()
);

create table public.knowledge_analytics (
  id uuid primary key default gen_random_uuid(),
  knowledge_item_id uuid references public.knowledge_items (id) on delete cascade,
  conversation_id uuid references public.conversations (id) on delete cascade,
  was_helpful boolean,
  feedback_text text,
  usage_context varchar(100),
  created_at timestamptz default now()
);

create table public.daily_metrics (
  id uuid primary key default gen_random_uuid(),
  date date not null,
  channel_type varchar(50),
  department varchar(100),
  agent_id uuid references public.profiles (id) on delete set null,
  total_conversations integer default 0,
  ai_resolved_conversations integer default 0,
  human_resolved_conversations integer default 0,
  abandoned_conversations integer default 0,
  avg_first_response_time_seconds integer default 0,
  avg_resolution_time_seconds integer default 0,
  total_ratings integer default 0,
  avg_satisfaction_score numeric(3, 2) default 0,
  ai_confidence_avg numeric(3, 2) default 0,
  ai_accuracy_rate numeric(3, 2) default 0,
  handoff_rate numeric(3, 2) default 0,
  leads_generated integer default 0,
  sales_qualified_leads integer default 0,
  revenue_attributed numeric(10, 2) default 0,
  created_at timestamptz default now(),
  unique (date, channel_type, department, agent_id)
);

create table public.audit_logs (
  id uuid primary key default gen_random_uuid(),
  user_id uuid,
  action varchar(100) not null,
  entity_type varchar(100) not null,
  entity_id uuid,
  changes jsonb,
  ip_address inet,
  user_agent text,
  created_at timestamptz default now()
);
