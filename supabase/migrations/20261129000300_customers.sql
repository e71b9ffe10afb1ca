-- Purpose: whoever writes to the team.
-- Touches: public.customer_profiles, private.phone_digits, private.current_customer_id.
-- Locks:   customer_profiles, while columns are added.
-- Undo:    drop function private.current_customer_id; drop table public.customer_profiles cascade.

create table if not exists public.customer_profiles (
  id uuid primary key default gen_random_uuid(),
  email varchar(255) unique,
  name varchar(255),
  phone varchar(50) unique,
  company varchar(255),
  location varchar(255),
  timezone varchar(50) default 'UTC',
  language varchar(10),
  tags text[] default '{}',
  custom_fields jsonb default '{}',
  preferences jsonb default '{}',
  total_conversations integer default 0,
  avg_satisfaction numeric(3, 2) default 0,
  satisfaction_rating numeric(3, 2),
  first_interaction timestamptz default now(),
  last_interaction timestamptz,
  notes text,
  status varchar(50) default 'active',
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);

-- `user_id` is the identity: e-mail and phone are filled by staff and channels alone, never from what a
-- visitor claims. `external_id` is a channel's or another system's name for the customer.
alter table public.customer_profiles
  add column if not exists user_id uuid references auth.users (id) on delete set null,
  add column if not exists external_id text;

-- Null until somebody has said what it is: the original's default, 'en', is a guess.
alter table public.customer_profiles alter column language drop default;

-- One phone is one customer, however it is written: with a plus or without, with spaces or none.
create or replace function private.phone_digits(phone text)
returns text
language sql
immutable
security invoker
set search_path = ''
as $$
  select nullif(regexp_replace(phone, '[^0-9]', '', 'g'), '');
$$;
comment on function private.phone_digits is 'The digits of a phone number: what makes two numbers the same.';

-- Of the original's customers with one phone the oldest keeps it; the others keep theirs as a note.
do $$
declare
  v_count bigint;
begin
  with ranked as (
    select id, row_number() over (
      partition by coalesce(private.phone_digits(phone), phone) order by created_at, id
    ) as place
    from public.customer_profiles where phone <> ''
  )
  update public.customer_profiles as customers
  set phone = null, custom_fields = case jsonb_typeof(custom_fields) when 'object' then custom_fields else '{}' end
    || jsonb_build_object('original_phone', phone)
  from ranked where ranked.id = customers.id and ranked.place > 1;
  get diagnostics v_count = row_count;
  if v_count > 0 then
    raise notice 'romashka: % customers had the phone of an older one; it is in custom_fields.original_phone now', v_count;
  end if;
  update public.customer_profiles set phone = null where phone = '';
end $$;
create unique index if not exists customer_profiles_phone_key on public.customer_profiles (phone);
create unique index if not exists customer_profiles_phone_digits_key
  on public.customer_profiles (private.phone_digits(phone));
create index if not exists customer_profiles_lower_email_idx on public.customer_profiles (lower(email));
create unique index if not exists customer_profiles_user_id_key on public.customer_profiles (user_id);
create unique index if not exists customer_profiles_external_id_key on public.customer_profiles (external_id);
alter table public.customer_profiles enable row level security;
