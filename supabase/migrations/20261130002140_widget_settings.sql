-- Purpose: what the customer's window looks like, and says: one row that admins change and everybody reads a part of.
-- Touches: public.widget_settings; an index on profiles.
-- Locks:   profiles, while the index is made.
-- Undo:    drop table public.widget_settings; drop index public.profiles_staff_idx.

create table if not exists public.widget_settings (
  id boolean primary key default true check (id),  -- one row
  -- By language, then by name: {"en": {"title": "Ask us", "greeting": "Hello!"}}.
  texts jsonb not null default '{}' constraint widget_settings_texts_are_texts check (
    jsonb_typeof(texts) = 'object' and length(texts::text) <= 50000
    and not jsonb_path_exists(texts, 'strict $.* ? (@.type() != "object")')
    and not jsonb_path_exists(texts, 'strict $.*.* ? (@.type() != "string")')
  ),
  color text not null default '#1f5fd0' constraint widget_settings_color_is_hex check (color ~ '^#[0-9a-f]{6}$'),
  text_color text not null default '#ffffff' constraint widget_settings_text_color_is_hex check (text_color ~ '^#[0-9a-f]{6}$'),
  logo_url text constraint widget_settings_logo_is_https check (logo_url ~ '^https://[^\s/?#@"''<>\\]+(/[^\s"''<>\\]*)?$' and length(logo_url) <= 2000),
  -- The first one is that of visitors who speak none of them; empty: all that the widget has.
  languages text[] not null default '{}' constraint widget_settings_languages_are_codes check (
    cardinality(languages) <= 50 and array_position(languages, null) is null
    and cardinality(string_to_array(array_to_string(languages, ','), ',')) = cardinality(languages)
    and array_to_string(languages, ',') ~ '^([a-z]{2,3}(-[A-Za-z0-9]{2,8})*(,[a-z]{2,3}(-[A-Za-z0-9]{2,8})*)*)?$'
  ),
  shows_team boolean not null default true,
  updated_at timestamptz not null default now()
);
comment on table public.widget_settings is 'How the widget looks, and what it says: one row.';
insert into public.widget_settings default values on conflict do nothing;
alter table public.widget_settings enable row level security;

-- Every visitor has a profile; few are staff.
create index if not exists profiles_staff_idx on public.profiles (created_at) where role in ('agent', 'admin');
