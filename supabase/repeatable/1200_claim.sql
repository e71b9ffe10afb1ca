-- Purpose: how a worker gets jobs and keeps them.
-- Touches: get_next_ai_response_job, extend_ai_response_leases.
-- Locks:   conversations and their jobs: those of expired leases, then by priority and age (skip locked). A heartbeat
--          locks jobs alone (skip locked). Claims that wait take one of two advisory locks.

drop policy if exists "only the functions below" on private.workers;
create policy "only the functions below" on private.workers for all to service_role using (false);

create or replace function private.find_or_create_worker(worker_id text)
returns integer
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_id integer := (select workers.id from private.workers as workers where workers.name = worker_id);
begin
  if v_id is null and worker_id is not null then
    insert into private.workers (name) values (worker_id) on conflict do nothing;
    v_id := (select workers.id from private.workers as workers where workers.name = worker_id);
  end if;
  return v_id;
end $$;
comment on function private.find_or_create_worker is 'The number by which jobs name a worker; null without a name.';

-- Claims up to max_jobs: expired leases first (the same job again, one attempt more), then what waits, by
-- priority and age. What another session has locked is left to that session; what is within a second of its deadline,
-- to the sweep.
-- `lease` null: until the job's deadline.
create or replace function private.claim_jobs(worker integer, max_jobs integer, lease interval)
returns uuid[]
language plpgsql
volatile
security invoker
set search_path = ''
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_job_ids uuid[];
begin
  with expired as materialized (
    select jobs.id from public.ai_response_queue as jobs
    join public.conversations as conversations on conversations.id = jobs.conversation_id
    where jobs.status = 'processing' and jobs.leased_until <= v_now and jobs.attempt < jobs.max_retries
      and jobs.deadline > v_now + interval '1 second' and (jobs.set_aside_until <= v_now) is not false
    limit max_jobs
    for no key update of conversations, jobs skip locked
  ), waiting as materialized (
    select jobs.id from public.ai_response_queue as jobs
    join public.conversations as conversations on conversations.id = jobs.conversation_id
    where jobs.status = 'pending' and jobs.process_after <= v_now and jobs.deadline > v_now + interval '1 second' and (
      select true from public.ai_response_queue as running
      where running.conversation_id = jobs.conversation_id and running.status = 'processing'
    ) is null
    order by jobs.priority, jobs.process_after limit max_jobs - (select count(*) from expired)
    for no key update of conversations, jobs skip locked
  ), claimed as (
    update public.ai_response_queue as jobs
    set status = 'processing', attempt = jobs.attempt + 1, retry_count = jobs.attempt, leased_to = worker,
      leased_until = coalesce(v_now + lease, jobs.deadline), processed_at = v_now
    from (select id from expired union all select id from waiting) as ready
    where jobs.id = ready.id
    returning jobs.id
  )
  select array_agg(claimed.id) into v_job_ids from claimed;
  return v_job_ids;
end $$;
comment on function private.claim_jobs is 'Lease jobs to a worker; returns their ids.';

-- Only a channel says so: what a customer inserts has no external id.
create or replace function private.is_placeholder(message public.messages)
returns boolean
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return message.external_message_id is not null
    and coalesce(message.metadata @> '{"is_placeholder": true}', false);
end $$;
comment on function private.is_placeholder is 'Did the customer send something without a word, for which the channel wrote a text?';

create or replace function private.conversation_context(conversation public.conversations, up_to bigint)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return jsonb_build_object('channel_type', conversation.channel_type, 'language', conversation.language,
    'default_language', private.default_language(conversation.channel_id),
    'requires_human', coalesce(conversation.requires_human, false),
    'priority', conversation.priority, 'department', conversation.department, 'intent', conversation.intent,
    'sentiment', conversation.sentiment, 'message_count', conversation.message_count,
    'was_asked_since', exists (  -- by the turn before, while this one was written
      select from public.messages
      where messages.conversation_id = conversation.id and messages.position > up_to
        -- a plain condition fits the index of all answers, which few statistics make look small
        and case messages.sender_type when 'ai' then messages.metadata ? 'choices' end
    ),
    'recent_messages', (
      select coalesce(jsonb_agg(jsonb_build_object('id', recent.id, 'content', recent.content,
        'sender_type', recent.sender_type, 'kind', recent.metadata ->> 'kind',
        'created_at', recent.created_at) || jsonb_strip_nulls(jsonb_build_object(
          'is_placeholder', nullif(recent.is_placeholder, false),
          -- of another form they are a frontend's own, from before
          'choices', case when recent.sender_type = 'ai' and recent.metadata ? 'choices'
              and private.are_choices(recent.metadata -> 'choices')
            then recent.metadata -> 'choices' end,
          'choice', case when recent.sender_type = 'user' and recent.metadata -> 'choice' ? 'message_id'
            then recent.metadata -> 'choice' end
        )) order by recent.position), '[]')
      from (
        select messages.*, private.is_placeholder(messages) as is_placeholder from public.messages as messages
        where messages.conversation_id = conversation.id and messages.position <= up_to
        order by messages.position desc limit 10
      ) as recent
    ));
