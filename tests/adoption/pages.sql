-- What the original's pages have beside the inbox, open to everybody who is signed in, with rows of every kind.

create table public.typing_indicators (
  id uuid primary key default gen_random_uuid(),
  user_id text not null,
  conversation_id uuid references public.conversations (id) on delete cascade,
  is_typing boolean default false,
  last_activity timestamptz not null default now(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (user_id, conversation_id)
);
create policy "Public can view typing indicators" on public.typing_indicators for select using (true);
create policy "Public can create typing indicators" on public.typing_indicators for insert with check (true);
alter table public.typing_indicators enable row level security;
grant all on public.typing_indicators to anon, authenticated, public;
insert into public.typing_indicators (id, user_id, conversation_id, updated_at) values
  ('10000000-0000-4000-8000-000000000001', 'a-visitor', 'e0000000-0000-4000-8000-000000000001', now()),
  ('10000000-0000-4000-8000-000000000002', 'an-old-one', 'e0000000-0000-4000-8000-000000000001', '2025-03-01');

create table public.conversation_metrics (
  id uuid primary key default gen_random_uuid(),
  conversation_id varchar(255) not null unique,
  ai_handled boolean default false,
  message_count integer default 0,
  resolution_status varchar(20) default 'pending'
);
create policy "Users can view conversation metrics" on public.conversation_metrics for select using (true);
insert into public.conversation_metrics (id, conversation_id) values
  ('20000000-0000-4000-8000-000000000001', 'e0000000-0000-4000-8000-000000000001'),
  ('20000000-0000-4000-8000-000000000002', 'not-a-conversation');

create table public.knowledge_categories (
  id uuid primary key default gen_random_uuid(),
  name varchar(255) not null,
  parent_id uuid references public.knowledge_categories (id),
  order_index integer default 0
);
create policy "Allow authenticated access" on public.knowledge_categories
  for all using (auth.role() = 'authenticated');
alter table public.knowledge_categories enable row level security;
insert into public.knowledge_categories (id, name) values ('30000000-0000-4000-8000-000000000001', 'General');
insert into public.knowledge_items (id, title, content, source_type, category_id) values
  ('31000000-0000-4000-8000-000000000001', 'Sorted', 'It has a category.', 'manual', '30000000-0000-4000-8000-000000000001'),
  ('31000000-0000-4000-8000-000000000002', 'Lost', 'Its category is gone.', 'manual', '30000000-0000-4000-8000-00000000000f');

create table public.knowledge_versions (
  id uuid primary key default gen_random_uuid(),
  knowledge_item_id uuid references public.knowledge_items (id) on delete cascade,
  version integer not null,
  content text not null
);
insert into public.knowledge_versions (id, knowledge_item_id, version, content) values
  ('40000000-0000-4000-8000-000000000001', '31000000-0000-4000-8000-000000000001', 1, 'It had none.');

-- Twice the same agent.
create table public.agent_availability (
  id uuid primary key default gen_random_uuid(),
  agent_id uuid not null references public.profiles (id) on delete cascade,
  is_online boolean default false,
  status varchar(50) default 'available',
  current_chat_count integer default 0
);
create policy "Allow authenticated access" on public.agent_availability
  for all using (auth.role() = 'authenticated');
alter table public.agent_availability enable row level security;
insert into public.agent_availability (id, agent_id) values
  ('50000000-0000-4000-8000-000000000001', 'a0000000-0000-4000-8000-000000000001'),
  ('50000000-0000-4000-8000-000000000002', 'a0000000-0000-4000-8000-000000000001');

create table public.daily_metrics (
  id uuid primary key default gen_random_uuid(),
  date date not null,
  channel_type varchar(50),
  total_conversations integer default 0
);
create policy "Allow authenticated access" on public.daily_metrics for all using (auth.role() = 'authenticated');
alter table public.daily_metrics enable row level security;
insert into public.daily_metrics (id, date, total_conversations) values
  ('60000000-0000-4000-8000-000000000001', '2025-03-01', 7);

update public.profiles set role = 'agent' where email = 'agent@example.com';
