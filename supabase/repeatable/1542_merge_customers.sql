-- Purpose: two customers who turn out to be one (another spelling of a number, an id of the new kind) become one.
-- Touches: customer_profiles, conversations, private.channel_customers; functions.
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

-- The caller holds the advisory locks of the event's ids. All of whom a channel says, by an event, that they are one
-- person: known by its ids; on WhatsApp also whom a status says that our message went to, and who got the message of
-- ours that is quoted (each chat has one customer, and its ids are known there alone). Who has signed in is nobody
-- else.
create or replace function private.customers_of_event(event private.channel_event)
returns uuid[]
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_ours text := case
    when event.channel_type <> 'whatsapp' then null
    when event.kind = 'status' and event.body -> 'customer' ->> 'id' <> '' then event.external_id
    when event.kind = 'message' then event.body ->> 'reply_to' end;
  v_delivery text := case when event.channel_type = 'whatsapp' and event.kind = 'status'
    and event.body -> 'customer' ->> 'id' <> ''
    then substring(event.body ->> 'reference' from '^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}):') end;
begin
  return array(
    select customers.id from public.customer_profiles as customers
    where customers.id in (
      select known.customer_id from unnest(private.customer_ids(event)) as id
      join private.channel_customers as known
        on known.channel_id = event.channel_id and known.digest = private.id_digest(id)
      union all
      select conversations.customer_id from public.messages as messages
      join public.conversations as conversations on conversations.id = messages.conversation_id
      where messages.id = private.find_channel_message(event.channel_id, v_ours) and messages.sender_type <> 'user'
      union all
      select conversations.customer_id from public.channel_deliveries as deliveries
      join public.conversations as conversations on conversations.id = deliveries.conversation_id
      where deliveries.id = v_delivery::uuid and deliveries.channel_id = event.channel_id
    )
    order by private.is_nobodys(customers), customers.created_at, customers.id
  );
end $$;
comment on function private.customers_of_event is 'The customers that an event says are one, the one who stays first.';

-- The caller holds the conversations' locks. Of what goes on in both, what a human has goes on (one who came, before one
-- who is waited for), or else what is older: whatever the customer writes next goes there. What waits in the other is
-- with the same human.
create or replace function private.join_conversations(customer_id uuid)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_pair record;
  v_first public.conversations;
  v_needs_human boolean;
begin
  for v_pair in
    select other, first.conversation as first from public.conversations as other
    cross join lateral (
      select conversations as conversation from public.conversations as conversations
      where conversations.customer_id = other.customer_id and conversations.channel_type = other.channel_type
        and conversations.status <> 'closed'
        and coalesce(conversations.channel_id, other.channel_id) is not distinct from other.channel_id
        and not coalesce(conversations.business_context ? 'continued_in', false)
      order by private.is_silent(conversations) desc, conversations.requires_human desc, conversations.created_at,
        conversations.id limit 1
    ) as first
    where other.customer_id = join_conversations.customer_id and other.channel_id is not null
      and other.channel_type <> 'email' and other.status <> 'closed' and other.id <> (first.conversation).id
      and not coalesce(other.business_context ? 'continued_in', false)
    order by other.id
  loop
    v_first := v_pair.first;
    v_needs_human := private.is_silent(v_first) and not private.is_silent(v_pair.other);
    update public.conversations as conversations
    set business_context = private.object_of(conversations.business_context)
        || jsonb_build_object('continued_in', v_first.id),
      requires_human = conversations.requires_human or v_needs_human,
      status = case when v_needs_human and conversations.status <> 'resolved' then 'escalated'
        else conversations.status end,
      escalation_reason = case when v_needs_human then 'human_requested' else conversations.escalation_reason end,
      handed_over_at = case when v_needs_human then v_first.handed_over_at else conversations.handed_over_at end,
      assigned_agent_id = coalesce(conversations.assigned_agent_id, v_first.assigned_agent_id)
    where conversations.id = (v_pair.other).id;
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
  perform from public.customer_profiles as customers where customers.id in (kept, gone)
  order by customers.id for update;
  select * into v_gone from public.customer_profiles as customers where customers.id = gone;
  update public.conversations as conversations set customer_id = kept where conversations.customer_id = gone;
  update private.channel_customers as known set customer_id = kept where known.customer_id = gone;
  update private.rating_changes as changes set customer_id = kept where changes.customer_id = gone;
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
-- single event are taken here. Two of whom each has signed in stay two.
create or replace function private.merge_customers_of_event(event private.channel_event)
returns uuid
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_customers uuid[] := private.customers_of_event(event);
  v_customer_id uuid;
begin
  if cardinality(v_customers) > 1 then
    perform from public.conversations as conversations where conversations.customer_id = any (v_customers)
    order by conversations.id for no key update;
    foreach v_customer_id in array v_customers[2:] loop
      if exists (
        select from public.customer_profiles as customers
        where customers.id = v_customer_id and private.is_nobodys(customers)
      ) then
        perform private.merge_customers(v_customers[1], v_customer_id);
      end if;
    end loop;
  end if;
  if cardinality(v_customers) > 0 then
    insert into private.channel_customers (channel_id, external_id, customer_id)
    select event.channel_id, id, v_customers[1] from unnest(private.customer_ids(event)) as id where id <> ''
    on conflict do nothing;
  end if;
  return v_customers[1];
end $$;
comment on function private.merge_customers_of_event is
  'Make one customer of all that an event says are one; returns that one, or null for nobody.';
