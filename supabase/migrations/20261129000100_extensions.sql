-- Purpose: the schema that the API does not expose, what is applied here, and the extensions that Romashka uses
--          where it finds them.
-- Touches: schema private, private.applied_files; extensions vector, pg_trgm, pg_cron.
-- Locks:   none that anybody waits for.
-- Undo:    drop schema private; the extensions may stay.

create schema if not exists private;
comment on schema private is 'Romashka: what the API does not expose.';

-- What is in supabase/repeatable as it was applied here, by its digest.
create table if not exists private.applied_files (
  name text primary key,
  digest text not null,
  applied_at timestamptz not null default now()
);
comment on table private.applied_files is 'The repeatable files that were applied, and in which edition.';
alter table private.applied_files enable row level security;

-- All three are optional: without vector and pg_trgm search uses full text alone, without pg_cron the
-- workers' own sweeps keep the deadline.
do $$
declare
  v_name text;
begin
  foreach v_name in array array['vector', 'pg_trgm', 'pg_cron'] loop
    continue when exists (select from pg_extension where extname = v_name);
    if not exists (select from pg_available_extensions where name = v_name) then
      raise notice 'romashka: extension % is not available on this server; going on without it', v_name;
      continue;
    end if;
    begin
      if v_name = 'pg_cron' or to_regnamespace('extensions') is null then
        execute format('create extension %I', v_name);
      else
        execute format('create extension %I with schema extensions', v_name);
      end if;
    exception when others then
      raise notice 'romashka: extension % cannot be created here (%); going on without it', v_name, sqlerrm;
    end;
  end loop;
end $$;
