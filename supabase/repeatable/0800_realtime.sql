-- Purpose: what clients are told at once, and who. Existing frontends listen to the tables; ours to private topics:
--          conversation:<id>, inbox (for workers, too), drafts:<user id> for an agent's own devices; for typing and
--          presence conversation:<id>:typing, and inbox:presence for staff among themselves.
--          ai-jobs and channel-deliveries are workers' of before 0.2, and stay closed.
-- Touches: publication supabase_realtime; policies on realtime.messages; triggers on messages, conversations.
-- Undo:    drop the policies, the triggers and the functions.

do $$
declare
  v_table text;
begin
  if not exists (select from pg_publication where pubname = 'supabase_realtime') then
    create publication supabase_realtime;
  end if;
  foreach v_table in array array['messages', 'conversations'] loop
    if not exists (
      select from pg_publication_tables
      where pubname = 'supabase_realtime' and schemaname = 'public' and tablename = v_table
    ) then
      execute format('alter publication supabase_realtime add table public.%I', v_table);
    end if;
  end loop;
end $$;

-- Events are sent with realtime.send(payload, event, topic, private) from functions that run as the owner:
-- it inserts as its caller, and swallows the error when that may not.

-- Topics whose last part is `typing` or `presence` are written by their members; the others by the database alone:
-- whoever may write to a topic could forge its events.
create or replace function private.may_join_topic(topic text)
returns boolean
language plpgsql
stable
security definer  -- the policies of realtime.messages ask it
set search_path = ''
as $$
declare
  v_parts text[] := string_to_array(may_join_topic.topic, ':');
begin
  if may_join_topic.topic in ('inbox', 'inbox:presence') then
    return private.is_staff();
  elsif v_parts[1] = 'conversation' and v_parts[2] ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
    return private.is_staff() or v_parts[2]::uuid in (select private.my_conversation_ids());
  elsif v_parts[1] = 'drafts' then
    return v_parts[2] = auth.uid()::text and cardinality(v_parts) = 2 and private.is_staff();
  end if;
  return false;
end $$;
comment on function private.may_join_topic is 'May the caller join this private topic?';

drop policy if exists "members read their conversation, staff the inbox" on realtime.messages;
create policy "members read their conversation, staff the inbox" on realtime.messages
  for select to authenticated using (
    (extension = 'broadcast' or (select realtime.topic()) like 'conversation:%:typing'
      or (select realtime.topic()) = 'inbox:presence')
    and (select private.may_join_topic(realtime.topic()))
  );

drop policy if exists "members say that they type" on realtime.messages;
create policy "members say that they type" on realtime.messages
  for insert to authenticated with check (
    ((select realtime.topic()) like 'conversation:%:typing' or (select realtime.topic()) = 'inbox:presence')
    and (select private.may_join_topic(realtime.topic()))
  );

-- A project may have policies of its own on this table, for topics of its own, and some allow everything:
-- they open nothing here.
drop policy if exists "other policies do not open these topics" on realtime.messages;
create policy "other policies do not open these topics" on realtime.messages as restrictive
  for select to authenticated using (
    (select realtime.topic()) not in ('inbox', 'inbox:presence', 'ai-jobs', 'channel-deliveries')
    and (select realtime.topic()) not like all ('{conversation:%,drafts:%}')
    or (select private.may_join_topic(realtime.topic()))
  );

drop policy if exists "other policies do not write to these topics" on realtime.messages;
create policy "other policies do not write to these topics" on realtime.messages as restrictive
  for insert to authenticated with check (
    (select realtime.topic()) not in ('inbox', 'inbox:presence', 'ai-jobs', 'channel-deliveries')
    and (select realtime.topic()) not like all ('{conversation:%,drafts:%}')
    or ((select realtime.topic()) like 'conversation:%:typing' or (select realtime.topic()) = 'inbox:presence')
      and (select private.may_join_topic(realtime.topic()))
  );

drop policy if exists "nobody joins these topics without a session" on realtime.messages;
create policy "nobody joins these topics without a session" on realtime.messages as restrictive
  for all to anon using (
    (select realtime.topic()) not in ('inbox', 'inbox:presence', 'ai-jobs', 'channel-deliveries')
    and (select realtime.topic()) not like all ('{conversation:%,drafts:%}')
  );

-- Above 256 kB Realtime drops an event (3 MB where a plan allows it). A message that does not fit is told without its
-- row: whoever shows the conversation reads it.
create or replace function private.event_of_message(message public.messages)
returns jsonb
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return jsonb_build_object('message', case when private.size_in_event(message) < 200000 then to_jsonb(message) end);
end $$;
comment on function private.event_of_message is 'The payload of message.created.';

create or replace function private.size_in_event(message public.messages)
returns integer
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  -- As JSON a character takes six bytes at most: only what is near the limit is looked at exactly.
  if octet_length(concat(message.content, message.media_url, message.media_caption, message.metadata)) < 30000 then
    return 2000 + octet_length(message.content);
  end if;
  return octet_length(to_jsonb(message)::text);
end $$;
comment on function private.size_in_event is 'How many bytes a message has as JSON, about.';

