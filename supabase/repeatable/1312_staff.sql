-- Purpose: who is staff: for admins, and for operators (`romashka staff`), by the API as well as by the database.
-- Touches: set_staff_role, find_account, get_staff.
-- Locks:   all admins, in the order of their ids: of two who take each other's role one stays.
-- Undo:    drop the functions.

create or replace function public.set_staff_role(user_id uuid, role text)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  perform private.change_staff_role(user_id, role);
end $$;
comment on function public.set_staff_role is 'Give an account a role: agent, admin or user. Raises admin_only, bad_role, own_role, user_not_found, last_admin.';

create or replace function private.change_staff_role(user_id uuid, role text)
returns void
language plpgsql
volatile
security definer  -- nobody writes roles by the table
set search_path = ''
as $$
begin
  perform private.raise_unless_admin();
  if role not in ('agent', 'admin', 'user') is not false then
    raise exception 'unable to set the role; there is no role %', coalesce(role, 'null')
      using errcode = 'PT400', detail = 'bad_role', hint = 'Give agent, admin or user.';
  elsif user_id = auth.uid() then
    raise exception 'unable to set the role; it is your own'
      using errcode = 'PT403', detail = 'own_role', hint = 'Let another admin do it.';
  end if;
  perform from public.profiles as admins where admins.role = 'admin' order by admins.id for no key update;
  perform private.raise_unless_admin();  -- who waited may be none any more
  if not exists (select from public.profiles as profiles where profiles.id = user_id) then
    raise exception 'unable to set the role; there is no user %', user_id
      using errcode = 'PT404', detail = 'user_not_found', hint = 'Give the id of a row of profiles.';
  elsif role <> 'admin' then
    if not exists (select from public.profiles as others where others.role = 'admin' and others.id <> user_id)
      and exists (select from public.profiles as profiles where profiles.id = user_id and profiles.role = 'admin') then
      raise exception 'unable to set the role; there is no other admin'
        using errcode = 'PT409', detail = 'last_admin', hint = 'Make somebody else an admin first.';
    end if;
    delete from public.staff_invitations as invitations where invitations.invited_by = user_id;
  end if;
  update public.profiles as profiles set role = change_staff_role.role
  where profiles.id = user_id and profiles.role <> change_staff_role.role;
end $$;
comment on function private.change_staff_role is 'Give an account a role. Raises admin_only, bad_role, own_role, user_not_found, last_admin.';

-- Whoever comes by the database itself is an operator.
create or replace function private.raise_unless_admin()
returns void
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  if current_setting('role') in ('anon', 'authenticated') and not private.is_admin() then
    raise exception 'unable to act as an admin; this account is none'
      using errcode = 'PT403', detail = 'admin_only', hint = 'Sign in as an admin.';
  end if;
end $$;
comment on function private.raise_unless_admin is 'Refuse who is no admin and no operator. Raises admin_only.';

-- Where a project asks for no confirmation, Auth sets email_confirmed_at at the sign-up, whosever address it is.
create or replace function private.is_mailed(confirmation_sent_at timestamptz, app_meta_data jsonb)
returns boolean
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return confirmation_sent_at is not null
    or coalesce(app_meta_data ->> 'provider', 'email') not in ('email', 'phone', 'anonymous');
end $$;
comment on function private.is_mailed is 'Was a mail sent to confirm an account''s address, or does another provider vouch for it?';

-- Of two accounts with one address, the one whose address is proven least decides.
create or replace function public.find_account(email text)
returns jsonb
language sql
stable
security definer  -- nobody else reads auth.users
set search_path = ''
as $$
  select jsonb_build_object('email', accounts.email, 'seconds', accounts.seconds,
    'is_confirmed', accounts.is_confirmed, 'is_mailed', accounts.is_mailed,
    'ids', jsonb_agg(accounts.id) over (rows between unbounded preceding and unbounded following))
  from (
    select users.id, users.email, users.email_confirmed_at is not null as is_confirmed,
      private.is_mailed(users.confirmation_sent_at, users.raw_app_meta_data) as is_mailed,
      greatest(0, extract(epoch from now() - coalesce(users.created_at, now())))::bigint as seconds
    from auth.users as users join public.profiles as profiles using (id)
    where lower(users.email) = lower(find_account.email)
  ) as accounts
  order by accounts.is_mailed, accounts.seconds
  limit 1;
$$;
comment on function public.find_account is 'Whose account an address is, as far as it is known: {email, seconds (of age), is_confirmed, is_mailed, ids (of all that have it)}; null if it has none.';

create or replace function public.get_staff()
returns jsonb
language sql
stable
security definer  -- nobody else reads auth.users
set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object('email', coalesce(users.email, users.id::text), 'role', profiles.role)
    order by coalesce(users.email, users.id::text)), '[]')
  from public.profiles as profiles join auth.users as users using (id)
  where profiles.role in ('agent', 'admin');
$$;
comment on function public.get_staff is 'Everybody who is staff: [{email, role}].';
