-- Foreign keys, with whether their columns are unique in their table. A row a JSON document.
select json_build_object(
  'table', json_build_array(own_schema.nspname, own.relname),
  'foreign_table', json_build_array(foreign_schema.nspname, referenced.relname),
  'constraint', key.conname,
  'columns', (
    select json_agg(json_build_array(near.attname, far.attname) order by position)
    from unnest(key.conkey, key.confkey) with ordinality as pair(near_number, far_number, position)
    join pg_attribute as near on near.attrelid = key.conrelid and near.attnum = near_number
    join pg_attribute as far on far.attrelid = key.confrelid and far.attnum = far_number),
  'is_unique', exists (
    select from pg_constraint as other
    where other.conrelid = key.conrelid and other.contype in ('p', 'u')
      and other.conkey @> key.conkey and other.conkey <@ key.conkey))
from pg_constraint as key
join pg_class as own on own.oid = key.conrelid
join pg_namespace as own_schema on own_schema.oid = own.relnamespace
join pg_class as referenced on referenced.oid = key.confrelid
join pg_namespace as foreign_schema on foreign_schema.oid = referenced.relnamespace
where key.contype = 'f' and key.conparentid = 0
order by key.conrelid, key.conname
