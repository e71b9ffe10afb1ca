-- Purpose: who may do what with the objects of this schema, by name: docs/security.md is the same as tables, and a
--          test compares the two with the catalog. Rows are the policies' business, which stand beside their tables.
-- Touches: the privileges of anon, authenticated and service_role on Romashka's objects, and on nothing else.

-- Nothing is taken from default privileges: old projects grant everything by them, those of today nothing.

-- Tables

revoke all on
  public.profiles, public.customer_profiles, public.conversations, public.messages, public.ai_response_queue,
  public.conversation_notes, public.knowledge_items, public.communication_channels, public.webhook_events,
  public.channel_deliveries, public.ai_settings, public.realtime_metrics, public.notification_rules,
  public.notification_deliveries, private.notification_secrets, private.applied_files, private.job_traces, private.knowledge_documents, private.knowledge_vocabulary,
  private.channel_secrets, private.channel_messages, private.channel_customers, private.channel_changes,
  private.channel_rate_limits, private.set_aside_reasons, private.workers, private.rating_changes,
  private.foreign_triggers, private.trigger_failures, private.closed_tables, private.erasures,
  private.answer_explanations, public.message_drafts, public.saved_replies, private.conversation_people,
  public.staff_invitations, public.business_hours, public.widget_settings, private.identity_secrets,
  private.customer_sessions, private.conversation_offers, private.left_addresses, private.stopped_addresses
from public, anon, authenticated, service_role;

revoke all on sequence private.draft_revisions from public, anon, authenticated, service_role;

-- What a reader may not see lives in `private`: frontends select whole rows.
grant select on
  public.profiles, public.customer_profiles, public.conversations, public.messages, public.ai_response_queue,
  public.conversation_notes, public.knowledge_items, public.communication_channels, public.channel_deliveries,
  public.ai_settings, public.realtime_metrics, public.notification_rules, public.notification_deliveries,
  public.message_drafts, public.saved_replies, public.staff_invitations,
  public.business_hours, public.widget_settings
to authenticated;

-- Not `role`: nobody raises their own.
grant update (full_name, company_name, avatar_url, timezone, language, settings)
  on public.profiles to authenticated;
grant insert (id, user_id, email, name, phone, company, location, timezone, language, tags, custom_fields,
  preferences, notes, status, external_id) on public.customer_profiles to authenticated;
grant update (email, name, phone, company, location, timezone, language, tags, custom_fields, preferences, notes,
  status, satisfaction_rating) on public.customer_profiles to authenticated;
grant insert (id, customer_id, customer_name, user_name, user_email, customer_phone, customer_social_id,
  channel_type, status, language) on public.conversations to authenticated;
grant update (id, last_message, last_message_at, message_count, updated_at, customer_name, user_name, user_email,
  customer_phone, status, priority, assigned_agent_id, requires_human, escalation_reason, handoff_reason, intent,
  sentiment, language, department, tags, satisfaction_score, satisfaction_rating, business_context, workflow_id,
  handed_over_at)
  on public.conversations to authenticated;
grant insert (id, conversation_id, sender_type, sender_id, content, channel_type, message_type, media_url,
  media_caption, delivery_status, status, metadata, created_at) on public.messages to authenticated;
grant update (delivery_status, status) on public.messages to authenticated;
grant insert (id, conversation_id, content), delete on public.conversation_notes to authenticated;
grant insert, update, delete on public.knowledge_items to authenticated;
grant insert (id, shortcut, title, content, language), update (shortcut, title, content, language), delete
  on public.saved_replies to authenticated;
grant delete on public.staff_invitations to authenticated;
grant update (texts, color, text_color, logo_url, languages, shows_team) on public.widget_settings to authenticated;
grant insert (channel_type, channel_id, hours, away_texts), update (channel_type, channel_id, hours, away_texts), delete
  on public.business_hours to authenticated;
grant update on public.ai_settings to authenticated;
grant insert (id, kind, target, events, reasons, wait_minutes, hours, is_enabled), delete on public.notification_rules to authenticated;
grant update (kind, target, events, reasons, wait_minutes, hours, is_enabled) on public.notification_rules to authenticated;

grant select, insert, update, delete on
  public.profiles, public.customer_profiles, public.conversations, public.messages, public.ai_response_queue,
  public.conversation_notes, public.knowledge_items, public.communication_channels, public.webhook_events,
  public.channel_deliveries, public.realtime_metrics, public.notification_rules, public.notification_deliveries,
  private.knowledge_documents, private.knowledge_vocabulary, private.channel_secrets, public.message_drafts, public.saved_replies,
  public.staff_invitations, public.business_hours
to service_role;
grant select, update, delete on public.ai_settings to service_role;  -- one row: nobody inserts another
grant select, update on public.widget_settings to service_role;

