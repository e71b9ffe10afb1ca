-- Purpose: search over customers and messages: by staff, ranked, a page at a time.
-- Touches: search_conversations.
-- Locks:   none.
-- Undo:    drop the functions.

-- In both ways below a place is the last one of the page before: `at` and `id`, or null.

-- Whom it is with says more than what was said.
create or replace function private.find_people(asked jsonb, at timestamptz, id uuid, count integer)
returns table (conversation_id uuid, last_message_at timestamptz, message_id uuid)
language plpgsql
stable
security invoker
set search_path = ''
set jit = off set max_parallel_workers_per_gather = 0
as $$
begin
  -- Planned with the words that are there: from the few who are called so, or down the list where many are.
  return query execute format($find$
    select conversations.id, conversations.last_message_at, null::uuid
    from public.conversations as conversations
    join private.conversation_people as people on people.conversation_id = conversations.id
    where people.words @@ %L::tsquery and (%L is null or (conversations.last_message_at, conversations.id) < (%2$L, %L))
    order by conversations.last_message_at desc, conversations.id desc limit %s
  $find$, asked ->> 'parts', at, id, count);
end $$;
comment on function private.find_people is 'The next conversations with customers who are called so, the latest first.';

-- How many messages an index condition finds, as the planner expects it.
create or replace function private.expected_messages(query text)
returns bigint
language plpgsql
volatile  -- else Postgres takes no explain
security invoker
set search_path = ''
as $$
declare
  v_plan json;
