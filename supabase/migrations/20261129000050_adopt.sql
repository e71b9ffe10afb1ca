-- Purpose: clear the way where the original is installed: its policies, triggers, checks and functions go,
--          with a notice for each; its tables and rows stay. On an empty project none of this finds anything,
--          and where an earlier edition of Romashka is there is nothing left to clear.
-- Touches: every policy, grant and check on the tables that Romashka keeps; the original's triggers; the
--          functions whose names are Romashka's now.
-- Locks:   those tables, one after the other.
-- Undo:    restore what the notices name from a backup.

create temporary view adopted_tables as
select wanted.name, to_regclass(format('public.%I', wanted.name)) as id
from unnest(array['profiles', 'customer_profiles', 'conversations', 'messages', 'ai_response_queue',
  'realtime_metrics', 'knowledge_items', 'communication_channels', 'conversation_analytics']) as wanted (name)
where to_regclass(format('public.%I', wanted.name)) is not null
  and to_regclass('public.ai_settings') is null;  -- which only Romashka has

-- Nobody reads what is not theirs: a permissive policy beside ours, or a grant, would still let them. What
-- each table allows is said in its own file.
do $$
declare
  v_table record;
  v_policy record;
begin
  for v_table in select * from adopted_tables loop
    for v_policy in select polname from pg_policy where polrelid = v_table.id order by polname loop
      execute format('drop policy %I on public.%I', v_policy.polname, v_table.name);
      raise notice 'romashka: dropped policy "%" on %', v_policy.polname, v_table.name;
    end loop;
    if not (select relrowsecurity from pg_class where oid = v_table.id) then
      raise notice 'romashka: row-level security of % was off and is on now', v_table.name;
    end if;
    execute format('alter table public.%I enable row level security', v_table.name);
    execute format('revoke all on public.%I from public, anon, authenticated', v_table.name);
  end loop;
end $$;

-- Counted twice, pruned on every insert, failed on a conversation's second row, bumped updated_at of every
-- row that is adopted: by the function that a trigger calls, since installs renamed triggers.
do $$
declare
  v_trigger record;
begin
  for v_trigger in
    select triggers.tgname, tables.name, functions.proname from pg_trigger as triggers
    join adopted_tables as tables on tables.id = triggers.tgrelid
    join pg_proc as functions on functions.oid = triggers.tgfoid
    where not triggers.tgisinternal order by tables.name, triggers.tgname
  loop
    if v_trigger.proname in ('handle_new_message', 'update_updated_at_column', 'create_conversation_analytics',
      'update_conversation_analytics', 'update_conversation_analytics_on_message',
      'update_conversation_analytics_on_resolution', 'update_conversation_message_count',
      'cleanup_expired_realtime_metrics')
    then
      execute format('drop trigger %I on public.%I', v_trigger.tgname, v_trigger.name);
      raise notice 'romashka: dropped trigger % on %', v_trigger.tgname, v_trigger.name;
    else
      raise notice 'romashka: trigger % on % is not the original''s and stays', v_trigger.tgname, v_trigger.name;
    end if;
  end loop;
  if exists (select from adopted_tables where name = 'conversation_analytics') then
    raise notice 'romashka: conversation_analytics keeps its rows; nothing writes it any more';
  end if;
end $$;

-- Every overload of a name that is ours: two that a bare call could mean are an error. What else the original
-- installed stays, but for the service role alone.
do $$
declare
  v_function record;
begin
  for v_function in
    select functions.oid::regprocedure::text as signature from pg_proc as functions
    where functions.pronamespace = 'public'::regnamespace and to_regclass('public.ai_settings') is null
      and functions.proname in ('handle_new_message', 'create_conversation', 'get_conversation_with_messages', 'get_next_ai_response_job',
      'complete_ai_response_job', 'fail_ai_response_job', 'get_realtime_messaging_metrics',
      'get_conversation_performance_metrics', 'cleanup_ai_response_queue', 'cleanup_realtime_metrics',
      'cleanup_expired_metrics')
    order by 1
  loop
    execute format('drop function %s', v_function.signature);
    raise notice 'romashka: dropped function %; one of Romashka''s takes its place', v_function.signature;
  end loop;
  for v_function in
    select functions.oid::regprocedure::text as signature from pg_proc as functions
    where functions.pronamespace = 'public'::regnamespace and to_regclass('public.ai_settings') is null
      and functions.proname in ('aggregate_daily_metrics', 'create_conversation_analytics', 'update_conversation_analytics',
      'update_conversation_analytics_on_message', 'update_conversation_analytics_on_resolution',
      'update_conversation_message_count', 'cleanup_expired_realtime_metrics', 'update_updated_at_column')
  loop
    execute format('revoke execute on function %s from public, anon, authenticated', v_function.signature);
    execute format('alter function %s set search_path = public', v_function.signature);
  end loop;
end $$;

-- The chat widget's checks forbid agents and most states.
do $$
declare
  v_check record;
begin
  for v_check in
    select checks.conname, tables.name, pg_get_constraintdef(checks.oid) as definition from pg_constraint as checks
    join adopted_tables as tables on tables.id = checks.conrelid
    where checks.contype = 'c' and tables.name in ('conversations', 'messages', 'profiles') and exists (
      select from pg_attribute as columns
      where columns.attrelid = tables.id and columns.attnum = any (checks.conkey) and columns.attname in (
        'status', 'priority', 'channel_type', 'escalation_reason', 'sentiment', 'role', 'sender_type',
        'message_type', 'delivery_status')
    )
    order by tables.name, checks.conname
  loop
    execute format('alter table public.%I drop constraint %I', v_check.name, v_check.conname);
    raise notice 'romashka: dropped constraint % on %: %', v_check.conname, v_check.name, v_check.definition;
  end loop;
end $$;

-- Foreign keys and Realtime need one.
do $$
declare
  v_table record;
begin
  for v_table in
    select * from adopted_tables as tables
    where not exists (select from pg_index where indrelid = tables.id and indisprimary)
  loop
    execute format('alter table public.%I add primary key (id)', v_table.name);
    raise notice 'romashka: % has a primary key now', v_table.name;
  end loop;
end $$;

drop view adopted_tables;
