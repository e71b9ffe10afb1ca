-- Purpose: what one customer may store of files, and how often they may change their mind about a rating.
-- Touches: public.ai_settings, private.rating_changes.
-- Locks:   ai_settings, for a moment.
-- Undo:    drop table private.rating_changes; alter table public.ai_settings drop the four columns.

alter table public.ai_settings
  add column if not exists max_files_per_hour integer not null default 60 check (max_files_per_hour >= 1),
  add column if not exists max_megabytes_per_hour integer not null default 200 check (max_megabytes_per_hour >= 1),
  add column if not exists max_megabytes_per_customer integer not null default 1000
    check (max_megabytes_per_customer >= 1),
  add column if not exists max_ratings_per_hour integer not null default 30 check (max_ratings_per_hour >= 1);

-- Messages, conversations and files are counted as they lie there; a rating that replaces another one leaves nothing.
create table if not exists private.rating_changes (
  id bigint generated always as identity primary key,
  customer_id uuid not null references public.customer_profiles (id) on delete cascade,
  changed_at timestamptz not null
);
comment on table private.rating_changes is 'When customers rated in the last hour: what limits them counts.';
create index if not exists rating_changes_customer_id_idx on private.rating_changes (customer_id, changed_at);
alter table private.rating_changes enable row level security;
