-- The original's chat widget: two tables, with rows, open to everybody.

create table public.conversations (
  id uuid primary key default gen_random_uuid(),
  workflow_id text default 'default-workflow',
  user_email text,
  user_name text,
  status text default 'active' check (status in ('active', 'closed', 'archived')),
  metadata jsonb default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create table public.messages (
  id uuid,
  conversation_id uuid references public.conversations (id) on delete cascade,
  sender_type text not null check (sender_type in ('user', 'ai')),
  content text not null,
  metadata jsonb,
  created_at timestamptz not null
);
alter table public.conversations enable row level security;
create policy "Allow all access to conversations" on public.conversations for all using (true);
grant all on public.conversations, public.messages to anon, authenticated;
alter publication supabase_realtime add table public.conversations, public.messages;

insert into public.conversations (id, workflow_id, user_email, user_name, status, metadata, created_at, updated_at) values
  ('e0000000-0000-4000-8000-000000000001', 'default-workflow', 'one@example.com', 'One', 'active', '{"page": "/"}', '2025-03-01', '2025-03-02'),
  ('e0000000-0000-4000-8000-000000000002', 'sales', null, null, 'archived', '{}', '2025-03-03', '2025-03-04'),
  ('e0000000-0000-4000-8000-000000000003', null, null, null, null, null, '2025-03-05', '2025-03-06');
insert into public.messages (id, conversation_id, sender_type, content, metadata, created_at) values
  ('f0000000-0000-4000-8000-000000000003', 'e0000000-0000-4000-8000-000000000001', 'user', 'Still there?', null, '2025-03-02'),
  ('f0000000-0000-4000-8000-000000000001', 'e0000000-0000-4000-8000-000000000001', 'user', 'Hello', '{}', '2025-03-01'),
  ('f0000000-0000-4000-8000-000000000002', 'e0000000-0000-4000-8000-000000000001', 'ai', '', '{"model": "x"}', '2025-03-01 12:00'),
  ('f0000000-0000-4000-8000-000000000005', 'e0000000-0000-4000-8000-000000000002', 'user', 'Bye', null, '2031-01-01'),
  ('f0000000-0000-4000-8000-000000000004', 'e0000000-0000-4000-8000-000000000002', 'user', '', '{}', '2025-03-03');
