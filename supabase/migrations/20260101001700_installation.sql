-- Purpose: what is installed here: for a worker, which refuses a schema older than it needs, and for
--          `romashka doctor`. The last file: it is there when all others are.
-- Touches: get_romashka_installation.
-- Undo:    drop function public.get_romashka_installation.

-- The version is raised with each change that a worker cannot do without (SCHEMA_VERSION in
-- worker/romashka_worker/schema.py follows). Digests tell a migration that was changed since it was applied.
create or replace function public.get_romashka_installation()
returns jsonb
language plpgsql
stable
security definer  -- nobody else reads the histories of migrations and of cron
set search_path = ''
as $$
declare
  v_migrations jsonb := '[]';
  v_cron jsonb;
begin
  if to_regclass('supabase_migrations.schema_migrations') is not null then
    execute $sql$
      select coalesce(jsonb_agg(jsonb_build_object('version', version, 'name', name,
        'digest', md5(array_to_string(statements, e'\n'))) order by version), '[]')
      from supabase_migrations.schema_migrations
    $sql$ into v_migrations;
  end if;
  if to_regclass('cron.job_run_details') is not null then
    execute $sql$
      select coalesce(jsonb_object_agg(jobs.jobname, jsonb_build_object(
        'schedule', jobs.schedule, 'active', jobs.active, 'fails', runs.fail)), '{}')
      from cron.job as jobs
      cross join lateral (
        select coalesce(bool_and(latest.status = 'failed'), false) as fail from (
          select details.status from cron.job_run_details as details
          where details.jobid = jobs.jobid and details.end_time is not null order by details.runid desc limit 5
        ) as latest
      ) as runs
      where jobs.jobname like 'romashka-%'
    $sql$ into v_cron;
  end if;
  return jsonb_build_object('schema_version', 2, 'migrations', v_migrations, 'cron', v_cron,
    'searches', jsonb_build_object(  -- what there was on the server when the migrations ran
      'meanings', exists (select from pg_catalog.pg_attribute as columns
        where columns.attrelid = to_regclass('private.knowledge_embeddings')
          and columns.attname = 'embedding' and not columns.attisdropped),
      'similar_words', to_regclass('private.knowledge_vocabulary_lexeme_idx') is not null),
    'extensions', (select jsonb_object_agg(extname, extversion) from pg_catalog.pg_extension));
end $$;
comment on function public.get_romashka_installation is 'The schema''s version, the migrations that were applied, the extensions, and what cron does.';
revoke execute on function public.get_romashka_installation from public, anon, authenticated;
grant execute on function public.get_romashka_installation to service_role;
