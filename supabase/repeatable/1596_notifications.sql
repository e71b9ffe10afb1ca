-- Purpose: what happens that somebody is to be told of: each rule that it is for gets a row to be sent.
-- Touches: policies of notification_rules and notification_deliveries; triggers on notification_rules, conversations,
--          messages, ai_response_queue, communication_channels.
-- Locks:   none beside those of the event; a sweep of who waits takes none.
-- Undo:    drop the policies, the triggers and the functions.

drop policy if exists "admins have the rules" on public.notification_rules;
create policy "admins have the rules" on public.notification_rules
  for all to authenticated using ((select private.is_admin())) with check ((select private.is_admin()));

drop policy if exists "staff read what was told" on public.notification_deliveries;
create policy "staff read what was told" on public.notification_deliveries
  for select to authenticated using ((select private.is_staff()));

drop policy if exists "only the functions below" on private.notification_secrets;
create policy "only the functions below" on private.notification_secrets for all to service_role using (false);

create or replace trigger notification_rules_check before insert or update of hours on public.notification_rules
  for each row execute function private.check_hours();

create or replace function private.forget_failure()
returns trigger
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  new.failed_at := null;
  new.error_code := null;
  new.error := null;
  new.failures := 0;
  new.paused_until := null;
  return new;
end $$;
comment on function private.forget_failure is 'Forget why a rule''s last target was given up.';

create or replace trigger notification_rules_forget before update of target on public.notification_rules
  for each row when (old.target <> new.target) execute function private.forget_failure();

create or replace function private.make_notification_secret()
returns trigger
language plpgsql
volatile
security definer  -- nobody writes secrets
set search_path = ''
as $$
begin
  insert into private.notification_secrets (rule_id, secret)
  values (new.id, 'whsec_' || encode(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()), 'base64'))
  on conflict do nothing;
  return null;
end $$;
comment on function private.make_notification_secret is 'Give a rule the secret that signs its webhooks.';

create or replace trigger notification_rules_make_secret after insert or update on public.notification_rules
  for each row when (new.kind = 'webhook') execute function private.make_notification_secret();

create or replace function public.get_notification_secret(rule_id uuid)
returns text
language plpgsql
stable
security definer  -- nobody reads secrets
set search_path = ''
as $$
declare
  v_secret text;
begin
  select secrets.secret into v_secret from private.notification_secrets as secrets
  where secrets.rule_id = get_notification_secret.rule_id;
  if v_secret is null then
    raise exception 'unable to read the secret; there is no webhook %', get_notification_secret.rule_id
      using errcode = 'PT404', detail = 'rule_not_found', hint = 'Rules of the kind webhook have one.';
  end if;
  return v_secret;
end $$;
comment on function public.get_notification_secret is 'The secret that signs a webhook''s requests. Raises rule_not_found.';

create or replace function private.notify(
  event text, subject text, conversation_id uuid default null, message_id uuid default null, job_id uuid default null,
  channel_id uuid default null, reason text default null
)
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  insert into public.notification_deliveries (rule_id, event, subject, conversation_id, message_id, job_id, channel_id,
    process_after, expires_at)
  select rules.id, notify.event, notify.subject, notify.conversation_id, notify.message_id, notify.job_id, notify.channel_id,
    next.at, next.at + interval '1 day'
  from public.notification_rules as rules
  cross join lateral (select private.next_hours(rules.hours, clock_timestamp()) as at) as next
  where rules.is_enabled and notify.event = any (rules.events)
    and (rules.reasons is null or notify.event <> 'conversation.escalated' or notify.reason = any (rules.reasons))
  on conflict do nothing;
end $$;
comment on function private.notify is 'Let the rules for an event tell of it.';

-- Everything that is written is asked about: where no rule waits for it, that is all that it costs.
create or replace function private.is_awaited(events text[])
returns boolean
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return exists (
    select from public.notification_rules as rules where rules.is_enabled and rules.events && is_awaited.events
  );
end $$;
comment on function private.is_awaited is 'Is there a rule for one of these events?';

