-- Purpose: look at what a project has by the names of Romashka's, before anything of it is changed: what cannot be taken
--          over stops the installation here; two tables of the original's that have other columns are adopted and moved
--          aside; the triggers that others made are written down.
-- Touches: conversation_notes and webhook_events of the original; private.foreign_triggers.
-- Locks:   those tables.
-- Undo:    rename the tables back; drop table private.foreign_triggers.

create schema if not exists private;

-- Is an edition of Romashka here, whatever the history says: a restored dump has none.
create or replace function private.romashka_is_installed()
returns boolean
language sql
stable
security invoker
set search_path = ''
as $$
  select exists (
    select from pg_catalog.pg_attribute as columns
    where columns.attrelid = to_regclass('public.ai_settings') and columns.attname = 'quiet_ms'
  );
$$;

-- What cannot be taken over: views and the like by our names, anything by our names in the schema private, tables whose
-- keys are no uuid, and columns that must be filled and that we know nothing of.
do $$
declare
  v_found text;
begin
  if private.romashka_is_installed() then
    return;
  end if;
  with relations as (
    select relations.oid, schemas.nspname as schema, relations.relname as name, relations.relkind as kind
    from pg_catalog.pg_class as relations
    join pg_catalog.pg_namespace as schemas on schemas.oid = relations.relnamespace
    where schemas.nspname in ('public', 'private') and relations.relkind not in ('i', 'I', 't')
  ), adopted (name, filled) as (values
    ('profiles', array['id', 'email']), ('customer_profiles', array['id']),
    ('conversations', array['id', 'created_at', 'updated_at']),
    ('messages', array['id', 'conversation_id', 'sender_type', 'content', 'created_at']),
    ('ai_response_queue', array['id', 'conversation_id', 'message_id', 'user_message']),
    ('realtime_metrics', array['id', 'metric_name', 'metric_value']),
    ('knowledge_items', array['id', 'title', 'content', 'source_type']),
    ('communication_channels', array['id', 'name', 'type']),
    ('conversation_notes', array['id', 'conversation_id', 'agent_id', 'note', 'created_at'])
  ), conflicts (problem) as (
    select format('%s %I.%I has a name of Romashka''s', case kind when 'v' then 'view' when 'm' then 'materialized view'
      when 'f' then 'foreign table' when 'c' then 'type' when 'S' then 'sequence'
      when 'p' then 'partitioned table' else 'table' end, schema, name)
    from relations
    where schema = 'public' and kind <> 'r' and (name in (select adopted.name from adopted)
        or name in ('conversation_notes', 'webhook_events', 'channel_deliveries', 'ai_settings'))
      or schema = 'private' and name in ('result', 'channel_event', 'delivery_result', 'applied_files', 'job_traces',
        'knowledge_documents', 'knowledge_vocabulary', 'knowledge_embeddings', 'channel_secrets', 'channel_messages',
        'channel_customers', 'channel_changes', 'channel_pace', 'channel_rate_limits', 'set_aside_reasons', 'workers',
        'foreign_triggers', 'trigger_failures', 'closed_tables')
    union all
    select format('table public.%I has a name of Romashka''s', relations.name)
    from relations
    where schema = 'public' and kind in ('r', 'p') and name in ('ai_settings', 'channel_deliveries', 'conversation_notes',
        'webhook_events') and not exists (
      select from (values ('conversation_notes', array['id', 'conversation_id', 'agent_id', 'note', 'created_at']),
        ('webhook_events', array['id', 'event_type', 'source', 'payload', 'processed'])) as original (name, columns)
      where original.name = relations.name and original.columns <@ array(
        select columns.attname::text from pg_catalog.pg_attribute as columns
        where columns.attrelid = relations.oid and columns.attnum > 0 and not columns.attisdropped
      ) and not exists (
        select from pg_catalog.pg_attribute as columns
        where columns.attrelid = relations.oid and columns.attname in ('content', 'author_id') and not columns.attisdropped
      )
    )
    union all
    select format('column %I of public.%I is no uuid', columns.attname, relations.name)
    from relations join adopted on adopted.name = relations.name
    join pg_catalog.pg_attribute as columns on columns.attrelid = relations.oid
    where relations.schema = 'public' and relations.kind in ('r', 'p') and not columns.attisdropped
      and columns.attname in ('id', 'conversation_id', 'message_id', 'customer_id', 'agent_id')
      and columns.atttypid <> 'uuid'::regtype
    union all
    select format('column %I of public.%I is an enum', columns.attname, relations.name)
    from relations join adopted on adopted.name = relations.name
    join pg_catalog.pg_attribute as columns on columns.attrelid = relations.oid
    join pg_catalog.pg_type as types on types.oid = columns.atttypid
    where relations.schema = 'public' and not columns.attisdropped and types.typtype = 'e' and columns.attname in ('role',
      'status', 'priority', 'channel_type', 'sender_type', 'message_type', 'delivery_status', 'type', 'source_type')
    union all
    select format('public.%I has no column id', relations.name)
    from relations join adopted on adopted.name = relations.name
    where relations.schema = 'public' and relations.kind in ('r', 'p') and relations.name <> 'conversations'
      and not exists (
        select from pg_catalog.pg_attribute as columns
        where columns.attrelid = relations.oid and columns.attname = 'id' and not columns.attisdropped
      )
    union all
    select format('column %I of public.%I must not be null, and nothing of Romashka''s fills it', columns.attname, relations.name)
    from relations join adopted on adopted.name = relations.name
    join pg_catalog.pg_attribute as columns on columns.attrelid = relations.oid
    where relations.schema = 'public' and columns.attnum > 0 and not columns.attisdropped and columns.attnotnull
      and not columns.atthasdef and columns.attidentity = '' and columns.attname::text <> all (adopted.filled)
      and relations.name <> 'profiles'  -- whose rows the project may make itself
  )
  select string_agg(problem, '; ' order by problem) into v_found from conflicts;
  if v_found is not null then
    raise exception 'unable to install Romashka beside what is here: %', v_found
      using hint = 'Rename it (alter ... rename to ...), or give the column a default; nothing was changed.';
  end if;
