-- Purpose: who works on a job, by a number: customers read the jobs of their conversation, and a worker's name tells of
--          a team's machines.
-- Touches: public.ai_response_queue, private.workers.
-- Locks:   ai_response_queue, for a moment. A job that is being answered meanwhile is claimed again when its lease ends.
-- Undo:    drop table private.workers.

create table if not exists private.workers (
  id integer primary key generated always as identity,
  name text not null unique,
  first_seen_at timestamptz not null default now()
);
comment on table private.workers is 'The names of the workers that have claimed jobs.';
alter table private.workers enable row level security;

alter table public.ai_response_queue
  drop column if exists leased_by,
  add column if not exists leased_to integer;  -- of private.workers; null while processing: the original's bare claim
