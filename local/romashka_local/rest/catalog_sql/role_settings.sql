-- `alter role ... set` of the roles that this one may become, where it may set them too.
select json_build_object('role', role.rolname, 'name', setting.name, 'value', setting.value)
from pg_auth_members as membership
join pg_roles as role on role.oid = membership.roleid
cross join lateral (
  select split_part(pair, '=', 1) as name, substr(pair, strpos(pair, '=') + 1) as value
  from unnest(role.rolconfig) as pair
) as setting
join pg_settings as known on known.name = setting.name
where membership.member = (select oid from pg_roles where rolname = current_user)
  and (known.context = 'user' or has_parameter_privilege(current_user, known.name, 'set'))
