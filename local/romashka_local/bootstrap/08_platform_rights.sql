-- What hosted projects let `postgres` do by an extension (supautils), though it is no superuser and owns
-- nothing of the servers: for one command of such a kind it is lent the right, and Postgres judges the
-- rest. Nobody else ever sees the loan, since it is not committed: it ends with the command, and a
-- command that fails takes it back with all else. Both triggers are `always`, so that
-- `session_replication_role = replica` does not part them.

create function extensions.platform_lends() returns event_trigger
language plpgsql security definer set search_path = '' as $$
begin
  if tg_tag like '% PUBLICATION' then
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
  if tg_tag like '% PUBLICATION' then
    alter role postgres nosuperuser;
  else
    revoke supabase_auth_admin, supabase_realtime_admin, supabase_storage_admin from postgres;
  end if;
end $$;

-- Triggers fire in the order of their names: these are the last before the command, the first after it.
create event trigger zz_platform_lends on ddl_command_start
  when tag in (
    'CREATE POLICY', 'ALTER POLICY', 'DROP POLICY', 'DROP TRIGGER',
    'CREATE PUBLICATION', 'ALTER PUBLICATION'
  )
  execute function extensions.platform_lends();
create event trigger _platform_takes_back on ddl_command_end
  when tag in (
    'CREATE POLICY', 'ALTER POLICY', 'DROP POLICY', 'DROP TRIGGER',
    'CREATE PUBLICATION', 'ALTER PUBLICATION'
  )
  execute function extensions.platform_takes_back();
alter event trigger zz_platform_lends enable always;
alter event trigger _platform_takes_back enable always;
