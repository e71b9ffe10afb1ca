-- Purpose: what the original's screens read and the core lacks: tables, columns and a view over ours. Installed by
--          choice (`romashka migrate --with original`), after every other file, and again with each migration.
-- Touches: typing_indicators, conversation_metrics, knowledge_categories, knowledge_versions, knowledge_analytics,
--          agent_availability, daily_metrics; columns of profiles, knowledge_items and conversation_notes; triggers on
--          these and on conversations; publication supabase_realtime; the privileges on all of it.
-- Locks:   those tables and the ones that they refer to, while columns, keys and triggers are made.
-- Undo:    drop these tables, the view, the columns, and the functions below with `cascade` (their triggers);
--          nothing of the core's uses any of it.

-- Tables of these names that a project has already, as the original does, are taken over once (their comment says so
-- afterwards): rows and columns stay; who may do what is said below, and nothing permissive stays beside it.
do $$
declare
  v_table record;
  v_policy record;
begin
  for v_table in
    select tables.oid as id, tables.relname as name, tables.relrowsecurity as is_guarded from pg_class as tables
    where tables.relnamespace = 'public'::regnamespace and tables.relkind in ('r', 'p')
      and tables.relname in ('typing_indicators', 'conversation_metrics', 'knowledge_categories', 'knowledge_versions',
        'knowledge_analytics', 'agent_availability', 'daily_metrics')
      and coalesce(obj_description(tables.oid, 'pg_class'), '') not like 'The original''s, by Romashka: %'
    order by tables.relname
  loop
    for v_policy in select polname from pg_policy where polrelid = v_table.id order by polname loop
      execute format('drop policy %I on public.%I', v_policy.polname, v_table.name);
      raise notice 'romashka: dropped policy "%" on %', v_policy.polname, v_table.name;
    end loop;
    if not v_table.is_guarded then
      raise notice 'romashka: row-level security of % was off and is on now', v_table.name;
    end if;
    execute format('alter table public.%I enable row level security', v_table.name);
    raise notice 'romashka: % keeps its rows; who reads and writes them is Romashka''s to say now', v_table.name;
  end loop;
end $$;

-- Tables: one column at a time, since an original has most of them.

create table if not exists public.typing_indicators (id uuid primary key default gen_random_uuid());
comment on table public.typing_indicators is 'The original''s, by Romashka: who types in which conversation.';
alter table public.typing_indicators
  add column if not exists user_id text not null,
  add column if not exists conversation_id uuid,
  add column if not exists is_typing boolean default false,
  add column if not exists last_activity timestamptz default now(),
  add column if not exists created_at timestamptz default now(),
  add column if not exists updated_at timestamptz default now();

create table if not exists public.conversation_metrics (id uuid primary key default gen_random_uuid());
comment on table public.conversation_metrics is
  'The original''s, by Romashka: what a chat widget says of a conversation. Claims of its customer: get_messaging_slo knows better.';
alter table public.conversation_metrics
  add column if not exists conversation_id varchar(255) not null,
  add column if not exists ai_handled boolean default false,
  add column if not exists escalated_to_human boolean default false,
  add column if not exists customer_satisfaction integer check (customer_satisfaction between 1 and 5),
  add column if not exists response_time_ms integer default 0,
  add column if not exists message_count integer default 0,
  add column if not exists resolution_status varchar(20) default 'pending'
    check (resolution_status in ('resolved', 'pending', 'escalated', 'abandoned')),
  add column if not exists session_start timestamptz default now(),
  add column if not exists session_end timestamptz,
  add column if not exists created_at timestamptz default now(),
  add column if not exists updated_at timestamptz default now();

create table if not exists public.knowledge_categories (id uuid primary key default gen_random_uuid());
comment on table public.knowledge_categories is 'The original''s, by Romashka: how its pages sort the knowledge base.';
alter table public.knowledge_categories
  add column if not exists name varchar(255) not null,
  add column if not exists description text,
  add column if not exists parent_id uuid,
  add column if not exists order_index integer default 0,
  add column if not exists icon varchar(100),
  add column if not exists color varchar(20),
  add column if not exists is_active boolean default true,
  add column if not exists created_at timestamptz default now(),
  add column if not exists updated_at timestamptz default now();

