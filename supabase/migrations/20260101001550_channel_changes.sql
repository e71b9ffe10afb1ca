-- Purpose: what happens to messages after they were sent: statuses, reactions, edits, deletions, in any order.
-- Touches: private.channel_changes, private.link_channel_message, record_delivery_status.
-- Locks:   as 20260101001530_channel_webhooks.sql says.
-- Undo:    drop the functions; drop table private.channel_changes.

-- The last word on each message, by kind (and by whom, for reactions), whether the message is here or still to
-- come: what is written here depends on what came, not on the order in which it came. Then the message is made
-- to agree. A row of kind `thread` says that a conversation (`who`) refers to this mail.
create table private.channel_changes (
  channel_id uuid not null references public.communication_channels (id) on delete cascade,
  digest bytea not null,  -- of the message's external id
  kind text not null check (kind in ('status', 'reaction', 'edit', 'deletion', 'thread')),
  who text not null default '',
  rank integer not null default 0,  -- a later word counts only if its rank is no lower
  at timestamptz not null,
  body jsonb not null default '{}',
  received_at timestamptz not null default now(),
  primary key (channel_id, digest, kind, who)
);
comment on table private.channel_changes is 'What channels said about messages; it goes after 7 days.';
create index channel_changes_received_at_idx on private.channel_changes (received_at);
alter table private.channel_changes enable row level security;
revoke all on private.channel_changes from anon, authenticated;

-- `failed` counts as long as it is not delivered.
create or replace function private.status_rank(status text)
returns integer
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return coalesce(array_position(array['sent', 'failed', 'delivered', 'read'], status), 0);
end $$;
comment on function private.status_rank is 'Which of two delivery states counts: the higher.';
revoke execute on function private.status_rank from public, anon, authenticated;

