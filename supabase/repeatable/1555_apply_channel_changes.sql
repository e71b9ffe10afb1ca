-- Purpose: messages get the statuses, reactions, edits and deletions that came for them, before them or after them.
-- Touches: functions.
-- Locks:   as 1530_channel_webhooks.sql says.
-- Undo:    drop the functions.

-- The caller holds the conversation's lock: of several changes that come at once, the last one sees all.
create or replace function private.with_reactions(metadata jsonb, channel_id uuid, digest bytea)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
#variable_conflict use_variable
declare
  v_reactions jsonb;
begin
  select jsonb_agg(reaction order by reaction ->> 'at', reaction ->> 'customer') into v_reactions
  from (
    select distinct on (said.who) said.reaction from (
      select changes.who, changes.at, 1 as place,
        jsonb_build_object('emoji', changes.body -> 'emoji', 'customer', changes.who, 'at', changes.at) as reaction
      from private.channel_changes as changes
      where changes.channel_id = with_reactions.channel_id and changes.digest = with_reactions.digest
        and changes.kind = 'reaction'
      union all  -- whose last word may no longer be kept
      select shown ->> 'customer', (shown ->> 'at')::timestamptz, 2, shown
      from jsonb_array_elements(coalesce(metadata -> 'reactions', '[]')) as shown
    ) as said
    order by said.who, said.at desc, said.place
  ) as reactions
  where reaction ->> 'emoji' is not null;
  return metadata - 'reactions' || jsonb_strip_nulls(jsonb_build_object('reactions', v_reactions));
end $$;
comment on function private.with_reactions is 'A message''s metadata with the reactions to it.';