create table if not exists public.knowledge_versions (id uuid primary key default gen_random_uuid());
comment on table public.knowledge_versions is 'The original''s, by Romashka: earlier texts of knowledge items. Nothing here writes it.';
alter table public.knowledge_versions
  add column if not exists knowledge_item_id uuid,
  add column if not exists version integer not null,
  add column if not exists content text not null,
  add column if not exists changes_description text,
  add column if not exists created_by uuid,
  add column if not exists created_at timestamptz default now();

create table if not exists public.knowledge_analytics (id uuid primary key default gen_random_uuid());
comment on table public.knowledge_analytics is 'The original''s, by Romashka: whether knowledge items helped. Nothing here writes it.';
alter table public.knowledge_analytics
  add column if not exists knowledge_item_id uuid,
  add column if not exists conversation_id uuid,
  add column if not exists was_helpful boolean,
  add column if not exists feedback_text text,
  add column if not exists usage_context varchar(100),
  add column if not exists created_at timestamptz default now();

create table if not exists public.agent_availability (id uuid primary key default gen_random_uuid());
comment on table public.agent_availability is 'The original''s, by Romashka: which of the staff are there, as they say themselves.';
alter table public.agent_availability
  add column if not exists agent_id uuid not null,
  add column if not exists is_online boolean default false,
  add column if not exists status varchar(50) default 'available',
  add column if not exists max_concurrent_chats integer default 5,
  add column if not exists current_chat_count integer default 0,
  add column if not exists last_activity timestamptz default now(),
  add column if not exists auto_away_time integer default 300,
  add column if not exists working_hours jsonb default '{}',
  add column if not exists created_at timestamptz default now(),
  add column if not exists updated_at timestamptz default now();

-- Columns of ours.

alter table public.profiles
  add column if not exists onboarding_completed boolean default false,
  add column if not exists onboarding_data jsonb default '{}',
  add column if not exists website_url text;
alter table public.knowledge_items
  add column if not exists confidence_score numeric(3, 2) default 0.8,
  add column if not exists version integer default 1,
  add column if not exists file_path text,
  add column if not exists created_by uuid,
  add column if not exists updated_by uuid;
alter table public.conversation_notes
  add column if not exists note text,
  add column if not exists agent_id uuid,
  add column if not exists is_internal boolean default true,
  add column if not exists updated_at timestamptz default now();

-- Who typed a day ago is of no interest, nor the same person twice: states of seconds, not a history.
delete from public.typing_indicators as old
where old.updated_at < now() - interval '1 day' or exists (
  select from public.typing_indicators as same
  where same.user_id = old.user_id and same.conversation_id = old.conversation_id and same.ctid > old.ctid
);

-- Keys, under whatever name they are there already. Where rows contradict one, the rows stay.
do $$
declare
  v_wanted record;
  v_name text;
