-- Purpose: durations as numbers that integer columns can hold: rows that come from a backup, or a machine that was
--          asleep for a month, make long ones.
-- Touches: private.milliseconds, private.seconds. In PL/pgSQL, as a settle calls them for each answer: one in SQL that
--          sets its search_path is planned anew each time.

create or replace function private.milliseconds(duration interval)
returns integer
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return least(greatest(extract(epoch from duration) * 1000, 0), 2147483647)::integer;
end $$;
comment on function private.milliseconds is 'A duration in milliseconds: 0 to 2,147,483,647.';

create or replace function private.seconds(duration interval)
returns integer
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return least(greatest(extract(epoch from duration), 0), 2147483647)::integer;
end $$;
comment on function private.seconds is 'A duration in seconds: 0 to 2,147,483,647.';
