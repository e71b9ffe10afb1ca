-- Functions of the Storage server that clients and projects call in SQL: listing one level of a bucket,
-- how large buckets are, and what policies ask. Written for folders of a developer's size.

-- The folder below `p_prefix` that `p_key` is in, with its delimiter; null for what is directly there.
create function storage.get_common_prefix(p_key text, p_prefix text, p_delimiter text)
returns text language sql immutable as $$
  select left(p_key, length(p_prefix) + found.place + length(p_delimiter) - 1)
  from (select position(p_delimiter in substr(p_key, length(p_prefix) + 1)) as place) as found
  where found.place > 0
$$;

-- A folder stands where its first object would: its delimiter counts in the order.
create function storage.list_objects_with_delimiter(
  _bucket_id text, prefix_param text, delimiter_param text, max_keys int default 100,
  start_after text default '', next_token text default '', sort_order text default 'asc'
) returns table (
  name text, id uuid, metadata jsonb,
  updated_at timestamptz, created_at timestamptz, last_accessed_at timestamptz
) language sql stable as $$
  with asked as (
    select
      coalesce(prefix_param, '') as prefix,
      coalesce(nullif(next_token, ''), start_after, '') as start,
      lower(coalesce(sort_order, 'asc')) = 'asc' as is_ascending
  ), found as (
    select object.*, storage.get_common_prefix(object.name, asked.prefix, delimiter_param) as folder
    from storage.objects as object, asked
    where object.bucket_id = _bucket_id and starts_with(object.name, asked.prefix)
  ), entries as (
    select found.name, found.id, found.metadata, found.updated_at, found.created_at,
      found.last_accessed_at, found.name collate "C" as place
    from found where found.folder is null
    union all
    select distinct left(found.folder, -length(delimiter_param)), null::uuid, null::jsonb,
      null::timestamptz, null::timestamptz, null::timestamptz, found.folder collate "C"
    from found where found.folder is not null
  ), beginning as (
    select asked.start || case
        when exists (select from entries where entries.place = asked.start || delimiter_param)
          then delimiter_param
        else ''
      end as place
    from asked
  )
  select entries.name, entries.id, entries.metadata, entries.updated_at, entries.created_at,
    entries.last_accessed_at
  from entries, asked, beginning
  where asked.start = ''
    or case when asked.is_ascending then entries.place > beginning.place
         else entries.place < beginning.place end
  order by
    case when asked.is_ascending then entries.place end,
    case when not asked.is_ascending then entries.place end desc
  limit max_keys
$$;

-- Folders are as old as their first object.
create function storage.search_by_timestamp(
  p_prefix text, p_bucket_id text, p_limit int, p_level int, p_start_after text,
  p_sort_order text, p_sort_column text, p_sort_column_after text
) returns table (
  key text, name text, id uuid, updated_at timestamptz, created_at timestamptz,
  last_accessed_at timestamptz, metadata jsonb
) language sql stable as $$
  with found as (
    select object.*, storage.get_common_prefix(object.name, coalesce(p_prefix, ''), '/') as folder
    from storage.objects as object
    where object.bucket_id = p_bucket_id and starts_with(object.name, coalesce(p_prefix, ''))
  ), entries as (
    select found.name, found.id, found.updated_at, found.created_at, found.last_accessed_at,
      found.metadata
    from found where found.folder is null
    union all
    select left(found.folder, -1), null, min(found.created_at), min(found.created_at), null, null
    from found where found.folder is not null group by found.folder
  ), placed as (
    select entries.*, entries.name collate "C" as place,
      coalesce(date_trunc('milliseconds',
        case p_sort_column when 'updated_at' then entries.updated_at else entries.created_at end
      ), 'epoch') as time
    from entries
  ), beginning as (
    select coalesce(nullif(p_sort_column_after, '')::timestamptz, 'epoch') as time,
      p_start_after collate "C" as place
  )
  select split_part(placed.name, '/', p_level), placed.name, placed.id, placed.updated_at,
    placed.created_at, placed.last_accessed_at, placed.metadata
  from placed, beginning
  where coalesce(p_start_after, '') = ''
    or case when p_sort_order = 'asc'
         then (placed.time, placed.place) > (beginning.time, beginning.place)
         else (placed.time, placed.place) < (beginning.time, beginning.place) end
  order by
    case when p_sort_order = 'asc' then placed.time end,
    case when p_sort_order <> 'asc' then placed.time end desc,
    case when p_sort_order = 'asc' then placed.place end,
    case when p_sort_order <> 'asc' then placed.place end desc
  limit p_limit
$$;

