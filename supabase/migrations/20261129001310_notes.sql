-- Purpose: what a team does with a conversation besides writing: assign it, note things, see what was
--          read and how it was rated.
-- Touches: public.conversation_notes; functions.
-- Undo:    drop the functions; drop table public.conversation_notes.

create table if not exists public.conversation_notes (
  id uuid primary key default gen_random_uuid(),
  conversation_id uuid not null references public.conversations (id) on delete cascade,
  author_id uuid default auth.uid() references public.profiles (id) on delete set null,
  content text not null check (btrim(content) <> '' and length(content) <= 10000),
  created_at timestamptz not null default now()
);
comment on table public.conversation_notes is 'What staff tell one another about a conversation; customers never see it.';
create index if not exists conversation_notes_conversation_id_idx on public.conversation_notes (conversation_id, created_at);
create index if not exists conversation_notes_author_id_idx on public.conversation_notes (author_id);
alter table public.conversation_notes enable row level security;
