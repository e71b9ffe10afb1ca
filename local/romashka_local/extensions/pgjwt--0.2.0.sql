-- pgjwt's tokens signed with HMAC.

create function url_encode(data bytea) returns text language sql immutable as $$
  select translate(encode(data, 'base64'), E'+/=\n', '-_')
$$;

create function url_decode(data text) returns bytea language sql immutable as $$
  select decode(
    translate(data, '-_', '+/') || repeat('=', (4 - length(data) % 4) % 4), 'base64'
  )
$$;

create function algorithm_sign(signables text, secret text, algorithm text) returns text
language sql immutable as $$
  select @extschema@.url_encode(
    @extschema:pgcrypto@.hmac(signables, secret, replace(lower(algorithm), 'hs', 'sha'))
  )
$$;

create function sign(payload json, secret text, algorithm text default 'HS256') returns text
language sql immutable as $$
  select signables || '.' || @extschema@.algorithm_sign(signables, secret, algorithm)
  from (
    select @extschema@.url_encode(
      convert_to('{"alg":"' || algorithm || '","typ":"JWT"}', 'UTF8')
    ) || '.' || @extschema@.url_encode(convert_to(payload::text, 'UTF8')) as signables
  ) as token
$$;

create function verify(token text, secret text, algorithm text default 'HS256')
returns table (header json, payload json, valid boolean) language sql immutable as $$
  select
    convert_from(@extschema@.url_decode(part[1]), 'UTF8')::json,
    convert_from(@extschema@.url_decode(part[2]), 'UTF8')::json,
    part[3] = @extschema@.algorithm_sign(part[1] || '.' || part[2], secret, algorithm)
  from (select string_to_array(token, '.') as part) as parts
$$;
