-- Purpose: the original's chat widget names and reads messages.status; it says what delivery_status says.
-- Touches: public.messages.
-- Locks:   messages, for a moment.
-- Undo:    alter table public.messages drop column status.

alter table public.messages add column if not exists status text default 'sent';
