-- Purpose: what the AI may answer from. How it is found is in the next files.
-- Touches: public.knowledge_items.
-- Locks:   knowledge_items, while its columns get their defaults.
-- Undo:    drop table public.knowledge_items.

create table if not exists public.knowledge_items (
  id uuid primary key default gen_random_uuid(),
  title varchar(500) not null,
  content text not null,
  category_id uuid,
  source_type varchar(50) not null default 'manual',
  source_url text,
  language varchar(10) default 'en',
  tags text[] default '{}',
  status varchar(20) default 'active',
  usage_count integer default 0,
  effectiveness_score numeric(3, 2) default 0.5,
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);
-- The original has no default, and rows without a language or a state: nobody would find those.
alter table public.knowledge_items alter column source_type set default 'manual';
update public.knowledge_items set language = coalesce(language, 'en'), status = coalesce(status, 'active')
where language is null or status is null;

drop trigger if exists knowledge_items_touch on public.knowledge_items;
create trigger knowledge_items_touch before update on public.knowledge_items
  for each row execute function private.touch_updated_at();

alter table public.knowledge_items enable row level security;
revoke all on public.knowledge_items from anon, authenticated;
grant select, insert, update, delete on public.knowledge_items to authenticated;
drop policy if exists "Allow authenticated access to knowledge items" on public.knowledge_items;
drop policy if exists "staff read the knowledge base" on public.knowledge_items;
create policy "staff read the knowledge base" on public.knowledge_items
  for select to authenticated using ((select private.is_staff()));
drop policy if exists "staff add knowledge" on public.knowledge_items;
create policy "staff add knowledge" on public.knowledge_items
  for insert to authenticated with check ((select private.is_staff()));
drop policy if exists "staff change knowledge" on public.knowledge_items;
create policy "staff change knowledge" on public.knowledge_items
  for update to authenticated using ((select private.is_staff())) with check ((select private.is_staff()));
drop policy if exists "staff remove knowledge" on public.knowledge_items;
create policy "staff remove knowledge" on public.knowledge_items
  for delete to authenticated using ((select private.is_staff()));
