-- Purpose: a channel tells that a message is out before its worker does, or after the worker died.
-- Touches: private.reconcile_delivery, private.reconcile_echo.
-- Locks:   the conversation, then its deliveries. The callers hold the advisory locks of the external ids.
-- Undo:    drop the functions.

-- The caller holds the conversation's lock and the external id's advisory lock. Only a worker, which cuts the text,
-- knows which part is the last: it can claim the delivery at once, or when its lease has ended, and sends the next part
-- or settles it as sent.
create or replace function private.note_part(delivery public.channel_deliveries, external_id text, parts_sent integer)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  update public.channel_deliveries as deliveries
  set external_ids = case when external_id = any (deliveries.external_ids) then deliveries.external_ids
      else deliveries.external_ids || external_id end,
    parts_sent = greatest(deliveries.parts_sent, note_part.parts_sent), unconfirmed = 0,
    process_after = case when deliveries.leased_by is null then least(deliveries.process_after, clock_timestamp())
      else deliveries.process_after - private.confirmation_timeout(channels.type, deliveries.unconfirmed) end
  from public.communication_channels as channels
  where deliveries.id = delivery.id and deliveries.settled_at is null and channels.id = deliveries.channel_id
    and deliveries.attempt > 0 and note_part.parts_sent > deliveries.parts_sent;
  perform private.link_channel_message(delivery.channel_id, external_id, delivery.message_id);
end $$;
comment on function private.note_part is 'Note that a part of a message is out.';

-- The caller holds the external id's advisory lock; the conversation's lock is taken here. A status of an unknown id
-- brings back what was sent with the message: '<delivery>:<part>', parts from 0. Only statuses of the delivery's own
-- account count.
create or replace function private.reconcile_delivery(channel_id uuid, reference text, external_id text)
returns boolean
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_parts text[] := regexp_match(reference, '^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}):([0-9]{1,4})$');
  v_delivery public.channel_deliveries;
begin
  perform from public.conversations as conversations where conversations.id = (
    select deliveries.conversation_id from public.channel_deliveries as deliveries
    where deliveries.id = v_parts[1]::uuid and deliveries.kind = 'message'
      and deliveries.channel_id = reconcile_delivery.channel_id
  ) for no key update;
  select * into v_delivery from public.channel_deliveries as deliveries
  where deliveries.id = v_parts[1]::uuid and deliveries.kind = 'message'
    and deliveries.channel_id = reconcile_delivery.channel_id;
  if v_delivery.id is null then
    return false;
  end if;
  perform private.note_part(v_delivery, external_id, v_parts[2]::integer + 1);
  return true;
end $$;
comment on function private.reconcile_delivery is 'Is this external id a part of a delivery of ours? Then it is noted.';

-- The caller holds the conversation's lock and the external id's advisory lock. An echo has no reference: it is ours
-- when it says what we are sending, or of a long text a long piece or its end; all else was written by a person in the
-- app. White space may have changed on the way. Meta may also name a text otherwise in its echo than in its answer to
-- us: what says the same as a text that went out in the last quarter of an hour is that text, once for each of its parts.
create or replace function private.reconcile_echo(conversation_id uuid, external_id text, content text)
returns boolean
language plpgsql
volatile
security invoker
set search_path = ''
as $$
#variable_conflict use_variable
declare
  v_delivery public.channel_deliveries;
  v_said text := btrim(regexp_replace(coalesce(content, ''), '\s+', ' ', 'g'));
begin
  select deliveries.* into v_delivery from public.channel_deliveries as deliveries
  join public.messages as messages on messages.id = deliveries.message_id
  cross join lateral (select btrim(regexp_replace(messages.content, '\s+', ' ', 'g')) as text) as ours
  where deliveries.conversation_id = reconcile_echo.conversation_id and deliveries.kind = 'message'
    and deliveries.attempt > 0 and (deliveries.settled_at is null
      or v_said <> '' and deliveries.status <> 'failed' and deliveries.settled_at > clock_timestamp() - interval '15 minutes'
        and 2 * greatest(deliveries.parts_sent, 1) > (
          select count(*) from private.channel_messages as links where links.message_id = messages.id))
    and case when v_said = '' then coalesce(messages.media_url, '') <> ''
      else v_said = ours.text or octet_length(ours.text) > 900 and (
        length(v_said) >= 100 and position(v_said in ours.text) > 0
        or deliveries.parts_sent > 0 and right(ours.text, length(v_said)) = v_said) end
  order by deliveries.settled_at is not null, deliveries.position limit 1;
  if not found then
    return false;
  end if;
  perform private.note_part(v_delivery, external_id, cardinality(v_delivery.external_ids) + 1);
  return true;
end $$;
comment on function private.reconcile_echo is 'Is this echo a delivery of ours? Then it is noted.';
