-- Purpose: who is staff. A row for each signed-in user; `role` says what they may do.
-- Touches: public.profiles, a trigger on auth.users, private.is_staff, private.is_admin, private.touch_updated_at.
-- Undo:    drop trigger users_create_profile on auth.users; drop the policies, the other triggers and the functions.

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

create or replace trigger profiles_touch before update on public.profiles
  for each row execute function private.touch_updated_at();

-- Never raises: a failing trigger on auth.users would make sign-up itself fail. What refuses the profile (a column of
-- the project's own that must not be null, say) is told on the server's log, without what was in the row.
create or replace function private.create_profile_for_user()
returns trigger
language plpgsql
security definer  -- GoTrue's role has no rights on public.profiles
set search_path = ''
as $$
begin
  insert into public.profiles (id, email) values (new.id, new.email)
  on conflict do nothing;
  -- The e-mail may be taken: the original's is unique. Messages refer to profiles, so there is one without it.
  insert into public.profiles (id) values (new.id)
  on conflict do nothing;
  perform private.accept_invitation(new.id);  -- another provider may have vouched for the address
  return new;
exception when others then
  raise warning 'romashka: user % has no profile: public.profiles refused it (%)', new.id, sqlstate;
  return new;
end $$;
comment on function private.create_profile_for_user is 'Give a new user a profile, with the role user, or that of an invitation.';

create or replace trigger users_create_profile after insert on auth.users
  for each row execute function private.create_profile_for_user();

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

drop policy if exists "Users can view own profile" on public.profiles;

drop policy if exists "Users can update own profile" on public.profiles;

drop policy if exists "users read their own profile, staff read all" on public.profiles;
create policy "users read their own profile, staff read all" on public.profiles
  for select to authenticated using (id = (select auth.uid()) or (select private.is_staff()));

drop policy if exists "users update their own profile" on public.profiles;
create policy "users update their own profile" on public.profiles
  for update to authenticated using (id = (select auth.uid())) with check (id = (select auth.uid()));
