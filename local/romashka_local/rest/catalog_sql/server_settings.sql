-- `alter role authenticator set pgrst.*`, or `safeupdate.*`; the database's own come last and win.
select json_build_object(
  'name', regexp_replace(split_part(pair, '=', 1), '^pgrst[.]', ''),
  'value', substr(pair, strpos(pair, '=') + 1))
from pg_db_role_setting as stored
cross join lateral unnest(stored.setconfig) as pair
where stored.setrole = (select oid from pg_roles where rolname = current_user)
  and stored.setdatabase in (0, (select oid from pg_database where datname = current_database()))
  and (pair like 'pgrst.%' or pair like 'safeupdate.%')
order by stored.setdatabase
