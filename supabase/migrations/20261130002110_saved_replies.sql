-- Purpose: what the team answers often, under a word that is typed for it.
-- Touches: public.saved_replies.
-- Locks:   none.
-- Undo:    drop table public.saved_replies.

create table if not exists public.saved_replies (
  id uuid primary key default gen_random_uuid(),
  shortcut text not null constraint saved_replies_shortcut_is_one_word check (shortcut ~ '^[^\s/{}]{1,50}$'),
  title text not null check (btrim(title) <> '' and length(title) <= 200),
  content text not null check (btrim(content) <> '' and length(content) <= 20000),
  -- Null: for customers of every language.
  language text constraint saved_replies_language_is_a_code check (language ~ '^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$'),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on table public.saved_replies is 'What the team answers often; {{customer.name}} and the like are filled in by who sends it.';
create unique index if not exists saved_replies_one_each on public.saved_replies (lower(shortcut), coalesce(language, ''));
alter table public.saved_replies enable row level security;
