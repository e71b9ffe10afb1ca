-- 10,000 conversations: the first has 5,000 messages, the AI is going to write in the second.
set session_replication_role = replica;
insert into public.customer_profiles (id, name)
select ('10000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, 'Customer Number ' || n
from generate_series(1, 10000) as n;
insert into public.conversations (id, customer_id, channel_type, requires_human, priority, message_count,
  agent_read_position, last_message, last_message_at, created_at)
select ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid,
  ('10000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid,
  (array['website', 'whatsapp', 'email', 'instagram'])[1 + n % 4], true,
  (array['normal', 'high', 'urgent', 'low'])[1 + n % 4],
  case n when 1 then 5000 when 2 then 200 else 30 end, case n when 1 then 5000 when 2 then 200 else 30 - n % 5 end,
  'The last thing that was said in ' || n, now() - n * interval '20 seconds', now() - interval '9 days'
from generate_series(1, 10000) as n;
insert into public.messages (conversation_id, sender_type, content, position, created_at)
select conversations.id, case place % 3 when 0 then 'agent' else 'user' end,
  'Line ' || place || ' of ' || conversations.number || '. ' || repeat('Some more words of it. ', place % 7), place,
  conversations.last_message_at - (conversations.message_count - place) * interval '1 minute'
from (select *, row_number() over (order by id) as number from public.conversations order by id limit 300) as conversations
cross join lateral generate_series(1, conversations.message_count) as place;
update public.conversations set requires_human = false where id = '00000000-0000-4000-8000-000000000002';
set session_replication_role = origin;
analyze;
