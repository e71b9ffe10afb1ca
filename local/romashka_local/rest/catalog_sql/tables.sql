-- Tables and views of every schema; columns only of those in $1. A row a JSON document.
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
columns as (
  select attribute.attrelid, json_agg(json_build_object(
    'name', attribute.attname,
    'type', format_type(attribute.atttypid, attribute.atttypmod),
    'base_type', case
      when type.typtype = 'd' and base.base_schema = 'pg_catalog'::regnamespace
        then format_type(base.base_type, null)
      when type.typtype <> 'd' and type.typnamespace = 'pg_catalog'::regnamespace
        then format_type(attribute.atttypid, null)
      else format_type(attribute.atttypid, attribute.atttypmod) end,
    'default', case
      when type.typbasetype <> 0 and fallback.adbin is null
        then pg_get_expr(type.typdefaultbin, 0)
      when attribute.attidentity = 'd' then format('nextval(%L)', sequence.objid::regclass)
      when attribute.attgenerated = 's' then null
      else pg_get_expr(fallback.adbin, fallback.adrelid) end,
    'is_nullable', not (attribute.attnotnull or type.typtype = 'd' and type.typnotnull),
    'max_length', case when attribute.atttypmod > 4 and base.base_type in (1042, 1043)
      then attribute.atttypmod - 4 end,
    'description', col_description(attribute.attrelid, attribute.attnum),
    'labels', (select coalesce(json_agg(enumlabel order by enumsortorder), '[]')
               from pg_enum where enumtypid = base.base_type)
  ) order by attribute.attnum) as list
  from pg_attribute as attribute
  join pg_class as class on class.oid = attribute.attrelid
  join pg_type as type on type.oid = attribute.atttypid
  left join base_types as base on base.oid = type.oid
  left join pg_attrdef as fallback
    on fallback.adrelid = attribute.attrelid and fallback.adnum = attribute.attnum
  left join pg_depend as sequence
    on sequence.refobjid = attribute.attrelid and sequence.refobjsubid = attribute.attnum
    and sequence.deptype = 'i' and sequence.classid = 'pg_class'::regclass
  where attribute.attnum > 0 and not attribute.attisdropped
    and class.relkind in ('r', 'v', 'f', 'm', 'p')
    and class.relnamespace in (select oid from pg_namespace where nspname = any($1))
  group by attribute.attrelid
)
select json_build_object(
  'schema', namespace.nspname, 'name', class.relname,
  'is_view', class.relkind in ('v', 'm'),
  'insertable', class.relkind in ('r', 'p') or pg_relation_is_updatable(class.oid, true) & 8 = 8,
  'updatable', class.relkind in ('r', 'p') or pg_relation_is_updatable(class.oid, true) & 4 = 4,
  'deletable', class.relkind in ('r', 'p') or pg_relation_is_updatable(class.oid, true) & 16 = 16,
  'description', obj_description(class.oid, 'pg_class'),
  'columns', coalesce(columns.list, '[]'),
  'primary_key', (
    select coalesce(json_agg(attribute.attname order by attribute.attname), '[]')
    from pg_constraint as key
    join pg_attribute as attribute
      on attribute.attrelid = key.conrelid and attribute.attnum = any(key.conkey)
    where key.conrelid = class.oid and key.contype = 'p'))
from pg_class as class
join pg_namespace as namespace on namespace.oid = class.relnamespace
left join columns on columns.attrelid = class.oid
where class.relkind in ('v', 'r', 'm', 'f', 'p') and not class.relispartition
  and namespace.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
order by namespace.nspname, class.relname
