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
alter table public.knowledge_items enable row level security;

create table if not exists private.knowledge_documents (
  item_id uuid primary key references public.knowledge_items (id) on delete cascade,
  language text not null,
  title_words tsvector not null,
  words tsvector not null  -- those of the title too
);
comment on table private.knowledge_documents is 'Each active knowledge item as its words.';
create index if not exists knowledge_documents_words_idx on private.knowledge_documents using gin (words);
create index if not exists knowledge_documents_language_idx on private.knowledge_documents (language);
alter table private.knowledge_documents enable row level security;

-- Grows only: a word that no item has any more finds nothing, and costs nothing.
create table if not exists private.knowledge_vocabulary (
  language text not null,
  lexeme text not null,
  primary key (language, lexeme)
);
comment on table private.knowledge_vocabulary is 'The words that items have, to find the one that a customer mistyped.';
alter table private.knowledge_vocabulary enable row level security;
