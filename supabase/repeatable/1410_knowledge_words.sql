-- Purpose: knowledge items as words: full text in each item's language, forgiving of typing errors.
-- Touches: private.knowledge_documents, private.knowledge_vocabulary, triggers on public.knowledge_items.
-- Locks:   two transactions that bring the same new word: the second waits for the first.
-- Undo:    drop the policies, the triggers and the functions.

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

-- Chinese and Japanese are written without spaces: there each character is a word. A tsvector has a limit of
-- 1 MB, and an item that is longer must be stored all the same: its beginning is searched.
create or replace function private.search_words(language text, text text)
returns tsvector
language sql
immutable
security invoker
set search_path = ''
as $$
  select strip(to_tsvector(
    private.search_config(language), regexp_replace(left(text, 50000), '([\u3040-\u30ff\u3400-\u9fff])', ' \1 ', 'g')
  ));
$$;
comment on function private.search_words is 'The words of a text, stemmed as its language does, without their positions.';

drop policy if exists "the service role keeps them" on private.knowledge_documents;
create policy "the service role keeps them" on private.knowledge_documents
  for all to service_role using (true) with check (true);

drop policy if exists "the service role keeps them" on private.knowledge_vocabulary;
create policy "the service role keeps them" on private.knowledge_vocabulary
  for all to service_role using (true) with check (true);

-- The caller holds the item's lock (it was written), or the table's (this file is being applied).
create or replace function private.index_knowledge_item(item public.knowledge_items)
returns void
language plpgsql
security invoker
set search_path = ''
as $$
declare
  v_language text := coalesce(item.language, 'en');
  v_words tsvector := private.search_words(v_language, item.title || ' ' || item.content);
begin
  if item.status is distinct from 'active' then
    delete from private.knowledge_documents where item_id = item.id;
    return;
  end if;
  insert into private.knowledge_documents as documents (item_id, language, title_words, words)
  values (item.id, v_language, private.search_words(v_language, item.title), v_words)
  on conflict (item_id) do update
  set language = excluded.language, title_words = excluded.title_words, words = excluded.words;
  insert into private.knowledge_vocabulary (language, lexeme)
  select v_language, word.lexeme from unnest(v_words) as word
  where length(word.lexeme) between 4 and 40
  order by word.lexeme  -- two who write the same new words wait for one another, in one order
  on conflict do nothing;
end $$;
comment on function private.index_knowledge_item is 'Keep the words of an item as its title, text, language and status say.';

create or replace function private.knowledge_items_index()
returns trigger
language plpgsql
security definer  -- staff who edit items have no rights on the tables behind the search
set search_path = ''
as $$
begin
  perform private.index_knowledge_item(new);
  return null;
end $$;
comment on function private.knowledge_items_index is 'Make an item that was written searchable.';

create or replace trigger knowledge_items_index after insert on public.knowledge_items
  for each row execute function private.knowledge_items_index();

create or replace trigger knowledge_items_index_again after update on public.knowledge_items
  for each row when ((old.title, old.content, old.language, old.status)
    is distinct from (new.title, new.content, new.language, new.status))
  execute function private.knowledge_items_index();

-- Items of the original's have no words yet.
select private.index_knowledge_item(items) from public.knowledge_items as items
where not exists (select from private.knowledge_documents as documents where documents.item_id = items.id);

-- pg_trgm is optional, and in whatever schema it is.
do $$
declare
  v_schema text := (
    select extnamespace::regnamespace::text from pg_catalog.pg_extension where extname = 'pg_trgm'
  );
  v_similar_word text := 'select null::text, null::real where false';
begin
  if v_schema is not null then
    execute format(
      'create index if not exists knowledge_vocabulary_lexeme_idx on private.knowledge_vocabulary using gin (lexeme %s.gin_trgm_ops)',
      v_schema
    );
    v_similar_word := format($sql$
      select vocabulary.lexeme, %1$s.similarity(vocabulary.lexeme, similar_word.word)
      from private.knowledge_vocabulary as vocabulary
      where vocabulary.language = similar_word.language
        and vocabulary.lexeme operator(%1$s.%%) similar_word.word
        and %1$s.similarity(vocabulary.lexeme, similar_word.word) >= 0.4
      order by 2 desc, 1 limit 1
    $sql$, v_schema);
  end if;
  execute format($sql$
    create or replace function private.similar_word(language text, word text)
    returns table (lexeme text, similarity real)
    language sql stable strict security invoker rows 1
    set search_path = ''
    as %L
  $sql$, v_similar_word);
end $$;
comment on function private.similar_word is 'The word of the knowledge base that is written most like another; none without pg_trgm.';
