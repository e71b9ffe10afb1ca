-- Purpose: whoever writes to the team.
-- Touches: public.customer_profiles, private.current_customer_id.
-- Undo:    drop the policies, the triggers and the functions.

create or replace trigger customer_profiles_touch before update on public.customer_profiles
  for each row execute function private.touch_updated_at();

-- Volatile: a trigger makes the customer in the statement that asks. So it is called as `(select ...)`, once.
create or replace function private.current_customer_id()
returns uuid
language sql
volatile
security definer  -- policies on customer_profiles call it
set search_path = ''
as $$
  select coalesce(
    (select sessions.customer_id from private.customer_sessions as sessions where sessions.user_id = auth.uid()),
    (select customers.id from public.customer_profiles as customers where customers.user_id = auth.uid())
  );
$$;
comment on function private.current_customer_id is 'The customer that the caller is, by the page''s word or by their own session; or null.';

-- A row that the team has written to holds what staff say among themselves, and a policy hides rows, not columns.
-- Until then customers read their own row: a client that inserts it asks for it back.
drop policy if exists "customers read their bare row, staff read all" on public.customer_profiles;
create policy "customers read their bare row, staff read all" on public.customer_profiles
  for select to authenticated using (
    (select private.is_staff()) or (
      (user_id = (select auth.uid()) or id = (select private.current_customer_id()))
      and coalesce(notes, '') = '' and coalesce(tags, '{}') = '{}' and coalesce(status, 'active') = 'active'
    )
  );

-- A customer creates their own row, without what identifies others and without what is the team's to say.
drop policy if exists "customers create themselves, staff create any" on public.customer_profiles;
create policy "customers create themselves, staff create any" on public.customer_profiles
  for insert to authenticated with check (
    (select private.is_staff()) or (
      user_id = (select auth.uid()) and email is null and phone is null and external_id is null
      and notes is null and coalesce(tags, '{}') = '{}' and coalesce(status, 'active') = 'active'
    )
  );

drop policy if exists "staff update customers" on public.customer_profiles;
create policy "staff update customers" on public.customer_profiles
  for update to authenticated using ((select private.is_staff())) with check ((select private.is_staff()));

-- One row a customer, but it comes with each turn and each list of the inbox.
create or replace function private.guard_customer()
returns trigger
language plpgsql
security invoker
set search_path = ''
as $$
begin
  if current_user = 'authenticated' and not private.is_staff() then
    perform private.check_customer_profile(length(concat(new.preferences, new.custom_fields)));
  end if;
  return new;
end $$;
comment on function private.guard_customer is 'Bound what customers say of themselves. Raises profile_too_long.';

create or replace function private.check_customer_profile(length integer)
returns void
language plpgsql
stable
security definer  -- customers have no rights on ai_settings
set search_path = ''
as $$
declare
  v_limit integer := (select settings.max_message_chars from public.ai_settings as settings);
begin
  if length > v_limit then
    raise exception 'unable to store the customer; what they say of themselves has % characters, the limit is %',
      length, v_limit
      using errcode = 'PT413', detail = 'profile_too_long', hint = 'Leave some of preferences and custom_fields out.';
  end if;
end $$;
comment on function private.check_customer_profile is 'Check what a customer may say of themselves. Raises profile_too_long.';

create or replace trigger customer_profiles_guard before insert on public.customer_profiles
  for each row execute function private.guard_customer();
