-- Purpose: the messages, each with its place in its conversation.
-- Touches: public.messages, private.guard_message, private.number_message.
-- Locks:   an insert takes its conversation's row (for no key update) until it commits: messages of one
--          conversation are written one after the other, and with them the state of its turn.
-- Undo:    drop table public.messages cascade; drop the functions.

create table if not exists public.messages (id uuid primary key default gen_random_uuid());

-- One by one: an original has some of these columns or most, and keeps what it has besides.
alter table public.messages
  add column if not exists conversation_id uuid references public.conversations (id) on delete cascade,
  add column if not exists sender_type varchar(20) not null,
  add column if not exists sender_id uuid,
  add column if not exists content text not null,
  add column if not exists channel_type varchar(50) default 'website',
  add column if not exists message_type varchar(50) default 'text',
  add column if not exists media_url text,
  add column if not exists media_caption text,
  add column if not exists external_message_id varchar(255),
  add column if not exists delivery_status varchar(50) default 'sent',
  add column if not exists confidence_score numeric(3, 2),
  add column if not exists processing_time_ms integer,
  add column if not exists intent_detected varchar(100),
  add column if not exists knowledge_sources jsonb default '{}',
  add column if not exists tokens_used integer,
  add column if not exists metadata jsonb default '{}',
  add column if not exists created_at timestamptz default now(),
  add column if not exists updated_at timestamptz,  -- its default comes below: rows of old keep their age
  add column if not exists position bigint,
  -- On an automatic answer: the turn that it answers, by the id of the turn's first message.
  add column if not exists turn_id uuid;

alter table public.messages
  alter column id set default gen_random_uuid(),
  alter column created_at set default now(),
  alter column updated_at set default now(),
  alter column metadata set default '{}',
  drop constraint if exists messages_sender_id_fkey,
  add constraint messages_sender_id_fkey
    foreign key (sender_id) references public.profiles (id) on delete set null;

-- Rows from before Romashka get their places by their age. The conversations are told what they hold: their
-- counts were wrong, and what is old counts as read. Nobody hears of it: no trigger runs. An earlier edition of
-- Romashka has done it.
update public.messages as messages
set position = ranked.position, updated_at = coalesce(messages.updated_at, messages.created_at)
from (
  select id, row_number() over (partition by conversation_id order by created_at, id) as position
  from public.messages
) as ranked
where ranked.id = messages.id and messages.position is null;

do $$
declare
  v_count bigint;
begin
  if to_regclass('public.messages_one_answer_a_turn') is not null then
    return;
  end if;
  alter table public.conversations disable trigger user;
  with found as (
    select conversations.id, count(messages.id)::integer as message_count,
      (array_agg(messages.content order by messages.position desc))[1] as last_message,
      least(coalesce(max(messages.created_at), conversations.created_at), now()) as last_message_at
    from public.conversations as conversations
    left join public.messages as messages on messages.conversation_id = conversations.id
    group by conversations.id
  )
  update public.conversations as conversations
  set message_count = found.message_count, customer_read_position = found.message_count,
    agent_read_position = found.message_count,
    last_message = coalesce(conversations.last_message, found.last_message),
    last_message_at = coalesce(conversations.last_message_at, found.last_message_at)
  from found where found.id = conversations.id;
  get diagnostics v_count = row_count;
  alter table public.conversations enable trigger user;
  if v_count > 0 then
    raise notice 'romashka: counted the messages of % conversations anew; all of them count as read', v_count;
  end if;
end $$;

alter table public.messages alter column position set not null;
create unique index if not exists messages_conversation_id_position_key on public.messages (conversation_id, position);

-- Promise 2: one automatic answer a turn.
create unique index if not exists messages_one_answer_a_turn on public.messages (turn_id) where sender_type = 'ai';
create index if not exists messages_sender_id_idx on public.messages (sender_id, created_at);

-- Few are: what came through is counted without reading its message. An earlier edition had another one.
drop index if exists public.messages_failed_idx;
create index if not exists messages_undelivered_idx
  on public.messages (created_at) where delivery_status in ('pending', 'failed');
alter table public.messages drop constraint if exists messages_sender_type_is_known;
alter table public.messages add constraint messages_sender_type_is_known
  check (sender_type in ('user', 'ai', 'agent')) not valid;
alter table public.messages drop constraint if exists messages_only_ai_answers_a_turn;
alter table public.messages add constraint messages_only_ai_answers_a_turn
  check (turn_id is null or sender_type = 'ai') not valid;
alter table public.messages enable row level security;
