-- The whole product: other services, workflows, and the many tables that differ in little but their names.

create table public.integrations (
  id uuid primary key default gen_random_uuid(),
  name varchar(255) not null,
  type varchar(100) not null,
  provider varchar(100) not null,
  status varchar(50) default 'inactive',
  configuration jsonb not null,
  credentials jsonb not null,
  sync_settings jsonb default '{}',
  last_sync_at timestamptz,
  sync_frequency integer default 3600,
  error_count integer default 0,
  last_error text,
  created_by uuid references public.profiles (id) on delete set null,
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);

create table public.oauth_tokens (
  id uuid primary key default gen_random_uuid(),
  user_id uuid references auth.users (id) on delete cascade,
  provider varchar(50) not null,
  access_token text not null,
  refresh_token text,
  token_type varchar(20) default 'Bearer',
  expires_at timestamptz,
  scope text,
  store_identifier text,
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);

create table public.workflows (
  id uuid primary key default gen_random_uuid(),
  user_id uuid references auth.users (id) on delete cascade,
  name varchar(255) not null,
  description text,
  trigger_type varchar(50) not null,
  trigger_conditions jsonb default '{}',
  steps jsonb not null default '[]',
  nodes jsonb not null default '[]',
  connections jsonb not null default '[]',
  is_active boolean default false,
  execution_count integer default 0,
  success_count integer default 0,
  failure_count integer default 0,
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);

create table public.workflow_executions (
  id uuid primary key default gen_random_uuid(),
  workflow_id uuid references public.workflows (id) on delete cascade,
  conversation_id uuid references public.conversations (id) on delete cascade,
  current_node_id text,
  context jsonb default '{}',
  status varchar(50) default 'running',
  started_at timestamptz default now(),
  completed_at timestamptz,
  error_message text,
  execution_log jsonb default '[]'
);

do $$
declare
  v_name text;
begin
  foreach v_name in array array['hubspot_portals', 'salesforce_orgs', 'shopify_stores'] loop
    execute format('create table public.%I (
      id uuid primary key default gen_random_uuid(),
      user_id uuid references auth.users (id) on delete cascade,
      oauth_token_id uuid references public.oauth_tokens (id) on delete cascade,
      portal_id varchar(50) not null default ''portal'',
      sync_status varchar(20) default ''active'',
      last_sync_at timestamptz,
      created_at timestamptz default now(),
      updated_at timestamptz default now()
    )', v_name);
  end loop;
  foreach v_name in array array['synced_contacts', 'synced_deals', 'synced_orders', 'synced_products'] loop
    execute format('create table public.%I (
      id uuid primary key default gen_random_uuid(),
      user_id uuid references auth.users (id) on delete cascade,
      provider varchar(50) not null default ''hubspot'',
      external_id varchar(255) not null default ''1'',
      data jsonb,
      created_at timestamptz default now(),
      updated_at timestamptz default now(),
      unique (provider, external_id, user_id)
    )', v_name);
  end loop;
  foreach v_name in array array['integration_logs', 'webhook_logs', 'webhook_subscriptions', 'sync_jobs',
    'alert_rules', 'scheduled_reports', 'system_settings', 'ab_tests', 'website_scans', 'template_categories',
    'security_audit_logs', 'chat_widget_configs', 'api_keys', 'notifications', 'encryption_keys'] loop
    execute format('create table public.%I (
      id uuid primary key default gen_random_uuid(),
      user_id uuid references auth.users (id) on delete cascade,
      name varchar(255) not null default %L,
      status varchar(50) default ''active'',
      data jsonb default ''{}'',
      created_at timestamptz default now(),
      updated_at timestamptz default now()
    )', v_name, v_name);
  end loop;
end $$;
