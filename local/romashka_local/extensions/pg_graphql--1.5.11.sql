-- pg_graphql's entry points, which on the local stack answer that there is no GraphQL.

create function graphql.resolve(
  query text, variables jsonb default '{}', "operationName" text default null,
  extensions jsonb default null
) returns jsonb language sql immutable as $$
  select '{"errors": [{"message": "GraphQL is not part of the local stack"}]}'::jsonb
$$;

create function graphql_public.graphql(
  "operationName" text default null, query text default null, variables jsonb default null,
  extensions jsonb default null
) returns jsonb language sql immutable as $$
  select graphql.resolve(query, variables, "operationName", extensions)
$$;

grant usage on schema graphql to postgres, anon, authenticated, service_role;
