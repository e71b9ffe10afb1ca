-- Purpose: who is staff, for operators: `romashka staff`, by the API as well as by the database.
-- Touches: find_account, set_staff_role, get_staff.
-- Undo:    drop the functions.

-- Of two accounts with one address, the one whose address is proven least decides.
create or replace function public.find_account(email text)
returns jsonb
language sql
stable
security definer  -- nobody else reads auth.users
set search_path = ''
as $$
  select jsonb_build_object('email', accounts.email, 'seconds', accounts.seconds,
    'is_confirmed', accounts.is_confirmed, 'is_mailed', accounts.is_mailed)
  from (
    select users.email, users.email_confirmed_at is not null as is_confirmed,
      users.confirmation_sent_at is not null
        or coalesce(users.raw_app_meta_data ->> 'provider', 'email') not in ('email', 'phone', 'anonymous') as is_mailed,
      greatest(0, extract(epoch from now() - coalesce(users.created_at, now())))::bigint as seconds
    from auth.users as users join public.profiles as profiles using (id)
    where lower(users.email) = lower(find_account.email)
  ) as accounts
  order by accounts.is_mailed, accounts.seconds
  limit 1;
$$;
comment on function public.find_account is 'Whose account an address is, as far as it is known: {email, seconds (of age), is_confirmed, is_mailed}; null if it has none.';

create or replace function public.set_staff_role(email text, role text)
returns integer
language plpgsql
volatile
security definer  -- nobody else reads auth.users
set search_path = ''
as $$
declare
  v_count integer;
begin
  update public.profiles as profiles set role = set_staff_role.role from auth.users as users
  where users.id = profiles.id and lower(users.email) = lower(set_staff_role.email);
  get diagnostics v_count = row_count;
  return v_count;
end $$;
comment on function public.set_staff_role is 'Give the accounts of an address a role: agent, admin or user; returns how many there are.';

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
