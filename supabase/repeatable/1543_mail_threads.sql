-- Purpose: which mails a mail goes on from, whichever of them came first.
-- Touches: private.channel_changes (of the kind `thread`), functions.
-- Locks:   none of its own: the caller holds the locks of the mail's ids, and the conversation's where it writes.
-- Undo:    drop the functions.

-- The newest come first. The ends of a long list say most: what was answered, and where the thread began.
create or replace function private.thread_references(event private.channel_event)
returns text[]
language plpgsql
immutable
security invoker
set search_path = ''
as $$
declare
  v_ids text[] := array(
    select id from jsonb_array_elements_text(case jsonb_typeof(event.body #> '{thread,references}')
      when 'array' then event.body #> '{thread,references}' else '[]' end) as id  -- only a message's are checked
    where length(id) between 1 and 4000
  );
begin
  return case when cardinality(v_ids) > 50 then v_ids[1:49] || v_ids[cardinality(v_ids):] else v_ids end;
end $$;
comment on function private.thread_references is 'The mails that a mail refers to, at most 50.';

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

-- The caller holds the advisory locks of the mail's references and the conversation's lock.
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
  where event.channel_type = 'email' and (event.body #> '{thread,is_separate}' = 'true') is not true
    and private.find_channel_message(event.channel_id, id) is null
  on conflict do nothing;
end $$;
comment on function private.remember_thread is 'Let mails that a mail refers to find its conversation when they come after it.';