begin
  for v_wanted in
    select * from (values ('typing_indicators', array['conversation_id', 'user_id']),
      ('conversation_metrics', array['conversation_id']), ('agent_availability', array['agent_id'])
    ) as wanted (table_name, columns)
    where not exists (
      select from pg_index as indexes
      where indexes.indrelid = format('public.%I', wanted.table_name)::regclass and indexes.indisunique
        and indexes.indpred is null and wanted.columns = (
          select array_agg(columns.attname::text order by columns.attname) from pg_attribute as columns
          where columns.attrelid = indexes.indrelid and columns.attnum = any (indexes.indkey))
    )
  loop
    begin
      execute format('create unique index on public.%I (%s)', v_wanted.table_name, array_to_string(v_wanted.columns, ', '));
    exception when unique_violation then
      raise notice 'romashka: % has rows with the same %; they stay, and nothing keeps more from coming',
        v_wanted.table_name, array_to_string(v_wanted.columns, ', ');
    end;
  end loop;

  -- What the pages embed, PostgREST finds by its foreign key.
  for v_wanted in
    select wanted.*, format('public.%I', wanted.table_name)::regclass as id, columns.attnum as place
    from (values ('knowledge_items', 'category_id', 'knowledge_categories', 'set null'),
      ('knowledge_categories', 'parent_id', 'knowledge_categories', 'set null'),
      ('knowledge_versions', 'knowledge_item_id', 'knowledge_items', 'cascade'),
      ('knowledge_analytics', 'knowledge_item_id', 'knowledge_items', 'cascade'),
      ('knowledge_analytics', 'conversation_id', 'conversations', 'set null'),
      ('typing_indicators', 'conversation_id', 'conversations', 'cascade'),
      ('agent_availability', 'agent_id', 'profiles', 'cascade'),
      ('conversation_notes', 'agent_id', 'profiles', 'set null')
    ) as wanted (table_name, column_name, target, on_delete)
    join pg_attribute as columns on columns.attrelid = format('public.%I', wanted.table_name)::regclass
      and columns.attname = wanted.column_name
  loop
    if not exists (
      select from pg_index as indexes where indexes.indrelid = v_wanted.id and indexes.indkey[0] = v_wanted.place
    ) then
      execute format('create index on public.%I (%I)', v_wanted.table_name, v_wanted.column_name);
    end if;
    if not exists (
      select from pg_constraint as keys where keys.conrelid = v_wanted.id and keys.contype = 'f'
        and keys.confrelid = format('public.%I', v_wanted.target)::regclass and keys.conkey = array[v_wanted.place]
    ) then
      execute format('alter table public.%I add foreign key (%I) references public.%I (id) on delete %s not valid',
        v_wanted.table_name, v_wanted.column_name, v_wanted.target, v_wanted.on_delete);
      select keys.conname into v_name from pg_constraint as keys where keys.conrelid = v_wanted.id
        and keys.contype = 'f' and keys.conkey = array[v_wanted.place] and not keys.convalidated;
      begin
        execute format('alter table public.%I validate constraint %I', v_wanted.table_name, v_name);
      exception when foreign_key_violation then
        raise notice 'romashka: rows of % have a % that is not in %; they keep it, new ones may not',
          v_wanted.table_name, v_wanted.column_name, v_wanted.target;
      end;
    end if;
  end loop;

  -- One subscription of the widget names messages and this table: Realtime refuses both where one is not published.
  if not exists (
    select from pg_publication_tables
    where pubname = 'supabase_realtime' and schemaname = 'public' and tablename = 'typing_indicators'
  ) then
    alter publication supabase_realtime add table public.typing_indicators;
  end if;
end $$;

-- Who is staff has nothing to fill in: the original's pages send everybody else to its onboarding.
create or replace function private.complete_onboarding_of_staff()
returns trigger
language plpgsql
security invoker
set search_path = ''
as $$
begin
  new.onboarding_completed := coalesce(new.onboarding_completed, false) or coalesce(new.role in ('agent', 'admin'), false);
  return new;
end $$;
comment on function private.complete_onboarding_of_staff is 'Staff have completed the onboarding.';

create or replace trigger profiles_complete_onboarding before insert or update of role, onboarding_completed
  on public.profiles for each row execute function private.complete_onboarding_of_staff();

-- A row for each of the staff, which their page then updates; who no longer is has gone.
create or replace function private.keep_availability()
returns trigger
language plpgsql
security definer  -- the row is the agent's own, whoever gave the role
set search_path = ''
as $$
begin
  if new.role in ('agent', 'admin') then
    insert into public.agent_availability (agent_id)
    select new.id where not exists (
      select from public.agent_availability as present where present.agent_id = new.id
    )
    on conflict do nothing;
  else
    update public.agent_availability as gone set is_online = false where gone.agent_id = new.id and gone.is_online;
  end if;
  return null;
end $$;
comment on function private.keep_availability is 'Give who becomes staff a row of agent_availability; take who no longer is offline.';

create or replace trigger profiles_keep_availability after update of role on public.profiles
  for each row when (new.role is distinct from old.role) execute function private.keep_availability();

-- An upsert must be allowed to insert, even where the row is there: for whoever has one alone.
create or replace function private.has_profile()
returns boolean
language sql
stable
security definer  -- a policy on profiles that read profiles would call itself
set search_path = ''
as $$
  select exists (select from public.profiles as profiles where profiles.id = auth.uid());
