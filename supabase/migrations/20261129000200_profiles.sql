-- Purpose: who is staff. A row for each signed-in user; `role` says what they may do.
-- Touches: public.profiles, a trigger on auth.users, private.is_staff, private.is_admin.
-- Locks:   profiles, while columns are added.
-- Undo:    drop trigger users_create_profile on auth.users; drop the two functions and the table.

create table if not exists public.profiles (
  id uuid primary key references auth.users (id) on delete cascade,
  email varchar(255),
  full_name text,
  company_name text,
  avatar_url text,
  role varchar(50) not null default 'user',
  timezone varchar(50) default 'UTC',
  language varchar(10) default 'en',
  settings jsonb default '{}',
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);

-- Many projects have a table of this name, of a starter's, with some of these columns.
alter table public.profiles
  add column if not exists email varchar(255),
  add column if not exists full_name text,
  add column if not exists company_name text,
  add column if not exists avatar_url text,
  add column if not exists role varchar(50) default 'user',
  add column if not exists timezone varchar(50) default 'UTC',
  add column if not exists language varchar(10) default 'en',
  add column if not exists settings jsonb default '{}',
  add column if not exists created_at timestamptz default now(),
  add column if not exists updated_at timestamptz default now();
-- An anonymous user has no e-mail.
alter table public.profiles alter column email drop not null;

-- In the original a role meant nothing, and everybody could set their own.
do $$
declare
  v_unknown bigint;
  v_staff bigint;
begin
  update public.profiles
  set role = 'user', settings = coalesce(settings, '{}') || jsonb_build_object('original_role', role)
  where role is null or role not in ('admin', 'agent', 'user');
  get diagnostics v_unknown = row_count;
  if v_unknown > 0 then
    raise notice 'romashka: % profiles had a role that there is not, and are users now; it is in settings.original_role', v_unknown;
  end if;
  select count(*) into v_staff from public.profiles where role in ('admin', 'agent');
  if v_staff > 0 and to_regclass('public.ai_settings') is null then
    raise notice 'romashka: % profiles are staff already, and everybody could make themselves that: look at `romashka staff list`', v_staff;
  end if;
end $$;

alter table public.profiles alter column role set not null;

alter table public.profiles drop constraint if exists profiles_role_is_known;

alter table public.profiles add constraint profiles_role_is_known check (role in ('admin', 'agent', 'user'));

insert into public.profiles (id, email)
select users.id, users.email from auth.users as users
on conflict do nothing;

insert into public.profiles (id)
select users.id from auth.users as users
on conflict do nothing;
alter table public.profiles enable row level security;
