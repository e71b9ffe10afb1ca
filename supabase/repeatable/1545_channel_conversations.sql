-- Purpose: where a channel's message belongs, and how it is stored there.
-- Touches: ingest_channel_message; functions.
-- Locks:   as 1530_channel_webhooks.sql says.
-- Undo:    drop the functions.

-- A mail to several of the team's addresses goes on in the thread of any of them, whichever gets it first.
create or replace function private.thread_accounts(event private.channel_event)
returns uuid[]
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return event.channel_id || array(
    select channels.id from public.communication_channels as channels
    where channels.type = event.channel_type and channels.id <> event.channel_id
      and channels.external_account_id in (
        select account from jsonb_array_elements_text(case jsonb_typeof(event.body #> '{thread,accounts}')
          when 'array' then event.body #> '{thread,accounts}' else '[]' end) as account)
  );
end $$;
comment on function private.thread_accounts is 'The accounts in whose conversations a mail may go on, its own first.';

-- The caller holds the advisory locks of the mail's id and references. The conversations that a mail may belong to, the
-- likeliest first: of what it answers, by its reply address (a hint: anybody can write there), of a mail that came
-- before it and refers to it, or to what it refers to.
create or replace function private.threads_of(event private.channel_event)
returns table (conversation_id uuid, rank bigint)
language plpgsql
stable
security invoker
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_references text[] := private.thread_references(event);
  v_said text := lower(event.body #>> '{thread,reply_token}');
  v_token uuid := case when v_said ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then v_said::uuid end;
  v_accounts uuid[] := private.thread_accounts(event);
begin
  return query
  select messages.conversation_id, ids.place - 100  -- before the others, and the newest first
  from unnest(v_references) with ordinality as ids (id, place)
  cross join unnest(v_accounts) as accounts (id)
  join public.messages as messages on messages.id = private.find_channel_message(accounts.id, ids.id)
  union all
  select v_token, 1::bigint where v_token is not null
  union all
  select changes.who::uuid, 1 + ids.place
  from unnest(event.external_id || v_references) with ordinality as ids (id, place)
  join private.channel_changes as changes on changes.channel_id = any (v_accounts)
    and changes.digest = private.id_digest(ids.id) and changes.kind = 'thread';
end $$;
comment on function private.threads_of is 'The conversations that a mail''s references and reply address lead to.';

-- The caller holds the advisory locks of the event's ids. A mail belongs to its thread's conversation, if that is the
-- same customer's, and it is proven to be theirs: one that is_separate may be anybody's, whatever it refers to; any other
-- message to the customer's last conversation with the account. A conversation from before the account was known is that
-- account's now.
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
begin
  perform private.take_advisory_locks(array(
    select event.channel_id || ' ' || ids.id
    from unnest(events) as event cross join lateral unnest(
      event.external_id || private.thread_references(event) || private.customer_ids(event)
        || private.scoped_id(event)) as ids (id)
    where event.problem is null and ids.id is not null
    union all  -- one mail comes to several accounts
    select event.channel_type || ' ' || event.external_id from unnest(events) as event
    where event.problem is null and event.channel_type = 'email' and event.kind = 'message'
    union all
    select contacts.contact from unnest(events) as event
    cross join lateral (values (private.customer_phone(event)), (private.customer_email(event))) as contacts (contact)
    where event.problem is null and contacts.contact is not null
  ));
  if cardinality(events) > 1 then  -- a single event's is taken when the event is applied
    perform from (
      select messages.conversation_id as id from unnest(events) as event
      join public.messages as messages on messages.id = coalesce(
        private.find_channel_message(event.channel_id, event.external_id), private.find_copy(event))
      union
      select deliveries.conversation_id from unnest(events) as event
      join public.channel_deliveries as deliveries
        on deliveries.id = substring(event.body ->> 'reference' from '^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}):')::uuid
      union
      select private.find_channel_conversation(event, private.find_channel_customer(event))
      from unnest(events) as event where event.problem is null and event.kind in ('message', 'echo')
      union
      select conversations.id from unnest(events) as event cross join lateral private.people_of(event) as people (ids)
      join public.conversations as conversations on conversations.customer_id = any (people.ids)
      where event.problem is null and cardinality(people.ids) > 1
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
  v_message.content := coalesce(event.body ->> 'content', '');
  v_message.metadata := private.metadata_of(event, conversation_id);
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

create or replace function private.plain_text(content text)
returns text
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return lower(btrim(regexp_replace(coalesce(content, ''), '\s+', ' ', 'g')));
end $$;
comment on function private.plain_text is 'A text without what makes no difference: two that agree in it say the same.';

-- The caller holds the conversation's lock, and has not stored the message yet. Since when the AI's answers to a customer
-- count: for an hour, or since a human gave them back to the AI.
create or replace function private.answers_count_since(customer_id uuid, channel_id uuid)
returns timestamptz
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_hour_ago timestamptz := clock_timestamp() - interval '1 hour';
begin
  return greatest(v_hour_ago, (
    select max(jobs.turn_started_at) from public.conversations as conversations
    join public.ai_response_queue as jobs on jobs.conversation_id = conversations.id
    where conversations.customer_id = answers_count_since.customer_id
      and conversations.channel_id = answers_count_since.channel_id
      and conversations.last_message_at > v_hour_ago and jobs.is_return
  ));
end $$;
comment on function private.answers_count_since is 'From when on the AI''s answers to a customer are looked at for a loop.';

-- The caller holds the conversation's lock, and has not stored the message yet. Short words ("yes", "1") are said again
-- by people, and files have no text.
create or replace function private.reason_of_loop(event private.channel_event, customer_id uuid)
returns text
language plpgsql
volatile
security invoker
set search_path = ''
as $$
#variable_conflict use_variable
declare
  v_since timestamptz := private.answers_count_since(customer_id, event.channel_id);
  v_said text := private.plain_text(event.body ->> 'content');
  v_answers bigint;
  v_same bigint;
begin
  select count(*), count(*) filter (where length(v_said) >= 15 and private.plain_text(said.content) = v_said
    and not coalesce((event.body ->> 'is_placeholder')::boolean, false))
  into v_answers, v_same
  from public.conversations as conversations
  join public.messages as answers on answers.conversation_id = conversations.id
  left join public.messages as said on said.id = answers.turn_id
  where conversations.customer_id = reason_of_loop.customer_id
    and conversations.channel_id = event.channel_id and conversations.last_message_at > v_since
    and answers.sender_type = 'ai' and answers.created_at > v_since;
  return case
    when v_same >= 3 then format('The AI has answered the same text of this customer %s times within an hour: a '
      'program may have written it.', v_same)
    when v_answers >= 10 then format('The AI has answered this customer %s times within an hour: a program may be '
      'answering it.', v_answers)
    when event.body ->> 'needs_human' = 'true' then 'A program may have written this mail.'
  end;
end $$;
comment on function private.reason_of_loop is 'Why what a customer writes may be a program''s, or null.';

-- The caller holds the conversation's lock, and has not stored the message yet. Clients put "Re:" before the subject of
-- what is answered; a subject that is not the thread's, the customer wrote: it may be the question.
create or replace function private.with_new_subject(event private.channel_event, conversation_id uuid)
returns private.channel_event
language plpgsql
stable
security invoker
set search_path = ''
as $$
#variable_conflict use_variable
declare
  v_subject text := event.body #>> '{thread,subject}';
  v_content text := event.body ->> 'content';
  v_before text := private.plain_text(coalesce((
    select said.metadata #>> '{thread,subject}' from public.messages as said
    where said.conversation_id = with_new_subject.conversation_id and said.sender_type = 'user'
      and said.metadata #>> '{thread,subject}' <> ''
    order by said.position desc limit 1
  ), (
    select conversations.business_context ->> 'subject' from public.conversations as conversations
    where conversations.id = with_new_subject.conversation_id
  )));
begin
  if event.channel_type = 'email' and event.kind = 'message' and v_before <> ''
    and position(private.plain_text(v_subject) in v_before) = 0
    and position(private.plain_text(v_subject) in private.plain_text(v_content)) = 0
  then
    event.body := event.body || jsonb_build_object('content',
      concat_ws(e'\n\n', v_subject, nullif(v_content, '[Empty mail]')));
  end if;
  return event;
end $$;
comment on function private.with_new_subject is 'A mail with its subject above it, where that is not its thread''s.';

-- The caller holds the conversation's lock, and has not stored the message yet. Some programs answer without saying that
-- they are programs (another business's away message, a ticket system), and two of them would never stop. After ten
-- answers of an account's AI to somebody in an hour, or three to the same text, a human has what they write, and finds a
-- note that says why; a mail of which nobody can tell whether a program wrote it is a human's at once. The customer is
-- told so once: a program would answer that, too, and by mail in a new conversation each time.
create or replace function private.stop_loop(event private.channel_event, customer_id uuid, conversation_id uuid)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
#variable_conflict use_variable
declare
  v_reason text;
  v_was_told boolean;
begin
  if event.kind <> 'message' or coalesce((event.body ->> 'is_automatic')::boolean, false)
    or coalesce((event.body ->> 'needs_no_answer')::boolean, false)  -- which open no turn
  then
    return;
  end if;
  v_reason := private.reason_of_loop(event, customer_id);
  if v_reason is null then
    return;
  end if;
  v_was_told := exists (
    select from public.conversations as conversations
    join public.messages as answers on answers.conversation_id = conversations.id
    where conversations.customer_id = stop_loop.customer_id and conversations.channel_id = event.channel_id
      and conversations.last_message_at > clock_timestamp() - interval '1 hour'
      and answers.sender_type = 'ai' and answers.created_at > clock_timestamp() - interval '1 hour'
      and answers.metadata @> '{"is_loop": true}'
  );
  update public.conversations as conversations
  set requires_human = true, escalation_reason = 'repeated_failure',
    status = case when conversations.status in ('resolved', 'closed') then conversations.status else 'escalated' end,
    -- Long ago, so that repeat_handover tells the customer when this message is stored; else never.
    handed_over_at = case when not v_was_told then '-infinity'::timestamptz end
  where conversations.id = conversation_id and not private.is_silent(conversations);
  if found then
    insert into public.conversation_notes (conversation_id, author_id, content)
    values (stop_loop.conversation_id, null, v_reason || ' Return the conversation to the AI if a person wrote.');
  end if;
end $$;
comment on function private.stop_loop is 'Give a conversation to a human, if a program may be writing in it.';

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
  where conversations.id = (select messages.conversation_id from public.messages as messages where messages.id = message_id)
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
  v_copy_id uuid := private.find_copy(event);
begin
  event.external_id := private.external_id_for_customer(event);
  v_message_id := private.find_channel_message(event.channel_id, event.external_id);
  if v_message_id is null and v_copy_id is not null then
    v_message_id := v_copy_id;
    perform private.note_copy(event, v_copy_id);
  elsif v_message_id is null then
    v_customer_id := private.find_or_create_channel_customer(event);
    v_conversation_id := private.find_or_open_channel_conversation(event, v_customer_id);
    perform from public.conversations as conversations where conversations.id = v_conversation_id for no key update;
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
