-- Purpose: what is answered in where nothing tells what the customer speaks.
-- Touches: public.ai_settings.
-- Locks:   ai_settings, for a moment.
-- Undo:    alter table public.ai_settings drop column default_language.

alter table public.ai_settings add column if not exists default_language text
  check (default_language ~ '^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$' and length(default_language) <= 10);
