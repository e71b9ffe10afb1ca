-- Purpose: what a team does with a conversation besides writing: assign it, note things, see what was
--          read and how it was rated.
-- Touches: public.conversation_notes; functions.
-- Locks:   the conversation; a rating its customer before it, a read mark its messages after it.
-- Undo:    drop the policies and the functions.

drop policy if exists "staff read notes" on public.conversation_notes;
create policy "staff read notes" on public.conversation_notes
  for select to authenticated using ((select private.is_staff()));

drop policy if exists "staff write notes as themselves" on public.conversation_notes;
create policy "staff write notes as themselves" on public.conversation_notes
  for insert to authenticated with check ((select private.is_staff()) and author_id = (select auth.uid()));

drop policy if exists "authors remove their notes" on public.conversation_notes;
create policy "authors remove their notes" on public.conversation_notes
  for delete to authenticated using ((select private.is_staff()) and author_id = (select auth.uid()));

-- On the staff's topic, never on the conversation's: its customer hears that. One operation sends one event; of more than
-- one note it says only where there is something to be read. A conversation that is
-- erased takes its notes along, and nobody is told.
create or replace function private.broadcast_notes()
returns trigger
language plpgsql
security definer  -- realtime.send inserts as its caller
set search_path = ''
as $$
declare
  v_ids uuid[] := array(
    select distinct changed.conversation_id from changed
    join public.conversations as conversations on conversations.id = changed.conversation_id limit 51
  );
begin
  if cardinality(v_ids) > 0 then
    perform realtime.send(case when (select count(*) from changed) > 1 then jsonb_build_object(
        'conversation_ids', case when cardinality(v_ids) <= 50 then to_jsonb(v_ids) end)
      when tg_op = 'INSERT' then jsonb_build_object('note', (select to_jsonb(changed) from changed))
      else jsonb_build_object('note_id', (select id from changed), 'conversation_id', v_ids[1]) end,
      case when (select count(*) from changed) > 1 then 'notes.changed'
        when tg_op = 'INSERT' then 'note.created' else 'note.removed' end, 'inbox', true);
  end if;
  return null;
end $$;
comment on function private.broadcast_notes is 'Tell staff of notes that were written or removed.';

create or replace trigger conversation_notes_broadcast_insert after insert on public.conversation_notes
  referencing new table as changed for each statement execute function private.broadcast_notes();
create or replace trigger conversation_notes_broadcast_delete after delete on public.conversation_notes
  referencing old table as changed for each statement execute function private.broadcast_notes();

create or replace function public.assign_conversation(conversation_id uuid, agent_id uuid)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  if agent_id is not null and not exists (
    select from public.profiles as profiles
    where profiles.id = agent_id and profiles.role in ('agent', 'admin')
  ) and (current_user <> 'authenticated' or private.is_staff()) then
    raise exception 'unable to assign the conversation; % is not an agent', agent_id
      using errcode = 'PT400', detail = 'bad_agent', hint = 'Give the id of a profile with the role agent or admin, or null.';
  end if;
  update public.conversations as conversations set assigned_agent_id = agent_id
  where conversations.id = assign_conversation.conversation_id;
  perform private.raise_unless_staff_changed(conversation_id, found);
end $$;
comment on function public.assign_conversation is 'Say whose conversation it is; the AI goes on answering. Raises bad_agent, staff_only, conversation_not_found.';

-- Two who tag at once lose nothing, as who writes the column would. What is there already stays where it is.
create or replace function public.tag_conversation(conversation_id uuid, add text[] default '{}', remove text[] default '{}')
returns text[]
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_tags text[];
begin
  if exists (
    select from unnest(add) as tag where (btrim(tag) <> '' and length(tag) <= 100) is not true
  ) or cardinality(add) > 50 then
    raise exception 'unable to tag the conversation; a tag has 1 to 100 characters'
      using errcode = 'PT400', detail = 'bad_tags', hint = 'Give at most 50 tags.';
  end if;
  update public.conversations as conversations
  set tags = array(
    select tag from unnest(coalesce(conversations.tags, '{}') || tag_conversation.add) with ordinality as tags (tag, place)
    where tag <> all (coalesce(tag_conversation.remove, '{}')) group by tag order by min(place)
  )
  where conversations.id = tag_conversation.conversation_id
  returning conversations.tags into v_tags;
  perform private.raise_unless_staff_changed(conversation_id, found);
  return v_tags;
end $$;
comment on function public.tag_conversation is 'Add tags to a conversation, and remove others; returns those that it has. Raises bad_tags, staff_only, conversation_not_found.';

-- Customers change three columns of their conversation, each through a function that checks whose it is:
-- a policy that let them update the row would let them update all that staff may.
create or replace function private.raise_unless_readable(conversation_id uuid)
returns void
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  if not exists (
    select from public.conversations as conversations
    where conversations.id = raise_unless_readable.conversation_id
  ) then
    raise exception 'unable to change the conversation; there is no conversation % that you may read', conversation_id
      using errcode = 'PT404', detail = 'conversation_not_found', hint = 'Check the id and the session.';
  end if;
end $$;
comment on function private.raise_unless_readable is 'Refuse who may not read a conversation. Raises conversation_not_found.';

drop policy if exists "only the functions below" on private.rating_changes;
create policy "only the functions below" on private.rating_changes for all to service_role using (false);

-- What changes nothing costs nothing, and is not counted. The customer's lock makes the count exact, in however many
-- conversations they rate at once.
create or replace function private.store_rating(conversation_id uuid, rating numeric)
returns void
language plpgsql
volatile
security definer  -- customers may not update conversations
set search_path = ''
set lock_timeout = '500ms'  -- as a message: private.number_message
as $$
declare
  v_is_staff boolean := private.is_staff();
  v_customer_id uuid;