end $$;
comment on function private.conversation_context is 'What a responder is told about a conversation, with its newest ten messages up to a position.';

-- For a turn that a return to the AI opened: guards look at what was written since the return alone, as a human has
-- seen the rest.
create or replace function private.return_context(job public.ai_response_queue, up_to bigint)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return case when job.is_return then jsonb_build_object('written_since_return', (
    select coalesce(string_agg(messages.content, e'\n' order by messages.position), '')
    from public.messages as messages
    where messages.conversation_id = job.conversation_id and messages.sender_type = 'user'
      and messages.position <= up_to and messages.created_at > job.turn_started_at
      and not private.is_placeholder(messages)
  )) else '{}' end;
end $$;
comment on function private.return_context is 'What the customer has written since a conversation was returned to the AI.';

-- The workers that stream now share one budget.
create or replace function private.worker_settings(worker integer)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return (
    select to_jsonb(settings) - 'handover_texts' || jsonb_build_object('stream_budget_per_second',
      greatest(1, settings.stream_budget_per_second / (1 + others.count)))
    from public.ai_settings as settings, (
      select count(distinct jobs.leased_to) from public.ai_response_queue as jobs
      where jobs.status = 'processing' and jobs.leased_until > clock_timestamp()
        and jobs.leased_to <> worker_settings.worker
    ) as others
  );
end $$;
comment on function private.worker_settings is 'The settings, with this worker''s part of the stream budget.';

create or replace function private.customer_context(customer public.customer_profiles)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return jsonb_build_object('id', customer.id, 'name', customer.name, 'email', customer.email,
    'phone', customer.phone, 'total_conversations', customer.total_conversations,
    'satisfaction_rating', customer.satisfaction_rating, 'preferences', customer.preferences,
    'language', customer.language);
end $$;
comment on function private.customer_context is 'What a responder is told about a customer.';

create or replace function private.find_place_to_wait()
returns boolean
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  return pg_try_advisory_xact_lock(hashtextextended('romashka:waiting:1', 0))
    or pg_try_advisory_xact_lock(hashtextextended('romashka:waiting:2', 0));
end $$;
comment on function private.find_place_to_wait is 'Take one of the two places for claims that wait, until the transaction ends.';

-- With wait_seconds it looks again every 25 ms until there is something. It is one transaction: what it claims is seen by
-- nobody, and stays locked, until it returns. So it returns as soon as it has locked anything, even a conversation whose
-- job somebody else was quicker to settle or to prolong: its customer could not write meanwhile. Each that waits holds a
-- connection of the API's pool: two may, in the whole database; the others are answered at once, and come again.
create or replace function private.claim_for_worker(
  worker_id text, max_jobs integer, lease_seconds numeric, wait_seconds numeric
)
returns table (
  job_id uuid, conversation_id uuid, message_id uuid, user_message text, conversation_context jsonb,
  customer_profile jsonb, priority integer, attempt integer, turn_id uuid, deadline timestamptz,
  budget_ms integer, settings jsonb
)
language plpgsql
volatile
security definer  -- only these functions write leases
set search_path = ''
-- The queue's size changes by the minute, its statistics by the hour: so there is one plan, which goes by indexes.
set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
set enable_hashjoin = off set enable_mergejoin = off
set jit = off  -- before version 18 a plan of what is turned off costs so much that JIT would compile it
as $$
#variable_conflict use_column
declare
  v_give_up_at timestamptz := clock_timestamp() + make_interval(secs => claim_for_worker.wait_seconds);
  v_worker integer;
  v_job_ids uuid[];
  v_may_wait boolean := false;
