-- Purpose: triggers that others made on our tables go on working: inside our functions, which have no search path; for
--          customers, who have fewer rights than in the original; and when they fail, nothing else does.
-- Touches: private.foreign_triggers, private.trigger_failures; functions private.guarded_...; those triggers.
-- Locks:   the tables of those triggers.
-- Undo:    create the triggers again with the functions that private.foreign_triggers names.

drop policy if exists "only the functions below" on private.foreign_triggers;
create policy "only the functions below" on private.foreign_triggers for all to service_role using (false);
drop policy if exists "only the functions below" on private.trigger_failures;
create policy "only the functions below" on private.trigger_failures for all to service_role using (false);

-- A row a minute at most, and none that others wait for.
create or replace function private.note_trigger_failure(table_name text, trigger_name text, code text, reason text)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  raise warning 'romashka: trigger % on % failed (%)', trigger_name, table_name, code;
  insert into private.trigger_failures (table_name, trigger_name, code, reason)
  select note_trigger_failure.table_name, note_trigger_failure.trigger_name, note_trigger_failure.code,
    left(note_trigger_failure.reason, 1000)
  where not exists (
    select from private.trigger_failures as failures
    where failures.table_name = note_trigger_failure.table_name
      and failures.trigger_name = note_trigger_failure.trigger_name
      and failures.failed_at > clock_timestamp() - interval '1 minute'
  );
end $$;
comment on function private.note_trigger_failure is 'Remember that a trigger of others failed.';

-- The body of a trigger function, within a block that catches what it raises: the row is written as if the trigger were
-- not there. `ending` is what closes the body as a statement.
create or replace function private.guarded_body(source text, name text, ending text)
returns text
language plpgsql
immutable
security invoker
set search_path = ''
as $$
declare
  v_options text := coalesce(substring(source from '^(?:\s*#[^\n]*\n)+'), '');
begin
  return v_options || format($body$
declare
  romashka_row record;
begin
  if tg_level = 'ROW' then
    if tg_op = 'DELETE' then
      romashka_row := old;
    else
      romashka_row := new;
    end if;
  end if;
  %s
%s%s
  raise sqlstate '2F005' using message = 'the trigger function ended without return';
exception
  when transaction_rollback or insufficient_resources or operator_intervention then
    raise;
  when others or assert_failure then
    perform private.note_trigger_failure(tg_table_schema || '.' || tg_table_name, tg_name, sqlstate, sqlerrm);
    return romashka_row;
end $body$, case when substr(source, length(v_options) + 1) !~ '^\s*<<' then format('<<%I>>', name) end,
    substr(source, length(v_options) + 1), ending);
end $$;
comment on function private.guarded_body is 'What a guarded trigger function runs.';

-- A copy, so that the project's own function stays as it is for whatever else calls it. It runs with its owner's rights:
-- what it does was allowed to everybody where it was made.
create or replace function private.make_guard(guarded oid, path text)
returns text
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_name text;
  v_ending text;
  v_original record;
begin
  select functions.prosrc, functions.proname, languages.lanname, format('%s.%I()', functions.pronamespace::regnamespace, functions.proname) as signature, (
      select option from unnest(functions.proconfig) as option where option like 'search_path=%'
    ) as own_path, pg_has_role(functions.proowner, 'usage') as is_ours_to_read
  into v_original from pg_catalog.pg_proc as functions
  join pg_catalog.pg_language as languages on languages.oid = functions.prolang
  where functions.oid = make_guard.guarded;
  if v_original.lanname <> 'plpgsql' or not v_original.is_ours_to_read then
    return null;
  end if;
  v_name := left('guarded_' || v_original.proname, 54) || '_' || left(md5(v_original.signature), 8);
  foreach v_ending in array array[e'\n;', e'\n'] loop  -- with or without a semicolon after its last end
    begin
      execute format('create or replace function private.%I() returns trigger language plpgsql security definer'
        ' set search_path = %s as %L', v_name, coalesce(substr(v_original.own_path, 13), make_guard.path),
        private.guarded_body(v_original.prosrc, v_original.proname, v_ending));
      execute format('revoke execute on function private.%I() from public, anon, authenticated, service_role', v_name);
      execute format('comment on function private.%I() is %L', v_name,
        'A copy of ' || v_original.signature || ' whose failures stop nothing.');
      return v_name;
    exception when syntax_error then
      null;
    end;
  end loop;
  return null;
end $$;
comment on function private.make_guard is 'Make the guarded copy of a trigger function; returns its name, null where that cannot be.';

