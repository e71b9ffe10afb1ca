-- Purpose: which messages of a channel are stored, by the channel's ids, and the locks of these ids.
-- Touches: private.channel_messages; functions.
-- Locks:   advisory ones, as 1530_channel_webhooks.sql says.
-- Undo:    drop the policy and the functions.

drop policy if exists "only the functions" on private.channel_messages;
create policy "only the functions" on private.channel_messages for all to service_role using (false);

-- The caller holds the id's advisory lock: the answer stays true until the transaction ends.
create or replace function private.find_channel_message(channel_id uuid, external_id text)
returns uuid
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return (
    select links.message_id from private.channel_messages as links
    where links.channel_id = find_channel_message.channel_id
      and links.digest = private.id_digest(find_channel_message.external_id)
  );
end $$;
comment on function private.find_channel_message is 'The message that an account calls so, or null.';

-- Of 1,024 keys, so that no webhook takes more locks than that; two names may have the same one.
create or replace function private.advisory_lock_key(name text)
returns integer
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return hashtext(name) & 1023;
end $$;
comment on function private.advisory_lock_key is 'The key of the advisory lock of a name.';

-- The caller holds no conversation's lock yet, or has these locks already. Whoever writes about an external id or a
-- customer's id holds its lock until it commits: two webhooks of one message come one after the other, and a change is
-- never stored beside the message that it waits for.
create or replace function private.take_advisory_locks(names text[])
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  perform pg_advisory_xact_lock(hashtext('romashka:channels'), keys.key)
  from (select distinct private.advisory_lock_key(name) as key from unnest(names) as name order by 1) as keys;
end $$;
comment on function private.take_advisory_locks is 'Lock ids of messages and customers, in order, until the end of the transaction.';

-- The caller holds no conversation's lock yet, or has these locks already.
create or replace function private.lock_channel_messages(channel_id uuid, external_ids text[])
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  perform private.take_advisory_locks(array(
    select lock_channel_messages.channel_id || ' ' || id from unnest(external_ids) as id));
end $$;
comment on function private.lock_channel_messages is 'Lock external ids of an account until the end of the transaction.';

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
