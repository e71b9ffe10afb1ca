-- Purpose: what guards the rows here, for `romashka doctor` and `romashka migrate`: hands, dumps and restores take it away.
-- Touches: get_romashka_guards.
-- Undo:    drop function public.get_romashka_guards.

-- One value: REST cuts rows at a thousand, and projects have tables of their own.
create or replace function public.get_romashka_guards()
returns jsonb
language sql
stable
security definer  -- the service role does not see into auth
set search_path = ''
as $$
  with tables as (
    select tables.oid, schemas.nspname || '.' || tables.relname as name, tables.relrowsecurity as has_row_security
    from pg_catalog.pg_class as tables join pg_catalog.pg_namespace as schemas on schemas.oid = tables.relnamespace
    where tables.relkind in ('r', 'p') and (schemas.nspname in ('public', 'private')
      or (schemas.nspname, tables.relname) in (('auth', 'users'), ('storage', 'objects'), ('realtime', 'messages')))
  )
  select jsonb_build_object(
    'row_security', (select jsonb_object_agg(tables.name, tables.has_row_security) from tables),
    'policies', (
      select coalesce(jsonb_agg(jsonb_build_array(tables.name, policies.polname)), '[]')
      from pg_catalog.pg_policy as policies join tables on tables.oid = policies.polrelid
    ),
    'triggers', (
      select coalesce(jsonb_agg(jsonb_build_array(tables.name, triggers.tgname, triggers.tgenabled in ('O', 'A'))), '[]')
      from pg_catalog.pg_trigger as triggers join tables on tables.oid = triggers.tgrelid
      where not triggers.tgisinternal
    ),
    'published', (
      select coalesce(jsonb_agg(published.schemaname || '.' || published.tablename), '[]')
      from pg_catalog.pg_publication_tables as published
      where published.pubname = 'supabase_realtime' and published.schemaname = 'public'
    ));
$$;
comment on function public.get_romashka_guards is 'Of the tables here: which have row security, their policies, their triggers (are they on?), and which are published.';