$$;
comment on function private.has_profile is 'Has the caller a profile?';

-- The Conversations page calls a method of each of the three, and one null ends it for all staff.
create or replace function private.fill_names_of_conversation()
returns trigger
language plpgsql
security invoker  -- of the customer, what whoever opens it may read
set search_path = ''
as $$
begin
  if tg_op = 'INSERT' and (new.user_name is null or new.user_email is null) then
    select coalesce(new.user_name, new.customer_name, customers.name), coalesce(new.user_email, customers.email)
    into new.user_name, new.user_email
    from (values (0)) as one left join public.customer_profiles as customers on customers.id = new.customer_id;
  end if;
  new.user_name := coalesce(new.user_name, '');
  new.user_email := coalesce(new.user_email, '');
  new.last_message := coalesce(new.last_message, '');
  return new;
end $$;
comment on function private.fill_names_of_conversation is 'No name, no e-mail and no message are empty, not null.';

create or replace trigger conversations_fill_names before insert or update on public.conversations
  for each row when (new.user_name is null or new.user_email is null or new.last_message is null)
  execute function private.fill_names_of_conversation();

-- What is there already gets the same; nobody hears of it, and no row gets younger.
alter table public.conversations disable trigger user;
update public.conversations as conversations
set user_name = coalesce(conversations.user_name, conversations.customer_name, customers.name, ''),
  user_email = coalesce(conversations.user_email, customers.email, ''),
  last_message = coalesce(conversations.last_message, '')
from public.conversations as same left join public.customer_profiles as customers on customers.id = same.customer_id
where same.id = conversations.id
  and (conversations.user_name is null or conversations.user_email is null or conversations.last_message is null);
alter table public.conversations enable trigger user;
alter table public.profiles disable trigger user;
update public.profiles
set onboarding_completed = coalesce(onboarding_completed, false) or role in ('agent', 'admin')
where onboarding_completed is null or (role in ('agent', 'admin') and not onboarding_completed);
alter table public.profiles enable trigger user;
insert into public.agent_availability (agent_id)
select profiles.id from public.profiles as profiles
where profiles.role in ('agent', 'admin')
  and not exists (select from public.agent_availability as present where present.agent_id = profiles.id);

-- A note by either name: who writes one column gives the other. Its author stays who writes it, by the policy.
create or replace function private.match_note()
returns trigger
language plpgsql
security invoker
set search_path = ''
as $$
begin
  if tg_op = 'INSERT' then
    new.content := coalesce(new.content, new.note);
    new.author_id := coalesce(new.agent_id, new.author_id);
  else
    new.updated_at := clock_timestamp();
    if new.content is not distinct from old.content then
      new.content := new.note;
    end if;
    if new.author_id is not distinct from old.author_id then
      new.author_id := new.agent_id;
    end if;
  end if;
  new.note := new.content;
  new.agent_id := new.author_id;
  return new;
end $$;
comment on function private.match_note is 'Keep note and content, agent_id and author_id of a note the same.';

-- An adopted project may have empty or overlong notes: its check is not valid, and would refuse them here.
do $$
declare
  v_check text := (
    select pg_get_constraintdef(checks.oid) from pg_constraint as checks
    where checks.conrelid = 'public.conversation_notes'::regclass and checks.conname = 'conversation_notes_content_check'
      and not checks.convalidated
  );
begin
  alter table public.conversation_notes disable trigger user;
  if v_check is not null then
    alter table public.conversation_notes drop constraint conversation_notes_content_check;
  end if;
  update public.conversation_notes set note = content, agent_id = author_id
  where note is distinct from content or agent_id is distinct from author_id;
  if v_check is not null then
    execute 'alter table public.conversation_notes add constraint conversation_notes_content_check ' || v_check;
  end if;
  alter table public.conversation_notes enable trigger user;
end $$;
create or replace trigger conversation_notes_match before insert or update on public.conversation_notes
  for each row execute function private.match_note();

-- The widget upserts without naming the key, so by `id`: the row that is there is found for it. A race is a 409.
create or replace function private.find_typing_indicator()
returns trigger
language plpgsql
security invoker
set search_path = ''
as $$
begin
  new.id := coalesce((
    select present.id from public.typing_indicators as present
    where present.user_id = new.user_id and present.conversation_id = new.conversation_id
  ), new.id);
  new.updated_at := clock_timestamp();
  return new;
