-- Purpose: what is said about messages after they were sent: statuses, reactions, edits, deletions, in any order.
-- Touches: private.channel_changes, record_delivery_status.
-- Locks:   as 1530_channel_webhooks.sql says.
-- Undo:    drop the policy and the functions.

drop policy if exists "only the functions" on private.channel_changes;
create policy "only the functions" on private.channel_changes for all to service_role using (false);

-- `failed` is below `delivered`: what arrived after all has not failed.
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
comment on function private.status_rank is 'The rank of a delivery status: of two the higher one counts.';

-- The caller holds the external id's advisory lock.
create or replace function private.remember_change(event private.channel_event)
returns boolean
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_digest bytea := private.id_digest(event.external_id);
  v_who text := left(event.body -> 'customer' ->> 'id', 255);
begin
  v_who := case when event.kind = 'reaction' then coalesce(v_who, '')
    when event.kind in ('edit', 'deletion') and v_who <> '' then 'customer' else '' end;
  -- The text of a deleted message is not kept, and an edit that comes late does not bring it back.
  if event.kind = 'deletion' then
    delete from private.channel_changes as changes
    where changes.channel_id = event.channel_id and changes.digest = v_digest and changes.kind = 'edit'
      and changes.who = v_who;
  elsif event.kind = 'edit' and exists (
    select from private.channel_changes as changes
    where changes.channel_id = event.channel_id and changes.digest = v_digest and changes.kind = 'deletion'
      and changes.who = v_who
  ) then
    return false;
  end if;
  insert into private.channel_changes as changes (channel_id, digest, kind, who, rank, at, body)
  values (event.channel_id, v_digest, event.kind,
    v_who,
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

-- The caller holds the external id's advisory lock; the conversation's lock is taken here.
create or replace function private.change_channel_message(event private.channel_event)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_is_news boolean;
  v_message_id uuid;
begin
  -- Whoever was sent a mail knows its id; only the customer of its conversation reacts to it.
  if event.channel_type = 'email' and event.kind = 'reaction' and exists (
    select from public.messages as messages
    join public.conversations as conversations on conversations.id = messages.conversation_id
    where messages.id = private.find_channel_message(event.channel_id, event.external_id)
      and conversations.customer_id is distinct from private.find_channel_customer(event)
  ) then
    return '{"outcome": "ignored"}';
  end if;
  v_is_news := private.remember_change(event);
  if event.kind = 'status' then
    perform private.merge_customers_of_event(event);
  end if;
  if event.kind = 'status' and event.body ->> 'reference' <> ''
    and private.find_channel_message(event.channel_id, event.external_id) is null
  then  -- the worker that sent it died before it could say so
    perform private.reconcile_delivery(event.channel_id, event.body ->> 'reference', event.external_id);
  end if;
  v_message_id := private.apply_changes(event.channel_id, private.id_digest(event.external_id));
  return jsonb_build_object(
    'outcome', case when v_message_id is null then 'waiting' when v_is_news then 'updated' else 'duplicate' end,
    'message_id', v_message_id, 'conversation_id', (
      select messages.conversation_id from public.messages as messages where messages.id = v_message_id));
end $$;
comment on function private.change_channel_message is 'Apply a status, a reaction, an edit or a deletion; returns its result.';

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
