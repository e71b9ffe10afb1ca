-- Purpose: how many conversations each view of an inbox holds, in one call.
-- Touches: functions, which run as their caller, under the policies.
-- Locks:   none.
-- Undo:    drop the functions.

create or replace function private.check_views(views jsonb)
returns void
language plpgsql
immutable
security invoker
set search_path = ''
as $$
declare
  v_wrong text;
begin
  if jsonb_typeof(views) is distinct from 'object' then
    v_wrong := 'they are an object: each view''s name and its filters';
  elsif (select count(*) from jsonb_object_keys(views)) > 50 then
    v_wrong := 'more than 50 are asked for';
  else
    -- No filter is known by its type alone: a misspelt one would count everything.
    select coalesce(format('%s has a filter %s that is none, or not of its type', to_jsonb(view.key), to_jsonb(filter.key)),
      format('%s is no object of filters', to_jsonb(view.key))) into v_wrong
    from jsonb_each(views) as view
    left join jsonb_each(case jsonb_typeof(view.value) when 'object' then view.value end) as filter on true
    where jsonb_typeof(view.value) <> 'object' or filter.key is not null and case
      when filter.key in ('channel_type', 'priority', 'search') then jsonb_typeof(filter.value) <> 'string'
      when filter.key in ('requires_human', 'unassigned') then jsonb_typeof(filter.value) <> 'boolean'
      when filter.key in ('status', 'tags') then
        not jsonb_path_match(filter.value, 'strict $.type() == "array" && !exists($[*] ? (@.type() != "string"))', silent => true)
      when filter.key = 'assigned_agent_id' then
        (filter.value #>> '{}') !~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' or jsonb_typeof(filter.value) <> 'string'
      else true
    end
    limit 1;
  end if;
  if v_wrong is not null then
    raise exception 'unable to count the views; %', v_wrong
      using errcode = 'PT400', detail = 'bad_views',
      hint = 'Filters: channel_type, priority, search, assigned_agent_id (texts), requires_human, unassigned (true or false), status, tags (lists of texts).';
  end if;
end $$;
comment on function private.check_views is 'Check the names and types of filters. Raises bad_views.';

create or replace function private.count_conversations(filters jsonb)
returns bigint
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_pattern text := '%' || replace(replace(replace(filters ->> 'search', '\', '\\'), '%', '\%'), '_', '\_') || '%';
  v_count bigint;
begin
  -- Planned anew with the filters that are there, so that each view has its index.
  execute $count$
    select count(*) from public.conversations as conversations
    where ($1 is null or conversations.channel_type = $1)
      and ($2 is null or conversations.status = any ($2))
      and ($3 is null or conversations.priority = $3)
      and ($4 is null or conversations.assigned_agent_id = $4)
      and ($5 is null or (conversations.assigned_agent_id is null) = $5)
      and ($6 is null or conversations.requires_human = $6)
      and ($7 is null or conversations.tags @> $7)
      and ($8 is null or conversations.customer_name ilike $8 or conversations.user_name ilike $8
        or conversations.user_email ilike $8 or conversations.customer_phone ilike $8 or conversations.last_message ilike $8)
  $count$ into v_count using
    filters ->> 'channel_type', case when filters ? 'status' then array(select jsonb_array_elements_text(filters -> 'status')) end,
    filters ->> 'priority',
    (filters ->> 'assigned_agent_id')::uuid, (filters ->> 'unassigned')::boolean, (filters ->> 'requires_human')::boolean,
    case when filters ? 'tags' then array(select jsonb_array_elements_text(filters -> 'tags')) end, v_pattern;
  return v_count;
end $$;
comment on function private.count_conversations is 'How many conversations that the caller may see match all filters of a view.';

create or replace function public.count_conversations(views jsonb)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  perform private.check_views(count_conversations.views);
  return (
    select coalesce(jsonb_object_agg(view.key, private.count_conversations(view.value)), '{}')
    from jsonb_each(count_conversations.views) as view
  );
end $$;
comment on function public.count_conversations is
  'Of each view ({name: filters}) how many conversations it holds: {name: count}. Raises bad_views.';
