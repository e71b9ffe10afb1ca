-- A row at least in every table of the whole product; families have theirs in family_a/rows.sql.

update public.profiles set role = 'agent' where email = 'agent@example.com';
update public.customer_profiles set avg_satisfaction = 4.5, total_conversations = 1 where email = 'one@example.com';
update public.conversations set user_id = 'a0000000-0000-4000-8000-000000000002', title = 'Hello', metadata = '{"page": "/"}'
where id = 'e0000000-0000-4000-8000-000000000001';
update public.messages set status = 'read' where id = 'f0000000-0000-4000-8000-000000000001';

insert into public.conversation_notes (id, conversation_id, agent_id, note, is_internal, note_type) values
  ('10000000-0000-4000-8000-000000000001', 'e0000000-0000-4000-8000-000000000001', 'a0000000-0000-4000-8000-000000000001',
   'Wants to be called back.', true, 'general'),
  ('10000000-0000-4000-8000-000000000002', 'e0000000-0000-4000-8000-000000000002', null, '', false, 'follow_up'),
  ('10000000-0000-4000-8000-000000000003', null, 'a0000000-0000-4000-8000-000000000001', 'Of no conversation.', null, null);
insert into public.webhook_events (id, channel_id, event_type, source, payload, processed, processing_attempts, error_message) values
  ('20000000-0000-4000-8000-000000000001', 'd0000000-0000-4000-8000-000000000001', 'message', 'whatsapp', '{"text": "Hello"}', true, 1, null),
  ('20000000-0000-4000-8000-000000000002', null, 'status', 'whatsapp', '{}', false, 3, 'timeout');
insert into public.typing_indicators (user_id, conversation_id) values ('somebody', 'e0000000-0000-4000-8000-000000000001');
insert into public.conversation_metrics (conversation_id, message_count) values ('e0000000-0000-4000-8000-000000000001', 2);
insert into public.message_delivery_tracking (message_id, channel_type) values ('f0000000-0000-4000-8000-000000000001', 'whatsapp');
insert into public.file_attachments (conversation_id, message_id, filename, file_path, uploaded_by) values
  ('e0000000-0000-4000-8000-000000000001', 'f0000000-0000-4000-8000-000000000001', 'a.png', 'attachments/a.png', 'a0000000-0000-4000-8000-000000000001');
insert into public.conversation_context (conversation_id, context_data) values ('e0000000-0000-4000-8000-000000000001', '{}');
insert into public.escalation_reasons (conversation_id, reason) values ('e0000000-0000-4000-8000-000000000001', 'asked for a human');
insert into public.escalation_requests (conversation_id, customer_message, escalation_reason) values
  ('e0000000-0000-4000-8000-000000000001', 'A human, please', 'asked for a human');

-- One agent is online, with the one active conversation that is theirs.
insert into public.agent_availability (agent_id, is_online, current_chat_count) values
  ('a0000000-0000-4000-8000-000000000001', true, 1), ('a0000000-0000-4000-8000-000000000002', false, 0);
insert into public.human_agents (profile_id, name, email) values ('a0000000-0000-4000-8000-000000000001', 'Agent', 'agent@example.com');
insert into public.conversation_transfers (conversation_id, to_agent_id) values
  ('e0000000-0000-4000-8000-000000000001', 'a0000000-0000-4000-8000-000000000001');
insert into public.sla_tracking (conversation_id, sla_type, target_time_seconds) values
  ('e0000000-0000-4000-8000-000000000001', 'first_response', 300);
insert into public.canned_responses (id, title, content, shortcut) values
  ('30000000-0000-4000-8000-000000000001', 'Thanks', 'Thank you for writing.', '/thanks');
insert into public.message_templates (id, name, language, category, template_content, channel_type) values
  ('40000000-0000-4000-8000-000000000001', 'hello', 'en', 'utility', '{"body": "Hello"}', 'whatsapp');
insert into public.channel_routing_rules (name, conditions, target_channel_type) values
  ('Large orders', '{"department": "sales", "minimum": "10"}', 'whatsapp'),
  ('By post', '{"department": "support", "minimum": "none"}', 'sms');
insert into public.knowledge_categories (id, name) values ('50000000-0000-4000-8000-000000000001', 'Shop');
update public.knowledge_items set category_id = '50000000-0000-4000-8000-000000000001' where title = 'Opening hours';
insert into public.knowledge_versions (knowledge_item_id, version, content) select id, 1, content from public.knowledge_items;
insert into public.knowledge_analytics (knowledge_item_id, was_helpful) select id, true from public.knowledge_items;
insert into public.daily_metrics (date, channel_type, total_conversations) values ('2025-03-01', 'website', 3);
insert into public.audit_logs (action, entity_type) values ('sign_in', 'profiles');

insert into public.integrations (name, type, provider, configuration, credentials) values
  ('Shop', 'store', 'shopify', '{}', '{"token": "shop-token"}');
insert into public.oauth_tokens (id, user_id, provider, access_token) values
  ('60000000-0000-4000-8000-000000000001', 'a0000000-0000-4000-8000-000000000001', 'hubspot', 'hubspot-token');
insert into public.workflows (id, user_id, name, trigger_type) values
  ('70000000-0000-4000-8000-000000000001', 'a0000000-0000-4000-8000-000000000001', 'Welcome', 'message');
insert into public.workflow_executions (workflow_id, conversation_id) values
  ('70000000-0000-4000-8000-000000000001', 'e0000000-0000-4000-8000-000000000001');

do $$
declare
  v_name text;
begin
  foreach v_name in array array['hubspot_portals', 'salesforce_orgs', 'shopify_stores', 'synced_contacts',
    'synced_deals', 'synced_orders', 'synced_products', 'integration_logs', 'webhook_logs',
    'webhook_subscriptions', 'sync_jobs', 'alert_rules', 'scheduled_reports', 'system_settings', 'ab_tests',
    'website_scans', 'template_categories', 'security_audit_logs', 'chat_widget_configs', 'api_keys',
    'notifications', 'encryption_keys'] loop
    execute format('insert into public.%I (user_id) values (''a0000000-0000-4000-8000-000000000001'')', v_name);
  end loop;
end $$;
