-- Purpose: a channel's message becomes a row, once, in the conversation that it belongs to.
-- Touches: conversations, messages, ingest_channel_message; functions.
-- Locks:   as 1530_channel_webhooks.sql says.
-- Undo:    drop the functions.

-- The caller holds the advisory locks of the event's ids. A mail belongs to its thread's conversation, if that is the
-- same customer's, and it is proven to be theirs: one that is_separate may be anybody's, whatever it refers to. Any
-- other message belongs to the customer's last conversation with the account; one from before the account was known is
-- that account's now.
create or replace function private.find_channel_conversation(event private.channel_event, customer_id uuid)
returns uuid
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  if event.channel_type = 'email' and (event.body #> '{thread,is_separate}') = 'true' then
    return null;
  elsif event.channel_type = 'email' then
    return (
      select conversations.id from private.threads_of(event) as threads
      join public.conversations as conversations on conversations.id = threads.conversation_id
      where conversations.customer_id = find_channel_conversation.customer_id
        and conversations.channel_id = any (private.thread_accounts(event)) and conversations.status <> 'closed'
      order by threads.rank, conversations.channel_id <> event.channel_id, conversations.id limit 1
    );
  end if;
  return (
    select conversations.id from public.conversations as conversations
    where conversations.customer_id = find_channel_conversation.customer_id
      and conversations.channel_type = event.channel_type and conversations.status <> 'closed'
      and coalesce(conversations.channel_id, event.channel_id) = event.channel_id
    order by coalesce(conversations.business_context ? 'continued_in', false), conversations.channel_id is null,
      conversations.created_at desc, conversations.id limit 1
  );
end $$;
comment on function private.find_channel_conversation is 'The conversation that a message belongs to, or null for a new one.';

-- The caller holds the advisory locks of the event's ids, so that no other webhook opens the same conversation.
-- related_conversation_id shows staff what else a mail refers to: its thread may be another customer's.
create or replace function private.find_or_open_channel_conversation(event private.channel_event, customer_id uuid)
returns uuid
language plpgsql
volatile
security invoker
set search_path = ''
as $$
#variable_conflict use_variable
declare
  v_id uuid := private.find_channel_conversation(event, customer_id);
  v_social_id text := left(event.body -> 'customer' ->> 'id', 255);
begin
  if v_id is null then
    insert into public.conversations (customer_id, channel_type, channel_id, customer_name, user_name, user_email,
      customer_phone, customer_social_id, business_context)
    values (customer_id, event.channel_type, event.channel_id, private.customer_name(event),
      private.customer_name(event),
      private.customer_email(event), private.customer_phone(event), v_social_id,
      jsonb_strip_nulls(jsonb_build_object(
        'subject', left(event.body #>> '{thread,subject}', 1000),
        'unproven', left(event.body #>> '{metadata,unproven}', 100),
        'related_conversation_id', (
          select conversations.id from private.threads_of(event) as threads
          join public.conversations as conversations on conversations.id = threads.conversation_id
          where event.channel_type = 'email' and conversations.channel_id = any (private.thread_accounts(event))
          order by threads.rank, conversations.id limit 1
        ))))
    returning id into v_id;
  end if;
  -- Answers go to where the customer wrote from last.
  update public.conversations as conversations
  set channel_id = event.channel_id, customer_social_id = v_social_id,
    customer_phone = coalesce(private.customer_phone(event), conversations.customer_phone)
  where conversations.id = v_id
    and (conversations.channel_id is null or conversations.customer_social_id is distinct from v_social_id);
  return v_id;
end $$;
comment on function private.find_or_open_channel_conversation is 'The conversation that a message belongs to.';

-- The caller holds no conversation's lock yet. Takes the advisory locks of all ids that the events are about, then
-- their conversations, each in order. What is found by these ids stays as it is until the transaction ends.
create or replace function private.lock_for_events(events private.channel_event[])
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  -- Of one that makes no sense nothing is looked up: its members may have any type.
  v_events private.channel_event[] := array(select event from unnest(events) as event where event.problem is null);
begin
  perform private.take_advisory_locks(array(
    select event.channel_id || ' ' || ids.id
    from unnest(v_events) as event cross join lateral unnest(
      event.external_id || private.thread_references(event) || private.customer_ids(event)
        || private.scoped_id(event)) as ids (id)
    where ids.id is not null
    union all  -- one mail comes to several accounts
    select event.channel_type || ' ' || event.external_id from unnest(v_events) as event
    where event.channel_type = 'email' and event.kind = 'message'
    union all
    select contacts.contact from unnest(v_events) as event
    cross join lateral (values (private.customer_phone(event)), (private.customer_email(event))) as contacts (contact)
    where contacts.contact is not null
  ));
  if cardinality(v_events) > 1 then  -- a single event's is taken when the event is applied
    perform from (
      select messages.conversation_id as id from unnest(v_events) as event
      join public.messages as messages on messages.id = coalesce(
        private.find_channel_message(event.channel_id, event.external_id), private.find_copy(event))
      union
      select deliveries.conversation_id from unnest(v_events) as event
      join public.channel_deliveries as deliveries
        on deliveries.id = substring(event.body ->> 'reference' from '^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}):')::uuid
      union
      select private.find_channel_conversation(event, private.find_channel_customer(event))
      from unnest(v_events) as event where event.kind in ('message', 'echo')
      union
      select (private.mailed_conversation(event)).id from unnest(v_events) as event
      union
      select (private.address_to_stop(event)).conversation_id from unnest(v_events) as event
      union
      select conversations.id from unnest(v_events) as event
      cross join lateral private.customers_of_event(event) as customers (ids)
      join public.conversations as conversations on conversations.customer_id = any (customers.ids)
      where cardinality(customers.ids) > 1
      order by id
    ) as concerned, lateral (
      select from public.conversations as conversations where conversations.id = concerned.id for no key update
    ) as locked;
  end if;
end $$;
comment on function private.lock_for_events is 'Lock what events are about, in order.';

-- The caller holds the conversation's lock. A poll comes as several messages that the channel does not hand on: what is
-- said to the first of them need not be said again.
create or replace function private.is_more_of_the_unsupported(event private.channel_event, conversation_id uuid)
returns boolean
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return coalesce((event.body ->> 'is_unsupported')::boolean, false) and exists (
    select from public.messages as messages
    where messages.conversation_id = is_more_of_the_unsupported.conversation_id and messages.sender_type = 'user'
      and messages.created_at > clock_timestamp() - interval '5 minutes'
      and messages.metadata @> '{"is_unsupported": true}'
  );
end $$;
comment on function private.is_more_of_the_unsupported is 'Did something that the channel does not hand on come a moment ago, too?';

-- What comes with a message, for whoever shows it; what only the database says is not taken from outside.
create or replace function private.metadata_of(event private.channel_event, conversation_id uuid)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return coalesce(nullif(event.body -> 'metadata', 'null'), '{}')
    - array['kind', 'repeated', 'is_loop', 'is_automatic', 'is_placeholder', 'is_unsupported', 'needs_no_answer',
      'reactions', 'also_came_to', 'edited_at', 'deleted_at', 'delivery_error', 'media']
    || jsonb_strip_nulls(jsonb_build_object(
      'is_automatic', nullif(coalesce((event.body ->> 'is_automatic')::boolean, false), false),
      'is_placeholder', nullif(coalesce((event.body ->> 'is_placeholder')::boolean, false), false),
      'is_unsupported', nullif(coalesce((event.body ->> 'is_unsupported')::boolean, false), false),
      'needs_no_answer', nullif(coalesce((event.body ->> 'needs_no_answer')::boolean, false)
        or private.is_more_of_the_unsupported(event, conversation_id), false),
      'reply_to', nullif(event.body ->> 'reply_to', ''),
      'thread', nullif(jsonb_strip_nulls(jsonb_build_object(
        'subject', left(event.body #>> '{thread,subject}', 1000),
        'references', nullif(to_jsonb(private.thread_references(event)), '[]'))), '{}'),
      'media', (
        select jsonb_agg(item - 'path' || case when item ->> 'file' ~ '^[0-9a-zA-Z._-]+$'
          then jsonb_build_object('path', conversation_id || '/' || (item ->> 'file')) else '{}' end order by place)
        from jsonb_array_elements(nullif(event.body -> 'media', 'null')) with ordinality as media (item, place)
      ),
      'attachment', (  -- the file that media_url names, as frontends describe theirs
        select jsonb_build_object('name', item -> 'name', 'content_type', item -> 'mime_type', 'size', item -> 'size')
        from (values (event.body #> '{media,0}')) as first (item) where item ->> 'file' is not null
      )));
end $$;
comment on function private.metadata_of is 'The metadata of a channel''s message.';

-- A button has room for a few words: what the customer chose is called as the question calls it, where it is one of
-- the conversation's.
create or replace function private.chosen_label(metadata jsonb, conversation_id uuid)
returns text
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return (
    select offered.choice ->> 'label' from public.messages as questions
    cross join lateral jsonb_path_query(questions.metadata, '$.choices[*]') with ordinality as offered (choice, number)
    where questions.conversation_id = chosen_label.conversation_id and questions.sender_type = 'ai'
      and questions.id::text = chosen_label.metadata #>> '{choice,message_id}'
      and offered.number::text = chosen_label.metadata #>> '{choice,number}'
  );
end $$;
comment on function private.chosen_label is 'What a customer chose, as the question calls it, or null.';

-- The caller holds the external id's advisory lock and the conversation's lock. Size and rate limits are for what
-- customers insert themselves: this is stored whatever it is.
create or replace function private.insert_channel_message(event private.channel_event, conversation_id uuid)
returns uuid
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_message public.messages;
  v_first jsonb := event.body #> '{media,0}';
  v_id uuid;
begin
  v_message.sender_type := case event.kind when 'echo' then 'agent' else 'user' end;
  v_message.metadata := private.metadata_of(event, conversation_id);
  v_message.content := coalesce(private.chosen_label(v_message.metadata, conversation_id), event.body ->> 'content', '');
  if v_first is not null then
    v_message.media_url := coalesce(v_message.metadata #>> '{media,0,path}',
      case when v_first ->> 'url' ~* '^https?://' then v_first ->> 'url' end);
    v_message.media_caption := nullif(v_message.content, '');
  end if;
  -- An edit or a deletion may have come first: the text before it is never shown.
  v_message := private.with_text_changes(v_message, event.channel_id, private.id_digest(event.external_id));
  insert into public.messages (conversation_id, sender_type, content, channel_type, message_type, media_url,
    media_caption, external_message_id, metadata, created_at)
  values (conversation_id, v_message.sender_type, v_message.content,
    event.channel_type, coalesce(nullif(event.body ->> 'type', ''), 'text'), v_message.media_url,
    v_message.media_caption, left(event.external_id, 255), v_message.metadata, coalesce(event.at, now()))
  returning id into v_id;
  return v_id;
end $$;
comment on function private.insert_channel_message is 'Insert the row of a channel''s message.';

-- Instagram's function writes `[Image]` and the like, where there is no text.
create or replace function private.echoed_text(event private.channel_event)
returns text
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return case when event.channel_type = 'instagram' and event.body ->> 'type' <> 'text'
    and event.body ->> 'content' like '[%]' then '' else event.body ->> 'content' end;
end $$;
comment on function private.echoed_text is 'The text of an echo; empty where it is a file.';

-- The caller holds the locks of lock_for_events; the conversation's is taken here, if it is not among them.
create or replace function private.store_channel_message(event private.channel_event)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_message_id uuid;
  v_outcome text := 'duplicate';
  v_customer_id uuid;
  v_conversation_id uuid;
  v_joined public.conversations;
  v_copy_id uuid := private.find_copy(event);
begin
  event.external_id := private.external_id_for_customer(event);
  v_message_id := private.find_channel_message(event.channel_id, event.external_id);
  if v_message_id is null and v_copy_id is not null then
    v_message_id := v_copy_id;
    perform private.note_copy(event, v_copy_id);
  elsif v_message_id is null then
    v_joined := private.joined_conversation(event);
    if private.stop_mails(event) then
      event.body := event.body || '{"needs_no_answer": true}';
    end if;
    if v_joined.id is null then
      v_customer_id := private.find_or_create_channel_customer(event);
      v_conversation_id := private.find_or_open_channel_conversation(event, v_customer_id);
    else
      v_customer_id := v_joined.customer_id;
      v_conversation_id := v_joined.id;
    end if;
    perform from public.conversations as conversations where conversations.id = v_conversation_id for no key update;
    if v_joined.id is not null then
      perform private.welcome_mail(event, v_conversation_id);
    end if;
    event := private.with_new_subject(event, v_conversation_id);
    perform private.stop_loop(event, v_customer_id, v_conversation_id);
    if event.kind = 'echo'
      and private.reconcile_echo(v_conversation_id, event.external_id, private.echoed_text(event))
    then
      v_message_id := private.find_channel_message(event.channel_id, event.external_id);
    else
      v_outcome := 'stored';
      v_message_id := private.insert_channel_message(event, v_conversation_id);
      perform private.link_channel_message(event.channel_id, event.external_id, v_message_id);
      perform private.remember_thread(event, v_conversation_id);
    end if;
  end if;
  return jsonb_build_object('outcome', v_outcome, 'message_id', v_message_id, 'conversation_id', (
    select messages.conversation_id from public.messages as messages where messages.id = v_message_id));
end $$;
comment on function private.store_channel_message is 'Store a message or an echo; returns its result.';

-- For adapters that have one message and no webhook.
create or replace function public.ingest_channel_message(channel_type text, message jsonb)
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
  if (channel_type ~ '^[a-z][a-z0-9_]{0,49}$' and channel_type <> 'website' and jsonb_typeof(message) = 'object'
    and coalesce(message ->> 'kind', 'message') = 'message') is not true
  then
    raise exception 'unable to take the message; the channel''s type or the message is none'
      using errcode = 'PT400', detail = 'bad_webhook', hint = 'Give a type and an object: docs/webhooks.md.';
  end if;
  v_result := private.apply_events(channel_type, jsonb_build_array('{"kind": "message"}' || message)) -> 0;
  if v_result ->> 'outcome' = 'failed' then
    raise exception 'unable to take the message; %', v_result ->> 'error'
      using errcode = 'PT400', detail = 'bad_webhook', hint = 'docs/webhooks.md says what a message has.';
  end if;
  return v_result;
end $$;
comment on function public.ingest_channel_message is 'Store a customer''s message of a channel, once; returns what became of it. Raises bad_webhook.';
