-- Purpose: a colleague is invited by their address, and is staff once they have signed up with it and proven that it is
--          theirs.
-- Touches: invite_staff; policies of staff_invitations; a trigger on auth.users (that on new users is
--          private.create_profile_for_user).
-- Locks:   the invitation, then the profile.
-- Undo:    drop trigger users_accept_invitation on auth.users; drop the policies and the functions.

drop policy if exists "admins read the invitations" on public.staff_invitations;
create policy "admins read the invitations" on public.staff_invitations
  for select to authenticated using ((select private.is_admin()));

drop policy if exists "admins take invitations back" on public.staff_invitations;
create policy "admins take invitations back" on public.staff_invitations
  for delete to authenticated using ((select private.is_admin()));

create or replace function public.invite_staff(email text, role text default 'agent')
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  return private.store_invitation(email, role);
end $$;
comment on function public.invite_staff is 'Let whoever proves that they have an address be staff; an invitation that is there is made anew. Raises admin_only, bad_email, bad_role, account_exists.';

-- Auth keeps addresses in small letters, and they are compared as they stand otherwise: what is before a plus is another
-- mailbox for all that we know. An account that is there already may be anybody's who signed up first with the address,
-- so nothing is promised to it: admins give it the role, once they know whose it is.
create or replace function private.store_invitation(email text, role text)
returns jsonb
language plpgsql
volatile
security definer  -- nobody writes invitations by the table, and nobody else reads auth.users
set search_path = ''
as $$
declare
  v_email text := private.plain_email(email);
  v_invitation public.staff_invitations;
begin
  perform private.raise_unless_admin();
  if v_email is null then
    raise exception 'unable to invite; this is no e-mail address'
      using errcode = 'PT400', detail = 'bad_email', hint = 'Write it as ada@example.com, and one alone.';
  elsif role not in ('agent', 'admin') is not false then
    raise exception 'unable to invite; there is no role % of staff', coalesce(role, 'null')
      using errcode = 'PT400', detail = 'bad_role', hint = 'Give agent or admin.';
  elsif exists (select from auth.users as users where lower(users.email collate "C") = v_email) then
    raise exception 'unable to invite; there is an account with this address already'
      using errcode = 'PT409', detail = 'account_exists', hint = 'If you know whose it is, set_staff_role gives it a role.';
  end if;
  insert into public.staff_invitations as invitations (email, role) values (v_email, store_invitation.role)
  on conflict on constraint staff_invitations_email_key do update
    set role = excluded.role, invited_by = excluded.invited_by, created_at = excluded.created_at, expires_at = excluded.expires_at
  returning * into v_invitation;
  return to_jsonb(v_invitation);
end $$;
comment on function private.store_invitation is 'Store an invitation. Raises admin_only, bad_email, bad_role, account_exists.';

create or replace function private.plain_email(email text)
returns text
language plpgsql
immutable
security invoker
set search_path = ''
as $$
declare
  v_email text := lower(btrim(email) collate "C");  -- no other letter becomes one of these
begin
  return case when length(v_email) <= 254 and v_email ~ '^[^\s@<>(),:;"\\]+@[^\s@<>(),:;"\\]+\.[^\s@<>(),:;"\\.]+$' then v_email end;
end $$;
comment on function private.plain_email is 'An address as Auth keeps it, or null if it is none.';

-- Once: an invitation that was accepted is gone. Never raises: a failing trigger on auth.users would make the sign-up, or
-- the confirmation, itself fail.
create or replace function private.accept_invitation(user_id uuid)
returns void
language plpgsql
volatile
security definer  -- nobody writes roles by the table
set search_path = ''
as $$
declare
  v_role text;
begin
  delete from public.staff_invitations as invitations using auth.users as users
  where users.id = user_id and invitations.email = lower(users.email collate "C")
    and invitations.expires_at > clock_timestamp()
    and users.email_confirmed_at is not null
    and private.is_mailed(users.confirmation_sent_at, users.raw_app_meta_data)
    and (invitations.invited_by is null or exists (
      select from public.profiles as admins where admins.id = invitations.invited_by and admins.role = 'admin'
    ))
  returning invitations.role into v_role;
  update public.profiles as profiles set role = v_role
  where profiles.id = user_id and v_role is not null and profiles.role <> 'admin';
exception when others then
  raise warning 'romashka: user % was not made staff (%)', user_id, sqlstate;
end $$;
comment on function private.accept_invitation is 'Make an account staff that was invited by an address which is proven to be its own.';

-- The address is the one that the account has had: one that is changed later is nobody's invitation.
create or replace function private.accept_invitation_of_confirmed()
returns trigger
language plpgsql
security definer  -- GoTrue's role has no rights here
set search_path = ''
as $$
begin
  perform private.accept_invitation(new.id);
  return null;
end $$;
comment on function private.accept_invitation_of_confirmed is 'Make somebody staff who was invited and has confirmed their address.';

create or replace trigger users_accept_invitation after update of email_confirmed_at on auth.users
  for each row when (
    old.email_confirmed_at is null and new.email_confirmed_at is not null and old.email is not distinct from new.email
  ) execute function private.accept_invitation_of_confirmed();