end $$;

-- The original's webhooks are not Romashka's: what came stays, for whoever owns the database.
do $$
declare
  v_webhooks regclass := to_regclass('public.webhook_events');
  v_index record;
begin
  if v_webhooks is null or private.romashka_is_installed() then
    return;
  end if;
  alter table public.webhook_events rename to webhook_events_before_romashka;
  revoke all on public.webhook_events_before_romashka from public, anon, authenticated;
  for v_index in
    select indexes.relname from pg_catalog.pg_index as entries
    join pg_catalog.pg_class as indexes on indexes.oid = entries.indexrelid where entries.indrelid = v_webhooks
  loop  -- ours would be taken for there already
    execute format('alter index public.%I rename to %I', v_index.relname, left(v_index.relname, 39) || '_' || left(md5(v_index.relname), 7) || '_before_romashka');
  end loop;
  raise notice 'romashka: webhook_events has other columns than Romashka''s: with its rows it is webhook_events_before_romashka now';
end $$;

-- The original's notes are notes.
do $$
declare
  v_notes regclass := to_regclass('public.conversation_notes');
  v_policy record;
  v_key record;
begin
  if v_notes is null or private.romashka_is_installed() then
    return;
  end if;
  for v_policy in select polname from pg_catalog.pg_policy where polrelid = v_notes order by polname loop
    execute format('drop policy %I on public.conversation_notes', v_policy.polname);
    raise notice 'romashka: dropped policy "%" on conversation_notes', v_policy.polname;
  end loop;
  revoke all on public.conversation_notes from public, anon, authenticated;
  alter table public.conversation_notes rename column note to content;
  alter table public.conversation_notes rename column agent_id to author_id;
  for v_key in
    select keys.conname from pg_catalog.pg_constraint as keys
    join pg_catalog.pg_attribute as columns on columns.attrelid = keys.conrelid and columns.attnum = keys.conkey[1]
    where keys.conrelid = v_notes and keys.contype = 'f' and columns.attname in ('author_id', 'conversation_id')
  loop
    execute format('alter table public.conversation_notes drop constraint %I', v_key.conname);
  end loop;
  update public.conversation_notes set created_at = now() where created_at is null;
  alter table public.conversation_notes
    alter column author_id set default auth.uid(), alter column author_id drop not null,
    alter column created_at set default now(), alter column created_at set not null;
  if to_regclass('public.profiles') is not null then
    alter table public.conversation_notes add constraint conversation_notes_author_id_fkey
      foreign key (author_id) references public.profiles (id) on delete set null not valid;
  end if;
  if to_regclass('public.conversations') is not null then
    alter table public.conversation_notes add constraint conversation_notes_conversation_id_fkey
      foreign key (conversation_id) references public.conversations (id) on delete cascade not valid;
  end if;
  raise notice 'romashka: conversation_notes is adopted: note is content now, and agent_id is author_id';
end $$;

-- What others made to run when our tables change. Triggers whose function has no path of its own were not made to run
-- inside our functions, which have none; where a project is adopted, none of them was made for our rights.
create table if not exists private.foreign_triggers (
  table_name text,
  trigger_name text,
  function_name text not null,
  as_owner boolean not null,  -- of the time before Romashka, when whoever was signed in had more rights
  source_digest text,  -- of what was copied
  primary key (table_name, trigger_name)
);
comment on table private.foreign_triggers is 'Triggers of others that run guarded: a failure of theirs stops nothing.';
alter table private.foreign_triggers enable row level security;

insert into private.foreign_triggers (table_name, trigger_name, function_name, as_owner)
select format('%I.%I', schemas.nspname, tables.relname), triggers.tgname,
  format('%s.%I()', functions.pronamespace::regnamespace, functions.proname), not private.romashka_is_installed()
from pg_catalog.pg_trigger as triggers
join pg_catalog.pg_class as tables on tables.oid = triggers.tgrelid
join pg_catalog.pg_namespace as schemas on schemas.oid = tables.relnamespace
join pg_catalog.pg_proc as functions on functions.oid = triggers.tgfoid
where not triggers.tgisinternal
  and (schemas.nspname = 'public' and tables.relname in ('profiles', 'customer_profiles', 'conversations', 'messages',
      'ai_response_queue', 'realtime_metrics', 'knowledge_items', 'communication_channels', 'conversation_notes')
    or schemas.nspname = 'auth' and tables.relname = 'users' and to_regclass('public.conversations') is not null
      and not private.romashka_is_installed())
  and functions.pronamespace <> 'private'::regnamespace and functions.proname <> 'handle_new_message'
  and (not private.romashka_is_installed() or coalesce(array_to_string(functions.proconfig, ','), '') !~ 'search_path=')
on conflict do nothing;

drop function private.romashka_is_installed();
