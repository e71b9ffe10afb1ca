-- The original's full product: its row-level security.

alter table public.profiles enable row level security;
alter table public.customer_profiles enable row level security;
alter table public.conversations enable row level security;
alter table public.messages enable row level security;
alter table public.ai_response_queue enable row level security;
alter table public.realtime_metrics enable row level security;
alter table public.knowledge_items enable row level security;
alter table public.conversation_analytics enable row level security;

create policy "AI response queue access" on public.ai_response_queue for all to authenticated using (true);
create policy "Allow authenticated access to conversations" on public.conversations
  for all using (auth.role() = 'authenticated');
create policy "Allow authenticated access to knowledge items" on public.knowledge_items
  for all using (auth.role() = 'authenticated');
create policy "Allow authenticated access to messages" on public.messages
  for all using (auth.role() = 'authenticated');
create policy "Users can update own profile" on public.profiles for update using (auth.uid() = id);
create policy "Users can view own profile" on public.profiles for select using (auth.uid() = id);
create policy "Allow authenticated access" on public.realtime_metrics
  for all using (auth.role() = 'authenticated');
