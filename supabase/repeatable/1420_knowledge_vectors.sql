-- Purpose: knowledge items as vectors, where pgvector is; who makes them, and how near a question is to them.
-- Touches: private.knowledge_embeddings, get_knowledge_to_embed, store_knowledge_embeddings, find_knowledge_part.
-- Locks:   the items whose vectors are stored, in the order of their ids.
-- Undo:    drop the trigger, the functions and the table.

-- What a vector was made of: one that comes late, after an edit, is not stored.
create or replace function private.knowledge_hash(title text, content text)
returns text
language sql
immutable
security invoker
set search_path = ''
as $$
  select md5(title || chr(10) || content);
$$;
comment on function private.knowledge_hash is 'Changes when what is embedded of an item changes.';

-- The update that fires it holds the item's lock, as does who stores its vectors (store_knowledge_embeddings).
create or replace function private.drop_stale_embeddings()
returns trigger
language plpgsql
security definer  -- staff who edit items have no rights on the vectors
set search_path = ''
as $$
begin
  delete from private.knowledge_embeddings where item_id = new.id;
  return null;
end $$;
comment on function private.drop_stale_embeddings is 'Drop the vectors of what an item no longer says; a worker makes new ones.';

-- pgvector is optional, and in whatever schema it is; without it these functions find and do nothing. An item has
-- several vectors, one for each part of it. A part is a weighted mean of unit vectors (title, whole text, line), so
-- its inner product with a question's is the weighted mean of their cosines; a cosine would undo the weights.
do $$
declare
  v_schema text := (
    select extnamespace::regnamespace::text from pg_catalog.pg_extension where extname = 'vector'
  );
  -- From 0.8 on a scan goes on where too many of the nearest are in another language, or another model's.
  v_scan text := (
    select case when string_to_array(extversion, '.')::int[] >= array[0, 8]
      then 'set hnsw.iterative_scan = ''relaxed_order''' else '' end
    from pg_catalog.pg_extension where extname = 'vector'
  );
  v_settings text := '';
  v_nearest text := 'select null::uuid, null::real where false';
  v_similarity text := 'select null::uuid, null::real where false';
  v_part text := 'select null::smallint';
  v_is_embedded text := 'select false';
  v_to_embed text := 'select null::uuid, null::text, null::text, null::text where false';
  v_store text := 'select 0';
