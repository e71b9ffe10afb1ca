-- uuid-ossp's functions, as far as the server's own can make them.

create function uuid_nil() returns uuid language sql immutable parallel safe as
  $$ select '00000000-0000-0000-0000-000000000000'::uuid $$;
create function uuid_ns_dns() returns uuid language sql immutable parallel safe as
  $$ select '6ba7b810-9dad-11d1-80b4-00c04fd430c8'::uuid $$;
create function uuid_ns_url() returns uuid language sql immutable parallel safe as
  $$ select '6ba7b811-9dad-11d1-80b4-00c04fd430c8'::uuid $$;
create function uuid_ns_oid() returns uuid language sql immutable parallel safe as
  $$ select '6ba7b812-9dad-11d1-80b4-00c04fd430c8'::uuid $$;
create function uuid_ns_x500() returns uuid language sql immutable parallel safe as
  $$ select '6ba7b814-9dad-11d1-80b4-00c04fd430c8'::uuid $$;

create function uuid_generate_v4() returns uuid language sql volatile parallel safe as
  $$ select gen_random_uuid() $$;

-- The time (100 ns since 1582-10-15), then a random node, marked as one that is no network card's.
create function uuid_generate_v1() returns uuid language sql volatile parallel safe as $$
  select (
    substr(t, 9, 8) || '-' || substr(t, 5, 4) || '-1' || substr(t, 2, 3)
    || '-' || substr(random, 17, 4) || '-' || lpad(to_hex(node), 2, '0') || substr(random, 23, 10)
  )::uuid
  from (
    select
      lpad(to_hex((extract(epoch from clock_timestamp()) * 10000000)::bigint + 122192928000000000), 16, '0') as t,
      replace(gen_random_uuid()::text, '-', '') as random
  ) as parts,
  lateral (select ('x' || substr(random, 21, 2))::bit(8)::int | 1 as node) as marked
$$;
create function uuid_generate_v1mc() returns uuid language sql volatile parallel safe as
  $$ select gen_random_uuid() $$;

create function uuid_generate_v3(namespace uuid, name text) returns uuid
language sql immutable strict parallel safe as $$
  select encode(set_byte(set_byte(hash,
    6, (get_byte(hash, 6) & 15) | 48), 8, (get_byte(hash, 8) & 63) | 128), 'hex')::uuid
  from (select decode(md5(uuid_send(namespace) || convert_to(name, 'UTF8')), 'hex') as hash) as hashed
$$;

-- SHA-1, which the server has no function for: FIPS 180-4, on 64-bit numbers cut to 32 bits.
create function uuid_generate_v5(namespace uuid, name text) returns uuid
language plpgsql immutable strict parallel safe as $$
declare
  v_data bytea := uuid_send(namespace) || convert_to(name, 'UTF8');
  v_bits bigint := length(v_data) * 8;
  v_h bigint[] := array[1732584193, 4023233417, 2562383102, 271733878, 3285377520];
  v_w bigint[];
  v_a bigint; v_b bigint; v_c bigint; v_d bigint; v_e bigint; v_f bigint; v_k bigint; v_x bigint;
  v_hash bytea := '';
  c_mask constant bigint := 4294967295;
begin
  v_data := v_data || '\x80'::bytea;
  v_data := v_data || decode(repeat('00', (120 - length(v_data) % 64) % 64), 'hex') || int8send(v_bits);
  for block in 0..length(v_data) / 64 - 1 loop
    for t in 0..79 loop
      if t < 16 then
        v_x := 0;
        for i in 0..3 loop
          v_x := (v_x << 8) | get_byte(v_data, block * 64 + t * 4 + i);
        end loop;
      else
        v_x := v_w[t - 2] # v_w[t - 7] # v_w[t - 13] # v_w[t - 15];
        v_x := ((v_x << 1) | (v_x >> 31)) & c_mask;
      end if;
      v_w[t + 1] := v_x;
    end loop;
    v_a := v_h[1]; v_b := v_h[2]; v_c := v_h[3]; v_d := v_h[4]; v_e := v_h[5];
    for t in 0..79 loop
      if t < 20 then
        v_f := (v_b & v_c) | ((v_b # c_mask) & v_d); v_k := 1518500249;
      elsif t < 40 then
        v_f := v_b # v_c # v_d; v_k := 1859775393;
      elsif t < 60 then
        v_f := (v_b & v_c) | (v_b & v_d) | (v_c & v_d); v_k := 2400959708;
      else
        v_f := v_b # v_c # v_d; v_k := 3395469782;
      end if;
      v_x := ((((v_a << 5) | (v_a >> 27)) & c_mask) + v_f + v_e + v_k + v_w[t + 1]) & c_mask;
      v_e := v_d; v_d := v_c; v_c := ((v_b << 30) | (v_b >> 2)) & c_mask; v_b := v_a; v_a := v_x;
    end loop;
    v_h := array[(v_h[1] + v_a) & c_mask, (v_h[2] + v_b) & c_mask, (v_h[3] + v_c) & c_mask,
                 (v_h[4] + v_d) & c_mask, (v_h[5] + v_e) & c_mask];
  end loop;
  for i in 1..4 loop
    v_hash := v_hash || decode(lpad(to_hex(v_h[i]), 8, '0'), 'hex');
  end loop;
  v_hash := set_byte(v_hash, 6, (get_byte(v_hash, 6) & 15) | 80);
  v_hash := set_byte(v_hash, 8, (get_byte(v_hash, 8) & 63) | 128);
  return encode(v_hash, 'hex')::uuid;
end $$;
