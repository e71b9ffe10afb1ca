-- Purpose: find the knowledge that answers a question, by words and by meaning.
-- Touches: search_knowledge and its parts.
-- Locks:   none.
-- Undo:    drop the functions.

-- How much each word of the question tells items apart (its inverse document frequency). How many items
-- have a common word is what `analyze` found; what it does not list is rare, so counting it is quick. A word that no
-- item has may be mistyped: then the one that is written most like it counts, by its likeness.
create or replace function private.question_words(question text, language text)
returns table (item_language text, term tsquery, weight real, credit real, item_count bigint)
language plpgsql  -- keeps its plan
stable
security invoker
rows 10
set search_path = ''
as $$
#variable_conflict use_column
begin
  return query with languages as (
    select documents.language, count(*) as item_count from private.knowledge_documents as documents
    where question_words.language is null or documents.language = question_words.language
    group by documents.language
  ), common as materialized (
    select word.lexeme, (word.share * greatest(tables.reltuples, 0))::bigint as item_count
    from pg_catalog.pg_stats as statistics
    join pg_catalog.pg_class as tables on tables.oid = 'private.knowledge_documents'::regclass
    cross join unnest(statistics.most_common_elems::text::text[], statistics.most_common_elem_freqs)
      as word (lexeme, share)
    where statistics.schemaname = 'private' and statistics.tablename = 'knowledge_documents'
      and statistics.attname = 'words'
  ), asked as materialized (
    select languages.language, languages.item_count as of_language, word.lexeme, least(languages.item_count, coalesce(
      (select common.item_count from common where common.lexeme = word.lexeme),
      (select count(*) from private.knowledge_documents as documents
       where documents.words @@ quote_literal(word.lexeme)::tsquery)
    )) as item_count
    from languages
    cross join unnest(private.search_words(languages.language, left(question, 2000))) as word
  )
  select asked.language, quote_literal(coalesce(similar_word.lexeme, asked.lexeme))::tsquery,
    ln(1 + asked.of_language / (0.5 + asked.item_count))::real, coalesce(similar_word.similarity, 1)::real,
    asked.item_count
  from asked
  left join lateral private.similar_word(
    asked.language, case when asked.item_count = 0 and length(asked.lexeme) between 4 and 40 then asked.lexeme end
  ) as similar_word on true;
end $$;
comment on function private.question_words is 'The words of a question, with how much each tells items apart.';

-- The vectors of e5 all point in about the same direction: even unrelated texts have this similarity.
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

-- keyword_score is the share of the question that an item covers, each word by how much it tells, one of the title
-- in full and one of the text by 0.6: so a question about something else scores low however common its other words
-- are. similarity is that of the best part. score is their weighted sum (docs/knowledge.md says how the weights were
-- measured), and keyword_score alone where a base is being embedded: what has its vectors already is neither better
-- nor worse than the rest. An item that was edited just now is not lost among those that have vectors: where words
-- alone would find it, it counts as no less similar than any that has no more of the question's words.
create or replace function private.find_knowledge(
  question text, language text, max_results integer, question_embedding text, embedding_model text
)
returns table (item_id uuid, score numeric, similarity numeric, keyword_score numeric)
language plpgsql  -- keeps its plan
stable
security definer  -- row-level security would keep staff from the indexes; search_knowledge shows what they may read
set search_path = ''
as $$
#variable_conflict use_column
begin
  if question_embedding is not null and not private.is_knowledge_embedded(embedding_model) then
    question_embedding := null;
  end if;
  return query with words as materialized (
    select * from private.question_words(question, find_knowledge.language)
  ), questions as (
    select words.item_language as language, sum(words.weight) as weight from words group by words.item_language
  ), telling as (  -- the rarest words, until they find enough: nobody needs all items that have a common one
    select ranked.item_language as language, string_agg(ranked.term::text, '|')::tsquery as any_term
    from (
      select words.*, sum(words.item_count) over rarest_first - words.item_count as found_before
      from words
      window rarest_first as (partition by words.item_language order by words.item_count, words.term::text)
    ) as ranked
    where ranked.found_before < 200
    group by ranked.item_language
  ), near as materialized (
    select * from private.nearest_knowledge(question_embedding, embedding_model, find_knowledge.language, 100)
    where question_embedding is not null
  ), candidates as (
    select near.item_id from near
    union (
      select found.item_id from telling
      cross join lateral (  -- with a limit of its own: else all items are read to be joined
        select documents.item_id from private.knowledge_documents as documents
        where documents.language = telling.language and documents.words @@ telling.any_term
        limit 500
      ) as found
      limit 500
    )
  ), covering as materialized (
    select documents.item_id, coalesce((
      select sum(words.weight * words.credit
        * case when documents.title_words @@ words.term then 1 when documents.words @@ words.term then 0.6 else 0 end)
      from words where words.item_language = documents.language
    ) / questions.weight, 0) as keyword_score
    from candidates
    join private.knowledge_documents as documents using (item_id)
    left join questions using (language)
  ), best_covering as (
    select covering.item_id, row_number() over (order by covering.keyword_score desc, covering.item_id) as place
    from covering
    order by place limit 50
  ), resembling as (
    select * from near
    union all
    select * from private.knowledge_similarity(question_embedding, embedding_model, array(
      select best_covering.item_id from best_covering except select near.item_id from near
    ))
    where question_embedding is not null
  ), compared as (
    select covering.*, resembling.similarity, coalesce(
      resembling.similarity,
      case when best_covering.place <= 5 then max(resembling.similarity) over (order by covering.keyword_score) end
    ) as likeness
    from covering
    left join resembling using (item_id)
    left join best_covering using (item_id)
  )
  select compared.item_id,
    round((case when compared.likeness is null then compared.keyword_score
      else 0.8 * least(greatest((compared.likeness - unlike.similarity) / (1 - unlike.similarity), 0), 1)
        + 0.2 * compared.keyword_score end)::numeric, 4) as score,
    round(compared.similarity::numeric, 4), round(compared.keyword_score::numeric, 4)
  from compared
  cross join (select private.least_similarity(embedding_model) as similarity) as unlike
  order by score desc, compared.item_id
  limit least(greatest(max_results, 1), 50);
end $$;
comment on function private.find_knowledge is 'The items that answer a question best, whoever asks.';

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
