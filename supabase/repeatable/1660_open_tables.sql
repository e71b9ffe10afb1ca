-- Purpose: the project's other tables, once visitors have sessions: an anonymous user has the role authenticated, and so
--          everything that was meant for who is signed in.
-- Touches: private.open_tables, private.close_tables_to_visitors; restrictive policies on those tables.
-- Locks:   those tables, when they are closed.
-- Undo:    drop the policies "romashka: not for anonymous users".

-- `open_to`: `visitors`, what a policy (or row-level security that is off) gives to whoever is signed in, as whoever that
-- is; `everybody`, what the anon key alone gives, as it did before. A policy that calls a function, or compares with the
-- caller's id, is about somebody.
create or replace function private.open_tables()
returns table (id oid, open_to text)
language sql
stable
security invoker
set search_path = ''
as $$
  with tables as (
    select relations.oid as id, relations.relrowsecurity as has_security,
      has_table_privilege('authenticated', relations.oid, 'select, insert, update, delete') as for_signed_in,
      has_table_privilege('anon', relations.oid, 'select, insert, update, delete') as for_anon
    from pg_catalog.pg_class as relations
    where relations.relnamespace = 'public'::regnamespace and relations.relkind in ('r', 'p')
      and relations.relname not in ('profiles', 'customer_profiles', 'conversations', 'messages', 'ai_response_queue',
        'realtime_metrics', 'knowledge_items', 'communication_channels', 'conversation_notes', 'webhook_events',
        'channel_deliveries', 'ai_settings', 'conversation_analytics')
      and coalesce(pg_catalog.obj_description(relations.oid, 'pg_class'), '') not like 'The original''s, by Romashka: %'
      and not exists (
        select from pg_catalog.pg_depend as parts where parts.objid = relations.oid and parts.deptype = 'e'
      )
  ), policies as (
    select policies.polrelid as id, said.says,
      policies.polroles && array[0, 'anon'::regrole::oid] and said.says !~ 'auth\.' as for_anon,
      regexp_replace(said.says, '\(*\s*(select )?auth\.(role\(\)|jwt\(\))( as \w+)?\)*( ->> ''role''::text)?\)*\s*=\s*''authenticated''::text\)*|'
        '\(?(auth\.uid\(\)|\(\s*select auth\.uid\(\) as uid\))\s+is not null\)?', 'true', 'g') as rest
    from pg_catalog.pg_policy as policies
    cross join lateral (
      select lower(coalesce(said, 'true')) as says
      from unnest(array[pg_catalog.pg_get_expr(policies.polqual, policies.polrelid),
        pg_catalog.pg_get_expr(policies.polwithcheck, policies.polrelid)]) as said
      where said is not null or policies.polqual is null and policies.polwithcheck is null
    ) as said
    where policies.polpermissive and policies.polroles && array[0, 'anon'::regrole::oid, 'authenticated'::regrole::oid]
  )
  select tables.id, case when tables.for_anon and (not tables.has_security or exists (
      select from policies where policies.id = tables.id and policies.for_anon and policies.rest !~ '\w\s*\(|select'
    )) then 'everybody' else 'visitors' end
  from tables
  where (tables.for_signed_in or tables.for_anon) and (not tables.has_security or exists (
      select from policies where policies.id = tables.id and policies.rest !~ '\w\s*\(|select'
    ))
    and not exists (
      select from pg_catalog.pg_policy as ours
      where ours.polrelid = tables.id and ours.polname = 'romashka: not for anonymous users'
    );
$$;
comment on function private.open_tables is 'Tables of the project''s own that any anonymous user may use: {id, open_to}.';

-- Of two tables the original's widget has its visitors' rows.
create or replace function private.close_tables_to_visitors()
returns setof text
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_table record;
  v_condition text;
begin
  for v_table in
    select open.id::regclass::text as name, relations.relname, relations.relrowsecurity as has_security
    from private.open_tables() as open join pg_catalog.pg_class as relations on relations.oid = open.id
    where open.open_to = 'visitors' and pg_has_role(relations.relowner, 'usage')
    order by relations.relname
  loop
    v_condition := '(select auth.jwt() ->> ''is_anonymous'') is distinct from ''true''';
    if v_table.relname in ('typing_indicators', 'conversation_metrics') then
      v_condition := v_condition
        || ' or conversation_id::text in (select ids::text from private.my_conversation_ids() as ids)';
    end if;
    if not v_table.has_security then
      execute format('alter table public.%I enable row level security', v_table.relname);
      execute format('create policy "romashka: as before" on public.%I for all to authenticated'
        ' using (true) with check (true)', v_table.relname);
    end if;
    execute format('create policy "romashka: not for anonymous users" on public.%I as restrictive for all'
      ' to authenticated using (%s) with check (%2$s)', v_table.relname, v_condition);
    raise notice 'romashka: % is closed to anonymous users; whoever was signed in could use it', v_table.relname;
    return next v_table.relname;
  end loop;
end $$;
comment on function private.close_tables_to_visitors is 'Close what private.open_tables finds to anonymous users; returns the tables.';
