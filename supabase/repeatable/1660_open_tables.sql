-- Purpose: the project's other tables, once visitors have sessions: an anonymous user has the role authenticated, and so
--          everything that was meant for who is signed in.
-- Touches: private.open_tables, private.close_tables_to_visitors; restrictive policies on those tables.
-- Locks:   those tables, when they are closed.
-- Undo:    drop the policies "romashka: not for anonymous users: ...".

-- By command. `open_to`: `visitors`, what a policy (or row-level security that is off) gives to whoever is signed in, as
-- whoever that is; `everybody`, what the anon key alone gives, as it did before. A policy that calls a function, selects,
-- or compares with the caller's id, is about somebody.
create or replace function private.open_tables()
returns table (id oid, command text, open_to text)
language sql
stable
security invoker
set search_path = ''
as $$
  with commands (letter, command) as (values ('r', 'select'), ('a', 'insert'), ('w', 'update'), ('d', 'delete')),
  tables as (
    select relations.oid as id, relations.relrowsecurity as has_security, commands.letter, commands.command,
      has_table_privilege('authenticated', relations.oid, commands.command) as for_signed_in,
      has_table_privilege('anon', relations.oid, commands.command) as for_anon
    from pg_catalog.pg_class as relations cross join commands
    where relations.relnamespace = 'public'::regnamespace and relations.relkind in ('r', 'p')
      and relations.relname not in ('profiles', 'customer_profiles', 'conversations', 'messages', 'ai_response_queue',
        'realtime_metrics', 'knowledge_items', 'communication_channels', 'conversation_notes', 'webhook_events',
        'channel_deliveries', 'ai_settings', 'conversation_analytics')
      and coalesce(pg_catalog.obj_description(relations.oid, 'pg_class'), '') not like 'The original''s, by Romashka: %'
      and not exists (
        select from pg_catalog.pg_depend as parts where parts.objid = relations.oid and parts.deptype = 'e'
      )
  ), policies as (
    select policies.polrelid as id, policies.polcmd::text as letter,
      policies.polroles && array[0, 'anon'::regrole::oid] and said.says !~ 'auth\.' as for_anon,
      policies.polroles && array[0, 'authenticated'::regrole::oid] as for_signed_in,
      -- without what every signed-in user is, and without texts
      regexp_replace(regexp_replace(said.says,
        '\(*\s*(select )?auth\.(role\(\)|jwt\(\))( as \w+)?\)*( ->> ''role''::text)?\)*\s*=\s*'
        '(''authenticated''::text|any \(array\[[^]]*''authenticated''[^]]*\]\))\)*|'
        '\(?(auth\.uid\(\)|\(\s*select auth\.uid\(\) as uid\))\s+is not null\)?', 'true', 'g'),
        '''[^'']*''', '', 'g') as rest
    from pg_catalog.pg_policy as policies
    cross join lateral (
      select lower(coalesce(said, 'true')) as says
      from unnest(array[pg_catalog.pg_get_expr(policies.polqual, policies.polrelid),
        pg_catalog.pg_get_expr(policies.polwithcheck, policies.polrelid)]) as said
      where said is not null or policies.polqual is null and policies.polwithcheck is null
    ) as said
    where policies.polpermissive
  ), open_policies as (
    select * from policies
    where rest !~ '^\(*false\)*$' and rest !~ '\mselect\M' and rest !~ ('\m(?!(and|or|not|any|all|in|array|row|case|when'
      '|then|else|between|coalesce|lower|upper|btrim|length|now|true)\M)[a-z_][a-z0-9_.]*\s*\(')
  ), open as (
    select tables.*, tables.for_anon and (not tables.has_security or exists (
        select from open_policies
        where open_policies.id = tables.id and open_policies.letter in ('*', tables.letter) and open_policies.for_anon
      )) as to_everybody,
      tables.for_signed_in and (not tables.has_security or exists (
        select from open_policies
        where open_policies.id = tables.id and open_policies.letter in ('*', tables.letter) and open_policies.for_signed_in
      ) and not exists (
        select from pg_catalog.pg_policy as ours
        where ours.polrelid = tables.id and ours.polname = 'romashka: not for anonymous users: ' || tables.command
      )) as to_visitors
    from tables
  )
  select open.id, open.command, case when open.to_everybody then 'everybody' else 'visitors' end
  from open where open.to_everybody or open.to_visitors;
$$;
comment on function private.open_tables is 'What any anonymous user may do with tables of the project''s own: {id, command, open_to}.';

-- Once each: what an owner opens again stays open. Of two tables the original's widget has its visitors' rows.
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
    select relations.relname as name, open.command, exists (
        select from pg_catalog.pg_attribute as columns
        where columns.attrelid = open.id and columns.attname = 'conversation_id' and not columns.attisdropped
      ) as has_conversation
    from private.open_tables() as open join pg_catalog.pg_class as relations on relations.oid = open.id
    where open.open_to = 'visitors' and pg_has_role(relations.relowner, 'usage') and not exists (
      select from private.closed_tables as closed
      where closed.table_name = relations.relname and closed.command = open.command
    )
    order by relations.relname, open.command
  loop
    v_condition := '(select auth.jwt() ->> ''is_anonymous'') is distinct from ''true''';
    if v_table.name in ('typing_indicators', 'conversation_metrics') and v_table.has_conversation then
      v_condition := v_condition
        || ' or conversation_id::text in (select ids::text from private.my_conversation_ids() as ids)';
    end if;
    if not (select relrowsecurity from pg_catalog.pg_class where oid = to_regclass(format('public.%I', v_table.name))) then
      execute format('alter table public.%I enable row level security', v_table.name);
      execute format('create policy "romashka: as before" on public.%I using (true) with check (true)', v_table.name);
    end if;
    execute format('create policy "romashka: not for anonymous users: %2$s" on public.%1$I as restrictive for %2$s'
      ' to authenticated %3$s', v_table.name, v_table.command, case v_table.command
        when 'insert' then format('with check (%s)', v_condition)
        when 'update' then format('using (%1$s) with check (%1$s)', v_condition)
        else format('using (%s)', v_condition) end);
    insert into private.closed_tables (table_name, command) values (v_table.name, v_table.command);
    raise notice 'romashka: % is closed to anonymous users (%); whoever was signed in could use it', v_table.name, v_table.command;
    return next v_table.name;
  end loop;
end $$;
comment on function private.close_tables_to_visitors is 'Close what private.open_tables finds to anonymous users; returns the tables.';

drop policy if exists "only the functions above" on private.closed_tables;
create policy "only the functions above" on private.closed_tables for all to service_role using (false);
