-- Purpose: what an inbox shows besides: since when a customer waits for a human, why the AI answered as it did for as
--          long as its message is there, and what a search finds.
-- Touches: column waiting_since of public.conversations; private.answer_explanations, private.conversation_people.
-- Locks:   conversations, while the column is added.
-- Undo:    alter table public.conversations drop column waiting_since; drop table private.answer_explanations,
--          private.conversation_people.

-- handed_over_at is the last hand-over's time, and moves when that is repeated.
do $$
begin
  if exists (
    select from pg_attribute
    where attrelid = 'public.conversations'::regclass and attname = 'waiting_since' and not attisdropped
  ) then
    return;
  end if;
  alter table public.conversations add column waiting_since timestamptz;
  alter table public.conversations disable trigger user;  -- nobody hears of it
  update public.conversations
  set waiting_since = case when isfinite(handed_over_at) then handed_over_at else updated_at end
  where requires_human and handed_over_at is not null;
  alter table public.conversations enable trigger user;
end $$;

-- Traces go with their jobs, after a month.
create table if not exists private.answer_explanations (
  message_id uuid primary key references public.messages (id) on delete cascade,
  explanation jsonb not null,
  noted_at timestamptz not null default now()
);
comment on table private.answer_explanations is 'What the traces of a turn say of its answer, without what anybody wrote.';
alter table private.answer_explanations enable row level security;

-- Whom a conversation is with, as the words that a search finds. Beside it: its row changes with each message, and would
-- write the index each time.
create table if not exists private.conversation_people (
  conversation_id uuid primary key references public.conversations (id) on delete cascade,
  words tsvector not null
);
comment on table private.conversation_people is 'The words of names and addresses, by which conversations are found.';
create index if not exists conversation_people_words_idx on private.conversation_people
  using gin (words) with (fastupdate = off);
alter table private.conversation_people enable row level security;
