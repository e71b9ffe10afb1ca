-- Purpose: what bounds an account's messages a second has the field's name.
-- Touches: private.channel_rate_limits, which was private.channel_pace; a constraint of public.communication_channels.
-- Locks:   both, for a moment.
-- Undo:    rename them back.

do $$
begin
  if to_regclass('private.channel_rate_limits') is null then
    alter table private.channel_pace rename to channel_rate_limits;
    alter index private.channel_pace_pkey rename to channel_rate_limits_pkey;
    alter table public.communication_channels
      rename constraint communication_channels_pace to communication_channels_rate_limit;
  else  -- a restored dump, over which the file before this one has just been applied again
    drop table private.channel_pace;
    alter table public.communication_channels drop constraint communication_channels_pace;
  end if;
end $$;
