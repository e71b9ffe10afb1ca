-- Purpose: how the AI behaves here: one row that admins change.
-- Touches: public.ai_settings, private.handover_text.
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

drop policy if exists "staff read the settings" on public.ai_settings;
create policy "staff read the settings" on public.ai_settings
  for select to authenticated using ((select private.is_staff()));

drop policy if exists "admins change the settings" on public.ai_settings;
create policy "admins change the settings" on public.ai_settings
  for update to authenticated using ((select private.is_admin())) with check ((select private.is_admin()));
