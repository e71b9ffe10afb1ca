-- Purpose: what the owner of an address that was left on the website writes back: it joins the conversation, goes to a
--          human, or says that no more mails are wanted.
-- Touches: functions.
-- Locks:   none; the caller holds those of the mail's ids.
-- Undo:    drop the functions.

-- The caller holds the advisory locks of the mail's ids. The conversation of the website that a mail goes on from: by our
-- mail, to the address that was left there.
create or replace function private.mailed_conversation(event private.channel_event)
returns public.conversations
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_conversation public.conversations;
begin
  if event.channel_type = 'email' and event.kind = 'message' then
    select conversations.* into v_conversation from private.threads_of(event) as threads
    join public.conversations as conversations on conversations.id = threads.conversation_id
    where conversations.channel_type = 'website' and exists (
      select from private.left_addresses as addresses
      where addresses.conversation_id = conversations.id and addresses.mailed_at is not null
        and addresses.digest = private.id_digest(private.customer_email(event))
    )
    order by threads.rank, conversations.id limit 1;
  end if;
  return v_conversation;
end $$;
comment on function private.mailed_conversation is 'The conversation of the website that a mail answers, or null.';

-- Of a mail that is stored already: whatever was left there since.
create or replace function private.is_left_in(event private.channel_event, conversation_id uuid)
returns boolean
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return exists (
    select from private.left_addresses as addresses
    where addresses.conversation_id = is_left_in.conversation_id
      and addresses.digest = private.id_digest(private.customer_email(event))
  );
end $$;
comment on function private.is_left_in is 'Was the address that a mail comes from left in a conversation of the website?';

-- One that may be forged joins nothing, nor one from an address that is another one by now. Whoever left it may not be
-- whose it is: so the mail alone joins, not its author, and what they write elsewhere stays theirs.
create or replace function private.joined_conversation(event private.channel_event)
returns public.conversations
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_conversation public.conversations := private.mailed_conversation(event);
begin
  return case when (event.body #> '{thread,is_separate}' = 'true') is not true and v_conversation.status <> 'closed'
    and v_conversation.answer_email = private.customer_email(event) then v_conversation end;
end $$;
comment on function private.joined_conversation is 'The conversation of the website that a mail belongs to, or null.';

-- A subject stands above the text where it is new.
create or replace function private.said_lines(event private.channel_event)
returns text[]
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_lines text[] := array(
    select private.plain_text(lines.line)
    from regexp_split_to_table(event.body ->> 'content', '\n') with ordinality as lines (line, place)
    where private.plain_text(lines.line) <> '' order by lines.place
  );
begin
  return case when v_lines[1] = private.plain_text(event.body #>> '{thread,subject}') and cardinality(v_lines) > 1
    then v_lines[2:] else v_lines end;
end $$;
comment on function private.said_lines is 'What a mail says, in plain lines.';

-- The caller holds the advisory locks of the mail's ids. Whoever got our mail may say that they want none, forged or not:
-- that does no harm. One that was passed on, or sent to a tagged address, is answered from another address than its own.
create or replace function private.address_to_stop(event private.channel_event)
returns private.left_addresses
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_said text[] := array[(private.said_lines(event))[1], private.plain_text(event.body #>> '{thread,subject}')];
  v_mailed private.left_addresses;
begin
  if event.channel_type = 'email' and event.kind = 'message' and v_said && array['stop', 'stop.', 'stop!', 'unsubscribe'] then
    select addresses.* into v_mailed from private.threads_of(event) as threads
    join private.left_addresses as addresses on addresses.conversation_id = threads.conversation_id
    where addresses.mailed_at is not null
    order by addresses.digest = private.id_digest(private.customer_email(event)) desc, threads.rank, addresses.mailed_at desc,
      addresses.id desc limit 1;
  end if;
  return v_mailed;
end $$;
comment on function private.address_to_stop is 'The address to which a mail wants no more mails, or null.';

-- The caller has not stored the mail yet.
create or replace function private.stop_mails(event private.channel_event)
returns boolean
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_mailed private.left_addresses := private.address_to_stop(event);
begin
  if v_mailed.id is null then
    return false;
  end if;
  insert into private.stopped_addresses (digest) values (v_mailed.digest) on conflict do nothing;
  update public.conversations as conversations set answer_email = null
  where conversations.id = v_mailed.conversation_id and private.id_digest(conversations.answer_email) = v_mailed.digest;
  return cardinality(private.said_lines(event)) <= 1;  -- what else is said, somebody reads
end $$;
comment on function private.stop_mails is 'Mail no more to whoever asks for it; returns whether the mail did, and said nothing else.';

-- The caller holds the conversation's lock, and has not stored the mail yet. Nothing automatic is mailed to them, so a
-- human has what they write, unless one has it already; a program's mail is no sign of anybody.
create or replace function private.welcome_mail(event private.channel_event, conversation_id uuid)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  if coalesce((event.body ->> 'is_automatic')::boolean, false) or coalesce((event.body ->> 'needs_no_answer')::boolean, false)
  then
    return;
  end if;
  update private.left_addresses as addresses set unanswered = 0
  where addresses.conversation_id = welcome_mail.conversation_id
    and addresses.digest = private.id_digest(private.customer_email(event));
  update public.conversations as conversations
  set requires_human = true, escalation_reason = 'human_requested', handed_over_at = '-infinity',
    status = case when conversations.status = 'resolved' then conversations.status else 'escalated' end
  where conversations.id = welcome_mail.conversation_id and not private.is_silent(conversations);
end $$;
comment on function private.welcome_mail is 'Leave to a human what comes by mail into a conversation of the website.';
