-- Views of the schemas $1, with the stored form of their queries.
select json_build_object(
  'id', class.oid::bigint, 'name', json_build_array(schema.nspname, class.relname),
  'definition', rule.ev_action::text,
  'columns', (select json_object_agg(attnum, attname) from pg_attribute
              where attrelid = class.oid and attnum > 0 and not attisdropped))
from pg_class as class
join pg_namespace as schema on schema.oid = class.relnamespace
join pg_rewrite as rule on rule.ev_class = class.oid and rule.rulename = '_RETURN'
where class.relkind in ('v', 'm')
  and schema.nspname = any($1)
