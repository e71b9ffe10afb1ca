-- Purpose: what the widget is told before anybody has a session, and nothing else.
-- Touches: get_widget_settings; policies and a trigger of widget_settings.
-- Undo:    drop the policies, the trigger and the functions.

drop policy if exists "staff read the widget's settings" on public.widget_settings;
create policy "staff read the widget's settings" on public.widget_settings
  for select to authenticated using ((select private.is_staff()));

drop policy if exists "admins change the widget's settings" on public.widget_settings;
create policy "admins change the widget's settings" on public.widget_settings
  for update to authenticated using ((select private.is_admin())) with check ((select private.is_admin()));

create or replace trigger widget_settings_touch before update on public.widget_settings
  for each row execute function private.touch_updated_at();

-- A GET, so that browsers and whatever is between keep it for a minute.
create or replace function public.get_widget_settings()
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  perform set_config('response.headers', '[{"Cache-Control": "public, max-age=60"}]', true);
  return private.widget_settings();
end $$;
comment on function public.get_widget_settings is 'What everybody may know: {texts, color, text_color, logo_url, languages, is_team_there, back_at, team: [{first_name, avatar_url}]}.';

-- Each member is named here: a column that is added to a table is told to nobody. Whether somebody is there is what the
-- website's hours say, and null where there are none.
create or replace function private.widget_settings()
returns jsonb
language plpgsql
stable
security definer  -- visitors read none of these tables
set search_path = ''
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_hours jsonb := (private.business_hours_of('website', null)).hours;
  v_next timestamptz := private.next_hours(v_hours, v_now);
begin
  return (
    select jsonb_build_object(
      'texts', settings.texts, 'color', settings.color, 'text_color', settings.text_color, 'logo_url', settings.logo_url,
      'languages', settings.languages,
      'is_team_there', case when v_hours is not null then coalesce(v_next = v_now, false) end,
      'back_at', case when v_next > v_now then v_next end,
      'team', case when settings.shows_team then private.faces_of_team(v_now) else '[]' end
    ) from public.widget_settings as settings
  );
end $$;
comment on function private.widget_settings is 'What everybody may know of the widget and the team.';

-- Who has written to customers lately: by the first word of their name, unless that is an address, and a picture of
-- theirs that a page may show.
create or replace function private.faces_of_team(now timestamptz)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object('first_name', faces.first_name, 'avatar_url', faces.avatar_url)), '[]')
    from (
      select left((regexp_split_to_array(btrim(profiles.full_name), '\s+'))[1], 40) as first_name,
        case when profiles.avatar_url ~ '^https://[^\s"''<>\\]+$' and length(profiles.avatar_url) <= 2000
          then profiles.avatar_url end as avatar_url
      from public.profiles as profiles
      where profiles.role in ('agent', 'admin') and btrim(profiles.full_name) <> '' and profiles.full_name not like '%@%'
        and exists (
          select from public.messages as messages
          where messages.sender_id = profiles.id and messages.sender_type = 'agent'
            and messages.created_at > now - interval '30 days'
        )
      order by profiles.created_at, profiles.id limit 5
    ) as faces
  );
end $$;
comment on function private.faces_of_team is 'First names and pictures of those who write: [{first_name, avatar_url}].';
