-- Purpose: whether the AI goes on answering what it is sure of, while a customer waits for a human.
-- Touches: public.ai_settings.
-- Locks:   ai_settings, for a moment.
-- Undo:    alter table public.ai_settings drop column answers_while_waiting.

alter table public.ai_settings add column if not exists answers_while_waiting boolean not null default true;
