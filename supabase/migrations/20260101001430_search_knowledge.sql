-- Purpose: find the knowledge that answers a question, by words and by meaning.
-- Touches: search_knowledge and its parts.
-- Locks:   none.
-- Undo:    drop the functions.

-- How much each word of the question tells items of a language apart (its inverse document frequency). A word that
-- no item has may be mistyped: then the one that is written most like it counts, by its likeness.
create or replace function private.question_words(question text, language text)
returns table (language text, lexeme text, weight real, credit real, item_count bigint)
language sql
stable
security invoker
rows 10
set search_path = ''
as $$
  with languages as (
    select documents.language, count(*) as item_count from private.knowledge_documents as documents
    where question_words.language is null or documents.language = question_words.language
    group by documents.language
  ), asked as (
    select languages.language, languages.item_count, word.lexeme, (
      select count(*) from private.knowledge_documents as documents
      where documents.words @@ quote_literal(word.lexeme)::tsquery and documents.language = languages.language
    ) as with_word
    from languages
    cross join unnest(private.search_words(languages.language, left(question, 2000))) as word
  )
  select asked.language, coalesce(similar_word.lexeme, asked.lexeme),
    ln(1 + asked.item_count / (0.5 + asked.with_word))::real, coalesce(similar_word.similarity, 1)::real, asked.with_word
  from asked
  left join lateral private.similar_word(asked.language, asked.lexeme) as similar_word (lexeme, similarity)
    on asked.with_word = 0 and length(asked.lexeme) between 4 and 40;
$$;
comment on function private.question_words is 'The words of a question, with how much each tells items apart.';
revoke execute on function private.question_words from public, anon, authenticated;

-- What is unlike a question still has this similarity: e5's vectors all point one way.
create or replace function private.least_similarity(embedding_model text)
returns real
language sql
immutable
security invoker
set search_path = ''
as $$
  select case when embedding_model like '%e5-%' then 0.7 else 0 end::real;
$$;
comment on function private.least_similarity is 'The similarity of texts that have nothing to do with each other.';
revoke execute on function private.least_similarity from public, anon, authenticated;

-- keyword_score is the share of the question that an item covers, each word by how much it tells, one of the title
-- in full and one of the text by 0.6: so a question about something else scores low however common its other words
-- are. similarity is that of the best part. score is their weighted sum (docs/knowledge.md says how the weights were
-- measured), and keyword_score alone for an item that has no vectors yet.
create or replace function private.find_knowledge(
  question text, language text, max_results integer, question_embedding text, embedding_model text
)
returns table (item_id uuid, score numeric, similarity numeric, keyword_score numeric)
language sql
stable
security definer  -- row-level security would keep staff from the indexes; search_knowledge shows what they may read
set search_path = ''
as $$
  with words as materialized (
    select * from private.question_words(question, find_knowledge.language)
  ), questions as (
    select words.language, sum(words.weight) as weight from words group by words.language
  ), telling as (
    select words.language, string_agg(quote_literal(words.lexeme), '|')::tsquery as any_word
    from words group by words.language
  ), by_words as (
    select documents.item_id, (
      select sum(words.weight * words.credit * case
        when documents.title_words @@ quote_literal(words.lexeme)::tsquery then 1
        when documents.words @@ quote_literal(words.lexeme)::tsquery then 0.6 else 0 end)
      from words where words.language = documents.language
    ) / questions.weight as keyword_score
    from telling
    join questions using (language)
    join private.knowledge_documents as documents
      on documents.language = telling.language and documents.words @@ telling.any_word
  ), best_by_words as (
    select * from by_words order by by_words.keyword_score desc, by_words.item_id limit 50
  ), near as materialized (
    select * from private.nearest_knowledge(question_embedding, embedding_model, find_knowledge.language, 100)
    where question_embedding is not null
  ), resembling as (
    select * from near
    union all
    select * from private.knowledge_similarity(question_embedding, embedding_model, array(
      select best_by_words.item_id from best_by_words except select near.item_id from near
    ))
    where question_embedding is not null
  ), candidates as (
    select coalesce(resembling.item_id, best_by_words.item_id) as item_id, resembling.similarity,
      coalesce(best_by_words.keyword_score, by_words.keyword_score, 0) as keyword_score
    from resembling
    full join best_by_words on best_by_words.item_id = resembling.item_id
    left join by_words on by_words.item_id = resembling.item_id
  )
  select candidates.item_id,
    round((case when candidates.similarity is null then candidates.keyword_score
      else 0.8 * least(greatest((candidates.similarity - unlike.similarity) / (1 - unlike.similarity), 0), 1)
        + 0.2 * candidates.keyword_score end)::numeric, 4) as score,
    round(candidates.similarity::numeric, 4), round(candidates.keyword_score::numeric, 4)
  from candidates
  cross join (select private.least_similarity(embedding_model) as similarity) as unlike
  order by score desc, candidates.item_id
  limit least(greatest(max_results, 1), 50);
$$;
comment on function private.find_knowledge is 'The items that answer a question best, whoever asks.';
revoke execute on function private.find_knowledge from public, anon;
grant execute on function private.find_knowledge to authenticated, service_role;

drop function if exists public.search_knowledge(text, text, integer);
create or replace function public.search_knowledge(
  query text,
  language text default null,
  max_results integer default 5,
  query_embedding text default null,
  embedding_model text default null
)
returns table (
  id uuid, title text, content text, language text, source_url text,
  score numeric, similarity numeric, keyword_score numeric
)
language sql
stable
security invoker
set search_path = ''
as $$
  select items.id, items.title::text, items.content, items.language::text, items.source_url,
    found.score, found.similarity, found.keyword_score
  from private.find_knowledge(
    query, search_knowledge.language, max_results, query_embedding, embedding_model
  ) as found
  join public.knowledge_items as items on items.id = found.item_id
  order by found.score desc, items.id;
$$;
comment on function public.search_knowledge is
  'The active items that answer a question best, by words and, where the question''s vector is given, by meaning; scores are 0 to 1.';
revoke execute on function public.search_knowledge from public, anon;
grant execute on function public.search_knowledge to authenticated, service_role;