begin
  if v_schema is not null then
    if to_regclass('private.knowledge_embeddings') is not null and not exists (
      select from pg_catalog.pg_attribute as columns
      where columns.attrelid = to_regclass('private.knowledge_embeddings') and columns.attname = 'embedding'
        and not columns.attisdropped
    ) then  -- pgvector was dropped, and the vectors with it
      drop table private.knowledge_embeddings;
    end if;
    execute format($sql$
      create table if not exists private.knowledge_embeddings (
        item_id uuid not null references public.knowledge_items (id) on delete cascade,
        model text not null,
        part smallint not null,
        embedding %1$s.vector(384) not null,
        primary key (item_id, model, part)
      );
      comment on table private.knowledge_embeddings is 'The vectors of active knowledge items, by model and part.';
      alter table private.knowledge_embeddings enable row level security;
      drop policy if exists "the service role keeps them" on private.knowledge_embeddings;
      create policy "the service role keeps them" on private.knowledge_embeddings
        for all to service_role using (true) with check (true);
      create index if not exists knowledge_embeddings_nearest_idx on private.knowledge_embeddings
        using hnsw (embedding %1$s.vector_ip_ops);
      create or replace trigger knowledge_items_drop_embeddings after update on public.knowledge_items
        for each row when ((old.title, old.content, old.status) is distinct from (new.title, new.content, new.status))
        execute function private.drop_stale_embeddings();
    $sql$, v_schema);
    v_settings := 'set hnsw.ef_search = 100 ' || v_scan;
    v_nearest := format($sql$
      select parts.item_id, (- min(parts.distance))::real
      from (
        select embeddings.item_id, embeddings.embedding operator(%1$s.<#>) question::%1$s.vector as distance
        from private.knowledge_embeddings as embeddings
        join private.knowledge_documents as documents using (item_id)
        where (embedding_model is null or embeddings.model = embedding_model)
          and (nearest_knowledge.language is null or documents.language = nearest_knowledge.language)
        order by embeddings.embedding operator(%1$s.<#>) question::%1$s.vector
        limit max_parts
      ) as parts
      group by parts.item_id
    $sql$, v_schema);
    v_similarity := format($sql$
      select embeddings.item_id,
        (- min(embeddings.embedding operator(%1$s.<#>) question::%1$s.vector))::real
      from private.knowledge_embeddings as embeddings
      where embeddings.item_id = any (items) and (embedding_model is null or embeddings.model = embedding_model)
      group by embeddings.item_id
    $sql$, v_schema);
    v_part := format($sql$
      select embeddings.part from private.knowledge_embeddings as embeddings
      where embeddings.item_id = find_knowledge_part.item_id and embeddings.model = embedding_model
      order by embeddings.embedding operator(%1$s.<#>) query_embedding::%1$s.vector, embeddings.part
      limit 1
    $sql$, v_schema);
    -- Looks at a hundred, those of the lowest and highest ids (ids are random, or in the order of time): counting all
    -- takes as long as a search.
    v_is_embedded := $sql$
      select coalesce(avg(exists (
        select from private.knowledge_embeddings as embeddings
        where embeddings.item_id = sample.item_id and (embedding_model is null or embeddings.model = embedding_model)
      )::int) >= 0.9, false)
      from (
        (select documents.item_id from private.knowledge_documents as documents order by documents.item_id limit 50)
        union
        (select documents.item_id from private.knowledge_documents as documents order by documents.item_id desc limit 50)
      ) as sample
    $sql$;
    v_to_embed := $sql$
      select items.id, items.title::text, items.content, private.knowledge_hash(items.title, items.content)
      from (
        select documents.item_id from private.knowledge_documents as documents  -- of each active item
        where not exists (
          select from private.knowledge_embeddings as embeddings
          where embeddings.item_id = documents.item_id and embeddings.model = get_knowledge_to_embed.model
        )
        order by random()  -- several workers begin with different ones
        limit least(greatest(max_items, 1), 100)
      ) as missing
      join public.knowledge_items as items on items.id = missing.item_id
    $sql$;
    v_store := format($sql$
      with unchanged as (
        -- The lock lets an edit wait until these vectors are there, and then drop them.
        select items.id, made.vectors
        from jsonb_to_recordset(embeddings) as made (item_id uuid, hash text, vectors jsonb)
        join public.knowledge_items as items on items.id = made.item_id
        where items.status = 'active' and private.knowledge_hash(items.title, items.content) = made.hash
        order by items.id
        for no key update of items
      ), stored as (
        insert into private.knowledge_embeddings (item_id, model, part, embedding)
        select unchanged.id, store_knowledge_embeddings.model, vector.part, (vector.value #>> '{}')::%1$s.vector
        from unchanged cross join jsonb_array_elements(unchanged.vectors) with ordinality as vector (value, part)
        on conflict (item_id, model, part) do update set embedding = excluded.embedding
        returning item_id
      )
      select count(distinct item_id)::int from stored
    $sql$, v_schema);
  end if;

  execute format($sql$
    create or replace function private.nearest_knowledge(
      question text, embedding_model text, language text, max_parts integer
    )
    returns table (item_id uuid, similarity real)
    language sql stable security invoker rows 30
    set search_path = '' %s
    as %L
  $sql$, v_settings, v_nearest);
  execute format($sql$
    create or replace function private.knowledge_similarity(question text, embedding_model text, items uuid[])
    returns table (item_id uuid, similarity real)
    language sql stable security invoker rows 30
    set search_path = ''
    as %L
  $sql$, v_similarity);
  execute format($sql$
    create or replace function public.find_knowledge_part(item_id uuid, query_embedding text, embedding_model text)
    returns smallint
    language sql stable security definer  -- not every role may use pgvector's schema
    set search_path = ''
    as %L
  $sql$, v_part);
  execute format($sql$
    create or replace function private.is_knowledge_embedded(embedding_model text)
    returns boolean
    language sql stable security invoker
    set search_path = ''
    as %L
  $sql$, v_is_embedded);
  execute format($sql$
    create or replace function public.get_knowledge_to_embed(model text, max_items integer default 20)
    returns table (item_id uuid, title text, content text, hash text)
    language sql volatile security invoker
    set search_path = ''
    as %L
  $sql$, v_to_embed);
  execute format($sql$
    create or replace function public.store_knowledge_embeddings(model text, embeddings jsonb)
    returns integer
    language sql volatile security definer  -- not every role may use pgvector's schema
    set search_path = ''
    as %L
  $sql$, v_store);
end $$;
comment on function private.nearest_knowledge is 'The items with the parts nearest to a question, and how similar the best part is.';
comment on function private.knowledge_similarity is 'How similar the best part of each item is to a question.';
comment on function public.find_knowledge_part is 'The number of the part of an item that is nearest to a question, or null without vectors.';
comment on function private.is_knowledge_embedded is 'Have nine in ten active items their vectors? Until then nothing is compared by meaning.';
comment on function public.get_knowledge_to_embed is 'Active items that have no vectors of a model yet; none without pgvector.';
comment on function public.store_knowledge_embeddings is 'Store the vectors of items that still say what was embedded; return how many those were.';
