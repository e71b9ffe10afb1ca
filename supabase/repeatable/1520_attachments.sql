-- Purpose: files of a conversation: the bucket `conversation-attachments`, a folder a conversation.
-- Touches: storage.buckets; policies on storage.objects; functions. Without Storage: the functions alone.
-- Undo:    drop the policies and the functions; empty and delete the bucket.

-- A conversation's id is the first part of a path, and there is no third. A URL that whoever has it may upload to is
-- judged when it is signed, and any number can be had beforehand: only staff have some.
create or replace function private.may_attach(path text)
returns boolean
language plpgsql
stable
security definer  -- customers have no rights on ai_settings
set search_path = ''
as $$
declare
  v_folder text := split_part(may_attach.path, '/', 1);
begin
  if may_attach.path !~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/[^/]+$' then
    return false;
  elsif private.is_staff() then
    return exists (select from public.conversations as conversations where conversations.id = v_folder::uuid);
  elsif v_folder::uuid not in (select private.my_conversation_ids())
    or current_setting('storage.operation', true) like '%sign_upload%' then
    return false;
  end if;
  perform private.check_customer_files();
  return true;
end $$;
comment on function private.may_attach is 'May the caller store a file under this path now? Raises too_many_files, no_room_for_files.';

-- The caller is the customer who uploads (auth.uid()). Counts their own files in all of their conversations; not what
-- staff and channels put there. It counts what is stored: Storage asks in a transaction that it takes back, so a
-- customer who uploads on many connections at once can pass by as many files. Of an error Storage passes on the
-- message, where it is one of missing rights (403).
create or replace function private.check_customer_files()
returns void
language plpgsql
stable
security definer  -- customers have no rights on ai_settings
set search_path = ''
as $$
declare
  v_settings public.ai_settings := (select settings from public.ai_settings as settings);
  v_now timestamptz := clock_timestamp();
  v_users text[] := array(select ids::text from private.my_user_ids() as ids);
  v_folder text;
  v_file record;
  v_in_a_minute integer := 0;
  v_in_an_hour integer := 0;
  v_megabytes_in_an_hour numeric := 0;
  v_megabytes numeric := 0;
begin
  -- A folder at a time: of all at once the planner reads the whole bucket.
  for v_folder in select ids::text from private.my_conversation_ids() as ids loop
    for v_file in
      select objects.created_at, coalesce((objects.metadata ->> 'size')::numeric, 0) / 1048576 as megabytes
      from storage.objects as objects
      where objects.bucket_id = 'conversation-attachments' and objects.owner_id = any (v_users)
        and objects.name ~>=~ (v_folder || '/') and objects.name ~<~ (v_folder || '0')  -- '0' follows '/'
    loop
      v_megabytes := v_megabytes + v_file.megabytes;
      if v_file.created_at > v_now - interval '1 hour' then
        v_in_an_hour := v_in_an_hour + 1;
        v_megabytes_in_an_hour := v_megabytes_in_an_hour + v_file.megabytes;
        v_in_a_minute := v_in_a_minute + (v_file.created_at > v_now - interval '1 minute')::integer;
      end if;
    end loop;
  end loop;
  if v_megabytes >= v_settings.max_megabytes_per_customer then
    raise exception 'no_room_for_files; the limit is % MB in all', v_settings.max_megabytes_per_customer
      using errcode = 'insufficient_privilege', detail = 'no_room_for_files', hint = 'Send it another way.';
  elsif v_in_a_minute >= v_settings.max_messages_per_minute then
    raise exception 'too_many_files; the limit is % files a minute', v_settings.max_messages_per_minute
      using errcode = 'insufficient_privilege', detail = 'too_many_files', hint = 'Wait a minute.';
  elsif v_in_an_hour >= v_settings.max_files_per_hour then
    raise exception 'too_many_files; the limit is % files an hour', v_settings.max_files_per_hour
      using errcode = 'insufficient_privilege', detail = 'too_many_files', hint = 'Wait an hour.';
  elsif v_megabytes_in_an_hour >= v_settings.max_megabytes_per_hour then
    raise exception 'too_many_files; the limit is % MB an hour', v_settings.max_megabytes_per_hour
      using errcode = 'insufficient_privilege', detail = 'too_many_files', hint = 'Wait an hour.';
  end if;
end $$;
comment on function private.check_customer_files is 'Check that a customer may store one more file. Raises too_many_files, no_room_for_files.';

-- What a browser shows or saves, and never runs: whoever opens a file, by a signed URL too, runs nothing that a
-- customer wrote. Each is named: with a wildcard, `audio/x,text/html` would pass, and a browser takes the last of a
-- list. The SDKs, the functions and the worker store everything else as bytes, by lists that a test compares with this
-- one.
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
