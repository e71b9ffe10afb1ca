-- Purpose: what runs by itself, so that promise 1 holds when no worker runs at all, and old rows go.
-- Touches: jobs of pg_cron, where there is one.
-- Undo:    select cron.unschedule(jobname) from cron.job where jobname like 'romashka-%';
--          drop function private.schedule_jobs.

-- Four sweeps a second: one, which is all that cron can do, is too few for a lease that runs to the deadline. Each
-- commits, so that what it wrote is seen at once. It is a block, since a procedure that commits cannot pin its search
-- path; every name in it is qualified. The function is called again where pg_cron comes later.
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
  perform cron.schedule('romashka-prune', '* * * * *', 'select public.prune(5000)');
end $$;
comment on function private.schedule_jobs is 'Have pg_cron, where it is, sweep each second and prune each minute.';

select private.schedule_jobs();
