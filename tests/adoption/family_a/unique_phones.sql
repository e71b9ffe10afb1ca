-- Where the original's twelfth migration ran.

update public.customer_profiles set phone = null where id = 'c0000000-0000-4000-8000-000000000003';
alter table public.customer_profiles add constraint customer_profiles_phone_key unique (phone);
