-- Purpose: search over customers and messages: by staff, ranked, a page at a time.
-- Touches: search_conversations.
-- Locks:   none.
-- Undo:    drop the functions.

-- How many match decides the way, and no statistics know that of a rare word: so both ways are bounded. By the index, where
-- few match, all of them are at hand; down the list, where many match, the next page is near. A place is the last one of the page before, `at` and `id`, or null.

-- The place so many conversations further down; none at the end of the list.
create or replace function private.place_after(at timestamptz, id uuid, count integer)
returns table (last_message_at timestamptz, conversation_id uuid)
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return query
  select conversations.last_message_at, conversations.id from public.conversations as conversations
  where place_after.at is null or (conversations.last_message_at, conversations.id) < (place_after.at, place_after.id)
  order by conversations.last_message_at desc, conversations.id desc offset place_after.count - 1 limit 1;
end $$;
comment on function private.place_after is 'The place in the list that is so many conversations after another.';

create or replace function private.find_people(asked jsonb, at timestamptz, id uuid, count integer)
returns table (conversation_id uuid, last_message_at timestamptz, message_id uuid)
language plpgsql
stable
security invoker
set search_path = ''
set plan_cache_mode = force_generic_plan set jit = off set max_parallel_workers_per_gather = 0
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  v_query tsquery := (asked ->> 'parts')::tsquery;
  v_at timestamptz := find_people.at;
  v_id uuid := find_people.id;
  v_found integer;
begin
  return query
  with walked as materialized (
    select conversations.id, conversations.last_message_at from public.conversations as conversations
    where v_at is null or (conversations.last_message_at, conversations.id) < (v_at, v_id)
    order by conversations.last_message_at desc, conversations.id desc limit 1000
  )
  select walked.id, walked.last_message_at, null::uuid from walked
  join private.conversation_people as people on people.conversation_id = walked.id
  where people.words @@ v_query
  order by walked.last_message_at desc, walked.id desc limit find_people.count;
  get diagnostics v_found = row_count;
  if v_found = find_people.count then
    return;
  end if;
  select place.last_message_at, place.conversation_id into v_at, v_id from private.place_after(v_at, v_id, 1000) as place;
  if v_id is not null then
    return query
    with called as materialized (
      select people.conversation_id from private.conversation_people as people where people.words @@ v_query
    )
    select conversations.id, conversations.last_message_at, null::uuid from called
    join public.conversations as conversations on conversations.id = called.conversation_id
    where (conversations.last_message_at, conversations.id) < (v_at, v_id)
    order by conversations.last_message_at desc, conversations.id desc limit find_people.count - v_found;
  end if;
end $$;
comment on function private.find_people is 'The next conversations with customers who are called so, the latest first.';

-- Down the list. Folding a text takes longer than to see that it cannot match: of plain letters without folding, unless
-- there are others that may become plain ones.
create or replace function private.walk_to_messages(
  asked jsonb, kind text, at timestamptz, id uuid, count integer, length integer
)
returns table (conversation_id uuid, last_message_at timestamptz, message_id uuid)
language plpgsql
stable
security invoker
set search_path = ''
set plan_cache_mode = force_generic_plan set jit = off set max_parallel_workers_per_gather = 0
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  v_like text[] := array(select jsonb_array_elements_text((asked -> ('like_' || kind)) || (asked -> 'like_exact')));
  v_whole text[] := array(select jsonb_array_elements_text((asked -> 'like_whole') || (asked -> 'like_exact')));
  v_latin text[] := array(select jsonb_array_elements_text(asked -> 'like_latin'));
  v_plain text[] := array(select jsonb_array_elements_text(asked -> 'like_plain'));
  v_people tsquery := (asked ->> 'parts')::tsquery;
  v_hiding constant text := '[^\u0001-\u00a9\u00ab-\u00b1\u00b4-\u00b8\u00bb\u00bf\u0370-\u06ff\u0900-\u0fff\u1100-\u11ff\u2010-\u206f\u20ac\u3000-\u30ff\u3400-\u9fff\uac00-\ud7a3\U0001f300-\U0001faff]';
begin
  return query
  select walked.id, walked.last_message_at, newest.id
  from (
    select conversations.id, conversations.last_message_at from public.conversations as conversations
    where walk_to_messages.at is null
      or (conversations.last_message_at, conversations.id) < (walk_to_messages.at, walk_to_messages.id)
    order by conversations.last_message_at desc, conversations.id desc limit walk_to_messages.length
  ) as walked
  cross join lateral (
    select messages.id from public.messages as messages
    where messages.conversation_id = walked.id and case when octet_length(messages.content) = length(messages.content)
        then v_plain = '{}' and lower(messages.content) like all (v_latin)
        else (v_plain = '{}' or lower(messages.content) like all (v_plain) or messages.content is not nfkc normalized)
          and (v_latin = '{}' or lower(messages.content) like all (v_latin) or messages.content ~ v_hiding) end
      and private.search_text(messages.content) like all (v_like)
    order by messages.position desc limit 1
  ) as newest
  where (select people.words @@ v_people from private.conversation_people as people
      where people.conversation_id = walked.id) is not true
    and (kind = 'whole' or not exists (
      select from public.messages as messages
      where messages.conversation_id = walked.id and private.search_text(messages.content) like all (v_whole)
    ))
  order by walked.last_message_at desc, walked.id desc limit walk_to_messages.count;
