-- Functions from a row of one table to rows of another. A row a JSON document.
select json_build_object(
  'function', json_build_array(schema.nspname, function.proname),
  'table', json_build_array(argument_schema.nspname, argument.typname),
  'foreign_table', json_build_array(result_schema.nspname, result.typname),
  'returns_one', not function.proretset or function.prorows = 1)
from pg_proc as function
join pg_namespace as schema on schema.oid = function.pronamespace
join pg_type as argument on argument.oid = function.proargtypes[0]
join pg_class as argument_class on argument_class.reltype = argument.oid
join pg_namespace as argument_schema on argument_schema.oid = argument.typnamespace
join pg_type as result on result.oid = function.prorettype
join pg_class as result_class on result_class.reltype = result.oid
join pg_namespace as result_schema on result_schema.oid = result.typnamespace
where function.pronargs = 1
  and argument_class.relkind in ('v', 'r', 'm', 'f', 'p')
  and result_class.relkind in ('v', 'r', 'm', 'f', 'p')
