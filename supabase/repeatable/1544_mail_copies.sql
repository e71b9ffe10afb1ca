-- Purpose: mails that have one id: the same to several of the team's addresses, or others', which keep none out.
-- Touches: functions.
-- Locks:   as 1530_channel_webhooks.sql says.
-- Undo:    drop the functions.

-- Whoever knows the id of a mail can send another mail with it. That must keep neither out: of two customers' mails
-- with one id, and of two of which one may be forged, the later one is known by its id, its sender, and whether
-- anybody vouches for that one.
create or replace function private.scoped_id(event private.channel_event)
returns text
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return case when event.channel_type = 'email' and event.kind = 'message'
    then concat_ws(' ', event.external_id, event.body -> 'customer' ->> 'id',
      case when event.body -> 'metadata' ? 'unproven' then 'unproven' end) end;
end $$;
comment on function private.scoped_id is 'What a mail is known by where another one has its id.';

-- The caller holds the advisory locks of both ids and of the customer's.
create or replace function private.external_id_for_customer(event private.channel_event)
returns text
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return case when private.scoped_id(event) is not null and exists (
    select from public.messages as messages
    join public.conversations as conversations on conversations.id = messages.conversation_id
    where messages.id = private.find_channel_message(event.channel_id, event.external_id)
      and messages.sender_type = 'user'
      and (conversations.customer_id is distinct from private.find_channel_customer(event)
          and not private.is_left_in(event, conversations.id)
        or messages.metadata ? 'unproven' <> coalesce(event.body -> 'metadata' ? 'unproven', false)
          and not private.is_same_mail(messages, event))
  ) then private.scoped_id(event) else event.external_id end;
end $$;
comment on function private.external_id_for_customer is 'The id by which a message is known as its customer''s: the channel''s, or the scoped one.';

-- A new subject may stand above what a mail says (with_new_subject).
create or replace function private.is_same_mail(stored public.messages, event private.channel_event)
returns boolean
language plpgsql
immutable
security invoker
set search_path = ''
as $$
declare
  v_content text := event.body ->> 'content';
begin
  return private.plain_text(stored.content) in (private.plain_text(v_content), private.plain_text(
      concat_ws(e'\n\n', event.body #>> '{thread,subject}', nullif(v_content, '[Empty mail]'))))
    and private.files_named_in(stored.metadata -> 'media') = private.files_named_in(event.body -> 'media');
end $$;
comment on function private.is_same_mail is 'Does a stored message say what an event does, with the same files?';

create or replace function private.files_named_in(media jsonb)
returns jsonb
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_array(item -> 'name', item -> 'size') order by place), '[]')
    from jsonb_array_elements(case jsonb_typeof(media) when 'array' then media else '[]' end)
      with ordinality as files (item, place)
  );
end $$;
comment on function private.files_named_in is 'The names and sizes of files.';

-- The caller holds the advisory locks of the event's ids. A mail to several of the team's addresses comes once for
-- each: with its id, by its sender, with its words and files. What came as a program's keeps no person's mail out.
create or replace function private.find_copy(event private.channel_event)
returns uuid
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  if event.channel_type <> 'email' or event.kind <> 'message' then
    return null;
  end if;
  return (
    select messages.id from public.communication_channels as channels
    join private.channel_messages as links on links.channel_id = channels.id
      and links.digest in (private.id_digest(event.external_id), private.id_digest(private.scoped_id(event)))
    join public.messages as messages on messages.id = links.message_id
    join public.conversations as conversations on conversations.id = messages.conversation_id
    left join private.channel_customers as known on known.channel_id = channels.id
      and known.digest = private.id_digest(event.body -> 'customer' ->> 'id')
    where (known.customer_id = conversations.customer_id or private.is_left_in(event, conversations.id))
      and channels.type = 'email' and channels.id <> event.channel_id and messages.sender_type = 'user'
      and private.is_same_mail(messages, event)
      and (not messages.metadata ? 'is_automatic' or coalesce((event.body ->> 'is_automatic')::boolean, false))
    order by messages.created_at, messages.id limit 1
  );
end $$;
comment on function private.find_copy is 'The message that a mail is, where it came to another account of the team''s before; or null.';

-- The caller holds the advisory locks of the mail's ids; the conversation's lock is taken here. Staff see on the one
-- message of a mail which other addresses of the team's it came to.
create or replace function private.note_copy(event private.channel_event, message_id uuid)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
#variable_conflict use_variable
begin
  perform from public.conversations as conversations
  where conversations.id = (
    select messages.conversation_id from public.messages as messages where messages.id = message_id
  )
  for no key update;
  update public.messages as messages
  set metadata = messages.metadata || jsonb_build_object('also_came_to',
    coalesce(messages.metadata -> 'also_came_to', '[]') || to_jsonb(channels.external_account_id))
  from public.communication_channels as channels
  where messages.id = message_id and channels.id = event.channel_id
    and not coalesce(messages.metadata -> 'also_came_to', '[]') ? channels.external_account_id;
  perform private.link_channel_message(event.channel_id, event.external_id, message_id);
end $$;
comment on function private.note_copy is 'Say of a message that it is also what came to another account.';
