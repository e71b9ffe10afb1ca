-- Purpose: a profile without a role is a user's: a project's own table may have the column without a default, or with one
--          of its own, and then nobody could sign up.
-- Touches: public.profiles.
-- Locks:   profiles, for a moment.
-- Undo:    nothing.

alter table public.profiles alter column role set default 'user';
