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
-- counts were wrong, and what is old counts as read. Nobody hears of it: no trigger runs.
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
alter table public.messages drop constraint if exists messages_sender_type_is_known;
alter table public.messages add constraint messages_sender_type_is_known
  check (sender_type in ('user', 'ai', 'agent')) not valid;
alter table public.messages drop constraint if exists messages_only_ai_answers_a_turn;
alter table public.messages add constraint messages_only_ai_answers_a_turn
  check (turn_id is null or sender_type = 'ai') not valid;

-- Who may write what. Runs as the caller, so that it sees which role that is: an AI row comes from the
-- functions that settle a turn (they run as the owner) and from nobody else, the service role included.
create or replace function private.guard_message()
returns trigger
language plpgsql
security invoker
set search_path = ''
as $$
begin
  if current_user not in ('anon', 'authenticated', 'service_role') then
    return new;
  end if;
  new.position := null;  -- messages_number gives it
  if new.sender_type = 'ai' then
    raise exception 'unable to store the message; AI messages are written when a job is settled'
      using errcode = 'PT403', detail = 'ai_message_refused', hint = 'Call complete_ai_response_jobs.';
  end if;
  if current_user = 'authenticated' then
    new.sender_id := case when new.sender_type = 'agent' or not private.is_staff() then auth.uid() end;
    if not private.is_staff() then
      perform private.check_customer_message(new);
      new.delivery_status := 'sent';
    end if;
  end if;
  return new;
end $$;
comment on function private.guard_message is 'Refuse AI rows from outside, and what a customer may not store. Raises ai_message_refused, message_too_long, too_many_messages.';
revoke execute on function private.guard_message from public, anon, authenticated;

-- Bounds what one customer can do to everybody's database: what comes with a text is held to the same limit
-- as the text. It counts what is committed: a customer who sends on many connections at once can pass the
-- limit of rate by as many messages.
create or replace function private.check_customer_message(message public.messages)
returns void
language plpgsql
stable
security definer  -- customers have no rights on ai_settings
set search_path = ''
as $$
declare
  v_settings public.ai_settings;
  v_sent integer;
  v_length integer := greatest(length(message.content),
    length(concat(message.media_url, message.media_caption, nullif(message.metadata, '{}'))));
begin
  select settings.* into v_settings from public.ai_settings as settings;
  if v_length > v_settings.max_message_chars then
    raise exception 'unable to store the message; it has % characters, the limit is %',
      v_length, v_settings.max_message_chars
      using errcode = 'PT413', detail = 'message_too_long', hint = 'Send it in parts.';
  end if;
  select count(*) into v_sent from (
    select from public.messages as messages
    where messages.sender_id = auth.uid() and messages.created_at > clock_timestamp() - interval '1 minute'
    limit v_settings.max_messages_per_minute
  ) as recent;
  if v_sent >= v_settings.max_messages_per_minute then
    raise exception 'unable to store the message; the limit is % messages a minute', v_settings.max_messages_per_minute
      using errcode = 'PT429', detail = 'too_many_messages', hint = 'Wait a minute.';
  end if;
end $$;
comment on function private.check_customer_message is 'Check what a customer may store. Raises message_too_long, too_many_messages.';
revoke execute on function private.check_customer_message from public, anon;
grant execute on function private.check_customer_message to authenticated;

drop trigger if exists messages_guard on public.messages;
create trigger messages_guard before insert on public.messages
  for each row execute function private.guard_message();

-- Gives the message its place: the conversation's lock makes `max(position) + 1` and the server's clock
-- agree with the order in which messages commit. A client's own clock is kept in metadata.sent_at.
create or replace function private.number_message()
returns trigger
language plpgsql
security definer  -- customers may not lock conversations
set search_path = ''
as $$
begin
  perform from public.conversations as conversations
  where conversations.id = new.conversation_id for no key update;
  if not found then
    raise exception 'unable to store the message; there is no conversation %', new.conversation_id
      using errcode = 'PT404', detail = 'conversation_not_found', hint = 'Call create_conversation first.';
  end if;
  if new.created_at is distinct from now() then
    new.metadata := coalesce(new.metadata, '{}') || jsonb_build_object('sent_at', new.created_at);
  end if;
  new.position := 1 + coalesce((
    select max(messages.position) from public.messages as messages
    where messages.conversation_id = new.conversation_id
  ), 0);
  new.created_at := clock_timestamp();
  new.updated_at := new.created_at;
  return new;
end $$;
comment on function private.number_message is 'Lock the conversation and give the message its position. Raises conversation_not_found.';
revoke execute on function private.number_message from public, anon, authenticated;

drop trigger if exists messages_number on public.messages;
create trigger messages_number before insert on public.messages
  for each row when (new.position is null)  -- the settle gives its own, under the same lock
  execute function private.number_message();

drop trigger if exists update_messages_updated_at on public.messages;
drop trigger if exists messages_touch on public.messages;
create trigger messages_touch before update on public.messages
  for each row execute function private.touch_updated_at();

alter table public.messages enable row level security;
revoke all on public.messages from anon, authenticated;
grant select on public.messages to authenticated;
grant insert (id, conversation_id, sender_type, sender_id, content, channel_type, message_type, media_url,
  media_caption, delivery_status, metadata, created_at) on public.messages to authenticated;
grant update (delivery_status) on public.messages to authenticated;

drop policy if exists "Allow authenticated access to messages" on public.messages;
drop policy if exists "whoever reads a conversation reads its messages" on public.messages;
create policy "whoever reads a conversation reads its messages" on public.messages
  for select to authenticated using (
    (select private.is_staff()) or conversation_id in (select private.my_conversation_ids())
  );
drop policy if exists "customers write as themselves, staff as agents too" on public.messages;
create policy "customers write as themselves, staff as agents too" on public.messages
  for insert to authenticated with check (
    (select private.is_staff())
    or (sender_type = 'user' and conversation_id in (select private.my_conversation_ids()))
  );
drop policy if exists "staff update delivery states" on public.messages;
create policy "staff update delivery states" on public.messages
  for update to authenticated using ((select private.is_staff())) with check ((select private.is_staff()));
