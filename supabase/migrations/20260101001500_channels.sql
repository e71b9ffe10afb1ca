-- Purpose: the doors through which customers come, as the inbox shows them.
-- Touches: public.communication_channels.
-- Undo:    drop table public.communication_channels.

create table if not exists public.communication_channels (
  id uuid primary key default gen_random_uuid(),
  name varchar(100) not null,
  type varchar(50) not null,
  status varchar(20) default 'active',
  configuration jsonb not null default '{}',
  webhook_url text,
  webhook_secret varchar(255),
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);

drop trigger if exists communication_channels_touch on public.communication_channels;
create trigger communication_channels_touch before update on public.communication_channels
  for each row execute function private.touch_updated_at();

alter table public.communication_channels enable row level security;
revoke all on public.communication_channels from anon, authenticated;
grant select on public.communication_channels to authenticated;
drop policy if exists "staff read the channels" on public.communication_channels;
create policy "staff read the channels" on public.communication_channels
  for select to authenticated using ((select private.is_staff()));
-- Secrets are no staff's business: a row that has one is refused.
alter table public.communication_channels drop constraint if exists communication_channels_no_secret;
alter table public.communication_channels add constraint communication_channels_no_secret
  check (webhook_secret is null) not valid;
