-- Purpose: a conversation as lists show it: with who answers, and whose it is. One reading for events, rows and searches.
-- Touches: functions; public.turn is one that PostgREST offers as a column of conversations: select=*,turn.
-- Locks:   none.
-- Undo:    drop the functions.

-- A claim changes no conversation, and sends no event: a job that is pending and due is being written as far as an event
-- can tell. Of two that are open, the one that is being answered; of none, the last one that ended.
create or replace function public.turn(conversation public.conversations)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return (
    select jsonb_build_object('job_id', latest.id, 'turn_id', latest.turn_id, 'status', latest.status,
      'started_at', latest.turn_started_at, 'process_after', latest.process_after, 'deadline', latest.deadline,
      'outcome', latest.outcome, 'ended_at', latest.completed_at)
    from (
      select jobs.* from public.ai_response_queue as jobs
      where jobs.conversation_id = conversation.id
      order by jobs.created_at desc limit 2
    ) as latest
    where latest.turn_id is not null  -- those from before Romashka have none
    order by latest.status = 'processing' desc, latest.status = 'pending' desc, latest.created_at desc limit 1
  );
end $$;
comment on function public.turn is 'The turn that is open in a conversation, else the last one: {job_id, turn_id, status, started_at, process_after, deadline, outcome, ended_at}.';

create or replace function private.listed(conversation public.conversations)
returns jsonb
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_customer jsonb;
begin
  -- Apart from what is returned: that needs no query then, and costs half.
  if conversation.customer_id is not null then
    v_customer := (
      select jsonb_build_object('id', customers.id, 'name', customers.name, 'email', customers.email,
        'phone', customers.phone, 'preferences', customers.preferences,
        'satisfaction_rating', customers.satisfaction_rating)
      from public.customer_profiles as customers where customers.id = conversation.customer_id
    );
  end if;
  return to_jsonb(conversation) || jsonb_build_object('last_message', left(conversation.last_message, 1000),
    'turn', public.turn(conversation), 'customer_profiles', v_customer);
end $$;
comment on function private.listed is 'A conversation with its turn, and of its customer what a list shows.';
