-- What hosted projects let `postgres` do by an extension (supautils), though it is no superuser and owns
-- nothing of the servers: for one command of such a kind it is lent the right, and Postgres judges the
-- rest. Nobody else ever sees the loan, since it is not committed: it ends with the command, and a
-- command that fails takes it back with all else. Both triggers are `always`, so that
-- `session_replication_role = replica` does not part them.

create function extensions.platform_lends() returns event_trigger
language plpgsql security definer set search_path = '' as $$
begin
  if tg_tag like '%PUBLICATION' or tg_tag like '%EXTENSION' or tg_tag like '%WRAPPER' then
    -- Two who change one role at once would fail; so the second waits, as it does for a grant.
    lock table pg_catalog.pg_authid in share row exclusive mode;
    alter role postgres superuser;
  else
    -- An owner's rights, without `set role`; before PostgreSQL 16 there is no such distinction.
    execute 'grant supabase_auth_admin, supabase_realtime_admin, supabase_storage_admin to postgres'
      || case when current_setting('server_version_num')::int >= 160000
           then ' with inherit true, set false' else '' end;
  end if;
end $$;

create function extensions.platform_takes_back() returns event_trigger
language plpgsql security definer set search_path = '' as $$
begin
  if tg_tag like '%PUBLICATION' or tg_tag like '%EXTENSION' or tg_tag like '%WRAPPER' then
    alter role postgres nosuperuser;
  else
    revoke supabase_auth_admin, supabase_realtime_admin, supabase_storage_admin from postgres;
  end if;
end $$;

-- Triggers fire in the order of their names: these are the last before the command, the first after it.
create event trigger zz_platform_lends on ddl_command_start
  when tag in (
    'CREATE POLICY', 'ALTER POLICY', 'DROP POLICY', 'DROP TRIGGER',
    'CREATE PUBLICATION', 'ALTER PUBLICATION', 'ALTER EXTENSION', 'DROP EXTENSION',
    'CREATE FOREIGN DATA WRAPPER'
  )
  execute function extensions.platform_lends();
create event trigger _platform_takes_back on ddl_command_end
  when tag in (
    'CREATE POLICY', 'ALTER POLICY', 'DROP POLICY', 'DROP TRIGGER',
    'CREATE PUBLICATION', 'ALTER PUBLICATION', 'ALTER EXTENSION', 'DROP EXTENSION',
    'CREATE FOREIGN DATA WRAPPER'
  )
  execute function extensions.platform_takes_back();
alter event trigger zz_platform_lends enable always;
alter event trigger _platform_takes_back enable always;

grant execute on function pg_catalog.pg_reload_conf() to postgres;

-- `create event trigger` fires no event trigger, so the right cannot be lent for it. Who applies
-- migrations on a local stack calls this in its place (romashka/_event_triggers.py): the trigger is
-- made, and is then its project's, to be altered and dropped as any other.
create function extensions.create_event_trigger(statement text) returns void
language plpgsql security definer as $$
declare
  v_known oid[] := array(select oid from pg_event_trigger);
  v_name text;
begin
  if statement !~* '\mcreate\s+event\s+trigger\M' then
    raise exception 'unable to run this; it is no create event trigger';
  end if;
  execute statement;
  alter role postgres superuser;  -- an owner of event triggers has to be one, when it becomes it
  for v_name in
    select evtname from pg_event_trigger where oid <> all (v_known)
  loop
    execute format('alter event trigger %I owner to postgres', v_name);
  end loop;
  alter role postgres nosuperuser;
end $$;
revoke execute on function extensions.create_event_trigger(text) from public;
grant execute on function extensions.create_event_trigger(text) to postgres;
