-- Purpose: the conversations of the inbox, and the one place where their state changes take effect.
-- Touches: public.conversations, private.my_conversation_ids.
-- Locks:   conversations, while columns are added.
-- Undo:    drop table public.conversations cascade; drop the functions.

create table if not exists public.conversations (id uuid primary key default gen_random_uuid());
-- One by one: an original has some of these columns or most, and keeps what it has besides.
alter table public.conversations
  add column if not exists customer_id uuid references public.customer_profiles (id) on delete cascade,
  add column if not exists customer_name varchar(255),
  add column if not exists user_name varchar(255),
  add column if not exists user_email varchar(255),
  add column if not exists customer_phone varchar(50),
  add column if not exists customer_social_id varchar(255),
  add column if not exists channel_type varchar(50) default 'website',
  add column if not exists channel_id uuid,
  add column if not exists external_conversation_id varchar(255),
  add column if not exists status varchar(50) default 'active',
  add column if not exists priority varchar(20) default 'normal',
  add column if not exists assigned_agent_id uuid,
  add column if not exists requires_human boolean default false,
  add column if not exists escalation_reason text,
  add column if not exists handoff_reason text,
  add column if not exists ai_confidence numeric(3, 2),
  add column if not exists intent varchar(100),
  add column if not exists sentiment varchar(20),
  add column if not exists language varchar(10),
  add column if not exists department varchar(100) default 'general',
  add column if not exists tags text[] default '{}',
  add column if not exists satisfaction_score numeric(3, 2),
  add column if not exists satisfaction_rating numeric(3, 2),
  add column if not exists resolution_time_seconds integer,
  add column if not exists business_context jsonb default '{}',
  add column if not exists workflow_id uuid,  -- text where the chat widget made it so: nothing here reads it
  add column if not exists last_message text,
  add column if not exists last_message_at timestamptz,  -- its default comes below: rows of old have none
  add column if not exists message_count integer default 0,
  add column if not exists resolved_at timestamptz,
  add column if not exists created_at timestamptz default now(),
  add column if not exists updated_at timestamptz default now(),
  -- When the last hand-over was written; null once an agent has written or taken over.
  add column if not exists handed_over_at timestamptz,
  -- When a human last had it (escalated to, taken over or written), and when a resolved one came back:
  -- what counts as resolved by the AI is what neither happened to.
  add column if not exists last_human_at timestamptz,
  add column if not exists reopened_at timestamptz,
  -- How far each side has read.
  add column if not exists customer_read_position bigint not null default 0,
  add column if not exists agent_read_position bigint not null default 0;
alter table public.conversations
  alter column created_at set default now(),
  alter column updated_at set default now(),
  alter column last_message_at set default now(),
  -- Null until somebody has said what it is: the original's default, 'en', is a guess.
  alter column language drop default,
  drop constraint if exists conversations_assigned_agent_id_fkey,
  add constraint conversations_assigned_agent_id_fkey
    foreign key (assigned_agent_id) references public.profiles (id) on delete set null;
-- No state is decided by a null.
update public.conversations
set status = coalesce(status, 'active'), requires_human = coalesce(requires_human, false),
  priority = coalesce(priority, 'normal'), channel_type = coalesce(channel_type, 'website')
where status is null or requires_human is null or priority is null or channel_type is null;

create index if not exists conversations_customer_id_idx on public.conversations (customer_id, channel_type);
create index if not exists conversations_assigned_agent_id_idx on public.conversations (assigned_agent_id);
create index if not exists conversations_last_message_at_idx on public.conversations (last_message_at desc, id desc);
create index if not exists conversations_requires_human_idx on public.conversations (last_message_at desc, id desc)
  where requires_human;
-- What a screen missed while its connection was interrupted.
create index if not exists conversations_updated_at_idx on public.conversations (updated_at, id);

create or replace function private.my_conversation_ids()
returns setof uuid
language sql
stable
security definer  -- the policies of conversations call it for messages
set search_path = ''
as $$
  select conversations.id from public.conversations as conversations
  where conversations.customer_id = private.current_customer_id();
$$;
comment on function private.my_conversation_ids is 'The conversations of the customer that the caller is.';
revoke execute on function private.my_conversation_ids from public, anon;
grant execute on function private.my_conversation_ids to authenticated, service_role;

-- A human has it, or does not: whichever way that was said (a function, an agent's message, an inbox that
-- updates the row), what follows from it is set here.
create or replace function private.conversation_state_changes()
returns trigger
language plpgsql
security invoker
set search_path = ''
as $$
begin
  new.updated_at := clock_timestamp();
  if new.status in ('resolved', 'closed') and old.status not in ('resolved', 'closed') then
    new.requires_human := false;
    new.resolved_at := clock_timestamp();
    new.resolution_time_seconds := extract(epoch from clock_timestamp() - new.created_at);
  elsif new.status not in ('resolved', 'closed') and old.status in ('resolved', 'closed') then
    new.resolved_at := null;
    new.resolution_time_seconds := null;
    -- By the message that did it, if one did.
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
  return new;
end $$;
comment on function private.conversation_state_changes is 'Keep status, requires_human and what depends on them consistent.';
revoke execute on function private.conversation_state_changes from public, anon, authenticated;

drop trigger if exists update_conversations_updated_at on public.conversations;
drop trigger if exists conversations_change_state on public.conversations;
create trigger conversations_change_state before update on public.conversations
  for each row execute function private.conversation_state_changes();

alter table public.conversations enable row level security;
revoke all on public.conversations from anon, authenticated;
grant select on public.conversations to authenticated;
grant insert (id, customer_id, customer_name, user_name, user_email, customer_phone, customer_social_id,
  channel_type, language) on public.conversations to authenticated;
grant update (customer_name, user_name, user_email, customer_phone, status, priority, assigned_agent_id,
  requires_human, escalation_reason, handoff_reason, intent, sentiment, language, department, tags,
  satisfaction_score, satisfaction_rating, business_context, workflow_id, handed_over_at) on public.conversations to authenticated;

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
drop policy if exists "staff update conversations" on public.conversations;
create policy "staff update conversations" on public.conversations
  for update to authenticated using ((select private.is_staff())) with check ((select private.is_staff()));
