-- Purpose: what a member of the team has begun to write: theirs alone, on each of their devices.
-- Touches: public.message_drafts, private.draft_revisions.
-- Locks:   none that anybody waits for.
-- Undo:    drop table public.message_drafts; drop sequence private.draft_revisions.

-- One for all: a draft that was removed and begun anew is later than whatever a device remembers of the old one.
create sequence if not exists private.draft_revisions;
comment on sequence private.draft_revisions is 'Each change of a draft has a higher number than the one before it.';

create table if not exists public.message_drafts (
  id uuid primary key default gen_random_uuid(),
  agent_id uuid not null default auth.uid() references public.profiles (id) on delete cascade,
  conversation_id uuid not null references public.conversations (id) on delete cascade,
  mode text not null default 'reply' check (mode in ('reply', 'note')),
  content text not null check (content <> '' and length(content) <= 20000),
  revision bigint not null,
  updated_at timestamptz not null default now(),
  constraint message_drafts_one_each unique (agent_id, conversation_id, mode)
);
comment on table public.message_drafts is 'What agents have begun to write; each sees their own.';
create index if not exists message_drafts_conversation_id_idx on public.message_drafts (conversation_id);
alter table public.message_drafts enable row level security;
