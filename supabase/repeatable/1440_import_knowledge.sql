-- Purpose: keep knowledge items as the files say that they were imported from.
-- Touches: import_knowledge.
-- Locks:   an advisory lock of the source, then those of its items that change.
-- Undo:    drop the function.

-- One source is one call, so that a source is imported in whole or not at all. What did not change is not written:
-- it keeps its vectors. Two imports of a source at once come one after the other.
create or replace function public.import_knowledge(source text, sections jsonb)
returns table (added integer, changed integer, unchanged integer, removed integer)
language plpgsql
volatile
security invoker
set search_path = ''
set statement_timeout = '30s'  -- two thousand sections, each of which is split into words
as $$
#variable_conflict use_column
begin
  if current_user = 'authenticated' and not private.is_staff() then
    raise exception 'unable to import knowledge; only staff may change it'
      using errcode = 'PT403', detail = 'staff_only', hint = 'Sign in as an agent or an admin.';
  end if;
  perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('knowledge ' || import_knowledge.source, 0));
  return query with wanted as (
    select import_knowledge.source || '#' || section.name as source_url, section.title, section.content,
      coalesce(section.language, 'en') as language, coalesce(section.tags, '{}') as tags
    from jsonb_to_recordset(sections) as section (name text, title text, content text, language text, tags text[])
  ), present as (
    select items.* from public.knowledge_items as items
    where items.source_type = 'import' and starts_with(items.source_url, import_knowledge.source || '#')
  ), removed as (
    delete from public.knowledge_items as items using present
    where items.id = present.id and not exists (select from wanted where wanted.source_url = present.source_url)
    returning items.id
  ), changed as (
    update public.knowledge_items as items
    set title = wanted.title, content = wanted.content, language = wanted.language, tags = wanted.tags
    from present join wanted using (source_url)
    where items.id = present.id and (present.title, present.content, present.language, present.tags)
      is distinct from (wanted.title, wanted.content, wanted.language, wanted.tags)
    returning items.id
  ), added as (
    insert into public.knowledge_items (title, content, language, tags, source_type, source_url)
    select wanted.title, wanted.content, wanted.language, wanted.tags, 'import', wanted.source_url from wanted
    where not exists (select from present where present.source_url = wanted.source_url)
    returning id
  )
  select (select count(*) from added)::int, (select count(*) from changed)::int,
    ((select count(*) from present) - (select count(*) from changed) - (select count(*) from removed))::int,
    (select count(*) from removed)::int;
end $$;
comment on function public.import_knowledge is
  'Make the items of a source what its sections are: [{name, title, content, language, tags}]. Raises staff_only.';