do $$
begin
  if to_regclass('private.knowledge_embeddings') is not null then  -- with pgvector
    revoke all on private.knowledge_embeddings from public, anon, authenticated, service_role;
    grant select, insert, update, delete on private.knowledge_embeddings to service_role;
  end if;
  if to_regclass('public.conversation_analytics') is not null then  -- the original's
    revoke all on public.conversation_analytics from public, anon, authenticated, service_role;
    grant select on public.conversation_analytics to authenticated;
    grant select, insert, update, delete on public.conversation_analytics to service_role;
  end if;
end $$;

-- Functions

-- For anon there is one function in it.
grant usage on schema private to anon, authenticated, service_role;
revoke usage on schema private from public;

-- What is not granted below is called by triggers, and by functions that run as their owner.
revoke execute on function
  public.get_realtime_messaging_metrics, public.get_conversation_performance_metrics,
  public.cleanup_realtime_metrics, public.cleanup_expired_metrics, public.cleanup_ai_response_queue,
  public.handle_new_message, public.complete_ai_response_jobs, public.settle_overdue_ai_response_jobs,
  public.complete_ai_response_job, public.fail_ai_response_job, public.get_next_ai_response_job,
  public.extend_ai_response_leases, public.create_conversation, public.get_conversation_with_messages,
  public.take_over_conversation, public.return_conversation_to_ai, public.resolve_conversation,
  public.assign_conversation, public.rate_conversation, public.mark_conversation_read, public.count_conversations,
  public.record_ai_response_traces, public.get_ai_response_trace, public.explain_ai_response,
  private.explain_attempt, private.explain_turn, private.keep_explanations, private.explain_answer,
  public.get_knowledge_to_embed,
  public.store_knowledge_embeddings, public.find_knowledge_part, public.search_knowledge, public.import_knowledge,
  public.get_channel_credentials, public.set_channel_secret, public.get_messaging_slo,
  public.receive_channel_webhook, public.continue_channel_webhook, public.replay_channel_webhook,
  public.ingest_channel_message, public.prune, public.get_abandoned_attachments,
  public.record_delivery_status, public.claim_channel_deliveries, public.settle_channel_deliveries,
  public.claim_notification_deliveries, public.settle_notification_deliveries, public.get_notification_secret,
  public.test_notification_rule, private.make_notification_secret, private.next_hours,
  private.is_awaited, private.notify, private.notify_of_conversations, private.notify_of_messages, private.notify_of_turn,
  private.notify_of_account, private.notify_of_waiting, private.notification_body, private.drop_late_notifications,
  private.check_notification_results, private.note_on_rules, private.due_notifications, private.notification_pause,
  private.pause_rules,
  public.get_romashka_installation, public.get_romashka_grants,
  public.describe_settings,
  public.find_customers, public.export_customer, public.erase_customer, private.customers_of_person,
  private.rows_of_customers, private.channel_ids_of, private.is_event_of, private.webhooks_of, private.files_of,
  private.erase_webhooks, private.erase_broadcasts, private.remove_old_conversations,
  public.turn, public.search_conversations, private.search_conversations, private.fold, private.is_unspaced, private.spaced,
  private.search_text, private.search_tokens, private.parse_search, private.excerpt, private.people_text,
  private.index_people, private.index_people_of_conversation, private.index_people_of_conversations, private.index_people_of_customer, private.find_people,
  private.place_after, private.walk_to_messages, private.look_up_messages, private.find_messages,
  private.describe_hit, private.listed, public.tag_conversation, public.get_service_level, public.get_service_level_conversations,
  private.check_service_level_range, private.turns_between, private.buckets_between,
  public.get_romashka_guards, public.find_account, public.set_staff_role, public.get_staff, private.phone_digits, private.secrets_in,
  private.leaves_of, private.id_digest, private.touch_updated_at, private.milliseconds, private.seconds,
  private.create_profile_for_user, private.is_staff,
  private.is_admin, private.current_customer_id, private.my_conversation_ids,
  private.conversation_state_changes, private.take_what_waits, private.guard_customer, private.check_customer_profile,
  private.handover_text, private.default_language, private.known_language,
  private.is_placeholder, private.guard_message, private.check_customer_message, private.without_our_keys,
  private.with_checked_choice, private.number_message, private.mirror_delivery_status, private.may_join_topic,
  private.broadcast_message_updates, private.event_of_message, private.size_in_event,
  private.send_after, private.broadcast_conversations, private.broadcast_deleted_conversations, private.broadcast_notes, private.end_open_jobs,
  private.open_job, private.job_priority, private.unused_turn_id, private.open_returned_turn,
  private.join_job, private.supersede_job, private.enqueue_message,
  private.repeat_handover, private.expects_no_answer, private.end_jobs_of_taken_conversation,
  private.settle_jobs, private.end_jobs_without_answer, private.stay_silent, private.silences_ai,
  private.answers_while_waiting, private.is_silent,
  private.settle_each, private.settle_alone, private.set_aside, private.leave_to_staff,
  private.are_choices, private.check_results, private.claim_jobs, private.conversation_context, private.return_context,
  private.find_place_to_wait,
  private.note_trigger_failure, private.guarded_body, private.make_guard, private.guard_foreign_triggers,
  private.has_stale_guards, private.path_of_project, private.give_foreign_triggers_a_path,
  private.open_tables, private.close_tables_to_visitors, private.claim_for_worker,
  private.find_or_create_worker, private.has_history, private.is_abandoned, private.is_referred_to,
  private.remove_abandoned_visitors, private.remove_visitor,
  private.worker_settings, private.customer_context, private.find_or_create_customer,
  private.find_or_create_own_customer, private.guard_conversation, private.check_customer_conversations,
  private.open_conversation, private.raise_unless_staff_changed, private.raise_unless_readable,
  private.check_views, private.count_conversations, private.store_rating, private.count_rating, private.store_read_mark, private.search_config, private.search_words,
  private.index_knowledge_item, private.knowledge_items_index, private.similar_word, private.knowledge_hash,
  private.drop_stale_embeddings, private.nearest_knowledge, private.knowledge_similarity,
  private.is_knowledge_embedded,
  private.question_words, private.least_similarity, private.find_knowledge, private.credential_name,
  private.find_or_create_account, private.may_attach, private.check_customer_files, private.inert_types,
  private.is_inert, private.read_time, private.problem_of_event,
  private.problem_of_message, private.read_events, private.try_event, private.apply_event,
  private.note_account_activity,
  private.apply_events, private.process_webhook, private.start_turns_now, private.find_channel_message,
  private.advisory_lock_key, private.take_advisory_locks,
  private.lock_channel_messages, private.customer_ids, private.customer_phone, private.customer_email,
  private.thread_references, private.is_proven, private.find_channel_customer,
  private.find_or_create_channel_customer, private.scoped_id, private.external_id_for_customer, private.customer_name,
  private.is_same_mail, private.files_named_in, private.find_copy, private.note_copy, private.with_new_subject, private.thread_accounts,
  private.threads_of, private.find_channel_conversation, private.find_or_open_channel_conversation,
  private.lock_for_events, private.metadata_of, private.chosen_label,
  private.insert_channel_message, private.is_more_of_the_unsupported,
  private.plain_text, private.loop_window_start, private.reason_of_loop, private.stop_loop,
  private.object_of, private.customers_of_event, private.join_conversations, private.merge_customers,
  private.merge_customers_of_event, private.learn_recipients,
  private.echoed_text, private.store_channel_message, private.status_rank, private.remember_change,
  private.remember_thread, private.change_channel_message, private.with_reactions, private.with_status,
  private.with_text_changes, private.update_text_copies, private.remove_files, private.apply_changes,
  private.link_channel_message, private.announce_failure, private.account_of,
  private.send_window, private.window_of, private.window_error, private.plan_delivery, private.open_delivery,
  private.follow_message, private.open_receipt, private.open_fetch, private.open_receipt_and_fetch,
  private.tell_channel_that_staff_read, private.follow_deleted_delivery, private.messages_per_second,
  private.available_tokens, private.adjust_rate_limits, private.update_account_statistics,
  private.recipient_of, private.answered_id,
  private.thread_of, private.media_of, private.confirmation_timeout, private.expire_deliveries,
  private.lease_deliveries, private.refuse_deliveries, private.serve_account, private.claim_deliveries,
  private.expire_old_deliveries, private.check_delivery_results, private.open_next_deliveries, private.conclude_sent,
  private.conclude_failed, private.conclude_deliveries, private.lock_deliveries, private.conclude_set,
  private.judge_results, private.settle_deliveries, private.keep_media, private.note_part, private.reconcile_delivery,
  private.reconcile_echo, private.schedule_jobs,
  public.save_draft, private.store_draft, private.number_draft, private.broadcast_draft, private.remove_sent_draft, private.is_sent,
  public.invite_staff, private.change_staff_role, private.raise_unless_admin, private.is_mailed, private.store_invitation,
  private.plain_email, private.accept_invitation, private.accept_invitation_of_confirmed,
  private.away_words, private.spans_of, private.are_hours, private.check_hours, private.business_hours_of, private.away_text,
  public.identify_customer, public.sign_out_customer, public.rotate_identity_secret, public.get_identity_secrets,
  public.revoke_identity_secret, public.offer_conversations, public.bring_conversations, private.hmac_sha256,
  private.secret_that_signed, private.check_page_id, private.store_identity, private.check_session, private.end_session,
  private.my_user_ids, private.make_identity_secret, private.list_identity_secrets, private.remove_identity_secret,
  private.store_offer, private.is_known, private.conversations_to_bring, private.take_offer, private.is_nobodys,
  private.users_of, public.leave_address, private.store_address, private.mailable, private.check_left_addresses,
  private.mail_account, private.is_stopped, private.mail_answer, private.mailed_conversation,
  private.joined_conversation, private.is_left_in, private.stop_mails, private.welcome_mail, private.mail_note, private.insert_delivery,
  private.left_since, private.said_lines, private.address_to_stop,
  private.time_in_words, private.forget_failure, public.get_widget_settings, private.widget_settings, private.faces_of_team