begin
  if (claim_for_worker.max_jobs between 1 and 100
      and coalesce(claim_for_worker.lease_seconds, 2) between 0.1 and 60
      and claim_for_worker.wait_seconds between 0 and 25) is not true then
    raise exception 'unable to claim jobs; max_jobs is 1 to 100, lease_seconds 0.1 to 60, wait_seconds 0 to 25'
      using errcode = 'PT400', detail = 'bad_claim', hint = 'Leave a parameter out to have its default.';
  end if;
  v_worker := private.find_or_create_worker(claim_for_worker.worker_id);
  loop
    v_job_ids := private.claim_jobs(v_worker, claim_for_worker.max_jobs,
      make_interval(secs => claim_for_worker.lease_seconds));
    -- There is a transaction id as soon as a row was locked or written.
    exit when pg_current_xact_id_if_assigned() is not null or clock_timestamp() >= v_give_up_at;
    v_may_wait := v_may_wait or private.find_place_to_wait();
    exit when not v_may_wait;
    perform pg_sleep(0.025);
  end loop;
  -- A statement of its own: it sees what the claim wrote, and what was committed just before.
  return query
  select jobs.id, jobs.conversation_id, jobs.message_id, jobs.user_message,
    private.conversation_context(conversations, messages.position) || private.return_context(jobs, messages.position),
    private.customer_context(customers),
    jobs.priority, jobs.attempt, jobs.turn_id, jobs.deadline,
    private.milliseconds(jobs.deadline - clock_timestamp()),
    (select private.worker_settings(v_worker))
  from public.ai_response_queue as jobs
  join public.conversations as conversations on conversations.id = jobs.conversation_id
  join public.messages as messages on messages.id = jobs.message_id
  left join public.customer_profiles as customers on customers.id = conversations.customer_id
  where jobs.id = any (v_job_ids)
  order by jobs.priority, jobs.turn_started_at;
end $$;
comment on function private.claim_for_worker is 'Claim jobs, waiting for them if asked. Raises bad_claim.';

-- The bare call is the original's: one job, leased to its deadline. The original's worker runs in every browser, whoever
-- is signed in there: it gets no job, and no error either, which it would show twice a second.
create or replace function public.get_next_ai_response_job(
  worker_id text default null, max_jobs integer default 1, lease_seconds numeric default null,
  wait_seconds numeric default 0
)
returns table (
  job_id uuid, conversation_id uuid, message_id uuid, user_message text, conversation_context jsonb,
  customer_profile jsonb, priority integer, attempt integer, turn_id uuid, deadline timestamptz,
  budget_ms integer, settings jsonb
)
language plpgsql
volatile
security invoker
set search_path = ''
set statement_timeout = '30s'  -- hosted projects cancel at 8 s otherwise
as $$
begin
  if pg_has_role(current_user, 'service_role', 'usage') then
    return query select * from private.claim_for_worker(worker_id, max_jobs, lease_seconds, wait_seconds);
  elsif current_setting('romashka.browser_worker', true) is distinct from 'told' then  -- once a connection
    perform set_config('romashka.browser_worker', 'told', false);
    raise warning 'romashka: a worker in a browser asks for jobs, and gets none; romashka worker answers';
  end if;
end $$;
comment on function public.get_next_ai_response_job is 'Claim jobs for a worker, waiting for them if asked; none for anybody else. Raises bad_claim.';

-- A heartbeat never waits: a locked job is being settled or ended, and the next heartbeat is told how.
create or replace function public.extend_ai_response_leases(worker_id text, jobs jsonb, lease_seconds numeric default 2)
returns table (job_id uuid, is_held boolean)
language plpgsql
volatile
security definer  -- only these functions write leases
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_worker integer := (
    select workers.id from private.workers as workers where workers.name = extend_ai_response_leases.worker_id
  );
  v_leased_until timestamptz := clock_timestamp() + make_interval(secs => extend_ai_response_leases.lease_seconds);
begin
  if (extend_ai_response_leases.lease_seconds between 0 and 60) is not true
    or jsonb_typeof(extend_ai_response_leases.jobs) is distinct from 'array' then
    raise exception 'unable to extend leases; jobs is an array of {job_id, attempt}, lease_seconds 0 to 60'
      using errcode = 'PT400', detail = 'bad_claim', hint = 'Send lease_seconds 0 to give the jobs back.';
  end if;
  with held as materialized (
    select queue.id from public.ai_response_queue as queue
    join jsonb_to_recordset(extend_ai_response_leases.jobs) as asked (job_id uuid, attempt integer)
      on queue.id = asked.job_id and queue.attempt = asked.attempt
    where queue.status = 'processing' and queue.leased_to = v_worker
    order by queue.id for update of queue skip locked
  )
  update public.ai_response_queue as queue set leased_until = v_leased_until
  from held where held.id = queue.id;

  return query
  select asked.job_id, coalesce(queue.status = 'processing' and queue.attempt = asked.attempt
    and queue.leased_to = v_worker, false)
  from jsonb_to_recordset(extend_ai_response_leases.jobs) as asked (job_id uuid, attempt integer)
  left join public.ai_response_queue as queue on queue.id = asked.job_id;
end $$;
comment on function public.extend_ai_response_leases is 'Prolong leases, or give jobs back; says which are still held. Raises bad_claim.';
