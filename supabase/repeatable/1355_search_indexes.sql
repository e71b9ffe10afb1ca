-- Purpose: the indexes of a search: of each message's words, and of whom each conversation is with.
-- Touches: index messages_search_idx; private.conversation_people, triggers on conversations and customer_profiles.
-- Locks:   messages against writes, while its index is made (once: about two minutes for a million).
-- Undo:    drop the index, the policy, the triggers and the functions.

-- Written at once: what waits in a list would be read by every search, and one unlucky message would have to sort it in.
create index if not exists messages_search_idx on public.messages
  using gin (private.search_tokens(content)) with (fastupdate = off);

-- No statistics: they would make words of thirty thousand messages each time, and say nothing of a rare word.
alter index public.messages_search_idx alter column 1 set statistics 0;
alter table private.conversation_people alter column words set statistics 0;

drop policy if exists "only the functions below" on private.conversation_people;
create policy "only the functions below" on private.conversation_people for all to service_role using (false);

create or replace function private.people_text(conversation public.conversations, customer public.customer_profiles)
returns text
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return concat_ws(' · ', customer.name,
    nullif(conversation.customer_name, customer.name), nullif(conversation.user_name, customer.name), customer.email,
    nullif(conversation.user_email, customer.email), customer.phone, nullif(conversation.customer_phone, customer.phone),
    customer.company, conversation.customer_social_id, customer.external_id);
end $$;
comment on function private.people_text is 'Whom a conversation is with, by all names and addresses.';

create or replace function private.index_people(conversation_ids uuid[])
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  insert into private.conversation_people as people (conversation_id, words)
  select conversations.id, private.search_tokens(private.people_text(conversations, customers))
  from public.conversations as conversations
  left join public.customer_profiles as customers on customers.id = conversations.customer_id
  where conversations.id = any (conversation_ids)
  order by conversations.id
  on conflict (conversation_id) do update set words = excluded.words where people.words <> excluded.words;
end $$;
comment on function private.index_people is 'Let these conversations be found by whom they are with.';

create or replace function private.index_people_of_conversations()
returns trigger
language plpgsql
volatile
security definer  -- nobody has rights on the index
set search_path = ''
as $$
begin
  perform private.index_people(array(select changed.id from changed));
  return null;
end $$;
comment on function private.index_people_of_conversations is 'Let new conversations be found by whom they are with.';

create or replace trigger conversations_index_people after insert on public.conversations
  referencing new table as changed for each statement execute function private.index_people_of_conversations();

-- Not of each change: an inbox's conversations change with each message.
create or replace function private.index_people_of_conversation()
returns trigger
language plpgsql
volatile
security definer  -- nobody has rights on the index
set search_path = ''
as $$
begin
  perform private.index_people(array[new.id]);
  return null;
end $$;
comment on function private.index_people_of_conversation is 'Let a conversation be found by whom it is with now.';

create or replace trigger conversations_index_people_again after update on public.conversations
  for each row when ((old.customer_id, old.customer_name, old.user_name, old.user_email, old.customer_phone, old.customer_social_id)
    is distinct from (new.customer_id, new.customer_name, new.user_name, new.user_email, new.customer_phone, new.customer_social_id))
  execute function private.index_people_of_conversation();

create or replace function private.index_people_of_customer()
returns trigger
language plpgsql
volatile
security definer  -- nobody has rights on the index
set search_path = ''
as $$
begin
  perform private.index_people(array(
    select conversations.id from public.conversations as conversations where conversations.customer_id = new.id
  ));
  return null;
end $$;
comment on function private.index_people_of_customer is 'Let the conversations of a customer be found by what they are called now.';

create or replace trigger customer_profiles_index_people after update on public.customer_profiles
  for each row when ((old.name, old.email, old.phone, old.company, old.external_id)
    is distinct from (new.name, new.email, new.phone, new.company, new.external_id))
  execute function private.index_people_of_customer();

-- Conversations from before.
select private.index_people(array(
  select conversations.id from public.conversations as conversations
  where not exists (select from private.conversation_people as people where people.conversation_id = conversations.id)
));
