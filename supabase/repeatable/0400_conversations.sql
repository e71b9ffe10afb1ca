-- Purpose: the conversations of the inbox, and the one place where their state changes take effect.
-- Touches: public.conversations, private.my_conversation_ids.
-- Undo:    drop the policies, the trigger and the functions.

create or replace function private.my_conversation_ids()
returns setof uuid
language sql
stable
security definer  -- the policies of conversations call it for messages
set search_path = ''
as $$
  select conversations.id from public.conversations as conversations
  where conversations.customer_id = (select private.current_customer_id());
$$;
comment on function private.my_conversation_ids is 'The conversations of the customer that the caller is.';

-- A function, an agent's message or an inbox that updates the row says that a human has the conversation, or has it
-- no more. The columns that follow from it are set here, whoever said it.
create or replace function private.conversation_state_changes()
returns trigger
language plpgsql
security invoker
set search_path = ''
as $$
begin
  if current_user = 'authenticated' then
    if not private.is_staff() then
      return old;  -- the original's widget upserts its conversation
    end if;
    -- Existing inboxes send these along; they follow from the messages.
    new.id := old.id;
    new.last_message := old.last_message;
    new.last_message_at := old.last_message_at;
    new.message_count := old.message_count;
  end if;
  new.updated_at := clock_timestamp();
  if new.status in ('resolved', 'closed') and old.status not in ('resolved', 'closed') then
    new.requires_human := false;
    new.resolved_at := clock_timestamp();
    new.resolution_time_seconds := private.seconds(clock_timestamp() - new.created_at);
  elsif new.status not in ('resolved', 'closed') and old.status in ('resolved', 'closed') then
    new.resolved_at := null;
    new.resolution_time_seconds := null;
    -- The time of the message that reopened it, if one did.
    new.reopened_at := case when new.last_message_at is distinct from old.last_message_at
      then new.last_message_at else clock_timestamp() end;
  elsif new.status = 'escalated' and old.status <> 'escalated' then
    new.requires_human := true;
  end if;
  if new.requires_human or old.requires_human then
    new.last_human_at := clock_timestamp();
  end if;
  if not coalesce(new.requires_human, false) then
    new.requires_human := false;
    new.escalation_reason := null;
    new.handoff_reason := null;
    new.handed_over_at := null;
    if new.status = 'escalated' then
      new.status := 'active';
    end if;
  end if;
  -- A hand-over that is repeated does not make them wait anew.
  new.waiting_since := case when new.handed_over_at is not null then coalesce(old.waiting_since,
    case when isfinite(new.handed_over_at) then new.handed_over_at else clock_timestamp() end) end;
  return new;
end $$;
comment on function private.conversation_state_changes is 'Keep status, requires_human and what depends on them consistent.';

create or replace trigger conversations_change_state before update on public.conversations
  for each row execute function private.conversation_state_changes();

-- An inbox that says so of a conversation which waits for a human already changes nothing in the column: that it names
-- the column tells.
create or replace function private.take_what_waits()
returns trigger
language plpgsql
security invoker
set search_path = ''
as $$
begin
  if current_user = 'service_role' or current_user = 'authenticated' and private.is_staff() then
    new.handed_over_at := null;
    new.waiting_since := null;
  end if;
  return new;
end $$;
comment on function private.take_what_waits is 'A human has come to a conversation that waits for one.';

create or replace trigger conversations_take_what_waits before update of requires_human on public.conversations
  for each row when (old.requires_human and new.requires_human and new.handed_over_at is not null)
  execute function private.take_what_waits();

drop policy if exists "Allow authenticated access to conversations" on public.conversations;

drop policy if exists "customers read their conversations, staff read all" on public.conversations;
create policy "customers read their conversations, staff read all" on public.conversations
  for select to authenticated using (
    (select private.is_staff()) or customer_id = (select private.current_customer_id())
  );

drop policy if exists "customers open their conversations, staff open any" on public.conversations;
create policy "customers open their conversations, staff open any" on public.conversations
  for insert to authenticated with check (
    (select private.is_staff()) or customer_id = (select private.current_customer_id())
  );

-- The original's widget upserts {id, status} before it writes: where the row is there already, nothing changes, and it is
-- no error. private.guard_conversation notes the id that is being inserted, so an update alone finds no row.
drop policy if exists "staff update conversations" on public.conversations;
drop policy if exists "staff update, customers upsert what stays as it is" on public.conversations;
create policy "staff update, customers upsert what stays as it is" on public.conversations
  for update to authenticated using (
    (select private.is_staff())
    or id::text = (select current_setting('romashka.inserted_conversation', true))
      and customer_id = (select private.current_customer_id())
  );