-- The search path that functions without one are made for: the database's.
create or replace function private.path_of_project()
returns text
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_path text := (
    select btrim(replace(settings.reset_val, '"$user"', ''), ', ') from pg_catalog.pg_settings as settings
    where settings.name = 'search_path'
  );
begin
  return concat_ws(', ', nullif(v_path, ''), case when v_path !~ '\mextensions\M' then 'extensions' end);
end $$;
comment on function private.path_of_project is 'The search path of the project''s own functions.';

-- A trigger that was made later, or whose function was replaced, runs inside our functions as well: its function is given
-- the path that it has everywhere else. By each migration and each minute (prune).
create or replace function private.give_foreign_triggers_a_path()
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_function text;
  v_count integer := 0;
begin
  for v_function in
    select distinct functions.oid::regprocedure::text from pg_catalog.pg_trigger as triggers
    join pg_catalog.pg_class as tables on tables.oid = triggers.tgrelid
    join pg_catalog.pg_proc as functions on functions.oid = triggers.tgfoid
    join pg_catalog.pg_language as languages on languages.oid = functions.prolang
    where not triggers.tgisinternal and tables.relnamespace = 'public'::regnamespace and tables.relname in ('profiles',
        'customer_profiles', 'conversations', 'messages', 'ai_response_queue', 'realtime_metrics', 'knowledge_items',
        'communication_channels', 'conversation_notes', 'channel_deliveries', 'webhook_events', 'ai_settings')
      and languages.lanname = 'plpgsql' and array_to_string(functions.proconfig, ',') like '%search_path=%' is not true
      and pg_has_role(functions.proowner, 'usage')
  loop
    execute format('alter function %s set search_path = %s', v_function, private.path_of_project());
    raise notice 'romashka: function % has a search path now: Romashka''s functions, which set it off, have none', v_function;
    v_count := v_count + 1;
  end loop;
  return v_count;
end $$;
comment on function private.give_foreign_triggers_a_path is 'Set the search path of functions that triggers on our tables call; returns how many.';

-- On Auth's table, which is not ours to change, a function without a path is given one: Auth itself has none for it.
create or replace function private.guard_foreign_triggers()
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_path text := private.path_of_project();
  v_trigger record;
  v_guard text;
begin
  for v_trigger in
    select known.table_name, known.trigger_name, to_regprocedure(known.function_name)::oid as guarded,
      known.function_name, pg_catalog.pg_get_triggerdef(triggers.oid) as definition, functions.pronamespace = 'private'::regnamespace
        as is_guarded, array_to_string(functions.proconfig, ',') ~ 'search_path=' as has_path
    from private.foreign_triggers as known
    join pg_catalog.pg_trigger as triggers on triggers.tgrelid = to_regclass(known.table_name)
      and triggers.tgname = known.trigger_name and triggers.tgenabled = 'O'
    join pg_catalog.pg_proc as functions on functions.oid = triggers.tgfoid
    where to_regprocedure(known.function_name) is not null
    order by known.table_name, known.trigger_name
  loop
    if v_trigger.table_name = 'auth.users' then
      if v_trigger.has_path is not true and pg_has_role((
        select functions.proowner from pg_catalog.pg_proc as functions where functions.oid = v_trigger.guarded), 'usage')
      then
        execute format('alter function %s set search_path = %s', v_trigger.function_name, v_path);
        raise notice 'romashka: trigger % on auth.users: % has a search path now; Auth has none for it',
          v_trigger.trigger_name, v_trigger.function_name;
      end if;
      continue;
    end if;
    v_guard := private.make_guard(v_trigger.guarded, v_path);
    if v_guard is null then
      raise notice 'romashka: trigger % on % stays as it is: % cannot be guarded', v_trigger.trigger_name,
        v_trigger.table_name, v_trigger.function_name;
    elsif not v_trigger.is_guarded then
      if v_trigger.definition like 'CREATE CONSTRAINT TRIGGER %' then
        execute format('drop trigger %I on %s', v_trigger.trigger_name, v_trigger.table_name);
      end if;
      execute regexp_replace(replace(v_trigger.definition, 'CREATE TRIGGER ', 'CREATE OR REPLACE TRIGGER '),
        'EXECUTE FUNCTION [^(]+\(', format('EXECUTE FUNCTION private.%I(', v_guard));
      raise notice 'romashka: trigger % on % runs a copy of %, with its owner''s rights; a failure of it stops nothing',
        v_trigger.trigger_name, v_trigger.table_name, v_trigger.function_name;
    end if;
  end loop;
end $$;
comment on function private.guard_foreign_triggers is 'Have the triggers of private.foreign_triggers run guarded copies of their functions.';

select private.guard_foreign_triggers();
select private.give_foreign_triggers_a_path();