from public, anon, authenticated, service_role;

-- Without a session, too, to say that one is needed; and for workers in browsers, who get no job.
grant execute on function
  public.create_conversation, public.get_next_ai_response_job
to anon, authenticated, service_role;

-- What everybody may know.
grant execute on function
  public.get_widget_settings, private.widget_settings
to anon, authenticated, service_role;

-- Called by frontends. They run as their caller, under the policies.
grant execute on function
  public.get_realtime_messaging_metrics, public.get_conversation_performance_metrics,
  public.get_conversation_with_messages, public.take_over_conversation, public.return_conversation_to_ai,
  public.resolve_conversation, public.assign_conversation, public.rate_conversation,
  public.mark_conversation_read, public.count_conversations, public.search_knowledge, public.import_knowledge,
  public.get_messaging_slo, public.describe_settings, public.turn, public.explain_ai_response,
  public.search_conversations, public.tag_conversation, public.get_service_level,
  public.get_service_level_conversations, public.set_staff_role, public.invite_staff,
  public.rotate_identity_secret, public.get_identity_secrets, public.revoke_identity_secret
to authenticated, service_role;

-- A session's own: a key is nobody.
grant execute on function
  public.identify_customer, public.sign_out_customer, public.offer_conversations, public.bring_conversations,
  public.leave_address, private.store_identity, private.end_session, private.store_offer, private.take_offer,
  private.store_address
