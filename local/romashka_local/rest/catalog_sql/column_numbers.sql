-- The columns of tables by number, to name what a view shows.
select json_build_object(
  'id', class.oid::bigint, 'name', json_build_array(schema.nspname, class.relname),
  'columns', json_object_agg(attribute.attnum, attribute.attname))
from pg_class as class
join pg_namespace as schema on schema.oid = class.relnamespace
join pg_attribute as attribute on attribute.attrelid = class.oid and attribute.attnum > 0
where class.relkind in ('r', 'p') and not attribute.attisdropped
  and schema.nspname not in ('pg_catalog', 'information_schema')
group by class.oid, schema.nspname, class.relname
