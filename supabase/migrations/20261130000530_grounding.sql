-- Purpose: whether what a model writes is sent only as far as items, conversation and settings support it.
-- Touches: public.ai_settings.
-- Locks:   ai_settings, for a moment.
-- Undo:    alter table public.ai_settings drop column grounding.

alter table public.ai_settings add column if not exists grounding boolean not null default true;
