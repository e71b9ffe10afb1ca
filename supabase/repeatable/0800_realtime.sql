-- Purpose: who sees what at once. Existing frontends listen to the tables; ours to private topics:
--          conversation:<id>, inbox, ai-jobs, channel-deliveries, and conversation:<id>:typing for typing
--          and presence.
-- Touches: publication supabase_realtime; policies on realtime.messages; triggers on messages, conversations.
-- Undo:    drop the policies and triggers; drop function private.may_join_topic.

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

-- Topics whose last part is `typing` are written by their members; the others by the database alone:
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
  if may_join_topic.topic = 'inbox' then
    return private.is_staff();
  elsif v_parts[1] = 'conversation' and v_parts[2] ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
    return private.is_staff() or v_parts[2]::uuid in (select private.my_conversation_ids());
  end if;
  return false;
end $$;
comment on function private.may_join_topic is 'May the caller join this private topic?';

drop policy if exists "members read their conversation, staff the inbox" on realtime.messages;
create policy "members read their conversation, staff the inbox" on realtime.messages
  for select to authenticated using (
    (extension = 'broadcast' or (select realtime.topic()) like 'conversation:%:typing')
    and (select private.may_join_topic(realtime.topic()))
  );

drop policy if exists "members say that they type" on realtime.messages;
create policy "members say that they type" on realtime.messages
  for insert to authenticated with check (
    (select realtime.topic()) like 'conversation:%:typing' and (select private.may_join_topic(realtime.topic()))
  );

-- A project may have policies of its own on this table, for topics of its own, and some allow everything:
-- they open nothing here.
drop policy if exists "other policies do not open these topics" on realtime.messages;
create policy "other policies do not open these topics" on realtime.messages as restrictive
  for select to authenticated using (
    (select realtime.topic()) not in ('inbox', 'ai-jobs', 'channel-deliveries') and (select realtime.topic()) not like 'conversation:%'
    or (select private.may_join_topic(realtime.topic()))
  );

drop policy if exists "other policies do not write to these topics" on realtime.messages;
create policy "other policies do not write to these topics" on realtime.messages as restrictive
  for insert to authenticated with check (
    (select realtime.topic()) not in ('inbox', 'ai-jobs', 'channel-deliveries') and (select realtime.topic()) not like 'conversation:%'
    or (select realtime.topic()) like 'conversation:%:typing' and (select private.may_join_topic(realtime.topic()))
  );

drop policy if exists "nobody joins these topics without a session" on realtime.messages;
create policy "nobody joins these topics without a session" on realtime.messages as restrictive
  for all to anon using (
    (select realtime.topic()) not in ('inbox', 'ai-jobs', 'channel-deliveries') and (select realtime.topic()) not like 'conversation:%'
  );

create or replace function private.broadcast_message_update()
returns trigger
language plpgsql
security definer  -- realtime.send inserts as its caller
set search_path = ''
as $$
begin
  perform realtime.send(jsonb_build_object('message', to_jsonb(new)), 'message.updated',
    'conversation:' || new.conversation_id, true);
  return null;
end $$;
comment on function private.broadcast_message_update is 'Tell a conversation that one of its messages changed.';

create or replace trigger messages_broadcast_update after update on public.messages
  for each row when (old.* is distinct from new.*) execute function private.broadcast_message_update();

create or replace function private.broadcast_conversations()
returns trigger
language plpgsql
security definer  -- realtime.send inserts as its caller
set search_path = ''
as $$
begin
  perform realtime.send(jsonb_build_object('conversation', to_jsonb(changed)), 'conversation.changed', 'inbox', true)
  from changed;
  return null;
end $$;
comment on function private.broadcast_conversations is 'Tell the inbox which conversations changed.';

create or replace trigger conversations_broadcast_insert after insert on public.conversations
  referencing new table as changed for each statement execute function private.broadcast_conversations();

create or replace trigger conversations_broadcast_update after update on public.conversations
  referencing new table as changed for each statement execute function private.broadcast_conversations();
