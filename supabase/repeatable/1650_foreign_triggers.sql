-- Purpose: triggers that others made on our tables go on working: inside our functions, which have no search path; for
--          customers, who have fewer rights than in the original; and when they fail, nothing else does.
-- Touches: private.foreign_triggers, private.trigger_failures; functions private.guarded_...; those triggers; the search
--          path of functions that later triggers call.
-- Locks:   the tables of those triggers.
-- Undo:    create the triggers again with the functions that private.foreign_triggers names.

drop policy if exists "only the functions below" on private.foreign_triggers;
create policy "only the functions below" on private.foreign_triggers for all to service_role using (false);
drop policy if exists "only the functions below" on private.trigger_failures;
create policy "only the functions below" on private.trigger_failures for all to service_role using (false);

-- A row a minute at most, and none that others wait for. Whoever's message set the trigger off may call it.
create or replace function private.note_trigger_failure(table_name text, trigger_name text, code text, reason text)
returns void
language plpgsql
volatile
security definer  -- only the functions of this file write here
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
  v_source text := regexp_replace(source, '^(\s*(--[^\n]*\n|/\*.*?\*/))+', '');  -- comments before it begins
  v_options text := coalesce(substring(v_source from '^(?:\s*#[^\n]*\n)+'), '');
begin
  v_source := regexp_replace(substr(v_source, length(v_options) + 1), '^(\s*(--[^\n]*\n|/\*.*?\*/))+', '');
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
end $body$, case when v_source !~ '^\s*<<' then format('<<%I>>', name) end, v_source, ending);
end $$;
comment on function private.guarded_body is 'What a guarded trigger function runs.';

-- A copy, so that the project's own function stays as it is for whatever else calls it. Where a project is adopted it runs
-- with its owner's rights: what it does was allowed to everybody who was signed in there. Not one that builds statements,
-- looks at who runs it, or writes messages: those keep the rights that they had. Copied is only what the role that migrates
-- owns: the copy is that role's. A wait for a lock is bounded, as in ours.
create or replace function private.make_guard(guarded oid, path text, as_owner boolean)
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
  select functions.prosrc, functions.proname, languages.lanname,
    format('%s.%I()', functions.pronamespace::regnamespace, functions.proname) as signature, (
      select option from unnest(functions.proconfig) as option where option like 'search_path=%'
    ) as own_path,
    functions.proowner = current_user::regrole as is_own,
    functions.prosecdef or make_guard.as_owner and functions.prosrc !~* (
      '\m(execute|current_user|current_role|session_user|set_config|current_setting)\M'
      '|into\s+("?public"?\.)?"?messages\M') as is_definer, (
      select string_agg(format(' set %I = %L', split_part(option, '=', 1), substr(option, strpos(option, '=') + 1)), '')
      from unnest(functions.proconfig) as option where option not like 'search_path=%' and option not like 'lock_timeout=%'
    ) as settings
  into v_original from pg_catalog.pg_proc as functions
  join pg_catalog.pg_language as languages on languages.oid = functions.prolang
  where functions.oid = make_guard.guarded;
  if v_original.lanname <> 'plpgsql' or not v_original.is_own then
    return null;
  end if;
  v_name := left('guarded_' || v_original.proname, 54) || '_' || left(md5(v_original.signature), 8);
  foreach v_ending in array array[e'\n;', e'\n'] loop  -- with or without a semicolon after its last end
    begin
      execute format('create or replace function private.%I() returns trigger language plpgsql security %s'
        ' set search_path = %s set lock_timeout = ''500ms''%s as %L', v_name,
        case when v_original.is_definer then 'definer' else 'invoker' end,
        coalesce(substr(v_original.own_path, 13), make_guard.path), v_original.settings,
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
    select known.table_name, known.trigger_name, known.as_owner, to_regprocedure(known.function_name)::oid as guarded,
      known.function_name, pg_catalog.pg_get_triggerdef(triggers.oid) as definition, triggers.tgenabled as state,
      functions.pronamespace = 'private'::regnamespace as is_guarded,
      array_to_string(functions.proconfig, ',') ~ 'search_path=' as has_path
    from private.foreign_triggers as known
    join pg_catalog.pg_trigger as triggers on triggers.tgrelid = to_regclass(known.table_name)
      and triggers.tgname = known.trigger_name
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
    begin
      v_guard := private.make_guard(v_trigger.guarded, v_path, v_trigger.as_owner);
    exception when others then
      v_guard := null;
    end;
    update private.foreign_triggers as known set source_digest = (
      select case when v_guard is null then 'not copied: ' else '' end || md5(functions.prosrc)
      from pg_catalog.pg_proc as functions where functions.oid = v_trigger.guarded
    )
    where known.table_name = v_trigger.table_name and known.trigger_name = v_trigger.trigger_name;
    if v_guard is null then
      raise notice 'romashka: trigger % on % stays as it is: % cannot be guarded', v_trigger.trigger_name,
        v_trigger.table_name, v_trigger.function_name;
    elsif not v_trigger.is_guarded then
      if v_trigger.definition like 'CREATE CONSTRAINT TRIGGER %' then
        execute format('drop trigger %I on %s', v_trigger.trigger_name, v_trigger.table_name);
      end if;
      execute regexp_replace(replace(v_trigger.definition, 'CREATE TRIGGER ', 'CREATE OR REPLACE TRIGGER '),
        '^(.*)EXECUTE FUNCTION [^(]+\(', format('\1EXECUTE FUNCTION private.%I(', v_guard));
      execute format('alter table %s %s trigger %I', v_trigger.table_name, case v_trigger.state when 'D' then 'disable'
        when 'A' then 'enable always' when 'R' then 'enable replica' else 'enable' end, v_trigger.trigger_name);
      raise notice 'romashka: trigger % on % runs a copy of %; a failure of it stops nothing',
        v_trigger.trigger_name, v_trigger.table_name, v_trigger.function_name;
    end if;
  end loop;
end $$;
comment on function private.guard_foreign_triggers is 'Have the triggers of private.foreign_triggers run guarded copies of their functions.';

-- A trigger that was made anew, or whose function was changed: `romashka migrate` copies it.
create or replace function private.has_stale_guards()
returns boolean
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return exists (
    select from private.foreign_triggers as known
    join pg_catalog.pg_trigger as triggers on triggers.tgrelid = to_regclass(known.table_name)
      and triggers.tgname = known.trigger_name
    join pg_catalog.pg_proc as originals on originals.oid = to_regprocedure(known.function_name)
    where known.table_name <> 'auth.users' and (known.source_digest is null
      or right(known.source_digest, 32) <> md5(originals.prosrc)
      or length(known.source_digest) = 32 and triggers.tgfoid = originals.oid)
  );
end $$;
comment on function private.has_stale_guards is 'Does a trigger of others run something else than a copy of its function?';

select private.guard_foreign_triggers();
select private.give_foreign_triggers_a_path();
