-- Purpose: what runs by itself, so that promise 1 holds when no worker runs at all, and old rows go.
-- Touches: private.sweep_overdue_jobs, private.prune; jobs of pg_cron, where there is one.
-- Undo:    select cron.unschedule(jobname) from cron.job where jobname like 'romashka-%'; drop the two.

-- Four sweeps a second: cron's own grain is too coarse for a lease that runs to the deadline. Each commits,
-- so that what it wrote is seen at once. A procedure that commits can have no `set` clause; every name in
-- it is qualified.
create or replace procedure private.sweep_overdue_jobs()
language plpgsql
as $$
begin
  for v_round in 1..4 loop
    perform public.settle_overdue_ai_response_jobs();
    commit;
    if v_round < 4 then
      perform pg_catalog.pg_sleep(0.24);
    end if;
  end loop;
end $$;
comment on procedure private.sweep_overdue_jobs is 'Sweep for a second: what cron calls each second.';
revoke execute on procedure private.sweep_overdue_jobs from public, anon, authenticated;

create or replace function private.prune()
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  perform public.cleanup_expired_metrics();
  perform public.cleanup_ai_response_queue(30);
  -- A sweep a second is 86,400 rows a day.
  if to_regclass('cron.job_run_details') is not null then
    execute $sql$
      delete from cron.job_run_details where end_time < now() - interval '1 hour' and jobid in (
        select jobid from cron.job where jobname like 'romashka-%')
    $sql$;
  end if;
end $$;
comment on function private.prune is 'Delete what nobody looks at any more: what cron calls each hour.';
revoke execute on function private.prune from public, anon, authenticated;

do $$
begin
  if to_regprocedure('cron.schedule(text,text,text)') is null then
    raise notice 'romashka: there is no pg_cron; a turn is answered in time only while a worker runs';
    return;
  end if;
  perform cron.schedule('romashka-sweep', '1 seconds', 'call private.sweep_overdue_jobs()');
  perform cron.schedule('romashka-prune', '17 * * * *', 'select private.prune()');
end $$;