begin
  execute format('explain (format json) select from public.messages where private.search_tokens(content) @@ %L::tsquery', query)
  into v_plan;
  return (v_plan #>> '{0,Plan,Plan Rows}')::numeric::bigint;
end $$;
comment on function private.expected_messages is 'About how many messages match a query of their index.';

-- Down the list, as far as 400 conversations: where many messages match, the next page is near.
create or replace function private.walk_to_messages(asked jsonb, kind text, at timestamptz, id uuid, count integer)
returns table (conversation_id uuid, last_message_at timestamptz, message_id uuid)
language plpgsql
stable
security invoker
set search_path = ''
set jit = off set max_parallel_workers_per_gather = 0
as $$
declare
  v_like text[] := array(select jsonb_array_elements_text((asked -> ('like_' || kind)) || (asked -> 'like_exact')));
  v_whole text[] := array(select jsonb_array_elements_text((asked -> 'like_whole') || (asked -> 'like_exact')));
  v_loose text[] := array(select jsonb_array_elements_text(asked -> 'like_loose'));
begin
  return query
  with walked as materialized (
    select conversations.id, conversations.last_message_at from public.conversations as conversations
    where walk_to_messages.at is null
      or (conversations.last_message_at, conversations.id) < (walk_to_messages.at, walk_to_messages.id)
    order by conversations.last_message_at desc, conversations.id desc limit 400
  )
  select walked.id, walked.last_message_at, newest.id
  from walked
  cross join lateral (
    select messages.id from public.messages as messages
    where messages.conversation_id = walked.id
      and (octet_length(messages.content) <> length(messages.content) or lower(messages.content) like all (v_loose))
      and private.search_text(messages.content) like all (v_like)
    order by messages.position desc limit 1
  ) as newest
  where not exists (
      select from private.conversation_people as people
      where people.conversation_id = walked.id and people.words @@ (asked ->> 'parts')::tsquery
    ) and (kind = 'whole' or not exists (
      select from public.messages as messages
      where messages.conversation_id = walked.id and private.search_text(messages.content) like all (v_whole)
    ))
  order by walked.last_message_at desc, walked.id desc limit walk_to_messages.count;
end $$;
comment on function private.walk_to_messages is 'The next of 400 conversations in which a message matches.';

-- By the index: where few messages match, wherever they are.
create or replace function private.look_up_messages(asked jsonb, kind text, at timestamptz, id uuid, count integer)
returns table (conversation_id uuid, last_message_at timestamptz, message_id uuid)
language plpgsql
stable
security invoker
set search_path = ''
set jit = off set max_parallel_workers_per_gather = 0
as $$
begin
  return query execute format($find$
    with found as materialized (
      select messages.conversation_id, (array_agg(messages.id order by messages.position desc))[1] as message_id
      from public.messages as messages
      where private.search_tokens(messages.content) @@ %L::tsquery
        and (%L = '{}' or private.search_text(messages.content) like all (%2$L::text[]))
      group by messages.conversation_id
    )
    select conversations.id, conversations.last_message_at, found.message_id
    from found
    join public.conversations as conversations on conversations.id = found.conversation_id
    where (%L is null or (conversations.last_message_at, conversations.id) < (%3$L, %L))
      and not exists (
        select from private.conversation_people as people
        where people.conversation_id = conversations.id and people.words @@ %L::tsquery
      ) and (%L = 'whole' or conversations.id not in (
        select messages.conversation_id from public.messages as messages
        where private.search_tokens(messages.content) @@ %L::tsquery
          and (%2$L = '{}' or private.search_text(messages.content) like all (%2$L::text[]))
      ))
    order by conversations.last_message_at desc, conversations.id desc limit %8$s
  $find$, asked ->> kind, array(select jsonb_array_elements_text(asked -> 'like_exact')), at, id,
    asked ->> 'parts', kind, asked ->> 'whole', count);
end $$;
comment on function private.look_up_messages is 'The next conversations in which a message matches, by the index.';

-- Each conversation comes once, with the newest of its messages: as who it is with, else where the words stand, else
-- where parts of words do.
create or replace function private.find_messages(asked jsonb, kind text, at timestamptz, id uuid, count integer)
returns table (conversation_id uuid, last_message_at timestamptz, message_id uuid)
language plpgsql
volatile
security invoker
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_at timestamptz := find_messages.at;
  v_id uuid := find_messages.id;
  v_found integer := 0;
begin
  if private.expected_messages(asked ->> kind) > 3000 then
    return query select * from private.walk_to_messages(asked, kind, v_at, v_id, find_messages.count);
    get diagnostics v_found = row_count;
    if v_found = find_messages.count then
      return;
    end if;
    -- It was said long ago: the index goes on where the walk has ended, unless that was the end of the list.
    select conversations.last_message_at, conversations.id into v_at, v_id
    from public.conversations as conversations
    where find_messages.at is null
      or (conversations.last_message_at, conversations.id) < (find_messages.at, find_messages.id)
    order by conversations.last_message_at desc, conversations.id desc offset 399 limit 1;
    if not found then
      return;
    end if;
  end if;
  return query select * from private.look_up_messages(asked, kind, v_at, v_id, find_messages.count - v_found);
end $$;
comment on function private.find_messages is 'The next conversations in which a message has the words of a search, or parts of them.';

create or replace function private.describe_hit(kind text, conversation_id uuid, message_id uuid, terms text[])
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return (
    select jsonb_build_object('kind', kind, 'message_id', messages.id, 'position', messages.position,
      'sender_type', messages.sender_type, 'created_at', messages.created_at,
      'excerpt', private.excerpt(coalesce(messages.content, private.people_text(conversations, customers)), terms),
      'conversation', private.listed(conversations))
    from public.conversations as conversations
    left join public.customer_profiles as customers on customers.id = conversations.customer_id
    left join public.messages as messages on messages.id = describe_hit.message_id
    where conversations.id = describe_hit.conversation_id
  );
end $$;
comment on function private.describe_hit is 'A conversation that was found, as a list shows it.';

-- Under the policies Postgres uses no index of words: it would ask them of each row first.
create or replace function private.search_conversations(query text, after jsonb, max_results integer)
returns jsonb
language plpgsql
volatile
security definer  -- so staff are checked here
set search_path = ''
as $$
declare
  v_asked jsonb;
  v_terms text[];
  v_kinds text[] := array['customer', 'whole', 'parts'];
  v_hits jsonb := '[]';
  v_found record;
  v_next jsonb;
begin
  if current_setting('role') = 'authenticated' and not private.is_staff() then
    raise exception 'unable to search; only staff may'
      using errcode = 'PT403', detail = 'staff_only', hint = 'Sign in as an agent or an admin.';
  end if;
  v_asked := private.parse_search(query);
  v_terms := array(select jsonb_array_elements_text(v_asked -> 'terms'));
  for v_kind in 1 .. 3 loop
    continue when cardinality(v_terms) = 0 or v_kind < coalesce((after ->> 'kind')::integer, 1);
    for v_found in
      select hits.* from private.find_people(v_asked, (after ->> 'at')::timestamptz, (after ->> 'id')::uuid,
        max_results + 1 - jsonb_array_length(v_hits)) as hits where v_kind = 1
      union all
      select hits.* from private.find_messages(v_asked, v_kinds[v_kind], (after ->> 'at')::timestamptz,
        (after ->> 'id')::uuid, max_results + 1 - jsonb_array_length(v_hits)) as hits where v_kind > 1
    loop
      if jsonb_array_length(v_hits) = max_results then
        return jsonb_build_object('hits', v_hits, 'next', v_next);
      end if;
      v_hits := v_hits || private.describe_hit(case v_kind when 1 then 'customer' else 'message' end,
        v_found.conversation_id, v_found.message_id, v_terms);
      v_next := jsonb_build_object('kind', v_kind, 'at', v_found.last_message_at, 'id', v_found.conversation_id);
    end loop;
    after := null;  -- the next kind begins at its top
  end loop;
  return jsonb_build_object('hits', v_hits, 'next', null);
end $$;
comment on function private.search_conversations is 'The body of search_conversations, for staff. Raises staff_only.';

create or replace function public.search_conversations(query text, after jsonb default null, max_results integer default 20)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = ''
set statement_timeout = '4s'  -- whatever is asked for
as $$
begin
  if (length(query) <= 200 and max_results between 1 and 100) is not true then
    raise exception 'unable to search; query has at most 200 characters, max_results is 1 to 100'
      using errcode = 'PT400', detail = 'bad_search', hint = 'Ask for fewer words.';
  elsif (after is null or jsonb_typeof(after) = 'null' or jsonb_typeof(after) = 'object' and after ->> 'kind' ~ '^[1-3]$'
      and after ->> 'at' ~ '^\d{4}-\d\d-\d\d[T ][0-9:.+-]{8,24}Z?$'
      and after ->> 'id' ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$') is not true then
    raise exception 'unable to search; after is no end of a page'
      using errcode = 'PT400', detail = 'bad_search', hint = 'Give what the page before has as next, or leave it out.';
  end if;
  return private.search_conversations(query, after, max_results);
end $$;
comment on function public.search_conversations is
  'Conversations by their customers and messages, best first: {hits: [{kind, message_id, position, sender_type, created_at, excerpt, conversation}], next}. Raises bad_search, staff_only.';