begin
  select conversations.customer_id into v_customer_id from public.conversations as conversations
  where conversations.id = store_rating.conversation_id
    and (v_is_staff or conversations.customer_id = (select private.current_customer_id()))
    and (conversations.satisfaction_rating is distinct from store_rating.rating::numeric(3, 2)
      or conversations.satisfaction_score is distinct from store_rating.rating::numeric(3, 2));
  if not found then
    return;
  end if;
  -- The customer before the conversation, as a channel's message takes them.
  perform from public.customer_profiles as customers where customers.id = v_customer_id for no key update;
  if current_setting('role') = 'authenticated' and not v_is_staff then
    perform private.count_rating(v_customer_id);
  end if;
  update public.conversations as conversations
  set satisfaction_rating = store_rating.rating, satisfaction_score = store_rating.rating
  where conversations.id = store_rating.conversation_id;
  update public.customer_profiles as customers
  set satisfaction_rating = store_rating.rating, avg_satisfaction = (
    select round(avg(rated.satisfaction_rating), 2) from public.conversations as rated
    where rated.customer_id = customers.id and rated.satisfaction_rating is not null
  )
  where customers.id = v_customer_id;
end $$;
comment on function private.store_rating is 'Store how a customer rated a conversation of theirs. Raises too_many_ratings.';

-- The caller holds the customer's lock. Only what still counts is kept.
create or replace function private.count_rating(customer_id uuid)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_limit integer := (select settings.max_ratings_per_hour from public.ai_settings as settings);
  v_now timestamptz := clock_timestamp();
begin
  delete from private.rating_changes as changes
  where changes.customer_id = count_rating.customer_id and changes.changed_at <= v_now - interval '1 hour';
  if v_limit <= (
    select count(*) from private.rating_changes as changes where changes.customer_id = count_rating.customer_id
  ) then
    raise exception 'unable to rate the conversation; the limit is % ratings an hour', v_limit
      using errcode = 'PT429', detail = 'too_many_ratings', hint = 'The last one is kept.';
  end if;
  insert into private.rating_changes (customer_id, changed_at) values (count_rating.customer_id, v_now);
end $$;
comment on function private.count_rating is 'Count one more rating of a customer. Raises too_many_ratings.';

create or replace function public.rate_conversation(conversation_id uuid, rating numeric)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  if (rating between 1 and 5) is not true then
    raise exception 'unable to rate the conversation; the rating is 1 to 5'
      using errcode = 'PT400', detail = 'bad_rating', hint = 'Give 1 (bad) to 5 (good).';
  end if;
  perform private.raise_unless_readable(conversation_id);
  perform private.store_rating(conversation_id, rating);
exception when lock_not_available then
  raise exception 'unable to rate the conversation; it is busy'
    using errcode = 'PT503', detail = 'conversation_busy', hint = 'Send it again.';
end $$;
comment on function public.rate_conversation is 'How content the customer is, 1 to 5. Raises bad_rating, conversation_not_found, conversation_busy, too_many_ratings.';

-- Marks only go forward, to the newest message at most: so nobody can set more of them than there are messages, and one
-- that says nothing new takes no lock. The other side's messages up to there become `read`.
create or replace function private.store_read_mark(conversation_id uuid, up_to bigint)
returns void
language plpgsql
volatile
security definer  -- customers may not update conversations and messages
set search_path = ''
set lock_timeout = '500ms'  -- as a message: private.number_message
as $$
declare
  v_is_customer boolean := not private.is_staff();
  v_from bigint;
begin
  if exists (
    select from public.conversations as conversations
    where conversations.id = store_read_mark.conversation_id and up_to <= case when v_is_customer
      then conversations.customer_read_position else conversations.agent_read_position end
  ) then
    return;
  end if;
  select case when v_is_customer then conversations.customer_read_position else conversations.agent_read_position end
  into v_from
  from public.conversations as conversations
  where conversations.id = store_read_mark.conversation_id
    and (not v_is_customer or conversations.customer_id = (select private.current_customer_id()))
  for no key update;
  if v_from is null or up_to <= v_from then
    return;
  end if;
  update public.conversations as conversations
  set customer_read_position = case when v_is_customer then up_to else customer_read_position end,
    agent_read_position = case when v_is_customer then agent_read_position else up_to end
  where conversations.id = store_read_mark.conversation_id;
  update public.messages as messages set delivery_status = 'read'
  where messages.conversation_id = store_read_mark.conversation_id
    and messages.position > v_from and messages.position <= up_to
    and (messages.sender_type = 'user') is distinct from v_is_customer
    and messages.delivery_status in ('sent', 'delivered');
end $$;
comment on function private.store_read_mark is 'Store how far one side has read.';

create or replace function public.mark_conversation_read(conversation_id uuid, up_to_position bigint default null)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  perform private.raise_unless_readable(conversation_id);
  perform private.store_read_mark(conversation_id, least(up_to_position, newest.position))
  from (
    select coalesce(max(messages.position), 0) as position from public.messages as messages
    where messages.conversation_id = mark_conversation_read.conversation_id
  ) as newest;
exception when lock_not_available then
  raise exception 'unable to mark the conversation as read; it is busy'
    using errcode = 'PT503', detail = 'conversation_busy', hint = 'Send it again.';
end $$;
comment on function public.mark_conversation_read is 'Say how far the caller''s side has read; without a position, everything. Raises conversation_not_found, conversation_busy.';
