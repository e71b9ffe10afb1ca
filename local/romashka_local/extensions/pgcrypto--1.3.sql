-- pgcrypto's hashes and random bytes, from the server's own functions. Passwords and encryption, which
-- it has none for, are refused with a clear message.

create function digest(bytea, text) returns bytea
language plpgsql immutable strict parallel safe as $$
begin
  case lower($2)
    when 'md5' then return decode(md5($1), 'hex');
    when 'sha224' then return sha224($1);
    when 'sha256' then return sha256($1);
    when 'sha384' then return sha384($1);
    when 'sha512' then return sha512($1);
    else
      raise exception 'Cannot use "%": the local stack has md5 and sha224 to sha512', $2
        using errcode = 'invalid_parameter_value';
  end case;
end $$;

create function digest(text, text) returns bytea
language plpgsql immutable strict parallel safe as $$
begin
  return @extschema@.digest(convert_to($1, 'UTF8'), $2);
end $$;

create function hmac(bytea, bytea, text) returns bytea
language plpgsql immutable strict parallel safe as $$
declare
  v_block int := case when lower($3) in ('sha384', 'sha512') then 128 else 64 end;
  v_key bytea := case when length($2) > v_block then @extschema@.digest($2, $3) else $2 end;
  v_inner bytea := '';
  v_outer bytea := '';
begin
  v_key := v_key || decode(repeat('00', v_block - length(v_key)), 'hex');
  for i in 0..v_block - 1 loop
    v_inner := v_inner || set_byte('\x00', 0, get_byte(v_key, i) # 54);
    v_outer := v_outer || set_byte('\x00', 0, get_byte(v_key, i) # 92);
  end loop;
  return @extschema@.digest(v_outer || @extschema@.digest(v_inner || $1, $3), $3);
end $$;

create function hmac(text, text, text) returns bytea
language plpgsql immutable strict parallel safe as $$
begin
  return @extschema@.hmac(convert_to($1, 'UTF8'), convert_to($2, 'UTF8'), $3);
end $$;

create function gen_random_bytes(int) returns bytea
language plpgsql volatile strict parallel safe as $$
declare
  v_bytes bytea := '';
begin
  if $1 not between 1 and 1024 then
    raise exception 'Length not in range' using errcode = 'external_routine_invocation_exception';
  end if;
  while length(v_bytes) < $1 loop
    v_bytes := v_bytes || substr(sha256(uuid_send(pg_catalog.gen_random_uuid())), 1, 8);
  end loop;
  return substr(v_bytes, 1, $1);
end $$;

create function gen_random_uuid() returns uuid language sql volatile parallel safe as
  $$ select pg_catalog.gen_random_uuid() $$;

create function gen_salt(text) returns text language plpgsql volatile as $$
begin
  raise exception 'gen_salt is not part of the local stack'
    using errcode = 'feature_not_supported', hint = 'Create users through the Auth API.';
end $$;

create function gen_salt(text, int) returns text language plpgsql volatile as $$
begin
  return @extschema@.gen_salt($1);
end $$;

create function crypt(text, text) returns text language plpgsql immutable as $$
begin
  raise exception 'crypt is not part of the local stack'
    using errcode = 'feature_not_supported', hint = 'Create users through the Auth API.';
end $$;
