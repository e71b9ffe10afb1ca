-- Purpose: when somebody of the team is there, and when next: one way to write it, and one to read it, for business hours
--          and for notification rules.
-- Touches: policies and triggers of business_hours; private.next_hours, private.away_text.
-- Undo:    drop the policies, the triggers and the functions.

drop policy if exists "staff read the business hours" on public.business_hours;
create policy "staff read the business hours" on public.business_hours
  for select to authenticated using ((select private.is_staff()));

drop policy if exists "admins write the business hours" on public.business_hours;
create policy "admins write the business hours" on public.business_hours
  for insert to authenticated with check ((select private.is_admin()));

drop policy if exists "admins change the business hours" on public.business_hours;
create policy "admins change the business hours" on public.business_hours
  for update to authenticated using ((select private.is_admin())) with check ((select private.is_admin()));

drop policy if exists "admins remove the business hours" on public.business_hours;
create policy "admins remove the business hours" on public.business_hours
  for delete to authenticated using ((select private.is_admin()));

create or replace trigger business_hours_touch before update on public.business_hours
  for each row execute function private.touch_updated_at();

-- {timezone, spans: [{days, from, to}], closed: [date]}, or with one span's {days, from, to} beside the time zone.
create or replace function private.spans_of(hours jsonb)
returns jsonb
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  return case when hours ? 'spans' then hours -> 'spans' else jsonb_build_array(hours - 'timezone' - 'closed') end;
end $$;
comment on function private.spans_of is 'The spans of hours: [{days, from, to}].';

-- A span that ends before it begins reaches into the next day. On a closed day none begins; one that began the day
-- before goes on to its end. A time that the clocks leave out is the one an hour later. There are at most a hundred
-- closed days, so in 800 there is one of each day of the week that is open.
create or replace function private.next_hours(hours jsonb, at timestamptz)
returns timestamptz
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_zone text := hours ->> 'timezone';
  v_today date := (at at time zone v_zone)::date;
  v_day date;
  v_next timestamptz;
begin
  if hours is null then
    return at;
  end if;
  for v_offset in -1..800 loop
    v_day := v_today + v_offset;
    continue when hours -> 'closed' ? to_char(v_day, 'YYYY-MM-DD');
    select min(greatest(at, times.begins)) into v_next
    from jsonb_array_elements(private.spans_of(hours)) as span
    cross join lateral (
      select (v_day + (span ->> 'from')::time) at time zone v_zone as begins,
        (v_day + (span ->> 'to')::time + case when span ->> 'to' < span ->> 'from' then interval '1 day' else '0' end)
          at time zone v_zone as ends
    ) as times
    where times.ends > at and span -> 'days' @> to_jsonb(extract(isodow from v_day)::integer);
    if v_next is not null then
      return v_next;
    end if;
  end loop;
  return null;
end $$;
comment on function private.next_hours is 'When the hours next are: now, within them.';

create or replace function private.are_hours(hours jsonb)
returns boolean
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return coalesce(jsonb_typeof(hours) = 'object'
    and hours - '{timezone,spans,days,from,to,closed}'::text[] = '{}'
    and not (hours ? 'spans' and hours ?| '{days,from,to}')
    and exists (select from pg_catalog.pg_timezone_names as zones where zones.name = hours ->> 'timezone')
    and jsonb_array_length(private.spans_of(hours)) between 1 and 50
    and (
      select bool_and(coalesce(span - '{days,from,to}'::text[] = '{}'
        and jsonb_array_length(span -> 'days') > 0 and span -> 'days' <@ '[1, 2, 3, 4, 5, 6, 7]'
        and span ->> 'from' ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$' and span ->> 'to' ~ '^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$'
        and span ->> 'from' <> span ->> 'to', false))
      from jsonb_array_elements(private.spans_of(hours)) as span
    )
    and (not hours ? 'closed' or jsonb_array_length(hours -> 'closed') <= 100 and (
      select coalesce(bool_and(coalesce(day = to_char(day::date, 'YYYY-MM-DD'), false)), true)
      from jsonb_array_elements_text(hours -> 'closed') as day
    )), false);
exception when data_exception then  -- no array, no date
  return false;
end $$;
comment on function private.are_hours is 'Can these hours be read?';

create or replace function private.check_hours()
returns trigger
language plpgsql
volatile
security definer  -- whoever writes hours calls nothing of this
set search_path = ''
as $$
begin
  if new.hours is not null and not private.are_hours(new.hours) then
    raise exception 'unable to keep the hours; they cannot be read'
      using errcode = 'PT400', detail = 'bad_hours',
      hint = 'As {"timezone": "Europe/Berlin", "days": [1, 2, 3, 4, 5], "from": "09:00", "to": "18:00"}; 1 is Monday.';
  end if;
  return new;
end $$;
comment on function private.check_hours is 'Check the hours of a row. Raises bad_hours.';

create or replace trigger business_hours_check before insert or update of hours on public.business_hours
  for each row execute function private.check_hours();

create or replace function private.business_hours_of(channel_type text, channel_id uuid)
returns public.business_hours
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_hours public.business_hours;
begin
  select * into v_hours from public.business_hours as hours
  where hours.channel_id = business_hours_of.channel_id or hours.channel_type = business_hours_of.channel_type
    or hours.channel_id is null and hours.channel_type is null
  order by hours.channel_id is null, hours.channel_type is null limit 1;
  return v_hours;
end $$;
comment on function private.business_hours_of is 'The hours of an account, else of its kind of channel, else of all; null if there are none.';

-- In the customer's language, by the clocks of the team. The texts of the project come first, then ours, in a language
-- that the customer knows before English.
create or replace function private.away_text(language text, channel_type text, channel_id uuid)
returns text
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_row public.business_hours := private.business_hours_of(channel_type, channel_id);
  v_now timestamptz := clock_timestamp();
  v_next timestamptz := private.next_hours(v_row.hours, v_now);
  v_language text := lower(split_part(replace(away_text.language, '_', '-'), '-', 1));
  v_ours jsonb := private.away_words(v_language);
begin
  if v_next = v_now then
    return null;
  end if;
  return replace(
    coalesce(v_row.away_texts ->> v_language, v_ours ->> 'text', v_row.away_texts ->> 'en', private.away_words('en') ->> 'text'),
    '{when}', private.time_in_words(v_next, v_now, v_row.hours ->> 'timezone', coalesce(v_ours, private.away_words('en'))));
end $$;
comment on function private.away_text is 'What a customer is told when nobody of the team is there, and when somebody is; null within the hours.';

create or replace function private.time_in_words(at timestamptz, now timestamptz, timezone text, words jsonb)
returns text
language plpgsql
immutable
security invoker
set search_path = ''
as $$
declare
  v_day date := (at at time zone timezone)::date;
  v_days integer := v_day - (now at time zone timezone)::date;
  v_name text := case v_days when 0 then words ->> 'today' when 1 then words ->> 'tomorrow'
    else words -> 'days' ->> extract(isodow from v_day)::integer - 1 end;
begin
  return replace(replace(words ->> 'at', '{time}', to_char(at at time zone timezone, 'FMHH24:MI')),
    '{day}', case when v_days > 6 then v_name || ' ' || to_char(v_day, 'YYYY-MM-DD') else v_name end);
end $$;
comment on function private.time_in_words is 'A time that comes, as one says it: tomorrow at 9:00.';
