-- Purpose: what earlier editions had and this one has not: it goes before the rest is made. Each line stays as long
--          as an edition that has the object can be upgraded.
-- Touches: functions, triggers and policies of earlier editions.
-- Locks:   every file of this folder locks the tables whose triggers and policies it makes, until the installation
--          commits. What the files below say of locks is about their functions.

-- Events of 0.2 are fewer: docs/queue.md.
drop trigger if exists messages_broadcast_update on public.messages;
drop function if exists private.broadcast_message_update();
drop function if exists private.announce_job(public.ai_response_queue);
drop function if exists private.announce_delivery(timestamptz);
drop trigger if exists trigger_receive_channel_message on public.messages;
drop function if exists private.receive_channel_message();
-- prune and expire_old_deliveries took their place in 0.2.
drop function if exists private.prune();
drop function if exists private.prune_deliveries();
-- These take other arguments since 0.2.
drop function if exists public.receive_channel_webhook(text, text, jsonb, jsonb);
drop function if exists private.process_webhook(uuid, text, jsonb);
drop function if exists private.apply_events(text, jsonb);
-- Jobs name workers by a number since 0.2.
drop function if exists private.claim_jobs(text, integer, interval);
drop function if exists private.worker_settings(text);
drop function if exists private.stay_silent(uuid, uuid, uuid, text);
-- These have other names since 0.2.
drop function if exists private.tokens_of(private.channel_rate_limits, public.communication_channels, timestamptz);
drop function if exists private.serve_account(public.communication_channels, private.channel_rate_limits, text, integer, interval);
drop function if exists private.tell_paces(jsonb, uuid[], uuid[]);
drop function if exists private.tell_accounts(uuid[], uuid[]);
drop function if exists private.time_to_tell(text, integer);
drop function if exists private.id_beside(private.channel_event);
drop function if exists private.free_turn_id(uuid);
drop function if exists private.number_of_worker(text);
drop function if exists private.name_of(private.channel_event);
drop function if exists private.own_id(private.channel_event);
drop function if exists private.name_slot(text);
drop function if exists private.lock_names(text[]);
drop function if exists private.lock_channel_names(private.channel_event[]);
drop function if exists private.spread_text(public.messages);
drop function if exists private.follow_channel_message(public.messages, public.conversations);
drop function if exists private.take_echo(uuid, text, text);
drop function if exists private.keep_media(jsonb, uuid[]);
drop function if exists private.remove_visitor(uuid, uuid);
drop function if exists private.end_answered_jobs(jsonb, uuid[]);
drop function if exists private.is_same_text(text, private.channel_event);
drop function if exists private.work_of(uuid);
-- Every channel may have loops since 0.2.
drop function if exists private.stop_mail_loop(private.channel_event, uuid, uuid);
-- Staff alone read what the team notes about customers, since 0.2.
drop policy if exists "customers read themselves, staff read all" on public.customer_profiles;
-- What a hand-over says depends on the channel's hours since 0.2; rules and channels have theirs in one form.
drop function if exists private.handover_text(text);
drop trigger if exists notification_rules_check on public.notification_rules;
drop function if exists private.check_notification_rule();
-- Roles are given by the account's id, by admins too, since 0.2.
drop function if exists public.set_staff_role(text, text);
-- Rules are asked once a statement since 0.2.
do $$
begin
  if to_regprocedure('private.notify_of_message()') is not null then
    drop trigger conversations_notify_insert on public.conversations;
    drop trigger conversations_notify_update on public.conversations;
    drop trigger messages_notify on public.messages;
    drop function private.notify_of_conversation();
    drop function private.notify_of_message();
  end if;
end $$;
-- These give another result since 0.2.
drop function if exists private.lock_results(jsonb);
do $$
declare
  v_function record;
begin
  for v_function in
    select functions.oid::regprocedure as signature from pg_proc as functions
    where functions.oid in (
        to_regprocedure('private.settle_deliveries(jsonb)'), to_regprocedure('private.settle_jobs(jsonb)')
      ) and functions.prorettype = 'void'::regtype
      or functions.oid = to_regprocedure('public.get_romashka_grants()') and functions.prorettype <> 'jsonb'::regtype
      or functions.oid = to_regprocedure('public.get_messaging_slo(integer)')
        and not 'set_aside' = any (functions.proargnames)
  loop
    execute format('drop function %s', v_function.signature);
  end loop;
end $$;