to authenticated;

-- An agent's own: a key has no drafts.
grant execute on function public.save_draft, private.store_draft to authenticated;

-- Called by workers, functions and operators.
grant execute on function
  public.cleanup_realtime_metrics, public.cleanup_expired_metrics, public.cleanup_ai_response_queue,
  public.complete_ai_response_jobs, public.settle_overdue_ai_response_jobs, public.complete_ai_response_job,
  public.fail_ai_response_job, public.extend_ai_response_leases,
  public.record_ai_response_traces, public.get_ai_response_trace, public.get_knowledge_to_embed,
  public.store_knowledge_embeddings, public.find_knowledge_part, public.get_channel_credentials, public.set_channel_secret,
  public.receive_channel_webhook, public.continue_channel_webhook, public.replay_channel_webhook, public.prune,
  public.get_abandoned_attachments, public.ingest_channel_message,
  public.record_delivery_status, public.claim_channel_deliveries, public.settle_channel_deliveries,
  public.claim_notification_deliveries, public.settle_notification_deliveries, public.get_notification_secret,
  public.test_notification_rule,
  public.get_romashka_installation, public.get_romashka_grants, public.find_account, public.get_staff,
  public.get_romashka_guards, public.find_customers, public.export_customer, public.erase_customer
to service_role;

-- Called by policies and triggers that run as a customer.
grant execute on function
  private.check_customer_message, private.check_customer_profile, private.without_our_keys, private.may_join_topic,
  private.check_customer_conversations, private.may_attach, private.inert_types, private.is_inert
to authenticated;

-- Called by policies, and by functions that run as their caller.
grant execute on function
  private.note_trigger_failure,
  private.milliseconds, private.seconds, private.phone_digits, private.secrets_in, private.is_staff,
  private.is_admin, private.current_customer_id,
  private.my_conversation_ids, private.find_or_create_customer, private.find_or_create_own_customer,
  private.open_conversation, private.raise_unless_staff_changed, private.raise_unless_readable,
  private.check_views, private.count_conversations, private.store_rating, private.store_read_mark, private.find_knowledge,
  private.explain_answer, private.search_conversations, private.listed,
  private.check_service_level_range, private.turns_between, private.buckets_between, private.change_staff_role,
  private.store_invitation, private.make_identity_secret, private.list_identity_secrets, private.remove_identity_secret
to authenticated, service_role;

-- Called by functions that run as the service role.
grant execute on function
  private.knowledge_hash, private.claim_for_worker
to service_role;

-- Called by an index of messages, as whoever writes one: a role of the project's own, too. It makes words of a text.
grant execute on function private.search_tokens to public;