-- Hosted projects count each event, and what is above their limit is lost: one operation sends one event, whatever
-- it touches. Of many messages that changed (a conversation was read) the newest fifty are what screens show, as far
-- as they fit.
create or replace function private.broadcast_message_updates()
returns trigger
language plpgsql
security definer  -- realtime.send inserts as its caller
set search_path = ''
as $$
begin
  perform realtime.send(
    case count(*) when 1 then jsonb_build_object('message', (array_agg(to_jsonb(news)))[1])
      else jsonb_build_object('messages', jsonb_agg(to_jsonb(news) order by news.position)) end,
    case count(*) when 1 then 'message.updated' else 'messages.updated' end,
    'conversation:' || news.conversation_id, true)
  from (
    select changed.id, row_number() over newest_first as place, sum(private.size_in_event(changed)) over newest_first as size
    from changed join before on before.id = changed.id
    where before.* is distinct from changed.* and private.size_in_event(changed) < 200000
    window newest_first as (partition by changed.conversation_id order by changed.position desc)
  ) as ranked
  join lateral (select changed.* from changed where changed.id = ranked.id) as news on true
  where ranked.place <= 50 and ranked.size < 200000
  group by news.conversation_id;
  return null;
end $$;
comment on function private.broadcast_message_updates is 'Tell conversations which of their messages changed.';

create or replace trigger messages_broadcast_updates after update on public.messages
  referencing old table as before new table as changed
  for each statement execute function private.broadcast_message_updates();

-- What an inbox shows of a conversation, and what a worker has to know of it: the turn that waits or is answered, and
-- when something is to be sent by its channel. Of a turn that has ended an inbox shows the outcome, and a worker needs
-- nothing: it hears of open ones alone. So whoever opens a turn or a delivery does it before the conversation
-- is changed. Above fifty rows, or what Realtime takes, the event says only that there is something to be read. Of the
-- last message and of the customer it has what a list shows: nobody reads a row because of an event.
create or replace function private.broadcast_conversations()
returns trigger
language plpgsql
security definer  -- realtime.send inserts as its caller
set search_path = ''
as $$
declare
  v_count bigint := (select count(*) from changed);
  v_rows jsonb := '[]';
  v_fits boolean;
begin
  if v_count = 0 then
    return null;
  end if;
  if tg_op = 'UPDATE' then  -- the original's widget upserts what stays as it is
    if not exists (
      select from changed join before on before.id = changed.id
      where before.updated_at is distinct from changed.updated_at
    ) then
      return null;
    end if;
  end if;
  if v_count <= 50 then
    v_rows := (
      select jsonb_agg(private.listed(changed)) from changed
    );
  end if;
  v_fits := v_count <= 50 and (pg_column_size(v_rows) < 30000 or octet_length(v_rows::text) < 200000);
  if v_count = 1 and v_fits then
    perform realtime.send(jsonb_build_object('conversation', v_rows -> 0,
        'turn', case when v_rows #>> '{0,turn,outcome}' is null then v_rows #> '{0,turn}' end,
        'send_after', private.send_after(changed.id)),
      'conversation.changed', 'inbox', true) from changed;
  else
    perform realtime.send(jsonb_build_object('conversations',
      case when v_fits then v_rows end),
      'conversations.changed', 'inbox', true);
  end if;
  return null;
end $$;
comment on function private.broadcast_conversations is 'Tell the inbox and the workers which conversations changed.';

-- Whoever looks at one that is deleted, or erased, sees that it is gone: its id alone is told.
create or replace function private.broadcast_deleted_conversations()
returns trigger
language plpgsql
security definer  -- realtime.send inserts as its caller
set search_path = ''
as $$
declare
  v_ids uuid[] := array(select gone.id from gone limit 51);
begin
  if cardinality(v_ids) > 0 then
    perform realtime.send(jsonb_build_object(
      'conversation_ids', case when cardinality(v_ids) <= 50 then to_jsonb(v_ids) end),
      'conversations.deleted', 'inbox', true);
  end if;
  return null;
end $$;
comment on function private.broadcast_deleted_conversations is 'Tell the inbox which conversations are gone.';

create or replace trigger conversations_broadcast_delete after delete on public.conversations
  referencing old table as gone for each statement execute function private.broadcast_deleted_conversations();

-- The caller has changed the conversation, and so holds its lock: its deliveries stay as they are.
create or replace function private.send_after(conversation_id uuid)
returns timestamptz
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return (
    select min(deliveries.process_after) from public.channel_deliveries as deliveries
    where deliveries.conversation_id = send_after.conversation_id and deliveries.settled_at is null
      and deliveries.status = 'pending'
  );
end $$;
comment on function private.send_after is 'When something of a conversation is to be sent by its channel; null if nothing is.';

create or replace trigger conversations_broadcast_insert after insert on public.conversations
  referencing new table as changed for each statement execute function private.broadcast_conversations();
create or replace trigger conversations_broadcast_update after update on public.conversations
  referencing old table as before new table as changed for each statement execute function private.broadcast_conversations();
