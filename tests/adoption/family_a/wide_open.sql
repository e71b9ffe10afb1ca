-- What some installs changed, so that "it works": everything open, and a claim that gives nothing.

alter table public.conversations disable row level security;
drop policy "Allow authenticated access to messages" on public.messages;
create policy "Allow all access to messages" on public.messages for all using (true) with check (true);
create policy "Allow all access to conversations" on public.conversations for all using (true);
grant all on public.conversations, public.messages to anon, authenticated, public;

drop function public.get_next_ai_response_job();
create function public.get_next_ai_response_job() returns json language sql security definer as
  $$ select '{}'::json $$;
grant execute on function public.get_next_ai_response_job() to anon;

-- The second form of its caller, and analytics that refuse the second row of a conversation.
create function public.complete_ai_response_job(
  job_id uuid, ai_response text, confidence_score numeric, requires_human boolean,
  processing_time_ms integer, intent_detected text, sentiment_detected text, knowledge_sources jsonb
) returns boolean language sql security definer as 'select false';
delete from public.conversation_analytics;
create unique index on public.conversation_analytics (conversation_id);

-- And something of the team's own.
create function public.audit_message() returns trigger language plpgsql set search_path = public as $$
begin
  return null;
end $$;
revoke execute on function public.audit_message() from public, anon, authenticated;
create trigger audit after insert on public.messages for each row execute function public.audit_message();
