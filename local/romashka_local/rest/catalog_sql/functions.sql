-- Functions of the schemas $1 that can be called with named arguments, or with one unnamed.
-- A type that ignores its length gets the one that keeps any value: bit, character.
with recursive 
  base_types as (
    with recursive steps as (
      select oid, typbasetype, typnamespace as base_schema,
             coalesce(nullif(typbasetype, 0), oid) as base_type
      from pg_type
      union
      select steps.oid, base.typbasetype, base.typnamespace,
             coalesce(nullif(base.typbasetype, 0), base.oid)
      from steps join pg_type as base on steps.typbasetype = base.oid
    )
    select oid, base_schema, base_type from steps where typbasetype = 0
  ),
parameters as (
  select function.oid,
    json_agg(json_build_object(
      'name', coalesce(name, ''),
      'declared_type', type::regtype::text,
      'type', case type
        when 'bit'::regtype then 'bit varying'
        when 'bit[]'::regtype then 'bit varying[]'
        when 'character'::regtype then 'character varying'
        when 'character[]'::regtype then 'character varying[]'
        else type::regtype::text end,
      'is_required', position <= function.pronargs - function.pronargdefaults,
      'is_variadic', coalesce(mode = 'v', false)) order by position) as list,
    case count(*) - count(name)
      when 0 then true
      when 1 then (array_agg(type))[1] in (
        'bytea'::regtype, 'json'::regtype, 'jsonb'::regtype, 'text'::regtype, 'xml'::regtype)
      else false end as are_callable
  from pg_proc as function, unnest(function.proargnames, function.proargtypes, function.proargmodes)
    with ordinality as _(name, type, mode, position)
  where type is not null
  group by function.oid
)
select json_build_object(
  'schema', schema.nspname, 'name', function.proname,
  'parameters', coalesce(parameters.list, '[]'),
  'returns', json_build_array(type_schema.nspname, coalesce(class.relname, type.typname)),
  'returns_set', function.proretset,
  'returns_rows', type.typtype = 'c'
    or coalesce(function.proargmodes::text[] && '{t,b,o}', false),
  'volatility', function.provolatile,
  'settings', coalesce(function.proconfig, '{}'),
  'description', obj_description(function.oid, 'pg_proc'))
from pg_proc as function
left join parameters on parameters.oid = function.oid
join pg_namespace as schema on schema.oid = function.pronamespace
join base_types as base on base.oid = function.prorettype
join pg_type as type on type.oid = base.base_type
join pg_namespace as type_schema on type_schema.oid = type.typnamespace
left join pg_class as class on class.oid = type.typrelid
where type.oid <> 'trigger'::regtype and coalesce(parameters.are_callable, true)
  and function.prokind = 'f' and schema.nspname = any($1)
order by schema.nspname, function.proname, function.pronargs, function.oid
