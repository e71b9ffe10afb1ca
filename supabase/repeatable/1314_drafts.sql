-- Purpose: what agents have begun to write, on each of their devices, and nowhere else.
-- Touches: save_draft; policy and triggers of message_drafts; triggers on messages, conversation_notes.
-- Locks:   the draft. A message takes it after its conversation; saving takes no lock on the conversation that a message
--          waits for.
-- Undo:    drop the policy, the triggers and the functions.

drop policy if exists "agents read their own drafts" on public.message_drafts;
create policy "agents read their own drafts" on public.message_drafts
  for select to authenticated using (agent_id = (select auth.uid()) and (select private.is_staff()));

create or replace function private.number_draft()
returns trigger
language plpgsql
volatile
security definer  -- the sequence is nobody's
set search_path = ''
as $$
begin
  new.revision := nextval('private.draft_revisions');
  new.updated_at := clock_timestamp();
  return new;
end $$;
comment on function private.number_draft is 'Give a change of a draft its revision.';

create or replace trigger message_drafts_number before insert or update on public.message_drafts
  for each row execute function private.number_draft();

-- The topic is the agent's own. Of a draft that is gone the content is empty.
create or replace function private.broadcast_draft()
returns trigger
language plpgsql
volatile
security definer  -- realtime.send inserts as its caller
set search_path = ''
as $$
begin
  if tg_op = 'DELETE' then
    old.revision := nextval('private.draft_revisions');
    old.content := '';
    new := old;
  end if;
  perform realtime.send(jsonb_build_object('draft', to_jsonb(new)), 'draft.changed', 'drafts:' || new.agent_id, true);
  return null;
end $$;
comment on function private.broadcast_draft is 'Tell an agent''s other devices of a draft.';

create or replace trigger message_drafts_broadcast after insert or update or delete on public.message_drafts
  for each row execute function private.broadcast_draft();

-- What was written is no draft any more, on whichever device it was begun.
create or replace function private.remove_sent_draft()
returns trigger
language plpgsql
volatile
security definer  -- agents write their drafts by save_draft alone
set search_path = ''
as $$
begin
  if tg_table_name = 'messages' then
    delete from public.message_drafts as drafts
    where drafts.agent_id = new.sender_id and drafts.conversation_id = new.conversation_id and drafts.mode = 'reply';
  else
    delete from public.message_drafts as drafts
    where drafts.agent_id = new.author_id and drafts.conversation_id = new.conversation_id and drafts.mode = 'note';
  end if;
  return null;
end $$;
comment on function private.remove_sent_draft is 'Remove the draft of what an agent has written.';

create or replace trigger messages_remove_draft after insert on public.messages
  for each row when (new.sender_type = 'agent' and new.sender_id is not null) execute function private.remove_sent_draft();

create or replace trigger conversation_notes_remove_draft after insert on public.conversation_notes
  for each row when (new.author_id is not null) execute function private.remove_sent_draft();

-- A first save that was slower than the message it became would be a draft of what was sent.
create or replace function private.is_sent(conversation_id uuid, content text, mode text)
returns boolean
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_since timestamptz := clock_timestamp() - interval '10 seconds';
begin
  return case mode when 'reply' then exists (
    select from public.messages as messages
    where messages.sender_id = auth.uid() and messages.created_at > v_since and messages.sender_type = 'agent'
      and messages.conversation_id = is_sent.conversation_id and starts_with(messages.content, btrim(is_sent.content))
  ) else exists (
    select from public.conversation_notes as notes
    where notes.conversation_id = is_sent.conversation_id and notes.created_at > v_since and notes.author_id = auth.uid()
      and starts_with(notes.content, btrim(is_sent.content))
  ) end;
end $$;
comment on function private.is_sent is 'Has the caller just written what begins like this?';

-- Who knows the latest revision may write; who knows an older one is told, and nothing is lost. What is there already is
-- no conflict: a device that got no answer sends the same again. Returns null where it is one.
create or replace function private.store_draft(conversation_id uuid, content text, mode text, revision bigint)
returns bigint
language plpgsql
volatile
security definer  -- nobody writes drafts by the table
set search_path = ''
as $$
declare
  v_revision bigint;
  v_content text;
begin
  if content = '' then
    delete from public.message_drafts as drafts
    where drafts.agent_id = auth.uid() and drafts.conversation_id = store_draft.conversation_id
      and drafts.mode = store_draft.mode and drafts.revision = store_draft.revision;
  elsif revision = 0 then
    if private.is_sent(conversation_id, content, mode) then
      return 0;
    end if;
    insert into public.message_drafts as drafts (agent_id, conversation_id, mode, content)
    values (auth.uid(), store_draft.conversation_id, store_draft.mode, store_draft.content)
    on conflict on constraint message_drafts_one_each do nothing;
  else
    update public.message_drafts as drafts set content = store_draft.content
    where drafts.agent_id = auth.uid() and drafts.conversation_id = store_draft.conversation_id
      and drafts.mode = store_draft.mode and drafts.revision = store_draft.revision
      and drafts.content <> store_draft.content;
  end if;
  select drafts.revision, drafts.content into v_revision, v_content from public.message_drafts as drafts
  where drafts.agent_id = auth.uid() and drafts.conversation_id = store_draft.conversation_id
    and drafts.mode = store_draft.mode;
  if coalesce(v_content, '') = content then
    return coalesce(v_revision, 0);
  end if;
  return null;
end $$;
comment on function private.store_draft is 'Store a draft of the caller''s, if they know the latest; returns its revision, or null.';

create or replace function public.save_draft(
  conversation_id uuid, content text, mode text default 'reply', revision bigint default 0
)
returns bigint
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_revision bigint;
begin
  if not private.is_staff() or auth.uid() is null then
    raise exception 'unable to save the draft; only staff have drafts'
      using errcode = 'PT403', detail = 'staff_only', hint = 'Sign in as an agent or an admin.';
  elsif (mode in ('reply', 'note') and content is not null and revision >= 0) is not true then
    raise exception 'unable to save the draft; mode is reply or note, content a text, revision a number'
      using errcode = 'PT400', detail = 'bad_draft', hint = 'An empty text removes it; the revision is 0 where none is known.';
  elsif length(content) > 20000 then
    raise exception 'unable to save the draft; it has % characters, the limit is 20000', length(content)
      using errcode = 'PT413', detail = 'draft_too_long', hint = 'Keep it elsewhere, or send it in parts.';
  end if;
  perform private.raise_unless_readable(conversation_id);
  v_revision := private.store_draft(conversation_id, content, mode, revision);
  if v_revision is null then
    raise exception 'unable to save the draft; it was changed or removed elsewhere'
      using errcode = 'PT409', detail = 'draft_changed', hint = 'Read it, and save with its revision; with 0 if it is gone.';
  end if;
  return v_revision;
end $$;
comment on function public.save_draft is 'Keep what the caller has begun to write (empty: keep none); returns its revision, 0 if none. Raises staff_only, bad_draft, draft_too_long, draft_changed, conversation_not_found.';