-- The caller holds the conversation's lock: statuses of several parts may come at once. A message of several parts is
-- as far as the part that is least far, and has failed where one has. Of the ids that one part has (an echo's may be
-- another than the answer's) one gets the statuses: as many ids count as there are parts, those that are furthest.
create or replace function private.with_status(message public.messages)
returns public.messages
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_parts integer := (
    select nullif(deliveries.parts_sent, 0) from public.channel_deliveries as deliveries
    where deliveries.message_id = message.id and deliveries.kind = 'message'
  );
  v_status text;
  v_error jsonb;
begin
  select case when bool_or(told.rank = 2) then 'failed'
      else (array['sent', 'failed', 'delivered', 'read'])[
        min(coalesce(told.rank, 1)) filter (where told.place <= coalesce(v_parts, told.place))] end,
    (array_agg(told.body -> 'error' order by told.at desc, told.body desc) filter (where told.rank = 2))[1]
  into v_status, v_error
  from (
    select changes.*, row_number() over (order by changes.rank desc nulls last) as place
    from private.channel_messages as links
    left join private.channel_changes as changes
      on changes.channel_id = links.channel_id and changes.digest = links.digest and changes.kind = 'status'
    where links.message_id = message.id
  ) as told
  having count(told.rank) > 0;
  if v_status is null or message.sender_type = 'user'
    or private.status_rank(v_status) < private.status_rank(message.delivery_status)
    or v_status = message.delivery_status and v_status <> 'failed'  -- of several errors the last one counts
  then
    return message;
  end if;
  message.delivery_status := v_status;
  message.metadata := message.metadata - 'delivery_error'
    || jsonb_strip_nulls(jsonb_build_object('delivery_error', v_error));
  return message;
end $$;
comment on function private.with_status is 'A message as far as the channel says that it got.';

-- The caller holds the external id's advisory lock and the conversation's lock.
create or replace function private.with_text_changes(message public.messages, channel_id uuid, digest bytea)
returns public.messages
language plpgsql
stable
security invoker
set search_path = ''
as $$
#variable_conflict use_variable
declare
  v_change private.channel_changes;
begin
  select * into v_change from private.channel_changes as changes
  where changes.channel_id = with_text_changes.channel_id and changes.digest = with_text_changes.digest
    and changes.kind in ('edit', 'deletion')
    and (changes.who = '' or message.sender_type = 'user')  -- customers change no word of the team's
  order by changes.kind, changes.at desc limit 1;  -- a deletion before an edit
  if v_change.kind = 'deletion' then
    message.content := '';
    message.media_url := null;
    message.media_caption := null;
    message.metadata := (  -- what else came with it may say what it said
      select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(message.metadata)
      where key in ('sent_at', 'is_automatic', 'needs_no_answer', 'reactions', 'delivery_error', 'kind', 'reason', 'reply_to')
    ) || jsonb_build_object('deleted_at', greatest(v_change.at, (message.metadata ->> 'deleted_at')::timestamptz));
  elsif not message.metadata ? 'deleted_at' and v_change.at >= coalesce((message.metadata ->> 'edited_at')::timestamptz, '-infinity') then
    message.content := v_change.body ->> 'content';
    message.media_caption := case when message.media_caption is not null
      or jsonb_typeof(message.metadata -> 'media') = 'array' then nullif(message.content, '') end;
    message.metadata := message.metadata - 'is_placeholder' || jsonb_build_object('edited_at', v_change.at);
  end if;
  return message;
end $$;
comment on function private.with_text_changes is 'A message as it was edited, or deleted.';

-- The caller holds the conversation's lock. The inbox's list and the jobs of the turn have copies of a message's text.
create or replace function private.update_text_copies(message public.messages)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  update public.conversations as conversations set last_message = message.content
  where conversations.id = message.conversation_id and conversations.message_count = message.position;
  update public.ai_response_queue as jobs
  set user_message = coalesce((
    select string_agg(nullif(said.content, ''), e'\n' order by said.position) from public.messages as said
    where said.conversation_id = jobs.conversation_id and said.sender_type = 'user'
      and said.position between first.position and last.position and not private.expects_no_answer(said)
  ), '')
  from public.messages as first, public.messages as last
  where jobs.conversation_id = message.conversation_id and message.sender_type = 'user'
    and first.id = jobs.turn_id and last.id = jobs.message_id
    and message.position between first.position and last.position;
end $$;
comment on function private.update_text_copies is 'Bring the copies of a changed text up to date.';

-- Storage gives nobody a file without its row, by whatever URL. The bytes stay: only its API removes them.
create or replace function private.remove_files(message public.messages)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  if to_regclass('storage.objects') is not null and jsonb_typeof(message.metadata -> 'media') = 'array' then
    perform set_config('storage.allow_delete_query', 'true', true);
    execute $sql$
      delete from storage.objects as objects where objects.bucket_id = 'conversation-attachments'
        and objects.name in (select item ->> 'path' from jsonb_array_elements($1) as item)
        and objects.name like $2 || '/%'
    $sql$ using message.metadata -> 'media', message.conversation_id;
    perform set_config('storage.allow_delete_query', 'false', true);
  end if;
exception when insufficient_privilege then
  raise notice 'romashka: % may not remove files; those of message % stay', current_user, message.id;
end $$;
comment on function private.remove_files is 'Remove the files of a message that was taken back.';

-- The caller holds the external id's advisory lock; the conversation's lock is taken here.
create or replace function private.apply_changes(channel_id uuid, digest bytea)
returns uuid
language plpgsql
volatile
security invoker
set search_path = ''
as $$
#variable_conflict use_variable
declare
  v_message public.messages;
  v_changed public.messages;
begin
  perform from public.conversations as conversations
  where conversations.id = (
    select messages.conversation_id from private.channel_messages as links
    join public.messages as messages on messages.id = links.message_id
    where links.channel_id = apply_changes.channel_id and links.digest = apply_changes.digest
  ) for no key update;
  select messages.* into v_message from private.channel_messages as links
  join public.messages as messages on messages.id = links.message_id
  where links.channel_id = apply_changes.channel_id and links.digest = apply_changes.digest;
  if not found then
    return null;
  end if;
  v_changed := v_message;
  v_changed.metadata := private.with_reactions(coalesce(v_message.metadata, '{}'), channel_id, digest);
  v_changed := private.with_text_changes(private.with_status(v_changed), channel_id, digest);
  if v_changed is distinct from v_message then
    update public.messages as messages
    set content = v_changed.content, media_url = v_changed.media_url, media_caption = v_changed.media_caption,
      delivery_status = v_changed.delivery_status, metadata = v_changed.metadata
    where messages.id = v_message.id;
  end if;
  if v_changed.metadata ? 'deleted_at' then
    perform private.remove_files(v_message);
  end if;
  if v_changed.content <> v_message.content then
    perform private.update_text_copies(v_changed);
  end if;
  return v_message.id;
end $$;
comment on function private.apply_changes is 'Make a message agree with what was said about it; returns it, or null where it has not come.';

-- The caller holds the conversation's lock and, taken before it, the external id's advisory lock.
create or replace function private.link_channel_message(channel_id uuid, external_id text, message_id uuid)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  perform private.lock_channel_messages(channel_id, array[external_id]);
  insert into private.channel_messages (channel_id, external_id, message_id)
  values (link_channel_message.channel_id, link_channel_message.external_id, link_channel_message.message_id)
  on conflict do nothing;
  perform private.apply_changes(channel_id, private.id_digest(external_id));
end $$;
comment on function private.link_channel_message is 'Say which message an external id is; what was said about it before takes effect.';
