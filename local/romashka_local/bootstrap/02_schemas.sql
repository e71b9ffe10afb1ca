-- The database's owner, the schemas that are not a server's own, and who may use what is made in them.

do $$
begin
  execute format('alter database %I owner to postgres', current_database());
end $$;

create schema extensions authorization postgres;
create schema graphql_public authorization supabase_admin;
create schema supabase_migrations authorization postgres;

grant usage on schema public, extensions, graphql_public
  to postgres, anon, authenticated, service_role;
grant all on schema extensions to dashboard_user;

-- What a migration creates in `public` is open to clients by these; projects of today take most of it
-- back (bootstrap/__init__.py).
alter default privileges for role postgres, supabase_admin in schema public
  grant all on tables to postgres, anon, authenticated, service_role;
alter default privileges for role postgres, supabase_admin in schema public
  grant all on sequences to postgres, anon, authenticated, service_role;
alter default privileges for role postgres, supabase_admin in schema public
  grant all on functions to postgres, anon, authenticated, service_role;
alter default privileges for role supabase_admin in schema graphql_public
  grant all on functions to postgres, anon, authenticated, service_role;

alter default privileges for role supabase_admin in schema extensions
  grant all on tables to postgres with grant option;
alter default privileges for role supabase_admin in schema extensions
  grant all on sequences to postgres with grant option;
alter default privileges for role supabase_admin in schema extensions
  grant all on functions to postgres with grant option;
