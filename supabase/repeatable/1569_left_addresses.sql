-- Purpose: a customer of the website leaves an address, and what a human of the team answers is mailed there, too.
--          Nothing automatic is: whoever types an address can send its owner nothing but what the team chooses to answer.
--          What comes back: 1546_answers_by_mail.sql.
-- Touches: leave_address; a trigger on messages.
-- Locks:   leave_address takes the customer, an advisory lock of the address, then the conversation.
-- Undo:    drop the trigger, the policies and the functions.

drop policy if exists "only the functions" on private.left_addresses;
create policy "only the functions" on private.left_addresses for all to service_role using (false);
drop policy if exists "only the functions" on private.stopped_addresses;
create policy "only the functions" on private.stopped_addresses for all to service_role using (false);

create or replace function public.leave_address(conversation_id uuid, email text)
returns boolean
language plpgsql
volatile
security invoker
set search_path = ''
as $$
begin
  return private.store_address(conversation_id, email);
end $$;
comment on function public.leave_address is 'Have the team''s answers in a conversation mailed to an address, too, or with none no more; returns whether mails go out, else staff see the address. Raises bad_email, conversation_not_found, too_many_addresses.';

-- That an address wants no mails is not told: who asks may be anybody.
create or replace function private.store_address(conversation_id uuid, email text)
returns boolean
language plpgsql
volatile
security definer  -- customers may not update conversations
set search_path = ''
set lock_timeout = '500ms'  -- as a message: private.number_message
as $$
#variable_conflict use_variable
declare
  v_email text := private.mailable(email);
  v_customer_id uuid := private.current_customer_id();
  v_conversation public.conversations;
begin
  if v_email is null and btrim(email) <> '' then
    raise exception 'unable to leave the address; this is no e-mail address of somebody'
      using errcode = 'PT400', detail = 'bad_email', hint = 'Write it as ada@example.com, and one alone; not the team''s.';
  end if;
  -- The customer before the conversation, as store_rating: the counts are exact.
  perform from public.customer_profiles as customers where customers.id = v_customer_id for no key update;
  perform pg_advisory_xact_lock(hashtextextended('romashka:address:' || v_email, 0));
  select * into v_conversation from public.conversations as conversations
  where conversations.id = conversation_id and conversations.customer_id = v_customer_id
    and conversations.channel_type = 'website' for no key update;
  if not found then
    raise exception 'unable to leave the address; there is no conversation % of yours on the website', conversation_id
      using errcode = 'PT404', detail = 'conversation_not_found', hint = 'Check the id and the session.';
  end if;
  if v_email is distinct from v_conversation.answer_email then
    if v_email is not null then
      perform private.check_left_addresses(v_customer_id, v_email);
      -- What has not gone out yet goes there, and counts there.
      insert into private.left_addresses (conversation_id, customer_id, digest, left_at, unanswered, mailed_at)
      select conversation_id, v_customer_id, private.id_digest(v_email), clock_timestamp(), count(*), max(clock_timestamp())
      from public.channel_deliveries as deliveries
      where deliveries.conversation_id = store_address.conversation_id and deliveries.kind = 'message'
        and deliveries.settled_at is null;
    end if;
    update public.conversations as conversations set answer_email = v_email where conversations.id = conversation_id;
  end if;
  return v_email is not null and private.mail_account() is not null;
exception when lock_not_available then
  raise exception 'unable to leave the address; its conversation is busy'
    using errcode = 'PT503', detail = 'conversation_busy', hint = 'Send it again.';
end $$;
comment on function private.store_address is 'Store where answers are mailed to. Raises bad_email, conversation_not_found, too_many_addresses, conversation_busy.';

