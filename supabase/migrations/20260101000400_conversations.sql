-- Purpose: the conversations of the inbox, and the one place where their state changes take effect.
-- Touches: public.conversations, private.my_conversation_ids.
-- Locks:   conversations, while columns are added.
-- Undo:    drop table public.conversations cascade; drop the functions.

create table if not exists public.conversations (
  id uuid primary key default gen_random_uuid(),
  customer_id uuid references public.customer_profiles (id) on delete cascade,
  customer_name varchar(255),
  user_name varchar(255),
  user_email varchar(255),
  customer_phone varchar(50),
  customer_social_id varchar(255),
  channel_type varchar(50) default 'website',
  channel_id uuid,
  external_conversation_id varchar(255),
  status varchar(50) default 'active',
  priority varchar(20) default 'normal',
  assigned_agent_id uuid references public.profiles (id) on delete set null,
  requires_human boolean default false,
  escalation_reason text,
  handoff_reason text,
  ai_confidence numeric(3, 2),
  intent varchar(100),
  sentiment varchar(20),
  language varchar(10),
  department varchar(100) default 'general',
  tags text[] default '{}',
  satisfaction_score numeric(3, 2),
  satisfaction_rating numeric(3, 2),
  resolution_time_seconds integer,
  business_context jsonb default '{}',
  workflow_id uuid,
  last_message text,
  last_message_at timestamptz default now(),
  message_count integer default 0,
  resolved_at timestamptz,
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);
alter table public.conversations
  add column if not exists customer_name varchar(255),
  add column if not exists satisfaction_rating numeric(3, 2),
  -- When the last hand-over was written; null once an agent has written or taken over.
  add column if not exists handed_over_at timestamptz,
  -- When a human last had it (escalated to, taken over or written), and when a resolved one came back:
  -- what counts as resolved by the AI is what neither happened to.
  add column if not exists last_human_at timestamptz,
  add column if not exists reopened_at timestamptz,
  -- How far each side has read.
  add column if not exists customer_read_position bigint not null default 0,
  add column if not exists agent_read_position bigint not null default 0;
alter table public.conversations alter column requires_human set default false;
-- Null until somebody has said what it is: the original's default, 'en', is a guess.
alter table public.conversations alter column language drop default;

create index if not exists conversations_customer_id_idx on public.conversations (customer_id, channel_type);
create index if not exists conversations_assigned_agent_id_idx on public.conversations (assigned_agent_id);
create index if not exists conversations_last_message_at_idx on public.conversations (last_message_at desc, id desc);

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
