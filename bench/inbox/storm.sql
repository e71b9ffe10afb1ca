-- 100 changes a second for ten seconds, of the three hundred conversations at the top.
do $$
declare
  v_ids uuid[] := array(select id from public.conversations order by last_message_at desc limit 300);
  v_begin timestamptz := clock_timestamp();
begin
  for n in 1 .. 1000 loop
    update public.conversations set last_message = n::text, last_message_at = clock_timestamp()
    where id = v_ids[1 + floor(random() * 300)];
    commit;
    perform pg_sleep(extract(epoch from v_begin + n * interval '10 ms' - clock_timestamp()));
  end loop;
end $$;
