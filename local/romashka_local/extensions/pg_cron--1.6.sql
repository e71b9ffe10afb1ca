-- pg_cron's schema. The functions record jobs; the local stack's `cron.py` runs them.

create schema cron;
create sequence cron.jobid_seq;
create sequence cron.runid_seq;

create table cron.job (
  jobid bigint primary key default nextval('cron.jobid_seq'),
  schedule text not null,
  command text not null,
  nodename text not null default 'localhost',
  nodeport int not null default coalesce(inet_server_port(), 5432),
  database text not null default current_database(),
  username text not null default current_user,
  active boolean not null default true,
  jobname text,
  constraint jobname_username_uniq unique (jobname, username)
);
alter table cron.job enable row level security;
create policy cron_job_policy on cron.job using (username = current_user);

create table cron.job_run_details (
  jobid bigint,
  runid bigint primary key default nextval('cron.runid_seq'),
  job_pid int,
  database text,
  username text,
  command text,
  status text,
  return_message text,
  start_time timestamptz,
  end_time timestamptz
);
alter table cron.job_run_details enable row level security;
create policy cron_job_run_details_policy on cron.job_run_details using (username = current_user);

create function cron._check(schedule text, username text) returns void
language plpgsql stable set search_path = '' as $$
begin
  if not pg_catalog.pg_has_role(session_user, username, 'member') then
    raise exception 'must be a member of role %', username using errcode = 'insufficient_privilege';
  end if;
  if schedule !~* '^\s*([1-9]|[1-5][0-9])\s+seconds?\s*$'
    and schedule !~* '^\s*@(yearly|annually|monthly|weekly|daily|midnight|hourly)\s*$'
    and schedule !~* '^\s*([0-9a-z*/,$-]+\s+){4}[0-9a-z*/,$-]+\s*$'
  then
    raise exception 'invalid schedule: %', schedule using errcode = 'invalid_parameter_value',
      hint = 'Use cron format (e.g. 5 4 * * *), or interval format ''[1-59] seconds''';
  end if;
end $$;

-- Definer, since nobody may write to cron.job; the public functions, as invoker, know who calls.
create function cron._schedule(
  job_name text, schedule text, command text, database text, username text, active boolean
) returns bigint language plpgsql security definer set search_path = '' as $$
declare
  v_jobid bigint;
begin
  perform cron._check(schedule, username);
  insert into cron.job as job (jobname, schedule, command, database, username, active)
  values (job_name, schedule, command, database, username, active)
  on conflict on constraint jobname_username_uniq do update
    set schedule = excluded.schedule, command = excluded.command,
        database = excluded.database, active = excluded.active
  returning job.jobid into v_jobid;
  return v_jobid;
end $$;

create function cron.schedule(schedule text, command text) returns bigint
language sql set search_path = '' as $$
  select cron._schedule(null, schedule, command, current_database(), current_user, true)
$$;

create function cron.schedule(job_name text, schedule text, command text) returns bigint
language sql set search_path = '' as $$
  select cron._schedule(job_name, schedule, command, current_database(), current_user, true)
$$;

create function cron.schedule_in_database(
  job_name text, schedule text, command text, database text,
  username text default null, active boolean default true
) returns bigint language sql set search_path = '' as $$
  select cron._schedule(
    job_name, schedule, command, database, coalesce(username, current_user), active
  )
$$;

create function cron._unschedule(job_id bigint, job_name text, username text) returns boolean
language plpgsql security definer set search_path = '' as $$
begin
  delete from cron.job as job
  where (job.jobid = job_id or job.jobname = job_name)
    and (job.username = _unschedule.username or pg_catalog.pg_has_role(session_user, job.username, 'member'));
  if not found then
    raise exception 'could not find valid entry for job ''%''', coalesce(job_name, job_id::text);
  end if;
  return true;
end $$;

create function cron.unschedule(job_id bigint) returns boolean
language sql set search_path = '' as $$
  select cron._unschedule(job_id, null, current_user)
$$;

create function cron.unschedule(job_name text) returns boolean
language sql set search_path = '' as $$
  select cron._unschedule(null, job_name, current_user)
$$;

create function cron.alter_job(
  job_id bigint, schedule text default null, command text default null, database text default null,
  username text default null, active boolean default null
) returns void language plpgsql security definer set search_path = '' as $$
declare
  v_job cron.job;
begin
  select * into v_job from cron.job as job where job.jobid = job_id for update;
  if not found then
    raise exception 'Job % does not exist or you don''t own it', job_id;
  end if;
  perform cron._check(v_job.schedule, v_job.username);
  perform cron._check(coalesce(schedule, v_job.schedule), coalesce(username, v_job.username));
  update cron.job as job
  set schedule = coalesce(alter_job.schedule, job.schedule),
      command = coalesce(alter_job.command, job.command),
      database = coalesce(alter_job.database, job.database),
      username = coalesce(alter_job.username, job.username),
      active = coalesce(alter_job.active, job.active)
  where job.jobid = job_id;
end $$;

grant usage on schema cron to postgres with grant option;
grant select on cron.job to public;
grant select on cron.job to postgres with grant option;
grant select, delete on cron.job_run_details to public;
grant all on cron.job_run_details to postgres with grant option;
revoke trigger on cron.job_run_details from postgres;