create function storage.search_v2(
  prefix text, bucket_name text, limits int default 100, levels int default 1,
  start_after text default '', sort_order text default 'asc', sort_column text default 'name',
  sort_column_after text default ''
) returns table (
  key text, name text, id uuid, updated_at timestamptz, created_at timestamptz,
  last_accessed_at timestamptz, metadata jsonb
) language plpgsql stable as $$
declare
  v_column text := lower(coalesce(sort_column, 'name'));
  v_order text := case when lower(sort_order) = 'desc' then 'desc' else 'asc' end;
  v_limit int := least(coalesce(limits, 100), 1500);
begin
  if v_column in ('updated_at', 'created_at') then
    return query select * from storage.search_by_timestamp(
      prefix, bucket_name, v_limit, levels, start_after, v_order, v_column, sort_column_after);
  else
    return query
      select split_part(listed.name, '/', levels), listed.name, listed.id, listed.updated_at,
        listed.created_at, listed.last_accessed_at, listed.metadata
      from storage.list_objects_with_delimiter(
        bucket_name, prefix, '/', v_limit, start_after, '', v_order) as listed;
  end if;
end $$;

-- What `list` of the clients is answered from: names below `prefix` that begin with `search`, whatever
-- their case. By a time folders, which have none, come first. `levels` is of older callers.
create function storage.search(
  prefix text, bucketname text, limits int default 100, levels int default 1, offsets int default 0,
  search text default '', sortcolumn text default 'name', sortorder text default 'asc'
) returns table (
  name text, id uuid, updated_at timestamptz, created_at timestamptz,
  last_accessed_at timestamptz, metadata jsonb
) language sql stable as $$
  with asked as (
    select coalesce(prefix, '') || coalesce(search, '') as beginning,
      lower(coalesce(sortorder, 'asc')) = 'asc' as is_ascending,
      coalesce(lower(sortcolumn) in ('updated_at', 'created_at', 'last_accessed_at'), false)
        as is_by_time
  ), found as (
    select object.*, storage.get_common_prefix(object.name, asked.beginning, '/') as folder
    from storage.objects as object, asked
    where object.bucket_id = bucketname
      and starts_with(lower(object.name), lower(asked.beginning))
  ), entries as (
    select found.name, found.id, found.updated_at, found.created_at, found.last_accessed_at,
      found.metadata, lower(found.name) collate "C" as place
    from found where found.folder is null
    union all
    select left(min(found.folder), -1), null, null, null, null, null,
      lower(found.folder) collate "C"
    from found where found.folder is not null group by lower(found.folder)
  ), timed as (
    select entries.*, case when asked.is_by_time then entries.id is not null end as is_late,
      case when asked.is_by_time then
        case lower(sortcolumn) when 'updated_at' then entries.updated_at
          when 'created_at' then entries.created_at else entries.last_accessed_at end
      end as time
    from entries, asked
  )
  select substr(timed.name, length(coalesce(prefix, '')) + 1), timed.id, timed.updated_at,
    timed.created_at, timed.last_accessed_at, timed.metadata
  from timed, asked
  order by
    timed.is_late,
    case when asked.is_ascending then timed.time end,
    case when not asked.is_ascending then timed.time end desc,
    case when asked.is_ascending then timed.place end,
    case when not asked.is_ascending then timed.place end desc
  limit least(coalesce(limits, 100), 1500) offset offsets
$$;

create function storage.get_size_by_bucket() returns table (size bigint, bucket_id text)
language sql stable as $$
  select sum((object.metadata ->> 'size')::bigint)::bigint, object.bucket_id
  from storage.objects as object group by object.bucket_id
$$;

-- Asks policies and constraints by an insert, and takes it back by the error that it always ends with.
create function storage.can_insert_object(bucketid text, name text, owner uuid, metadata jsonb)
returns void language plpgsql as $$
begin
  insert into storage.objects (bucket_id, name, owner, metadata)
  values (bucketid, name, owner, metadata);
  raise sqlstate 'PT200' using message = 'ROLLBACK', detail = 'rollback successful insert';
end $$;

-- For policies of one operation or of several; `storage.object.list` may be called `object.list`.
create function storage.allow_any_operation(expected_operations text[])
returns boolean language sql stable as $$
  select exists (
    select from unnest(expected_operations) as expected
    where expected <> ''
      and regexp_replace(expected, '^storage[.]', '')
        = regexp_replace(storage.operation(), '^storage[.]', '')
  )
$$;

create function storage.allow_only_operation(expected_operation text)
returns boolean language sql stable as $$
  select storage.allow_any_operation(array[expected_operation])
$$;

grant execute on all functions in schema storage to postgres, anon, authenticated, service_role;
