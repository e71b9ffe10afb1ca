-- Purpose: how the AI behaves here: one row that admins change.
-- Touches: public.ai_settings, private.handover_text, private.default_language, private.known_language.
-- Undo:    drop the policies and the trigger; drop function private.handover_text.

create or replace trigger ai_settings_touch before update on public.ai_settings
  for each row execute function private.touch_updated_at();

create or replace function private.handover_text(language text)
returns text
language sql
stable
security invoker
set search_path = ''
as $$
  select coalesce(
    settings.handover_texts ->> lower(split_part(replace(handover_text.language, '_', '-'), '-', 1)),
    settings.handover_texts ->> 'en'
  ) from public.ai_settings as settings;
$$;
comment on function private.handover_text is 'What a customer of this language is told when a human takes over.';

-- What is answered in where nothing tells what the customer speaks: the account's own language before the project's.
create or replace function private.default_language(channel_id uuid)
returns text
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return coalesce((
    select nullif(btrim(channels.configuration ->> 'language'), '') from public.communication_channels as channels
    where channels.id = default_language.channel_id and jsonb_typeof(channels.configuration) = 'object'
  ), (select settings.default_language from public.ai_settings as settings));
end $$;
comment on function private.default_language is 'The language of those who have not shown theirs, or null.';

create or replace function private.known_language(conversation public.conversations)
returns text
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return coalesce(conversation.language, (
    select customers.language from public.customer_profiles as customers where customers.id = conversation.customer_id
  ), private.default_language(conversation.channel_id));
end $$;
comment on function private.known_language is 'The language that a conversation is answered in, as far as it is known.';

drop policy if exists "staff read the settings" on public.ai_settings;
create policy "staff read the settings" on public.ai_settings
  for select to authenticated using ((select private.is_staff()));

drop policy if exists "admins change the settings" on public.ai_settings;
create policy "admins change the settings" on public.ai_settings
  for update to authenticated using ((select private.is_admin())) with check ((select private.is_admin()));