create or replace function private.remember_change(event private.channel_event)
returns boolean
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_digest bytea := private.id_digest(event.external_id);
begin
  -- A text that was taken back is not kept to be written again.
  if event.kind = 'deletion' then
    delete from private.channel_changes as changes
    where changes.channel_id = event.channel_id and changes.digest = v_digest and changes.kind = 'edit';
  elsif event.kind = 'edit' and exists (
    select from private.channel_changes as changes
    where changes.channel_id = event.channel_id and changes.digest = v_digest and changes.kind = 'deletion'
  ) then
    return false;
  end if;
  insert into private.channel_changes as changes (channel_id, digest, kind, who, rank, at, body)
  values (event.channel_id, v_digest, event.kind,
    case event.kind when 'reaction' then coalesce(event.body -> 'customer' ->> 'id', '') else '' end,
    case event.kind when 'status' then private.status_rank(event.body ->> 'status') else 0 end,
    coalesce(event.at, clock_timestamp()),
    case event.kind
      when 'status' then jsonb_build_object('status', event.body -> 'status', 'error', jsonb_build_object(
        'code', coalesce(left(event.body #>> '{error,code}', 100), 'unknown'),
        'message', coalesce(left(event.body #>> '{error,message}', 500), 'The channel gave no reason.')))
      when 'edit' then jsonb_build_object('content', event.body -> 'content')
      when 'reaction' then jsonb_build_object('emoji', nullif(left(event.body ->> 'emoji', 100), ''))
      else '{}' end)
  on conflict (channel_id, digest, kind, who) do update
  set rank = excluded.rank, at = excluded.at, body = excluded.body, received_at = excluded.received_at
  where (excluded.rank, excluded.at, excluded.body) > (changes.rank, changes.at, changes.body);
  return found;
end $$;
comment on function private.remember_change is 'Keep a change if it is the last word; returns whether it is.';
revoke execute on function private.remember_change from public, anon, authenticated;

create or replace function private.remember_thread(event private.channel_event, conversation_id uuid)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  insert into private.channel_changes (channel_id, digest, kind, who, at)
  select event.channel_id, private.id_digest(id), 'thread', conversation_id::text, clock_timestamp()
  from unnest(private.thread_references(event)) as id
  where event.channel_type = 'email' and private.find_channel_message(event.channel_id, id) is null
  on conflict do nothing;
end $$;
comment on function private.remember_thread is 'Let mails that a mail refers to find its conversation when they come after it.';
revoke execute on function private.remember_thread from public, anon, authenticated;

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
revoke execute on function private.with_reactions from public, anon, authenticated;

-- A message of several parts is as far as its last part, and failed where one has.
create or replace function private.with_status(message public.messages)
returns public.messages
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_status text;
  v_error jsonb;
begin
  select case when bool_or(changes.rank = 2) then 'failed'
      else (array['sent', 'failed', 'delivered', 'read'])[min(coalesce(changes.rank, 1))] end,
    (array_agg(changes.body -> 'error' order by changes.at desc, changes.body desc) filter (where changes.rank = 2))[1]
  into v_status, v_error
  from private.channel_messages as links
  left join private.channel_changes as changes
    on changes.channel_id = links.channel_id and changes.digest = links.digest and changes.kind = 'status'
  where links.message_id = message.id
  having count(changes.rank) > 0;
  if message.sender_type = 'user' or private.status_rank(v_status) <= private.status_rank(message.delivery_status) then
    return message;
  end if;
  message.delivery_status := v_status;
  message.metadata := message.metadata - 'delivery_error'
    || jsonb_strip_nulls(jsonb_build_object('delivery_error', v_error));
  return message;
end $$;
comment on function private.with_status is 'A message as far as the channel says that it got.';
revoke execute on function private.with_status from public, anon, authenticated;

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
  order by changes.kind limit 1;  -- a deletion before an edit
  if v_change.kind = 'deletion' then
    message.content := '';
    message.media_url := null;
    message.media_caption := null;
    message.metadata := (  -- what else came with it may say what it said
      select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(message.metadata)
      where key in ('sent_at', 'is_automatic', 'reactions', 'delivery_error', 'kind', 'reason', 'reply_to')
    ) || jsonb_build_object('deleted_at', greatest(v_change.at, (message.metadata ->> 'deleted_at')::timestamptz));
  elsif not message.metadata ? 'deleted_at' and v_change.at >= coalesce((message.metadata ->> 'edited_at')::timestamptz, '-infinity') then
    message.content := v_change.body ->> 'content';
    message.media_caption := case when message.media_caption is not null
      or jsonb_typeof(message.metadata -> 'media') = 'array' then nullif(message.content, '') end;
    message.metadata := message.metadata || jsonb_build_object('edited_at', v_change.at);
  end if;
  return message;
end $$;
comment on function private.with_text_changes is 'A message as it was edited, or deleted.';
revoke execute on function private.with_text_changes from public, anon, authenticated;

-- What else has the message's text: the inbox's list, and the jobs of its turn.
create or replace function private.spread_text(message public.messages)
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
comment on function private.spread_text is 'Give a changed text to what shows it.';
revoke execute on function private.spread_text from public, anon, authenticated;

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
  if v_changed.content <> v_message.content then
    perform private.spread_text(v_changed);
  end if;
  return v_message.id;
end $$;
comment on function private.apply_changes is 'Make a message agree with what was said about it; returns it, or null where it has not come.';
revoke execute on function private.apply_changes from public, anon, authenticated;

-- Called with the conversation locked, by whoever knows that an external id is a message.
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
revoke execute on function private.link_channel_message from public, anon, authenticated;

create or replace function private.change_channel_message(event private.channel_event)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_is_news boolean := private.remember_change(event);
  v_message_id uuid;
begin
  if event.kind = 'status' and event.body ->> 'reference' <> ''
    and private.find_channel_message(event.channel_id, event.external_id) is null
  then  -- the worker that sent it did not live to say so
    perform private.reconcile_delivery(event.body ->> 'reference', event.external_id);
  end if;
  v_message_id := private.apply_changes(event.channel_id, private.id_digest(event.external_id));
  return jsonb_build_object(
    'outcome', case when v_message_id is null then 'waiting' when v_is_news then 'updated' else 'duplicate' end,
    'message_id', v_message_id, 'conversation_id', (
      select messages.conversation_id from public.messages as messages where messages.id = v_message_id));
end $$;
comment on function private.change_channel_message is 'Apply a status, a reaction, an edit or a deletion; returns its result.';
revoke execute on function private.change_channel_message from public, anon, authenticated;

create or replace function public.record_delivery_status(
  channel_type text, account text, external_id text, status text, error jsonb default null
)
returns jsonb
language plpgsql
volatile
security definer  -- what channels write is in private
set search_path = ''
as $$
#variable_conflict use_variable
declare
  v_result jsonb;
begin
  if (channel_type ~ '^[a-z][a-z0-9_]{0,49}$' and channel_type <> 'website') is not true then
    raise exception 'unable to record the status; there is no channel of this type'
      using errcode = 'PT400', detail = 'bad_webhook', hint = 'Give the type of an account: whatsapp, instagram, email.';
  end if;
  v_result := private.apply_events(channel_type, jsonb_build_array(jsonb_build_object('kind', 'status',
    'account', account, 'id', external_id, 'status', status, 'error', error))) -> 0;
  if v_result ->> 'outcome' = 'failed' then
    raise exception 'unable to record the status; %', v_result ->> 'error'
      using errcode = 'PT400', detail = 'bad_webhook', hint = 'Statuses: sent, delivered, read, failed.';
  end if;
  return v_result;
end $$;
comment on function public.record_delivery_status is 'Say how far a message got; returns what became of that. Raises bad_webhook.';
revoke execute on function public.record_delivery_status from public, anon, authenticated;
grant execute on function public.record_delivery_status to service_role;
