-- Purpose: customers whom the page vouches for, on each of their devices; and where an answer is mailed to.
-- Touches: columns of public.customer_profiles and public.conversations; private.identity_secrets,
--          private.customer_sessions, private.conversation_offers, private.left_addresses, private.stopped_addresses.
-- Locks:   customer_profiles and conversations, for a moment.
-- Undo:    drop the tables; alter table public.customer_profiles drop column verified_id; alter table
--          public.conversations drop column answer_email.

-- The page's own name for a customer, once the page's server has signed it. Channels and staff say external_id: one of
-- theirs that reads the same is somebody else.
alter table public.customer_profiles add column if not exists verified_id text;
create unique index if not exists customer_profiles_verified_id_key on public.customer_profiles (verified_id);

-- What the page's server signs with. An old one goes on for a while, so that no page has to change in the same second.
create table if not exists private.identity_secrets (
  id uuid primary key default gen_random_uuid(),
  secret text,  -- null once it has run out
  created_at timestamptz not null default now(),
  expires_at timestamptz
);
comment on table private.identity_secrets is 'What signs the ids of customers: shown once, when it is made.';
alter table private.identity_secrets enable row level security;

-- A session is one person's. It goes with the secret that it was signed with, if that is taken away.
create table if not exists private.customer_sessions (
  user_id uuid primary key references auth.users (id) on delete cascade,
  customer_id uuid not null references public.customer_profiles (id) on delete cascade,
  secret_id uuid not null references private.identity_secrets (id) on delete cascade,
  identified_at timestamptz not null default now()
);
comment on table private.customer_sessions is 'Anonymous users who are a customer that the page vouches for.';
create index if not exists customer_sessions_customer_id_idx on private.customer_sessions (customer_id, identified_at);
create index if not exists customer_sessions_secret_id_idx on private.customer_sessions (secret_id);
alter table private.customer_sessions enable row level security;

create table if not exists private.conversation_offers (
  customer_id uuid primary key references public.customer_profiles (id) on delete cascade,
  digest bytea not null unique,  -- of the token
  expires_at timestamptz not null
);
comment on table private.conversation_offers is 'Visitors who said that whoever has the token may have their open conversations.';
alter table private.conversation_offers enable row level security;

-- What the customer left so that the answer finds them: a claim, as every address that is typed.
alter table public.conversations add column if not exists answer_email text;

create table if not exists private.left_addresses (
  id bigint generated always as identity primary key,
  conversation_id uuid not null references public.conversations (id) on delete cascade,
  customer_id uuid not null references public.customer_profiles (id) on delete cascade,
  digest bytea not null,  -- of the address
  left_at timestamptz not null default now(),
  mailed_at timestamptz,  -- the last time
  unanswered integer not null default 0  -- mails since its owner wrote last
);
comment on table private.left_addresses is 'When which address was left, and mailed to: what bounds both counts.';
create index if not exists left_addresses_conversation_id_idx on private.left_addresses (conversation_id, id desc);
create index if not exists left_addresses_customer_id_idx on private.left_addresses (customer_id, left_at);
create index if not exists left_addresses_digest_idx on private.left_addresses (digest, left_at);
alter table private.left_addresses enable row level security;

create table if not exists private.stopped_addresses (
  digest bytea primary key,
  stopped_at timestamptz not null default now()
);
comment on table private.stopped_addresses is 'Addresses whose owners want no mails of conversations that they did not begin by mail.';
alter table private.stopped_addresses enable row level security;