end $$;
comment on function private.find_typing_indicator is 'Let who types again meet their own row.';

create or replace trigger typing_indicators_find before insert on public.typing_indicators
  for each row execute function private.find_typing_indicator();

-- By the server's clock: `last_activity` is the client's.
create or replace function private.remove_old_typing_indicators()
returns trigger
language plpgsql
security definer  -- nobody deletes another's
set search_path = ''
as $$
begin
  delete from public.typing_indicators as indicators using (
    select stale.id from public.typing_indicators as stale
    where stale.updated_at < clock_timestamp() - interval '1 day'
    order by stale.updated_at limit 100 for update skip locked
  ) as stale
  where indicators.id = stale.id;
  return null;
end $$;
comment on function private.remove_old_typing_indicators is 'Delete some rows of who typed a day ago.';

create index if not exists typing_indicators_updated_at_idx on public.typing_indicators (updated_at);
create or replace trigger typing_indicators_remove_old after insert on public.typing_indicators
  for each statement execute function private.remove_old_typing_indicators();

-- Its key is a text, and refers to nothing.
create or replace function private.remove_metrics_of_conversations()
returns trigger
language plpgsql
security definer  -- whoever may delete a conversation
set search_path = ''
as $$
begin
  delete from public.conversation_metrics as metrics
  where metrics.conversation_id in (select removed.id::text from removed);
  return null;
end $$;
comment on function private.remove_metrics_of_conversations is 'Delete the metrics of conversations that are gone.';

create or replace trigger conversations_remove_metrics after delete on public.conversations
  referencing old table as removed for each statement execute function private.remove_metrics_of_conversations();

create or replace trigger typing_indicators_touch before update on public.typing_indicators
  for each row execute function private.touch_updated_at();
create or replace trigger conversation_metrics_touch before update on public.conversation_metrics
  for each row execute function private.touch_updated_at();
create or replace trigger knowledge_categories_touch before update on public.knowledge_categories
  for each row execute function private.touch_updated_at();
create or replace trigger agent_availability_touch before update on public.agent_availability
  for each row execute function private.touch_updated_at();

