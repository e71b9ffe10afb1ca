-- What every hosted project has from the first day, as far as this server has it.

do $$
declare
  v_name text;
begin
  for v_name in
    select available.name
    from pg_catalog.pg_available_extensions as available
    where available.name in ('uuid-ossp', 'pgcrypto', 'pg_stat_statements')
      -- Hosted projects let `postgres` create these. Before PostgreSQL 18, where the local stack cannot
      -- mark them as trusted, they have to be there already.
      or (
        current_setting('server_version_num')::int < 180000
        and available.name in ('vector', 'moddatetime')
      )
  loop
    execute format('create extension if not exists %I with schema extensions', v_name);
  end loop;
  if exists (select from pg_catalog.pg_available_extensions where name = 'supabase_vault') then
    create schema vault;
    create extension supabase_vault with schema vault;
  end if;
end $$;
