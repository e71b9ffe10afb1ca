-- Purpose: the question that the AI asks when it is unsure: from how sure on, and what a settle may bring with it.
-- Touches: public.ai_settings, private.result.
-- Locks:   ai_settings, for a moment.
-- Undo:    alter table public.ai_settings drop column min_choice_confidence; alter type private.result drop attribute
--          choices, drop attribute asked.

-- The best article must be this sure to be offered as a choice; null: nothing is asked.
alter table public.ai_settings add column if not exists min_choice_confidence numeric(3, 2) default 0.15
  check (min_choice_confidence between 0 and 1);

do $$
begin
  if not exists (
    select from pg_catalog.pg_attribute
    where attrelid = (select typrelid from pg_catalog.pg_type where oid = 'private.result'::regtype)
      and attname = 'choices' and not attisdropped
  ) then
    alter type private.result add attribute choices jsonb, add attribute asked text;
  end if;
end $$;
