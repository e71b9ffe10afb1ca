-- Purpose: what is said out of politeness: how it is answered, and turns that need no answer (docs/job-states.md).
-- Touches: public.ai_settings, public.ai_response_queue.
-- Locks:   ai_settings for a moment; ai_response_queue while its check is made, which reads the table.
-- Undo:    alter table public.ai_settings drop column small_talk_texts, drop column answers_acknowledgements; the check
--          as it was in *_queue.sql, once no job is not_needed.

alter table public.ai_settings
  -- {kind: {language: text}}: what is said in other words than the worker's own.
  add column if not exists small_talk_texts jsonb not null default '{}' check (jsonb_typeof(small_talk_texts) = 'object'
    and small_talk_texts - '{greeting,thanks,goodbye,who_are_you,is_bot,acknowledgement}'::text[] = '{}'),
  -- Is "ok" or "thanks!" answered, after an answer?
  add column if not exists answers_acknowledgements boolean not null default false;

alter table public.ai_response_queue drop constraint if exists ai_response_queue_settled_with_outcome;
alter table public.ai_response_queue
  add constraint ai_response_queue_settled_with_outcome
    check (outcome is null and status in ('pending', 'processing')
      or outcome in ('replied', 'escalated', 'not_needed') and status = 'completed'
      or outcome in ('superseded', 'taken_over') and status = 'failed');