-- Days by UTC. Resolved by the AI is what no human ever had and did not come back; abandoned is what is open though
-- nobody has written for a day. The first response is anybody's to the first question. A project that has the table
-- keeps it, with its figures.
do $do$
begin
  if (select relkind from pg_class where oid = to_regclass('public.daily_metrics')) in ('r', 'p') then
    comment on table public.daily_metrics is 'The original''s, by Romashka: figures of each day. Nothing here writes it.';
    alter table public.daily_metrics
      add column if not exists date date,
      add column if not exists channel_type varchar(50),
      add column if not exists department varchar(100),
      add column if not exists agent_id uuid,
      add column if not exists total_conversations integer default 0,
      add column if not exists ai_resolved_conversations integer default 0,
      add column if not exists human_resolved_conversations integer default 0,
      add column if not exists abandoned_conversations integer default 0,
      add column if not exists avg_first_response_time_seconds integer default 0,
      add column if not exists avg_resolution_time_seconds integer default 0,
      add column if not exists total_ratings integer default 0,
      add column if not exists avg_satisfaction_score numeric(3, 2) default 0,
      add column if not exists ai_confidence_avg numeric(3, 2) default 0,
      add column if not exists ai_accuracy_rate numeric(3, 2) default 0,
      add column if not exists handoff_rate numeric(3, 2) default 0,
      add column if not exists leads_generated integer default 0,
      add column if not exists sales_qualified_leads integer default 0,
      add column if not exists revenue_attributed numeric(10, 2) default 0,
      add column if not exists created_at timestamptz default now();
    drop policy if exists "staff read the days" on public.daily_metrics;
    create policy "staff read the days" on public.daily_metrics
      for select to authenticated using ((select private.is_staff()));
    return;
  end if;
  execute $view$
    create or replace view public.daily_metrics with (security_invoker = true) as
    select md5(concat_ws('|', days.date, days.channel_type, days.department, days.agent_id))::uuid as id,
      days.date, days.channel_type, days.department, days.agent_id,
      count(*)::integer as total_conversations,
      count(*) filter (where days.is_resolved and days.is_by_ai)::integer as ai_resolved_conversations,
      count(*) filter (where days.is_resolved and not days.is_by_ai)::integer as human_resolved_conversations,
      count(*) filter (where days.is_abandoned)::integer as abandoned_conversations,
      coalesce(round(avg(days.first_response_seconds)), 0)::integer as avg_first_response_time_seconds,
      coalesce(round(avg(days.resolution_time_seconds)), 0)::integer as avg_resolution_time_seconds,
      count(days.satisfaction_rating)::integer as total_ratings,
      coalesce(round(avg(days.satisfaction_rating), 2), 0)::numeric(3, 2) as avg_satisfaction_score,
      coalesce(round(avg(days.ai_confidence), 2), 0)::numeric(3, 2) as ai_confidence_avg,
      coalesce(round(avg(days.is_by_ai::integer) filter (where days.is_resolved), 2), 0)::numeric(3, 2) as ai_accuracy_rate,
      round(avg(days.is_handed_over::integer), 2)::numeric(3, 2) as handoff_rate,
      0 as leads_generated, 0 as sales_qualified_leads, 0::numeric(10, 2) as revenue_attributed,
      min(days.created_at) as created_at
    from (
      select (conversations.created_at at time zone 'UTC')::date as date, conversations.created_at,
        conversations.channel_type, conversations.department, conversations.assigned_agent_id as agent_id,
        conversations.resolution_time_seconds, conversations.satisfaction_rating, conversations.ai_confidence,
        conversations.status in ('resolved', 'closed') as is_resolved,
        conversations.last_human_at is not null as is_handed_over,
        conversations.last_human_at is null and conversations.reopened_at is null as is_by_ai,
        conversations.status not in ('resolved', 'closed')
          and conversations.last_message_at < now() - interval '1 day' as is_abandoned,
        private.seconds(answers.created_at - questions.created_at) as first_response_seconds
      from public.conversations as conversations
      left join lateral (
        select messages.position, messages.created_at from public.messages as messages
        where messages.conversation_id = conversations.id and messages.sender_type = 'user'
        order by messages.position limit 1
      ) as questions on true
      left join lateral (
        select messages.created_at from public.messages as messages
        where messages.conversation_id = conversations.id and messages.sender_type <> 'user'
          and messages.position > questions.position
        order by messages.position limit 1
      ) as answers on true
      where conversations.created_at is not null and (select private.is_staff())
    ) as days
    group by days.date, days.channel_type, days.department, days.agent_id
  $view$;
  comment on view public.daily_metrics is 'The original''s, by Romashka: figures of each day, over conversations and messages; staff see them.';
end $do$;

-- Rows: a conversation's are its members', an agent's are the staff's to read and the agent's to write, the rest is
-- the staff's. An anonymous user is `authenticated`, too, and a customer like any other.

alter table public.typing_indicators enable row level security;
drop policy if exists "members see who types" on public.typing_indicators;
create policy "members see who types" on public.typing_indicators
  for select to authenticated using (
    (select private.is_staff()) or conversation_id in (select private.my_conversation_ids())
  );
drop policy if exists "members say that they type" on public.typing_indicators;
create policy "members say that they type" on public.typing_indicators
  for insert to authenticated with check (
    user_id = (select auth.uid())::text
    and ((select private.is_staff()) or conversation_id in (select private.my_conversation_ids()))
  );
drop policy if exists "members say that they still type, or not" on public.typing_indicators;
create policy "members say that they still type, or not" on public.typing_indicators
  for update to authenticated using (user_id = (select auth.uid())::text) with check (
    user_id = (select auth.uid())::text
    and ((select private.is_staff()) or conversation_id in (select private.my_conversation_ids()))
  );

alter table public.conversation_metrics enable row level security;
drop policy if exists "members read the metrics" on public.conversation_metrics;
create policy "members read the metrics" on public.conversation_metrics
  for select to authenticated using (
    (select private.is_staff())
    or conversation_id in (select mine.id::text from private.my_conversation_ids() as mine (id))
  );
