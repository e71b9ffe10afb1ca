-- Purpose: the queue: one job is one turn to be answered. States and transitions: docs/job-states.md.
-- Touches: public.ai_response_queue.
-- Locks:   ai_response_queue, while columns are added.
-- Undo:    drop table public.ai_response_queue.

create table if not exists public.ai_response_queue (
  id uuid primary key default gen_random_uuid(),
  conversation_id uuid not null references public.conversations (id) on delete cascade,
  message_id uuid not null references public.messages (id) on delete cascade,
  user_message text not null,
  status varchar(20) default 'pending' check (status in ('pending', 'processing', 'completed', 'failed')),
  priority integer default 3 check (priority between 1 and 5),
  retry_count integer default 0,
  max_retries integer default 3,
  ai_response text,
  ai_confidence numeric(3, 2),
  response_time_ms integer,
  error_message text,
  created_at timestamptz default now(),
  process_after timestamptz default now(),
  processed_at timestamptz,
  completed_at timestamptz
);

-- Every claim and settle updates a row in place; its page should have room for that.
alter table public.ai_response_queue
  set (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

alter table public.ai_response_queue
  -- The turn: its first message, when that came, and when it must be answered. A job that supersedes
  -- another inherits all three.
  add column if not exists turn_id uuid,
  add column if not exists turn_started_at timestamptz,
  add column if not exists deadline timestamptz,
  -- The claim: each is a new attempt, and the number fences off the older ones.
  add column if not exists attempt integer not null default 0,
  add column if not exists leased_by text,  -- null while processing: the original's bare claim
  add column if not exists leased_until timestamptz,
  add column if not exists outcome text,
  -- The turn that a return to the AI opened: guards look only at what is written after it.
  add column if not exists is_return boolean not null default false,
  -- A job that cannot be settled (a trigger of the project's refuses it) is left alone until then; private.set_aside_reasons
  -- says why.
  add column if not exists set_aside_until timestamptz,
  add column if not exists set_aside_count integer not null default 0;

-- Jobs from before Romashka: nobody gets a message about an old one.
do $$
declare
  v_count bigint;
begin
  update public.ai_response_queue
  set status = 'failed', completed_at = coalesce(completed_at, now()), outcome = 'superseded'
  where (status is null or status in ('pending', 'processing')) and turn_id is null;
  get diagnostics v_count = row_count;
  if v_count > 0 then
    raise notice 'romashka: settled % old open jobs as superseded, without a message', v_count;
  end if;
end $$;

update public.ai_response_queue
set outcome = case status when 'completed' then 'replied' else 'superseded' end
where outcome is null and status in ('completed', 'failed');

do $$
declare
  v_name text;
begin
  foreach v_name in array array['leased_while_processing', 'settled_with_outcome', 'open_with_turn'] loop
    execute format('alter table public.ai_response_queue drop constraint if exists ai_response_queue_%s', v_name);
  end loop;
end $$;

alter table public.ai_response_queue
  add constraint ai_response_queue_leased_while_processing
    check ((status = 'processing') = (leased_until is not null)),
  add constraint ai_response_queue_settled_with_outcome
    check (outcome is null and status in ('pending', 'processing')
      or outcome in ('replied', 'escalated') and status = 'completed'
      or outcome in ('superseded', 'taken_over') and status = 'failed'),
  add constraint ai_response_queue_open_with_turn
    check (status in ('completed', 'failed')
      or turn_id is not null and turn_started_at is not null and deadline is not null);

-- One turn waits, one is being answered.
create unique index if not exists ai_response_queue_one_pending
  on public.ai_response_queue (conversation_id) where status = 'pending';
create unique index if not exists ai_response_queue_one_processing
  on public.ai_response_queue (conversation_id) where status = 'processing';

-- What a claim looks at: its cost does not grow with the history.
create index if not exists ai_response_queue_claimable
  on public.ai_response_queue (priority, process_after) where status = 'pending';
-- None of leased_until: each heartbeat would write it. Few jobs are processing, and one_processing finds them.
drop index if exists public.ai_response_queue_leases;
create index if not exists ai_response_queue_set_aside
  on public.ai_response_queue (conversation_id) where set_aside_until is not null;
create index if not exists ai_response_queue_deadlines
  on public.ai_response_queue (deadline) where status in ('pending', 'processing');
create index if not exists ai_response_queue_conversation_id_idx
  on public.ai_response_queue (conversation_id, created_at desc);
-- Jobs come in about this order; a claim and a settle write no entry of a block range.
create index if not exists ai_response_queue_turn_started_at_idx
  on public.ai_response_queue using brin (turn_started_at) with (pages_per_range = 32);
-- What goes after a month.
create index if not exists ai_response_queue_completed_at_idx
  on public.ai_response_queue using brin (completed_at) with (pages_per_range = 32);
create index if not exists ai_response_queue_message_id_idx on public.ai_response_queue (message_id);
alter table public.ai_response_queue enable row level security;

-- What a worker sends of each job.
do $$
begin
  if to_regtype('private.result') is null then
    create type private.result as (
      job_id uuid, attempt integer, action text, reason text, ai_response text, confidence numeric,
      response_time_ms integer, intent text, sentiment text, language text, knowledge_sources jsonb,
      tokens_used integer, model text
    );
  end if;
end $$;

-- Why a job is put aside, in the words of whatever refused it.
create table if not exists private.set_aside_reasons (
  job_id uuid primary key references public.ai_response_queue (id) on delete cascade,
  reason text not null,
  noted_at timestamptz not null default now()
);
comment on table private.set_aside_reasons is 'Why the database refuses to settle a job.';
alter table private.set_aside_reasons enable row level security;

-- What the worker saw, decided and took, as it tells it. It goes when its job goes.
create table if not exists private.job_traces (
  job_id uuid not null references public.ai_response_queue (id) on delete cascade,
  attempt integer not null,
  recorded_at timestamptz not null default now(),
  trace jsonb not null,
  primary key (job_id, attempt)
);
comment on table private.job_traces is 'What each attempt at a job saw, decided and took.';
alter table private.job_traces enable row level security;
