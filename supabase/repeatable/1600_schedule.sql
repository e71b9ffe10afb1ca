-- Purpose: what runs by itself, so that promise 1 holds when no worker runs at all, and old rows go.
-- Touches: prune; jobs of pg_cron, where there is one.
-- Undo:    select cron.unschedule(jobname) from cron.job where jobname like 'romashka-%';
--          drop function private.schedule_jobs, public.prune.

-- What nobody looks at any more, in pieces: no call takes long, however much there is. One at a time, whoever it is:
-- cron each minute, and each worker. Jobs from before Romashka have no turn, and stay until
-- somebody calls cleanup_ai_response_queue.
create or replace function public.prune(max_rows integer default 1000)
returns integer
language plpgsql
volatile
security definer  -- nobody has rights on what cron and channels keep
set search_path = ''
as $$
declare
  v_old record;
  v_count integer;
  v_sum integer := 0;
begin
  if (max_rows between 1 and 100000) is not true then
    raise exception 'unable to prune; max_rows is 1 to 100000'
      using errcode = 'PT400', detail = 'bad_limit', hint = 'Leave it out to have 1000.';
  elsif not pg_try_advisory_xact_lock(hashtextextended('romashka:prune', 0)) then
    return 0;
  end if;
  v_sum := cardinality(coalesce(private.expire_old_deliveries(), '{}'));
  for v_old in
    select * from (values
      ('public.realtime_metrics', 'expires_at < now()'),
      ('public.ai_response_queue',
        'completed_at < now() - interval ''30 days'' and status in (''completed'', ''failed'') and turn_id is not null'),
      ('public.channel_deliveries', 'created_at < now() - interval ''90 days'' and settled_at is not null'),
      ('public.channel_deliveries', 'created_at < now() - interval ''1 day'' and kind = ''receipt'''),
      ('public.webhook_events', 'received_at < now() - interval ''14 days'''),
      ('private.channel_changes', 'received_at < now() - interval ''7 days'''),
      -- A sweep a second is 86,400 rows a day.
      ('cron.job_run_details', 'end_time < now() - interval ''1 hour'' and jobid in (
        select jobid from cron.job where jobname like ''romashka-%'')')
    ) as old (name, condition) where to_regclass(name) is not null
  loop
    begin
      execute format('delete from %1$s where ctid = any (array(select ctid from %1$s where %2$s limit %3$s))',
        v_old.name, v_old.condition, max_rows);
      get diagnostics v_count = row_count;
      v_sum := v_sum + v_count;
    exception
      when transaction_rollback or insufficient_resources or operator_intervention then
        raise;
      when others or assert_failure then  -- a key of the project's, say: the other tables are pruned all the same
        raise warning 'romashka: % cannot be pruned (%)', v_old.name, sqlstate;
    end;
  end loop;
  return v_sum;
end $$;
comment on function public.prune is 'Delete some of what nobody looks at any more; returns how many rows. Raises bad_limit.';

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
  perform cron.schedule('romashka-prune', '* * * * *', 'select public.prune(5000)');
end $$;
comment on function private.schedule_jobs is 'Have pg_cron, where it is, sweep each second and prune each minute.';

select private.schedule_jobs();