create or replace function private.notify_of_conversations()
returns trigger
language plpgsql
volatile
security definer  -- whoever changes a conversation writes no notifications
set search_path = ''
as $$
begin
  if not private.is_awaited('{conversation.changed,conversation.escalated}') then
    return null;
  end if;
  if tg_op = 'INSERT' then
    perform private.notify('conversation.changed', changed.id || ' ' || changed.updated_at, changed.id) from changed;
    return null;
  end if;
  perform private.notify('conversation.escalated', changed.id || ' ' || changed.handed_over_at, changed.id,
    reason => changed.escalation_reason)
  from changed join before on before.id = changed.id
  where changed.handed_over_at is distinct from before.handed_over_at and changed.handed_over_at is not null;
  perform private.notify('conversation.changed', changed.id || ' ' || changed.updated_at, changed.id)
  from changed join before on before.id = changed.id
  where changed.updated_at is distinct from before.updated_at;
  return null;
end $$;
comment on function private.notify_of_conversations is 'Tell of conversations that are new, changed, or handed over.';

create or replace trigger conversations_notify_insert after insert on public.conversations
  referencing new table as changed for each statement execute function private.notify_of_conversations();
create or replace trigger conversations_notify_update after update on public.conversations
  referencing old table as before new table as changed for each statement execute function private.notify_of_conversations();

create or replace function private.notify_of_messages()
returns trigger
language plpgsql
volatile
security definer  -- whoever writes a message writes no notifications
set search_path = ''
as $$
begin
  if private.is_awaited('{message.created}') then
    perform private.notify('message.created', created.id::text, created.conversation_id, created.id) from created;
  end if;
  return null;
end $$;
comment on function private.notify_of_messages is 'Tell of messages.';

create or replace trigger messages_notify after insert on public.messages
  referencing new table as created for each statement execute function private.notify_of_messages();

create or replace function private.notify_of_turn()
returns trigger
language plpgsql
volatile
security definer  -- whoever ends a turn writes no notifications
set search_path = ''
as $$
begin
  if private.is_awaited('{turn.settled}') then
    perform private.notify('turn.settled', new.id::text, new.conversation_id, job_id => new.id);
  end if;
  return null;
end $$;
comment on function private.notify_of_turn is 'Tell of a turn that has ended.';

create or replace trigger ai_response_queue_notify after update of outcome on public.ai_response_queue
  for each row when (old.outcome is null and new.outcome is not null and new.outcome <> 'superseded')
  execute function private.notify_of_turn();

create or replace function private.notify_of_account()
returns trigger
language plpgsql
volatile
security definer  -- whoever changes an account writes no notifications
set search_path = ''
as $$
begin
  perform private.notify('channel.error', new.id || ' ' || clock_timestamp(), channel_id => new.id);
  return null;
end $$;
comment on function private.notify_of_account is 'Tell of an account that cannot be used any more.';

create or replace trigger communication_channels_notify after update of status on public.communication_channels
  for each row when (new.status = 'error' and old.status is distinct from new.status)
  execute function private.notify_of_account();

-- Called each minute (prune). A conversation that waits is told of once.
create or replace function private.notify_of_waiting()
returns void
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  insert into public.notification_deliveries (rule_id, event, subject, conversation_id, process_after, expires_at)
  select rules.id, 'conversation.waiting', conversations.id || ' ' || conversations.handed_over_at, conversations.id,
    next.at, next.at + interval '1 day'
  from public.notification_rules as rules
  cross join lateral (select private.next_hours(rules.hours, clock_timestamp()) as at) as next
  join public.conversations as conversations on conversations.requires_human
    and conversations.handed_over_at <= clock_timestamp() - make_interval(mins => rules.wait_minutes)
    -- Whoever has waited for a day when the rule is made is no news.
    and conversations.handed_over_at > clock_timestamp() - make_interval(mins => rules.wait_minutes) - interval '1 day'
  where rules.is_enabled and 'conversation.waiting' = any (rules.events)
  on conflict do nothing;
end $$;
comment on function private.notify_of_waiting is 'Tell of customers who have waited for a human for longer than a rule allows.';
