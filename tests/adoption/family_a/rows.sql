-- Rows as the original's databases have them.

insert into auth.users (id, email) values
  ('a0000000-0000-4000-8000-000000000001', 'agent@example.com'),
  ('a0000000-0000-4000-8000-000000000002', 'visitor@example.com'),
  ('a0000000-0000-4000-8000-000000000003', 'without-profile@example.com');
insert into public.profiles (id, email, full_name, website_url, onboarding_data, updated_at) values
  ('a0000000-0000-4000-8000-000000000001', 'agent@example.com', 'Agent', 'https://example.com', '{"step": 2}', '2025-02-01'),
  ('a0000000-0000-4000-8000-000000000002', 'visitor@example.com', null, null, '{}', '2025-02-02');

-- One phone three times (once without the plus), and empty ones.
insert into public.customer_profiles (id, email, name, phone, custom_fields, created_at, updated_at) values
  ('c0000000-0000-4000-8000-000000000001', 'one@example.com', 'One', '+491701234567', '{"vip": 1}', '2025-01-01', '2025-01-05'),
  ('c0000000-0000-4000-8000-000000000002', null, 'Two', '491701234567', '{}', '2025-01-02', '2025-01-06'),
  ('c0000000-0000-4000-8000-000000000003', 'three@example.com', null, '+491701234567', null, '2025-01-03', '2025-01-07'),
  ('c0000000-0000-4000-8000-000000000004', null, 'Four', '', '{}', '2025-01-04', '2025-01-08'),
  ('c0000000-0000-4000-8000-000000000005', 'Five@example.com', 'Five', null, '{}', '2025-01-04', '2025-01-08');

insert into public.communication_channels (id, name, type, configuration, webhook_secret, api_credentials, updated_at) values
  ('d0000000-0000-4000-8000-000000000001', 'WhatsApp', 'whatsapp',
   '{"phone_number_id": "17", "access_token": "wa-token", "verifyToken": "", "limits": [{"max_tokens": 150}],
     "smtp": {"host": "mail.example.com", "password": "mail-password"}}',
   'hook-secret', '{"app_secret": "app"}', '2025-01-09'),
  ('d0000000-0000-4000-8000-000000000002', 'Website', 'website', '{"color": "red"}', '', '{}', '2025-01-09');

insert into public.conversations (id, customer_id, user_name, channel_type, channel_id, assigned_agent_id,
  status, requires_human, escalation_reason, last_message, message_count, workflow_id, created_at, updated_at, last_message_at) values
  ('e0000000-0000-4000-8000-000000000001', 'c0000000-0000-4000-8000-000000000001', 'One', 'whatsapp',
   'd0000000-0000-4000-8000-000000000001', 'a0000000-0000-4000-8000-000000000001', 'active', false,
   'low_confidence', 'Still there?', 9, gen_random_uuid(), '2025-03-01', '2025-03-02', '2025-03-02'),
  ('e0000000-0000-4000-8000-000000000002', 'c0000000-0000-4000-8000-000000000003', 'Three', 'website', null,
   null, 'resolved', false, null, 'Bye', 0, null, '2025-03-03', '2025-03-04', '2025-03-04'),
  -- Nobody's, empty.
  ('e0000000-0000-4000-8000-000000000003', null, null, 'website', null, null, null, null, null, null, 3, null,
   '2025-03-05', '2025-03-06', null);

insert into public.messages (id, conversation_id, sender_type, sender_id, content, metadata, created_at, updated_at) values
  ('f0000000-0000-4000-8000-000000000003', 'e0000000-0000-4000-8000-000000000001', 'user', null, 'Still there?', null, '2025-03-02', '2025-03-02'),
  ('f0000000-0000-4000-8000-000000000001', 'e0000000-0000-4000-8000-000000000001', 'user', 'a0000000-0000-4000-8000-000000000002', 'Hello', '{}', '2025-03-01', '2025-03-01'),
  ('f0000000-0000-4000-8000-000000000002', 'e0000000-0000-4000-8000-000000000001', 'ai', null, '', '{}', '2025-03-01 12:00', '2025-03-01'),
  ('f0000000-0000-4000-8000-000000000005', 'e0000000-0000-4000-8000-000000000002', 'agent', 'a0000000-0000-4000-8000-000000000001', 'Bye', '{}', '2031-01-01', '2025-03-01'),
  ('f0000000-0000-4000-8000-000000000004', 'e0000000-0000-4000-8000-000000000002', 'user', null, '', '{}', '2025-03-03', '2025-03-03');

-- Two that wait for one conversation, one that is stuck, two that are done.
insert into public.ai_response_queue (id, conversation_id, message_id, user_message, status, ai_response, error_message, created_at, processed_at, completed_at) values
  ('b0000000-0000-4000-8000-000000000001', 'e0000000-0000-4000-8000-000000000001', 'f0000000-0000-4000-8000-000000000001', 'Hello', 'pending', null, null, '2025-03-01', null, null),
  ('b0000000-0000-4000-8000-000000000002', 'e0000000-0000-4000-8000-000000000001', 'f0000000-0000-4000-8000-000000000003', 'Still there?', 'pending', null, null, '2025-03-02', null, null),
  ('b0000000-0000-4000-8000-000000000003', 'e0000000-0000-4000-8000-000000000001', 'f0000000-0000-4000-8000-000000000001', 'Hello', 'processing', null, null, '2025-03-01', '2025-03-01', null),
  ('b0000000-0000-4000-8000-000000000004', 'e0000000-0000-4000-8000-000000000002', 'f0000000-0000-4000-8000-000000000004', '', 'completed', 'Bye', null, '2025-03-03', '2025-03-03', '2025-03-03'),
  ('b0000000-0000-4000-8000-000000000005', 'e0000000-0000-4000-8000-000000000002', 'f0000000-0000-4000-8000-000000000004', '', 'failed', null, 'timeout', '2025-03-03', '2025-03-03', null);

insert into public.realtime_metrics (metric_name, metric_value, timestamp, expires_at) values
  ('message_received', 1, '2025-03-01', '2025-03-01 01:00');
insert into public.knowledge_items (title, content, source_type, file_path, confidence_score, language, status) values
  ('Opening hours', 'We are open from nine to five.', 'manual', '/hours.md', 0.9, 'en', 'active'),
  ('Untitled', 'Nobody said which language this is.', 'file', null, null, null, null);
insert into public.conversation_analytics (conversation_id, started_at, total_messages, revenue_generated) values
  ('e0000000-0000-4000-8000-000000000001', '2025-03-01', 4, 12.50);
