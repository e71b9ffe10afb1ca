-- Purpose: files of a conversation: the bucket `conversation-attachments`, a folder a conversation.
-- Touches: storage.buckets; policies on storage.objects; private.may_attach. Without Storage: nothing.
-- Undo:    drop the policies and the function; empty and delete the bucket.

-- Bounds what one customer can store, as messages are bounded: what came into the conversation's folder in
-- the last minute, whoever sent it. A conversation's id is the first part of a path, and there is no third.
create or replace function private.may_attach(path text)
returns boolean
language plpgsql
stable
security definer  -- customers have no rights on ai_settings
set search_path = ''
as $$
declare
  v_folder text := split_part(may_attach.path, '/', 1);
  v_count integer;
begin
  if may_attach.path !~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/[^/]+$' then
    return false;
  elsif private.is_staff() then
    return exists (select from public.conversations as conversations where conversations.id = v_folder::uuid);
  elsif v_folder::uuid not in (select private.my_conversation_ids()) then
    return false;
  end if;
  select count(*) into v_count from storage.objects as objects
  where objects.bucket_id = 'conversation-attachments' and objects.name like v_folder || '/%'
    and objects.created_at > clock_timestamp() - interval '1 minute';
  return v_count < (select settings.max_messages_per_minute from public.ai_settings as settings);
end $$;
comment on function private.may_attach is 'May the caller store a file under this path now?';

-- What a browser shows or saves, and never runs: whoever opens a file, by a signed URL too, runs nothing that a customer
-- wrote. Each is named: with a wildcard, `audio/x,text/html` would pass, and a browser takes the last of a list. The SDKs,
-- the functions and the worker store everything else as bytes.
create or replace function private.inert_types()
returns text[]
language sql
immutable
security invoker
set search_path = ''
as $$
  select array[
    'image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/avif', 'image/bmp', 'image/heic', 'image/heif',
    'image/tiff', 'audio/aac', 'audio/amr', 'audio/flac', 'audio/mp4', 'audio/mpeg', 'audio/ogg', 'audio/opus',
    'audio/wav', 'audio/webm', 'audio/x-m4a', 'audio/x-wav', 'audio/3gpp', 'video/3gpp', 'video/3gpp2',
    'video/mp4', 'video/mpeg', 'video/ogg', 'video/quicktime', 'video/webm', 'video/x-matroska',
    'video/x-msvideo', 'text/plain', 'text/csv', 'text/calendar', 'text/vcard', 'application/octet-stream',
    'application/pdf', 'application/json', 'application/rtf', 'application/ogg', 'application/zip',
    'application/gzip', 'application/x-7z-compressed', 'application/vnd.rar', 'application/msword',
    'application/vnd.ms-excel', 'application/vnd.ms-powerpoint', 'application/vnd.ms-outlook',
    'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
    'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
    'application/vnd.openxmlformats-officedocument.presentationml.presentation',
    'application/vnd.oasis.opendocument.text', 'application/vnd.oasis.opendocument.spreadsheet',
    'application/vnd.oasis.opendocument.presentation'
  ];
$$;
comment on function private.inert_types is 'The types of the files that conversations may have.';

-- Storage tells the policies the type, since it has told them anything of a file; where it does not, the bucket's own
-- list is all there is.
create or replace function private.is_inert(description jsonb)
returns boolean
language sql
immutable
security invoker
set search_path = ''
as $$
  select coalesce(description ->> 'mimetype', 'application/octet-stream') = any (private.inert_types());
$$;
comment on function private.is_inert is 'Does a browser not run the file that Storage describes so?';

do $$
begin
  if to_regclass('storage.objects') is null or to_regclass('storage.buckets') is null then
    raise notice 'romashka: there is no Storage here; conversations have no attachments';
    return;
  end if;
  insert into storage.buckets as buckets (id, name, public, file_size_limit, allowed_mime_types)
  values ('conversation-attachments', 'conversation-attachments', false, 10485760, private.inert_types())
  on conflict (id) do update set allowed_mime_types = excluded.allowed_mime_types
  where buckets.allowed_mime_types is distinct from excluded.allowed_mime_types;

  drop policy if exists "whoever reads a conversation reads its files" on storage.objects;
  create policy "whoever reads a conversation reads its files" on storage.objects
    for select to authenticated using (
      bucket_id = 'conversation-attachments' and ((select private.is_staff())
        or split_part(name, '/', 1) in (select ids::text from private.my_conversation_ids() as ids))
    );
  drop policy if exists "members attach files to their conversation" on storage.objects;
  create policy "members attach files to their conversation" on storage.objects
    for insert to authenticated with check (
      bucket_id = 'conversation-attachments' and private.may_attach(name) and private.is_inert(metadata)
    );
  drop policy if exists "staff remove files of conversations" on storage.objects;
  create policy "staff remove files of conversations" on storage.objects
    for delete to authenticated using (
      bucket_id = 'conversation-attachments' and (select private.is_staff())
    );

  -- A project may have policies of its own on this table, and some allow everything: they open nothing here.
  drop policy if exists "other policies do not show files of conversations" on storage.objects;
  create policy "other policies do not show files of conversations" on storage.objects as restrictive
    for select to authenticated using (
      bucket_id <> 'conversation-attachments' or (select private.is_staff())
        or split_part(name, '/', 1) in (select ids::text from private.my_conversation_ids() as ids)
    );
  drop policy if exists "other policies do not attach files to conversations" on storage.objects;
  create policy "other policies do not attach files to conversations" on storage.objects as restrictive
    for insert to authenticated with check (
      bucket_id <> 'conversation-attachments' or private.may_attach(name) and private.is_inert(metadata)
    );
  drop policy if exists "nobody replaces files of conversations" on storage.objects;
  create policy "nobody replaces files of conversations" on storage.objects as restrictive
    for update to authenticated
    using (bucket_id <> 'conversation-attachments') with check (bucket_id <> 'conversation-attachments');
  drop policy if exists "other policies do not remove files of conversations" on storage.objects;
  create policy "other policies do not remove files of conversations" on storage.objects as restrictive
    for delete to authenticated using (
      bucket_id <> 'conversation-attachments' or (select private.is_staff())
    );
  drop policy if exists "nobody sees files of conversations without a session" on storage.objects;
  create policy "nobody sees files of conversations without a session" on storage.objects as restrictive
    for all to anon
    using (bucket_id <> 'conversation-attachments') with check (bucket_id <> 'conversation-attachments');
exception when insufficient_privilege then
  raise notice 'romashka: % may not write policies on storage.objects; conversations have no attachments', current_user;
end $$;
