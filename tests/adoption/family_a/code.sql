-- The original's full product: its functions and triggers, with their faults.

create function public.update_updated_at_column() returns trigger language plpgsql as $$
begin
  new.updated_at = now();
  return new;
end $$;

create function public.create_conversation_analytics() returns trigger language plpgsql as $$
begin
  insert into conversation_analytics (conversation_id, started_at) values (new.id, new.created_at);
  return new;
end $$;

create function public.update_conversation_analytics() returns trigger language plpgsql as $$
begin
  update conversation_analytics set total_messages = total_messages + 1
  where conversation_id = coalesce(new.conversation_id, old.conversation_id);
  return coalesce(new, old);
end $$;

create function public.update_conversation_analytics_on_message() returns trigger language plpgsql as $$
begin
  update conversation_analytics set customer_messages = customer_messages + 1
  where conversation_id = new.conversation_id and new.sender_type = 'user';
  return new;
end $$;

create function public.update_conversation_analytics_on_resolution() returns trigger language plpgsql as $$
begin
  update conversation_analytics set resolved_at = new.resolved_at where conversation_id = new.id;
  return new;
end $$;

create function public.update_conversation_message_count() returns trigger language plpgsql as $$
begin
  update conversations set message_count = message_count + 1
  where id = coalesce(new.conversation_id, old.conversation_id);
  return coalesce(new, old);
end $$;

create function public.cleanup_expired_realtime_metrics() returns trigger language plpgsql as $$
begin
  delete from realtime_metrics where expires_at < now();
  return new;
end $$;

create function public.handle_new_message() returns trigger language plpgsql security definer as $$
begin
  update conversations
  set last_message = new.content, last_message_at = now(), message_count = message_count + 1
  where id = new.conversation_id;
  if new.sender_type = 'user' then
    insert into ai_response_queue (conversation_id, message_id, user_message, process_after)
    values (new.conversation_id, new.id, new.content, now() + interval '1 second');
  end if;
  return new;
end $$;

create function public.create_conversation(
  customer_identifier text, channel_type text, initial_message text default null
) returns uuid language plpgsql security definer as $$
begin
  return null;
end $$;

create function public.get_next_ai_response_job()
returns table (
  job_id uuid, conversation_id uuid, message_id uuid, user_message text, conversation_context jsonb,
  customer_profile jsonb, priority integer
) language plpgsql security definer as $$
begin
  return;
end $$;

create function public.complete_ai_response_job(
  job_id uuid, ai_response text, confidence numeric, response_time_ms integer,
  requires_human boolean default false
) returns boolean language plpgsql security definer as $$
begin
  return false;
end $$;

create function public.fail_ai_response_job(job_id uuid, error_message text)
returns boolean language plpgsql security definer as $$
begin
  return false;
end $$;

create function public.get_conversation_with_messages(conversation_id uuid, message_limit integer default 50)
returns table (conversation_data jsonb, messages_data jsonb) language plpgsql security definer as $$
begin
  return;
end $$;

create function public.get_realtime_messaging_metrics(time_window_minutes integer default 60)
returns table (
  metric_name text, metric_value numeric, count integer, avg_value numeric, min_value numeric,
  max_value numeric, timestamp_range tstzrange
) language plpgsql security definer as $$
begin
  return;
end $$;

create function public.get_conversation_performance_metrics(conversation_id uuid)
returns table (
  total_messages integer, ai_messages integer, human_messages integer, avg_response_time_ms numeric,
  ai_confidence_avg numeric, escalation_count integer, satisfaction_rating numeric,
  conversation_duration_minutes integer
) language plpgsql security definer as $$
begin
  return;
end $$;

create function public.cleanup_ai_response_queue(older_than_days integer default 7)
returns integer language sql security definer as 'select 0';
create function public.cleanup_realtime_metrics(older_than_days integer default 30)
returns integer language sql security definer as 'select 0';
create function public.cleanup_expired_metrics() returns void language sql security definer as
  'delete from realtime_metrics where expires_at < now()';
create function public.aggregate_daily_metrics(target_date date) returns void language sql security definer as
  'insert into realtime_metrics (metric_name, metric_value) values (''daily'', 1)';

create trigger create_conversation_analytics_trigger after insert on public.conversations
  for each row execute function public.create_conversation_analytics();
create trigger trigger_create_conversation_analytics after insert on public.conversations
  for each row execute function public.create_conversation_analytics();
create trigger update_conversation_analytics_on_resolution_trigger after update on public.conversations
  for each row execute function public.update_conversation_analytics_on_resolution();
create trigger update_conversations_updated_at before update on public.conversations
  for each row execute function public.update_updated_at_column();
create trigger update_customer_profiles_updated_at before update on public.customer_profiles
  for each row execute function public.update_updated_at_column();
create trigger trigger_handle_new_message after insert on public.messages
  for each row execute function public.handle_new_message();
create trigger trigger_update_conversation_analytics after insert or delete on public.messages
  for each row execute function public.update_conversation_analytics();
create trigger trigger_update_conversation_message_count after insert or delete on public.messages
  for each row execute function public.update_conversation_message_count();
create trigger update_conversation_analytics_on_message_trigger after insert on public.messages
  for each row execute function public.update_conversation_analytics_on_message();
create trigger update_messages_updated_at before update on public.messages
  for each row execute function public.update_updated_at_column();
create trigger update_profiles_updated_at before update on public.profiles
  for each row execute function public.update_updated_at_column();
create trigger cleanup_expired_realtime_metrics_trigger after insert on public.realtime_metrics
  for each row execute function public.cleanup_expired_realtime_metrics();
