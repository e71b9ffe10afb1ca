-- Purpose: how the AI behaves here: one row that admins change.
-- Touches: public.ai_settings, describe_settings, private.handover_text, private.default_language, private.known_language.
-- Undo:    drop the policies and the trigger; drop function private.handover_text.

create or replace trigger ai_settings_touch before update on public.ai_settings
  for each row execute function private.touch_updated_at();

create or replace function private.handover_text(language text, channel_type text, channel_id uuid)
returns text
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return coalesce(private.away_text(language, channel_type, channel_id), (
    select coalesce(
      settings.handover_texts ->> lower(split_part(replace(language, '_', '-'), '-', 1)),
      settings.handover_texts ->> 'en'
    ) from public.ai_settings as settings
  ));
end $$;
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

-- For `romashka settings`: each column as it is, as it would be, and what the database takes. Rows for whoever may read
-- the settings, in the order of the columns.
create or replace function public.describe_settings()
returns table (name text, type text, value jsonb, default_value jsonb, rules text[])
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_column record;
begin
  for v_column in
    select columns.attname::text as name, format_type(columns.atttypid, null) as type,
      to_jsonb(settings) -> columns.attname::text as value, array(
        select regexp_replace(pg_get_constraintdef(rules.oid), '^CHECK \(\((.*)\)\)$', '\1')
        from pg_catalog.pg_constraint as rules
        where rules.conrelid = columns.attrelid and rules.contype = 'c' and columns.attnum = any (rules.conkey)
        order by rules.conname
      ) as rules, pg_get_expr(defaults.adbin, defaults.adrelid) as default_value
    from public.ai_settings as settings
    join pg_catalog.pg_attribute as columns on columns.attrelid = 'public.ai_settings'::regclass
      and columns.attnum > 0 and not columns.attisdropped and columns.attname not in ('id', 'updated_at')
    left join pg_catalog.pg_attrdef as defaults on defaults.adrelid = columns.attrelid and defaults.adnum = columns.attnum
    order by columns.attnum
  loop
    name := v_column.name;
    type := v_column.type;
    value := v_column.value;
    rules := v_column.rules;
    execute format('select to_jsonb(%s)', coalesce(v_column.default_value, 'null::text')) into default_value;
    return next;
  end loop;
end $$;
comment on function public.describe_settings is 'Each setting of the AI: its value, its default, and what it can be, in the database''s own words.';

drop policy if exists "staff read the settings" on public.ai_settings;
create policy "staff read the settings" on public.ai_settings
  for select to authenticated using ((select private.is_staff()));

drop policy if exists "admins change the settings" on public.ai_settings;
create policy "admins change the settings" on public.ai_settings
  for update to authenticated using ((select private.is_admin())) with check ((select private.is_admin()));
