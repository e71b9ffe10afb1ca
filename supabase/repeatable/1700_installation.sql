-- Purpose: what is installed here: for a worker, which refuses a schema older than it needs, and for
--          `romashka doctor` and `romashka migrate`.
-- Touches: get_romashka_installation, get_romashka_grants; a policy on private.applied_files.

drop policy if exists "only the functions" on private.applied_files;
create policy "only the functions" on private.applied_files for all to service_role using (false);

-- The version is raised with each change that a worker cannot do without (SCHEMA_VERSION in
-- worker/romashka_worker/schema.py follows).
create or replace function public.get_romashka_installation()
returns jsonb
language plpgsql
stable
security definer  -- nobody else reads what was applied, and what cron does
set search_path = ''
as $$
declare
  v_cron jsonb;
begin
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
  return jsonb_build_object('schema_version', 3, 'cron', v_cron,
    'set_aside', (
      select count(*) from public.ai_response_queue as jobs
      where jobs.set_aside_until is not null and jobs.status = 'processing'
    ),
    'trigger_failures', (
      select coalesce(jsonb_agg(jsonb_build_object('table', failures.table_name, 'trigger', failures.trigger_name,
        'code', failures.code, 'failed_at', failures.failed_at) order by failures.failed_at desc), '[]')
      from (
        select distinct on (failures.table_name, failures.trigger_name) failures.*
        from private.trigger_failures as failures where failures.failed_at > now() - interval '1 day'
        order by failures.table_name, failures.trigger_name, failures.failed_at desc
      ) as failures
    ),
    'open_tables', (
      select coalesce(jsonb_object_agg(open.open_to, open.names), '{}') from (
        select tables.open_to, jsonb_agg(distinct relations.relname) as names
        from private.open_tables() as tables join pg_catalog.pg_class as relations on relations.oid = tables.id
        group by tables.open_to
      ) as open
    ),
    -- What a customer's first message needs beside a worker.
    'knowledge', (select count(*) from public.knowledge_items as items where items.status = 'active'),
    'staff', (select count(*) from public.profiles as profiles where profiles.role in ('agent', 'admin')),
    'notifications', (
      select jsonb_build_object('rules', count(*), 'failing', coalesce(
        jsonb_agg(jsonb_build_object('id', rules.id, 'error', rules.error)) filter (where rules.failed_at is not null), '[]'))
      from public.notification_rules as rules where rules.is_enabled
    ),
    'visitors', (select count(*) from public.customer_profiles as customers where customers.user_id is not null),
    'secrets', (select count(*) from private.channel_secrets as secrets),
    'available', (
      select coalesce(jsonb_agg(extensions.name), '[]') from pg_catalog.pg_available_extensions as extensions
      where extensions.name in ('vector', 'pg_trgm', 'pg_cron')
    ),
    'files', (select coalesce(jsonb_object_agg(files.name, files.digest), '{}') from private.applied_files as files),
    'extensions', (select jsonb_object_agg(extname, extversion) from pg_catalog.pg_extension));
end $$;
comment on function public.get_romashka_installation is 'The schema''s version, the files that were applied, the jobs that are put aside, triggers of others that failed today, tables that are open to visitors, how much is known and by whom it is answered, the extensions, and what cron does.';

-- Each right on the tables, columns and functions of public and private, and on private itself; the owner's are among
-- them, so each object is. One value: REST cuts rows at a thousand, and projects have tables of their own.
create or replace function public.get_romashka_grants()
returns jsonb
language sql
stable
security invoker
set search_path = ''
as $$
  select jsonb_agg(jsonb_build_object('grantee', case acl.grantee when 0 then 'public' else acl.grantee::regrole::text end,
    'privilege', lower(acl.privilege_type), 'object', objects.name, 'column_name', objects.column_name))
  from (
    select schemas.nspname || '.' || tables.relname as name, null::text as column_name,
      coalesce(tables.relacl, acldefault('r', tables.relowner)) as acl
    from pg_catalog.pg_class as tables join pg_catalog.pg_namespace as schemas on schemas.oid = tables.relnamespace
    where schemas.nspname in ('public', 'private') and tables.relkind in ('r', 'p', 'v', 'm')
    union all
    select schemas.nspname || '.' || tables.relname, columns.attname::text, columns.attacl
    from pg_catalog.pg_attribute as columns
    join pg_catalog.pg_class as tables on tables.oid = columns.attrelid
    join pg_catalog.pg_namespace as schemas on schemas.oid = tables.relnamespace
    where schemas.nspname in ('public', 'private') and columns.attacl is not null
    union all
    select schemas.nspname || '.' || functions.proname, null,
      coalesce(functions.proacl, acldefault('f', functions.proowner))
    from pg_catalog.pg_proc as functions join pg_catalog.pg_namespace as schemas on schemas.oid = functions.pronamespace
    where schemas.nspname in ('public', 'private')
    union all
    select schemas.nspname, null, coalesce(schemas.nspacl, acldefault('n', schemas.nspowner))
    from pg_catalog.pg_namespace as schemas where schemas.nspname = 'private'
  ) as objects cross join lateral aclexplode(objects.acl) as acl;
$$;
comment on function public.get_romashka_grants is 'Who has which right on what is in public and private.';