-- One mailbox, in letters that every server reads as they stand; none that asks a server to pass the mail on, and none of
-- the team's own: we would answer ourselves.
create or replace function private.mailable(email text)
returns text
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_email text := private.plain_email(email);
begin
  return case when v_email ~ '^[a-z0-9.#$&''*+/=?^_{|}~-]{1,64}@[a-z0-9]([a-z0-9.-]*[a-z0-9])?\.[a-z][a-z0-9-]*[a-z0-9]$' and v_email !~ '\.\.|^[.-]|\.@'
    and not exists (
      select from public.communication_channels as channels
      where channels.type = 'email'
        and regexp_replace(v_email, '\+[^@]*@', '@') = regexp_replace(lower(channels.external_account_id), '\+[^@]*@', '@')
    ) then v_email end;
end $$;
comment on function private.mailable is 'An address as it is kept, or null if it is none that mails of answers may go to.';

-- The caller holds the address's lock.
create or replace function private.check_left_addresses(customer_id uuid, email text)
returns void
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  v_now timestamptz := clock_timestamp();
begin
  if 5 <= (
    select count(*) from private.left_addresses as addresses
    where addresses.customer_id = check_left_addresses.customer_id and addresses.left_at > v_now - interval '1 hour'
  ) or 5 <= (
    select count(distinct addresses.customer_id) from private.left_addresses as addresses
    where addresses.digest = private.id_digest(email) and addresses.left_at > v_now - interval '1 day'
      and addresses.customer_id <> check_left_addresses.customer_id
  ) then
    raise exception 'unable to leave the address; the limit is 5 an hour, and one address 5 customers a day'
      using errcode = 'PT429', detail = 'too_many_addresses', hint = 'Write it into the conversation.';
  end if;
end $$;
comment on function private.check_left_addresses is 'Check that a customer may leave one more address. Raises too_many_addresses.';

create or replace function private.mail_account()
returns uuid
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return (
    select channels.id from public.communication_channels as channels
    where channels.type = 'email' and channels.status <> 'disabled' and channels.external_account_id is not null
      and channels.connected_at is not null
    order by channels.connected_at, channels.id limit 1
  );
end $$;
comment on function private.mail_account is 'The account by which answers to customers of the website are mailed: the oldest that is connected; or null.';

create or replace function private.is_stopped(email text)
returns boolean
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return exists (select from private.stopped_addresses as stopped where stopped.digest = private.id_digest(email));
end $$;
comment on function private.is_stopped is 'Does the owner of an address want no such mails?';

-- The transaction holds the conversation's lock since the message was numbered. To who never wrote back go five mails of
-- a conversation and ten a day of all.
create or replace function private.mail_answer()
returns trigger
language plpgsql
volatile
security definer  -- only these functions write deliveries
set search_path = ''
as $$
declare
  v_conversation public.conversations;
  v_left private.left_addresses;
  v_account public.communication_channels;
begin
  select * into v_conversation from public.conversations as conversations where conversations.id = new.conversation_id;
  if v_conversation.channel_type <> 'website' or v_conversation.answer_email is null then
    return null;
  end if;
  select * into v_left from private.left_addresses as addresses
  where addresses.conversation_id = new.conversation_id and addresses.digest = private.id_digest(v_conversation.answer_email)
  order by addresses.id desc limit 1 for no key update;
  select * into v_account from public.communication_channels as channels where channels.id = private.mail_account();
  if v_left.id is null or v_account.id is null or private.is_stopped(v_conversation.answer_email)
    or 5 <= (  -- however often it was left there
      select sum(addresses.unanswered) from private.left_addresses as addresses
      where addresses.conversation_id = new.conversation_id and addresses.digest = v_left.digest
    ) or 10 <= (
      select sum(addresses.unanswered) from private.left_addresses as addresses
      where addresses.digest = v_left.digest and addresses.mailed_at > clock_timestamp() - interval '1 day'
    )
  then
    return null;
  end if;
  update private.left_addresses as addresses
  set unanswered = addresses.unanswered + 1, mailed_at = clock_timestamp() where addresses.id = v_left.id;
  perform private.insert_delivery(new, v_account, false);
  return null;
end $$;
comment on function private.mail_answer is 'Mail an agent''s answer to the address that a customer of the website left.';

-- Before the conversation is changed, as messages_deliver.
create or replace trigger messages_deliver_by_mail after insert on public.messages
  for each row when (new.sender_type = 'agent' and new.external_message_id is null)
  execute function private.mail_answer();

