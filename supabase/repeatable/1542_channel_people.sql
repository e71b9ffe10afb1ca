-- Purpose: two customers who turn out to be one person (another spelling of a number, an id of the new kind) become one.
-- Touches: functions.
-- Locks:   as 1530_channel_webhooks.sql says: all conversations of both, in the order of their ids, then the customers.
-- Undo:    drop the functions.

-- A frontend may have stored anything in these columns.
create or replace function private.object_of(content jsonb)
returns jsonb
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return case when jsonb_typeof(content) = 'object' then content else '{}' end;
end $$;
comment on function private.object_of is 'The JSON, if it is an object; else an empty one.';

-- The caller holds the conversations' locks. Of what goes on in both, what a human has goes on, or else what is older:
-- whatever the customer writes next goes there. What waits in the other is with the same human.
create or replace function private.join_conversations(customer_id uuid)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_pair record;
begin
  for v_pair in
    select other.id, first.id as goes_on_in, first.requires_human and not other.requires_human as needs_human,
      first.assigned_agent_id
    from public.conversations as other
    cross join lateral (
      select conversations.* from public.conversations as conversations
      where conversations.customer_id = other.customer_id and conversations.channel_type = other.channel_type
        and conversations.status <> 'closed'
        and coalesce(conversations.channel_id, other.channel_id) is not distinct from other.channel_id
        and not coalesce(conversations.business_context ? 'continued_in', false)
      order by conversations.requires_human desc, conversations.created_at, conversations.id limit 1
    ) as first
    where other.customer_id = join_conversations.customer_id and other.channel_id is not null
      and other.channel_type <> 'email' and other.status <> 'closed' and other.id <> first.id
      and not coalesce(other.business_context ? 'continued_in', false)
    order by other.id
  loop
    update public.conversations as conversations
    set business_context = private.object_of(conversations.business_context)
        || jsonb_build_object('continued_in', v_pair.goes_on_in),
      requires_human = conversations.requires_human or v_pair.needs_human,
      status = case when v_pair.needs_human and conversations.status <> 'resolved' then 'escalated'
        else conversations.status end,
      escalation_reason = case when v_pair.needs_human then 'human_requested' else conversations.escalation_reason end,
      assigned_agent_id = coalesce(conversations.assigned_agent_id, v_pair.assigned_agent_id)
    where conversations.id = v_pair.id;
  end loop;
end $$;
comment on function private.join_conversations is 'Let what a customer writes go on in one of their open conversations with an account.';

-- The caller holds the locks of both customers' conversations. Where a table of the project's own refers to customers,
-- the row stays, and says whose it is now: deleting it might delete more.
create or replace function private.merge_customers(kept uuid, gone uuid)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_gone public.customer_profiles;
begin
  perform from public.customer_profiles as customers where customers.id in (kept, gone) order by customers.id for update;
  select * into v_gone from public.customer_profiles as customers where customers.id = gone;
  update public.conversations as conversations set customer_id = kept where conversations.customer_id = gone;
  update private.channel_customers as known set customer_id = kept where known.customer_id = gone;
  if exists (
    select from pg_catalog.pg_constraint as constraints
    where constraints.contype = 'f' and constraints.confrelid = 'public.customer_profiles'::regclass
      and constraints.conrelid <> 'public.conversations'::regclass
      and constraints.connamespace <> 'private'::regnamespace
  ) then
    update public.customer_profiles as customers set phone = null, email = null, external_id = null,
      custom_fields = private.object_of(customers.custom_fields) || jsonb_build_object('merged_into', kept)
    where customers.id = gone;
  else
    delete from public.customer_profiles as customers where customers.id = gone;
  end if;
  update public.customer_profiles as customers
  set name = coalesce(customers.name, v_gone.name), phone = coalesce(customers.phone, v_gone.phone),
    email = coalesce(customers.email, v_gone.email), external_id = coalesce(customers.external_id, v_gone.external_id),
    company = coalesce(customers.company, v_gone.company), location = coalesce(customers.location, v_gone.location),
    language = coalesce(customers.language, v_gone.language),
    notes = nullif(concat_ws(e'\n', customers.notes, v_gone.notes), ''),
    tags = (select array_agg(distinct tag order by tag) from unnest(customers.tags || v_gone.tags) as tag),
    status = case when v_gone.status = 'blocked' then 'blocked' else customers.status end,
    preferences = private.object_of(v_gone.preferences) || private.object_of(customers.preferences),
    custom_fields = private.object_of(v_gone.custom_fields) || private.object_of(customers.custom_fields)
      || case when v_gone.phone <> customers.phone then jsonb_build_object('other_phone', v_gone.phone) else '{}' end
  where customers.id = kept;
  perform private.join_conversations(kept);
end $$;
comment on function private.merge_customers is 'Make one customer of two; no conversation and no message is lost.';

-- The caller holds the advisory locks of the event's ids and, of several events, the conversations' locks. Those of a
-- single event are taken here. Two of whom each has signed in are not united.
create or replace function private.unite_people(event private.channel_event)
returns uuid
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_people uuid[] := private.people_of(event);
  v_person uuid;
begin
  if cardinality(v_people) > 1 then
    perform from public.conversations as conversations where conversations.customer_id = any (v_people)
    order by conversations.id for no key update;
    foreach v_person in array v_people[2:] loop
      if exists (
        select from public.customer_profiles as customers where customers.id = v_person and customers.user_id is null
      ) then
        perform private.merge_customers(v_people[1], v_person);
      end if;
    end loop;
  end if;
  if cardinality(v_people) > 0 then
    insert into private.channel_customers (channel_id, external_id, customer_id)
    select event.channel_id, id, v_people[1] from unnest(private.customer_ids(event)) as id where id <> ''
    on conflict do nothing;
  end if;
  return v_people[1];
end $$;
comment on function private.unite_people is 'Make one customer of all that an event says are one; returns that one, or null for nobody.';
