-- Purpose: who is to become staff once they sign up.
-- Touches: public.staff_invitations.
-- Locks:   none.
-- Undo:    drop table public.staff_invitations.

create table if not exists public.staff_invitations (
  id uuid primary key default gen_random_uuid(),
  email text not null unique,
  role text not null check (role in ('agent', 'admin')),
  -- Null: an operator. An invitation goes with whoever made it, and counts while they are an admin.
  invited_by uuid default auth.uid() references public.profiles (id) on delete cascade,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null default now() + interval '7 days'
);
comment on table public.staff_invitations is 'Who becomes staff when they sign up with this address and prove that it is theirs.';
create index if not exists staff_invitations_invited_by_idx on public.staff_invitations (invited_by);
alter table public.staff_invitations enable row level security;