-- Since when what comes by mail into a conversation of the website is by whom its answers are mailed to: nothing of
-- another address's mails goes there.
create or replace function private.left_since(conversation_id uuid)
returns timestamptz
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return coalesce((
    select max(addresses.left_at) from private.left_addresses as addresses
    where addresses.conversation_id = left_since.conversation_id
  ), '-infinity');
end $$;
comment on function private.left_since is 'When the address of a conversation of the website was left; of any other, always.';

create or replace function private.mail_note(language text)
returns text
language plpgsql
immutable
security invoker
set search_path = ''
as $words$
declare
  v_notes jsonb := $json${
    "ar": "تصلك هذه الرسالة لأن أحدهم ترك هذا العنوان في محادثتنا على الموقع لتلقي الرد. ما تكتبه ردًا عليها يظهر في تلك المحادثة. إذا لم تكن أنت، أو لا تريد رسائل كهذه، فأجب بكلمة STOP.",
    "de": "Sie erhalten diese Mail, weil jemand diese Adresse im Chat auf unserer Website für die Antwort hinterlassen hat. Was Sie antworten, erscheint dort im Chat. Waren Sie das nicht, oder möchten Sie keine solchen Mails, antworten Sie mit STOP.",
    "en": "You get this mail because somebody left this address for the answer in the chat on our website. What you reply is shown in that chat. If it was not you, or you want no such mails, reply with STOP.",
    "es": "Recibe este correo porque alguien dejó esta dirección para la respuesta en el chat de nuestra web. Lo que responda se muestra en ese chat. Si no fue usted, o no quiere estos correos, responda STOP.",
    "fr": "Vous recevez ce message parce que quelqu'un a laissé cette adresse pour la réponse dans le chat de notre site. Votre réponse s'affiche dans ce chat. Si ce n'était pas vous, ou si vous ne voulez pas de tels messages, répondez STOP.",
    "it": "Riceve questa mail perché qualcuno ha lasciato questo indirizzo per la risposta nella chat del nostro sito. Ciò che risponde appare in quella chat. Se non è stato lei, o non vuole queste mail, risponda STOP.",
    "nl": "U krijgt deze mail omdat iemand dit adres voor het antwoord heeft achtergelaten in de chat op onze website. Wat u antwoordt, staat in die chat. Was u dat niet, of wilt u zulke mails niet, antwoord dan met STOP.",
    "pl": "Ten e-mail przyszedł, bo ktoś zostawił ten adres na odpowiedź w czacie na naszej stronie. Odpowiedź na niego pojawi się w tym czacie. Jeśli to nie Ty albo nie chcesz takich wiadomości, odpowiedz STOP.",
    "pt": "Recebe este e-mail porque alguém deixou este endereço para a resposta no chat do nosso site. O que responder aparece nesse chat. Se não foi você, ou não quer estes e-mails, responda STOP.",
    "ru": "Вы получили это письмо, потому что кто-то оставил этот адрес для ответа в чате на нашем сайте. Ваш ответ будет виден в этом чате. Если это были не вы или вы не хотите таких писем, ответьте STOP.",
    "tr": "Bu e-postayı, birisi sitemizdeki sohbette yanıt için bu adresi bıraktığı için alıyorsunuz. Yanıtınız o sohbette görünür. Bu siz değilseniz veya böyle e-postalar istemiyorsanız STOP yazarak yanıtlayın.",
    "uk": "Ви отримали цей лист, бо хтось залишив цю адресу для відповіді в чаті на нашому сайті. Ваша відповідь буде видна в цьому чаті. Якщо це були не ви або ви не хочете таких листів, дайте відповідь STOP."
  }$json$;
begin
  return coalesce(v_notes ->> split_part(lower(language), '-', 1), v_notes ->> 'en');
end $words$;
comment on function private.mail_note is 'What stands below an answer that is mailed to who wrote on the website: why, who sees a reply, and how to have no more.';
