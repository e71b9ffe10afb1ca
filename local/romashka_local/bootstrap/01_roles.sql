-- The roles of a Supabase project, with the attributes and settings that hosted projects have.
-- Roles belong to the whole cluster, so this file may meet its own work of another database.

do $$
declare
  v_role record;
begin
  for v_role in
    select wanted.name, wanted.attributes
    from (values
      -- The role that migrations run as is not a superuser, here or on the hosted platform.
      ('postgres', 'login createrole createdb bypassrls replication'),
      ('anon', 'nologin inherit'),
      ('authenticated', 'nologin inherit'),
      ('service_role', 'nologin inherit bypassrls'),
      ('authenticator', 'login noinherit'),
      ('supabase_auth_admin', 'login noinherit'),
      ('supabase_storage_admin', 'login noinherit createrole'),
      ('supabase_realtime_admin', 'nologin noinherit'),
      ('supabase_functions_admin', 'login noinherit createrole'),
      ('supabase_replication_admin', 'login replication'),
      ('supabase_read_only_user', 'login bypassrls'),
      ('dashboard_user', 'nologin createrole createdb replication'),
      ('pgbouncer', 'login')
    ) as wanted (name, attributes)
    where not exists (select from pg_catalog.pg_roles where rolname = wanted.name)
  loop
    execute format('create role %I %s password %L', v_role.name, v_role.attributes, 'postgres');
  end loop;
end $$;

-- With the admin option, because since PostgreSQL 16 createrole alone may not alter these.
grant anon, authenticated, service_role, authenticator to postgres with admin option;
grant pg_read_all_data, pg_signal_backend, pg_monitor to postgres;
grant anon, authenticated, service_role to authenticator, supabase_storage_admin;
grant authenticator to supabase_storage_admin;
grant pg_read_all_data to supabase_read_only_user;

-- With the backslash that hosted projects have there: no schema is the user's own.
alter role supabase_admin set search_path to "\$user", public, auth, extensions;
alter role postgres set search_path to "\$user", public, extensions;
alter role supabase_auth_admin set search_path to auth;
alter role supabase_auth_admin set idle_in_transaction_session_timeout to '60s';
alter role supabase_storage_admin set search_path to storage;
alter role anon set statement_timeout to '3s';
alter role authenticated set statement_timeout to '8s';
alter role authenticator set statement_timeout to '8s';
alter role authenticator set lock_timeout to '8s';

-- What hosted projects let `postgres` set, for itself and for roles: PostgREST is configured by
-- `alter role authenticator set pgrst.*`.
grant set on parameter
  session_replication_role, log_lock_waits, log_min_messages, track_io_timing,
  "pgrst.db_aggregates_enabled", "pgrst.db_extra_search_path", "pgrst.db_max_rows",
  "pgrst.db_plan_enabled", "pgrst.db_pre_request", "pgrst.db_schemas", "pgrst.db_tx_end",
  "safeupdate.enabled"
to postgres;