end $$;
comment on function private.walk_to_messages is 'The next conversations in which a message matches, as far as so many down the list.';

-- By the index, unless more than `most` messages match: then none, and is_all is false.
create or replace function private.look_up_messages(
  asked jsonb, kind text, at timestamptz, id uuid, count integer, most integer, out is_all boolean,
  out conversation_ids uuid[], out times timestamptz[], out message_ids uuid[]
)
language plpgsql
stable
security invoker
set search_path = ''
set plan_cache_mode = force_generic_plan set jit = off set max_parallel_workers_per_gather = 0 set enable_seqscan = off
as $$
declare
  v_query tsquery := (asked ->> kind)::tsquery;
  v_whole tsquery := (asked ->> 'whole')::tsquery;
  v_people tsquery := (asked ->> 'parts')::tsquery;
  v_exact text[] := array(select jsonb_array_elements_text(asked -> 'like_exact'));
  v_conversations uuid[];
  v_messages uuid[];
  v_without uuid[] := '{}';
begin
  select array_agg(messages.conversation_id), array_agg(messages.id) into v_conversations, v_messages from (
    select messages.conversation_id, messages.id from public.messages as messages
    where private.search_tokens(messages.content) @@ v_query limit most::bigint + 1
  ) as messages;
  is_all := coalesce(cardinality(v_messages) <= most, true);
  if not is_all or v_messages is null then
    return;
  end if;
  if kind = 'parts' then
    v_without := array(
      select messages.conversation_id from public.messages as messages
      where private.search_tokens(messages.content) @@ v_whole
    );
  end if;
  select array_agg(page.id), array_agg(page.last_message_at), array_agg(page.message_id)
  into conversation_ids, times, message_ids from (
    select sorted.id, sorted.last_message_at, newest.message_id
    from (
      select conversations.id, conversations.last_message_at, grouped.message_ids from (
        select found.conversation_id, array_agg(found.message_id) as message_ids
        from unnest(v_conversations, v_messages) as found (conversation_id, message_id) group by found.conversation_id
      ) as grouped
      join public.conversations as conversations on conversations.id = grouped.conversation_id
      where (look_up_messages.at is null
          or (conversations.last_message_at, conversations.id) < (look_up_messages.at, look_up_messages.id))
        and not exists (select from unnest(v_without) as other (id) where other.id = conversations.id)
      order by conversations.last_message_at desc, conversations.id desc offset 0
    ) as sorted
    cross join lateral (  -- of those in the page alone: what stands side by side is seen in the text
      select messages.id as message_id from unnest(sorted.message_ids) as hit (id)
      join public.messages as messages on messages.id = hit.id
      where v_exact = '{}' or private.search_text(messages.content) like all (v_exact)
      order by messages.position desc limit 1
    ) as newest
    where (select people.words @@ v_people from private.conversation_people as people
      where people.conversation_id = sorted.id) is not true
    order by sorted.last_message_at desc, sorted.id desc limit look_up_messages.count
  ) as page;
end $$;
comment on function private.look_up_messages is 'The next conversations in which a message matches, by the index, as lists; none if too many match.';

-- Each conversation comes once, with the newest of its messages: as who it is with, else where the words stand, else
-- where parts of words do.
create or replace function private.find_messages(asked jsonb, kind text, at timestamptz, id uuid, count integer)
returns table (conversation_id uuid, last_message_at timestamptz, message_id uuid)
language plpgsql
stable
security invoker
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_at timestamptz := find_messages.at;
  v_id uuid := find_messages.id;
  v_left integer := find_messages.count;
  v_found integer;
  v_page record;
  v_most integer;
  v_length integer;
  v_is_common boolean := false;
begin
  -- What is said everywhere is found among the latest: whether it is, ten conversations tell, and the index would read
  -- all of it before it told.
  for v_most, v_length in select * from (values (0, 10), (5000, 400), (50000, 2000)) as ways loop
    continue when v_most = 0 and asked -> 'like_latin' = '[]' and asked -> 'like_plain' = '[]';  -- each text would be folded
    if v_most > 0 and not v_is_common then
      v_page := private.look_up_messages(asked, kind, v_at, v_id, v_left, v_most);
      if v_page.is_all then
        return query select * from unnest(v_page.conversation_ids, v_page.times, v_page.message_ids);
        return;
      end if;
    end if;
    return query select * from private.walk_to_messages(asked, kind, v_at, v_id, v_left, v_length);
    get diagnostics v_found = row_count;
    v_left := v_left - v_found;
    v_is_common := v_most = 0 and v_found > 3;
    exit when v_left = 0;
    select * into v_at, v_id from private.place_after(v_at, v_id, v_length);
    exit when v_id is null;
  end loop;
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
stable
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
    continue when cardinality(v_terms) = 0 or v_kind < coalesce((after ->> 'kind')::integer, 1)
      or v_kind = 3 and v_asked ->> 'parts' = v_asked ->> 'whole';  -- of scripts without spaces all are parts
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
stable
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
