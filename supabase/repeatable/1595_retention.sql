-- Purpose: what is deleted by itself, and when: figures, settled work, raw webhooks, visitors who never come back,
--          files that no message shows.
-- Touches: prune (which also looks after triggers of others), get_abandoned_attachments.
-- Locks:   one prunes at a time (an advisory lock). What expired is locked as 1570_claim_channel_deliveries.sql says,
--          then the rows that go; a visitor's customer and conversations without waiting.
-- Undo:    drop function public.prune, public.get_abandoned_attachments, private.remove_abandoned_visitors,
--          private.remove_visitor.

-- What nobody looks at any more, in pieces, so that no call takes long, and what time alone brings: who is to be told of
-- a customer who waits. Cron calls it each minute, and each worker; one prunes at a time. Jobs from before Romashka have no turn, and stay until somebody calls cleanup_ai_response_queue.
create or replace function public.prune(max_rows integer default 1000)
returns integer
language plpgsql
volatile
security definer  -- nobody has rights on what cron and channels keep
set search_path = ''
set lock_timeout = '500ms'  -- what is in use goes another time
as $$
declare
  v_settings public.ai_settings := (select settings from public.ai_settings as settings);
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
  begin
    v_sum := cardinality(coalesce(private.expire_old_deliveries(), '{}'));
  exception when lock_not_available then
    null;
  end;
  perform private.notify_of_waiting();
  for v_old in
    select * from (values
      ('public.realtime_metrics', 'expires_at < now()'),
      ('public.ai_response_queue',
        format('completed_at < now() - make_interval(days => %s) and status in (''completed'', ''failed'')'
          ' and turn_id is not null', v_settings.keep_turns_days)),
      ('public.channel_deliveries', format('created_at < now() - make_interval(days => %s) and settled_at is not null',
        v_settings.keep_deliveries_days)),
      ('public.channel_deliveries', 'created_at < now() - interval ''1 day'' and kind = ''receipt'''),
      ('public.notification_deliveries', 'settled_at < now() - interval ''30 days'''),
      ('public.webhook_events', format('received_at < now() - make_interval(days => %s)',
        v_settings.keep_webhooks_days)),
      ('private.conversation_offers', 'expires_at < now()'),
      ('private.channel_changes', 'received_at < now() - interval ''7 days'''),
      ('private.trigger_failures', 'failed_at < now() - interval ''30 days'''),
      -- The sweep of each second is a row: 86,400 a day.
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
  begin
    perform private.give_foreign_triggers_a_path();
  exception when insufficient_privilege or lock_not_available then
    null;
  end;
  return v_sum + private.remove_abandoned_visitors(least(max_rows, 1000))
    + private.remove_old_conversations(least(max_rows, 1000));
end $$;
comment on function public.prune is 'Delete some of what nobody looks at any more; returns how many rows. Raises bad_limit.';

-- Every visitor of a page gets an anonymous user. One who never wrote goes after a month without a visit, with their
-- session; one who wrote after ai_settings.keep_visitors_days, and the conversations stay with the team. Whoever has rows in tables of the
-- project's own is the project's. Looks at some users each time, from a random id on: Auth's tables have no index of what
-- is old, and must have none of ours.
create or replace function private.remove_abandoned_visitors(max_users integer)
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_start uuid := gen_random_uuid();
  v_user_id uuid;
  v_count integer := 0;
begin
  for v_user_id in
    select users.id from (
      (select * from auth.users where id >= v_start order by id limit max_users)
      union all
      (select * from auth.users where id < v_start order by id limit max_users)
      limit max_users
    ) as users
    where users.is_anonymous and private.is_abandoned(users.id)
  loop
    v_count := v_count + private.remove_visitor(v_user_id);
  end loop;
  return v_count;
end $$;
comment on function private.remove_abandoned_visitors is 'Delete anonymous users who will not come back, among some; returns how many.';

create or replace function private.is_abandoned(user_id uuid)
returns boolean
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_customer_id uuid := (
    select customers.id from public.customer_profiles as customers where customers.user_id = is_abandoned.user_id
  );
begin
  return exists (
    select from auth.users as users
    where users.id = is_abandoned.user_id and users.is_anonymous
      and greatest(users.created_at, users.last_sign_in_at, (
        select max(greatest(sessions.created_at, sessions.updated_at, sessions.refreshed_at at time zone 'utc'))
        from auth.sessions as sessions where sessions.user_id = users.id
      )) < now() - case when private.has_history(v_customer_id) then make_interval(
          days => coalesce((select settings.keep_visitors_days from public.ai_settings as settings), 365))
        else interval '30 days' end
  ) and not exists (
    select from public.profiles as profiles
    where profiles.id = is_abandoned.user_id and profiles.role in ('agent', 'admin')
  );
end $$;
comment on function private.is_abandoned is 'Is this an anonymous user who has not come for so long that nobody expects them?';

create or replace function private.has_history(customer_id uuid)
returns boolean
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return exists (
    select from public.conversations as conversations
    where conversations.customer_id = has_history.customer_id and (
      conversations.assigned_agent_id is not null or coalesce(conversations.tags, '{}') <> '{}'
      or conversations.priority <> 'normal' or conversations.requires_human
      or coalesce(conversations.business_context, '{}') <> '{}'
      or exists (select from public.messages as messages where messages.conversation_id = conversations.id)
      or exists (select from public.conversation_notes as notes where notes.conversation_id = conversations.id)
    )
  ) or exists (
    select from public.customer_profiles as customers
    where customers.id = has_history.customer_id and (customers.email is not null or customers.phone is not null
      or customers.external_id is not null or coalesce(customers.notes, '') <> '' or customers.name is not null
      or customers.company is not null or coalesce(customers.tags, '{}') <> '{}' or customers.status <> 'active'
      or coalesce(customers.custom_fields, '{}') <> '{}')
  );
end $$;
comment on function private.has_history is 'Is there anything about a customer that a team may want to read?';

-- Does anything of the project's own refer to a user, or to their profile: it would go with them.
create or replace function private.is_referred_to(user_id uuid)
returns boolean
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_key record;
  v_found boolean;
begin
  for v_key in
    select keys.conrelid::regclass as name, columns.attname as column_name from pg_catalog.pg_constraint as keys
    join pg_catalog.pg_class as tables on tables.oid = keys.conrelid
    join pg_catalog.pg_attribute as columns on columns.attrelid = keys.conrelid and columns.attnum = keys.conkey[1]
    where keys.contype = 'f' and keys.confrelid in ('auth.users'::regclass, 'public.profiles'::regclass)
      and tables.relnamespace not in ('auth'::regnamespace, 'private'::regnamespace)
      and keys.conrelid not in ('public.profiles'::regclass, 'public.customer_profiles'::regclass,
        'public.conversations'::regclass, 'public.messages'::regclass, 'public.conversation_notes'::regclass)
  loop
    execute format('select exists (select from %s where %I = $1)', v_key.name, v_key.column_name)
    into v_found using is_referred_to.user_id;
    if v_found then
      return true;
    end if;
  end loop;
  return false;
end $$;
comment on function private.is_referred_to is 'Has a table of the project''s own a row about this user?';

-- Under locks, looked at again: whoever signs in or writes at this moment is there again. What refuses it (a key of the
-- project's) costs the other visitors nothing.
create or replace function private.remove_visitor(user_id uuid)
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_customer_id uuid;
begin
  perform from auth.users as users where users.id = remove_visitor.user_id for update nowait;
  select customers.id into v_customer_id from public.customer_profiles as customers
  where customers.user_id = remove_visitor.user_id for update nowait;
  perform from public.conversations as conversations where conversations.customer_id = v_customer_id for update nowait;
  if not private.is_abandoned(user_id) or private.is_referred_to(user_id) then
    return 0;
  elsif not private.has_history(v_customer_id) then
    delete from public.customer_profiles as customers where customers.id = v_customer_id;
  end if;
  delete from auth.users as users where users.id = remove_visitor.user_id;
  return 1;
exception
  when lock_not_available then
    return 0;
  when transaction_rollback or insufficient_resources or operator_intervention then
    raise;
  when others or assert_failure then
    raise warning 'romashka: visitor % cannot be removed (%)', user_id, sqlstate;
    return 0;
end $$;
comment on function private.remove_visitor is 'Delete an anonymous user, with a customer who has no history.';

-- Files of whoever was erased; those that were uploaded and never sent, and those of conversations that are gone. Their bytes are Storage's, so the
-- caller deletes them through its API. Looks at some files each time, from a random conversation on.
create or replace function public.get_abandoned_attachments(max_files integer default 1000)
returns setof text
language plpgsql
stable
security definer  -- of customers' files, whoever they are
set search_path = ''
as $$
declare
  v_start text := gen_random_uuid();
begin
  if (max_files between 1 and 100000) is not true then
    raise exception 'unable to look for files; max_files is 1 to 100000'
      using errcode = 'PT400', detail = 'bad_limit', hint = 'Leave it out to have 1000.';
  elsif to_regclass('storage.objects') is null then
    return;
  end if;
  return query
  select private.files_of(erasures.conversation_ids) from private.erasures as erasures
  where erasures.erased_at > now() - interval '30 days' limit max_files;
  return query
  select files.name from (
    (select * from storage.objects where bucket_id = 'conversation-attachments' and name >= v_start
      order by name limit max_files)
    union all
    (select * from storage.objects where bucket_id = 'conversation-attachments' and name < v_start
      order by name limit max_files)
    limit max_files
  ) as files
  where files.created_at < now() - interval '7 days'
    and files.name ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/'
    and not exists (
      select from public.messages as messages
      where messages.conversation_id = split_part(files.name, '/', 1)::uuid
        and position(files.name in concat(messages.media_url, messages.metadata, messages.content)) > 0
    );
end $$;
comment on function public.get_abandoned_attachments is 'The paths of files that no message shows, among some. Raises bad_limit.';
