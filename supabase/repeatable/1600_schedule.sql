-- Purpose: what runs by itself, so that promise 1 holds when no worker runs at all, and old rows go.
-- Touches: private.prune; jobs of pg_cron, where there is one.
-- Undo:    select cron.unschedule(jobname) from cron.job where jobname like 'romashka-%';
--          drop function private.schedule_jobs, private.prune.

create or replace function private.prune()
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  perform public.cleanup_expired_metrics();
  -- Jobs from before Romashka have no turn, and stay until somebody calls cleanup_ai_response_queue.
  delete from public.ai_response_queue
  where status in ('completed', 'failed') and completed_at < now() - interval '30 days' and turn_id is not null;
  perform private.prune_deliveries();
  delete from public.webhook_events where received_at < now() - interval '14 days';
  delete from private.channel_changes where received_at < now() - interval '7 days';
  -- A sweep a second is 86,400 rows a day.
  if to_regclass('cron.job_run_details') is not null then
    execute $sql$
      delete from cron.job_run_details where end_time < now() - interval '1 hour' and jobid in (
        select jobid from cron.job where jobname like 'romashka-%')
    $sql$;
  end if;
end $$;
comment on function private.prune is 'Delete what nobody looks at any more: what cron calls each hour.';

-- Four sweeps a second: cron's own grain is too coarse for a lease that runs to the deadline. Each commits,
-- so that what it wrote is seen at once: hence a block, since a procedure that commits cannot pin its
-- search path. Every name in it is qualified. Called again where pg_cron comes later.
create or replace function private.schedule_jobs()
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  if to_regprocedure('cron.schedule(text,text,text)') is null then
    raise notice 'romashka: there is no pg_cron; a turn is answered in time only while a worker runs';
    return;
  end if;
  perform cron.schedule('romashka-sweep', '1 seconds', $sql$
    do $sweeps$
    begin
      for v_round in 1..4 loop
        perform public.settle_overdue_ai_response_jobs();
        commit;
        if v_round < 4 then
          perform pg_catalog.pg_sleep(0.24);
        end if;
      end loop;
    end $sweeps$
  $sql$);
  perform cron.schedule('romashka-prune', '17 * * * *', 'select private.prune()');
end $$;
comment on function private.schedule_jobs is 'Have pg_cron, where it is, sweep each second and prune each hour.';

select private.schedule_jobs();
