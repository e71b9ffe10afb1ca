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
  if v_staff > 0 then
    raise notice 'romashka: % profiles are staff already, and everybody could make themselves that: look at `romashka staff list`', v_staff;
  end if;
end $$;
alter table public.profiles alter column role set not null;
alter table public.profiles drop constraint if exists profiles_role_is_known;
alter table public.profiles add constraint profiles_role_is_known check (role in ('admin', 'agent', 'user'));

-- Keeps `updated_at` true on every table that has one.
create or replace function private.touch_updated_at()
returns trigger
language plpgsql
security invoker
set search_path = ''
as $$
begin
  new.updated_at := clock_timestamp();
  return new;
end $$;
comment on function private.touch_updated_at is 'Set updated_at of a row that is being updated.';
revoke execute on function private.touch_updated_at from public, anon, authenticated;

drop trigger if exists profiles_touch on public.profiles;
create trigger profiles_touch before update on public.profiles
  for each row execute function private.touch_updated_at();

-- Never raises: a failing trigger on auth.users would make sign-up itself fail.
create or replace function private.create_profile_for_user()
returns trigger
language plpgsql
security definer  -- GoTrue's role has no rights on public.profiles
set search_path = ''
as $$
begin
  insert into public.profiles (id, email) values (new.id, new.email)
  on conflict do nothing;
  -- Where the original's unique e-mail is taken by an older profile: messages refer to profiles, so there is one.
  insert into public.profiles (id) values (new.id)
  on conflict do nothing;
  return new;
end $$;
comment on function private.create_profile_for_user is 'Give a new user a profile, with the role user.';
revoke execute on function private.create_profile_for_user from public, anon, authenticated;

drop trigger if exists users_create_profile on auth.users;
create trigger users_create_profile after insert on auth.users
  for each row execute function private.create_profile_for_user();

insert into public.profiles (id, email)
select users.id, users.email from auth.users as users
on conflict do nothing;
insert into public.profiles (id)
select users.id from auth.users as users
on conflict do nothing;

-- Policy helpers: called as `(select private.is_staff())`, once a statement.
create or replace function private.is_staff()
returns boolean
language sql
stable
security definer  -- a policy on profiles that read profiles would call itself
set search_path = ''
as $$
  select coalesce(auth.jwt() ->> 'role' = 'service_role', false) or exists (
    select from public.profiles as profiles
    where profiles.id = auth.uid() and profiles.role in ('agent', 'admin')
  );
$$;
comment on function private.is_staff is 'Is the caller an agent, an admin or the service role?';
revoke execute on function private.is_staff from public, anon;
grant execute on function private.is_staff to authenticated, service_role;

create or replace function private.is_admin()
returns boolean
language sql
stable
security definer  -- a policy on profiles that read profiles would call itself
set search_path = ''
as $$
  select coalesce(auth.jwt() ->> 'role' = 'service_role', false) or exists (
    select from public.profiles as profiles
    where profiles.id = auth.uid() and profiles.role = 'admin'
  );
$$;
comment on function private.is_admin is 'Is the caller an admin or the service role?';
revoke execute on function private.is_admin from public, anon;
grant execute on function private.is_admin to authenticated, service_role;

alter table public.profiles enable row level security;
revoke all on public.profiles from anon, authenticated;
grant select on public.profiles to authenticated;
-- Not `role`: nobody raises their own.
grant update (full_name, company_name, avatar_url, timezone, language, settings) on public.profiles to authenticated;

drop policy if exists "Users can view own profile" on public.profiles;
drop policy if exists "Users can update own profile" on public.profiles;
drop policy if exists "users read their own profile, staff read all" on public.profiles;
create policy "users read their own profile, staff read all" on public.profiles
  for select to authenticated using (id = (select auth.uid()) or (select private.is_staff()));
drop policy if exists "users update their own profile" on public.profiles;
create policy "users update their own profile" on public.profiles
  for update to authenticated using (id = (select auth.uid())) with check (id = (select auth.uid()));
