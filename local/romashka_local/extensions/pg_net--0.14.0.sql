-- pg_net's functions, which on the local stack send nothing and say so.

create schema net;
create sequence net.http_request_queue_id_seq;

create table net._http_response (
  id bigint,
  status_code integer,
  content_type text,
  headers jsonb,
  content text,
  timed_out boolean,
  error_msg text,
  created timestamptz not null default now()
);

create function net._ignore(url text) returns bigint language plpgsql as $$
begin
  raise warning 'pg_net sends nothing on the local stack: %', split_part(url, '?', 1);
  return nextval('net.http_request_queue_id_seq');
end $$;

create function net.http_get(
  url text, params jsonb default '{}', headers jsonb default '{}',
  timeout_milliseconds integer default 5000
) returns bigint language sql as $$ select net._ignore(url) $$;

create function net.http_post(
  url text, body jsonb default '{}', params jsonb default '{}',
  headers jsonb default '{"Content-Type": "application/json"}',
  timeout_milliseconds integer default 5000
) returns bigint language sql as $$ select net._ignore(url) $$;

create function net.http_delete(
  url text, params jsonb default '{}', headers jsonb default '{}',
  timeout_milliseconds integer default 5000, body jsonb default null
) returns bigint language sql as $$ select net._ignore(url) $$;

grant usage on schema net to postgres, anon, authenticated, service_role;
grant usage on sequence net.http_request_queue_id_seq to postgres, anon, authenticated, service_role;
grant select on net._http_response to postgres;