drop policy if exists "members write metrics" on public.conversation_metrics;
create policy "members write metrics" on public.conversation_metrics
  for insert to authenticated with check (
    (select private.is_staff())
    or conversation_id in (select mine.id::text from private.my_conversation_ids() as mine (id))
  );
drop policy if exists "members update the metrics" on public.conversation_metrics;
create policy "members update the metrics" on public.conversation_metrics
  for update to authenticated using (
    (select private.is_staff())
    or conversation_id in (select mine.id::text from private.my_conversation_ids() as mine (id))
  ) with check (
    (select private.is_staff())
    or conversation_id in (select mine.id::text from private.my_conversation_ids() as mine (id))
  );

do $$
declare
  v_table text;
begin
  foreach v_table in array array['knowledge_categories', 'knowledge_versions', 'knowledge_analytics'] loop
    execute format('alter table public.%I enable row level security', v_table);
    execute format('drop policy if exists "staff read and write" on public.%I', v_table);
    execute format('create policy "staff read and write" on public.%I for all to authenticated'
      ' using ((select private.is_staff())) with check ((select private.is_staff()))', v_table);
  end loop;
end $$;

alter table public.agent_availability enable row level security;
drop policy if exists "staff see who is there" on public.agent_availability;
create policy "staff see who is there" on public.agent_availability
  for select to authenticated using ((select private.is_staff()));
drop policy if exists "staff add themselves" on public.agent_availability;
create policy "staff add themselves" on public.agent_availability
  for insert to authenticated with check ((select private.is_staff()) and agent_id = (select auth.uid()));
drop policy if exists "staff say whether they are there" on public.agent_availability;
create policy "staff say whether they are there" on public.agent_availability
  for update to authenticated using ((select private.is_staff()) and agent_id = (select auth.uid()))
  with check ((select private.is_staff()) and agent_id = (select auth.uid()));

drop policy if exists "users finish the onboarding of their profile" on public.profiles;
create policy "users finish the onboarding of their profile" on public.profiles
  for insert to authenticated with check (id = (select auth.uid()) and (select private.has_profile()));

-- Privileges, by name: nothing is taken from default privileges.

revoke all on
  public.typing_indicators, public.conversation_metrics, public.knowledge_categories, public.knowledge_versions,
  public.knowledge_analytics, public.agent_availability, public.daily_metrics
from public, anon, authenticated, service_role;

grant select on
  public.typing_indicators, public.conversation_metrics, public.knowledge_categories, public.knowledge_versions,
  public.knowledge_analytics, public.agent_availability, public.daily_metrics
to authenticated;
grant insert (user_id, conversation_id, is_typing, last_activity), update (user_id, conversation_id, is_typing, last_activity)
  on public.typing_indicators to authenticated;
grant insert (conversation_id, ai_handled, escalated_to_human, customer_satisfaction, response_time_ms, message_count,
  resolution_status, session_start, session_end, updated_at), update (ai_handled, escalated_to_human,
  customer_satisfaction, response_time_ms, message_count, resolution_status, session_end, updated_at)
  on public.conversation_metrics to authenticated;
grant insert, update, delete on
  public.knowledge_categories, public.knowledge_versions, public.knowledge_analytics
to authenticated;
grant insert, update on public.agent_availability to authenticated;

-- Never `role`.
grant insert (id, onboarding_completed, updated_at), update (id, onboarding_completed, onboarding_data, website_url, updated_at)
  on public.profiles to authenticated;
grant insert (note, agent_id, is_internal) on public.conversation_notes to authenticated;

grant select, insert, update, delete on
  public.typing_indicators, public.conversation_metrics, public.knowledge_categories, public.knowledge_versions,
  public.knowledge_analytics, public.agent_availability, public.daily_metrics
to service_role;

revoke execute on function
  private.complete_onboarding_of_staff, private.keep_availability, private.has_profile,
  private.fill_names_of_conversation, private.match_note, private.find_typing_indicator,
  private.remove_old_typing_indicators, private.remove_metrics_of_conversations
from public, anon, authenticated, service_role;
grant execute on function private.has_profile to authenticated;  -- a policy calls it
