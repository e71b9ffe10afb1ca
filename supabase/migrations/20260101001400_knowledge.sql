-- Purpose: what the AI may answer from, and how it is found.
-- Touches: public.knowledge_items, search_knowledge.
-- Locks:   knowledge_items, while columns are added and its index is built.
-- Undo:    drop the functions; drop table public.knowledge_items.

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

-- The text search configuration of a language; `simple` (words as they are) where Postgres has no stemmer.
-- Immutable as far as an index is concerned: the configurations named here are Postgres' own.
create or replace function private.search_config(language text)
returns regconfig
language sql
immutable
security invoker
set search_path = ''
as $$
  select case split_part(lower(coalesce(language, 'en')), '-', 1)
    when 'ar' then 'pg_catalog.arabic' when 'da' then 'pg_catalog.danish' when 'de' then 'pg_catalog.german'
    when 'el' then 'pg_catalog.greek' when 'en' then 'pg_catalog.english' when 'es' then 'pg_catalog.spanish'
    when 'fi' then 'pg_catalog.finnish' when 'fr' then 'pg_catalog.french' when 'hu' then 'pg_catalog.hungarian'
    when 'id' then 'pg_catalog.indonesian' when 'it' then 'pg_catalog.italian' when 'nl' then 'pg_catalog.dutch'
    when 'no' then 'pg_catalog.norwegian' when 'pt' then 'pg_catalog.portuguese' when 'ro' then 'pg_catalog.romanian'
    when 'ru' then 'pg_catalog.russian' when 'sv' then 'pg_catalog.swedish' when 'tr' then 'pg_catalog.turkish'
    else 'pg_catalog.simple' end::regconfig;
$$;
comment on function private.search_config is 'The text search configuration of a language code.';
revoke execute on function private.search_config from public, anon;
grant execute on function private.search_config to authenticated, service_role;

create or replace function private.search_document(language text, title text, content text)
returns tsvector
language sql
immutable
security invoker
set search_path = ''
as $$
  select setweight(to_tsvector(private.search_config(language), title), 'A')
    || setweight(to_tsvector(private.search_config(language), content), 'B');
$$;
comment on function private.search_document is 'A knowledge item as full text: the title weighs more.';
revoke execute on function private.search_document from public, anon;
grant execute on function private.search_document to authenticated, service_role;

create index if not exists knowledge_items_search_idx on public.knowledge_items
  using gin (private.search_document(language, title, content)) where status = 'active';

-- The score is the share of the question that an item covers, each word weighing as much as it tells items
-- apart (its inverse document frequency), a word of the title in full and one of the text by 0.6. So it is
-- between 0 and 1, and a question about something else scores low however common its other words are.
drop function if exists public.search_knowledge(text, text, integer);
create function public.search_knowledge(query text, language text default null, max_results integer default 5)
returns table (id uuid, title text, content text, language text, source_url text, score numeric)
language sql
stable
security invoker
set search_path = ''
as $$
  with languages as (
    select items.language, count(*)::numeric as item_count from public.knowledge_items as items
    where items.status = 'active'
      and (search_knowledge.language is null or items.language = search_knowledge.language)
    group by items.language
  ), words as (
    select languages.language, word.lexeme,
      ln(1 + languages.item_count / (0.5 + (
        select count(*) from public.knowledge_items as items
        where items.status = 'active' and items.language = languages.language
          and private.search_document(items.language, items.title, items.content) @@ quote_literal(word.lexeme)::tsquery
      ))) as weight
    from languages
    cross join unnest(to_tsvector(private.search_config(languages.language), search_knowledge.query)) as word
  ), questions as (
    select words.language, sum(words.weight) as weight,
      string_agg(quote_literal(words.lexeme), '|')::tsquery as any_word
    from words group by words.language
  )
  select items.id, items.title::text, items.content, items.language::text, items.source_url,
    round((
      select sum(words.weight * case
        when document @@ (quote_literal(words.lexeme) || ':A')::tsquery then 1
        when document @@ quote_literal(words.lexeme)::tsquery then 0.6 else 0 end)
      from words where words.language = items.language
    ) / questions.weight, 4) as score
  from questions
  join public.knowledge_items as items on items.language = questions.language and items.status = 'active'
    and private.search_document(items.language, items.title, items.content) @@ questions.any_word
  cross join lateral private.search_document(items.language, items.title, items.content) as document
  order by score desc, items.id
  limit least(greatest(max_results, 1), 50);
$$;
comment on function public.search_knowledge is 'The active items that answer a question best; score is 0 to 1.';
revoke execute on function public.search_knowledge from public, anon;
grant execute on function public.search_knowledge to authenticated, service_role;

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
