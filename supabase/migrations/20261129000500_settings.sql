-- Purpose: how the AI behaves here: one row that admins change.
-- Touches: public.ai_settings, private.handover_text.
-- Undo:    drop function private.handover_text; drop table public.ai_settings.

create table if not exists public.ai_settings (
  id boolean primary key default true check (id),  -- one row
  persona text not null default 'You are a friendly, concise assistant of the team.',
  min_confidence numeric(3, 2) not null default 0.60 check (min_confidence between 0 and 1),
  -- What a human takes, however well the AI could answer: messages that are about one of these topics with at
  -- least this probability.
  escalation_topics text[] not null default '{human_requested,legal,safety,fraud_or_loss,refund,cancel,complaint}'
    check (escalation_topics <@ '{human_requested,legal,safety,fraud_or_loss,refund,cancel,complaint}'::text[]),
  escalation_probability numeric(3, 2) not null default 0.50 check (escalation_probability between 0.05 and 1),
  -- A human takes what is this probably said in anger, and a conversation in which so many replies in a row did not
  -- help; null: never for that.
  max_negative_sentiment numeric(3, 2) default 0.90 check (max_negative_sentiment between 0.05 and 1),
  max_failed_replies integer default 2 check (max_failed_replies between 1 and 5),
  -- A turn must be answered this long after its first message; the promise to the customer is 6 s.
  deadline_ms integer not null default 5500 check (deadline_ms between 2000 and 5500),
  -- A further message waits this long for more of them, but never past the first message plus cap_ms.
  quiet_ms integer not null default 400 check (quiet_ms between 0 and 2000),
  cap_ms integer not null default 2000 check (cap_ms between 0 and 4000),
  handover_repeat_minutes integer not null default 15 check (handover_repeat_minutes >= 1),
  handover_texts jsonb not null default '{
    "ar": "سأحوّل محادثتك إلى أحد زملائنا. سيرد عليك هنا قريبًا.",
    "bg": "Предавам разговора на колега. Скоро тук ще ви отговори човек.",
    "ca": "Passo la seva consulta a un company. Una persona li respondrà aquí ben aviat.",
    "cs": "Předávám to kolegovi. Brzy vám tu odpoví člověk.",
    "da": "Jeg giver det videre til en kollega. Et menneske svarer dig her inden længe.",
    "de": "Ich gebe das an eine Kollegin oder einen Kollegen weiter. Du bekommst hier bald eine Antwort von einem Menschen.",
    "el": "Προωθώ το αίτημά σας σε συνάδελφο. Σύντομα θα σας απαντήσει εδώ ένας άνθρωπος.",
    "en": "I am handing this over to a colleague. A human will answer you here soon.",
    "es": "Le paso su consulta a una persona del equipo. Le responderá aquí en breve.",
    "fa": "گفت‌وگوی شما را به همکارم می‌سپارم. به‌زودی یک نفر همین‌جا پاسخ می‌دهد.",
    "fi": "Siirrän asian kollegalle. Ihminen vastaa sinulle täällä pian.",
    "fr": "Je transmets votre demande à un collègue. Une personne vous répondra ici sous peu.",
    "he": "אני מעביר את הפנייה לנציג. בקרוב יענה לך כאן אדם.",
    "hi": "मैं यह बातचीत अपने एक सहकर्मी को सौंप रहा हूँ। जल्द ही यहाँ एक व्यक्ति आपको उत्तर देगा।",
    "hr": "Prosljeđujem ovo kolegi. Uskoro će vam ovdje odgovoriti čovjek.",
    "hu": "Átadom egy kollégámnak. Hamarosan egy munkatársunk válaszol Önnek itt.",
    "id": "Saya teruskan ini ke rekan saya. Seseorang akan segera membalas Anda di sini.",
    "it": "Passo la sua richiesta a un collega. Una persona le risponderà qui a breve.",
    "ja": "担当者におつなぎします。まもなくこちらでお返事いたします。",
    "ko": "담당자에게 전달하겠습니다. 곧 이곳에서 사람이 답변드리겠습니다.",
    "lt": "Perduodu tai kolegai. Netrukus čia jums atsakys žmogus.",
    "nl": "Ik geef dit door aan een collega. Je krijgt hier binnenkort antwoord van een mens.",
    "pl": "Przekazuję sprawę współpracownikowi. Wkrótce odpowie tutaj człowiek.",
    "pt": "Vou passar o seu pedido a um colega. Uma pessoa responderá aqui em breve.",
    "ro": "Transmit solicitarea unui coleg. În curând vă va răspunde aici un om.",
    "ru": "Передаю ваш вопрос коллеге. Скоро вам здесь ответит человек.",
    "sk": "Odovzdávam to kolegovi. Čoskoro vám tu odpovie človek.",
    "sl": "To predajam sodelavcu. Kmalu vam bo tukaj odgovoril človek.",
    "sr": "Prosleđujem ovo kolegi. Uskoro će vam ovde odgovoriti čovek.",
    "sv": "Jag lämnar över det här till en kollega. En människa svarar dig här snart.",
    "th": "กำลังส่งเรื่องต่อให้เพื่อนร่วมงาน เจ้าหน้าที่จะตอบคุณที่นี่ในไม่ช้า",
    "tr": "Talebinizi bir çalışma arkadaşıma iletiyorum. Yakında burada bir insan yanıt verecek.",
    "uk": "Передаю ваше запитання колезі. Незабаром тут відповість людина.",
    "vi": "Tôi chuyển yêu cầu này cho đồng nghiệp. Sẽ sớm có người trả lời bạn tại đây.",
    "zh": "我已将您的问题转给同事，稍后会有人工在这里回复您。"
  }' check (coalesce(handover_texts ->> 'en', '') <> ''),
  -- What one customer may store: characters a message, messages a minute, conversations an hour.
  max_message_chars integer not null default 4000 check (max_message_chars between 1 and 100000),
  max_messages_per_minute integer not null default 120 check (max_messages_per_minute >= 1),
  max_conversations_per_hour integer not null default 20 check (max_conversations_per_hour >= 1),
  -- What the workers together may broadcast of replies that are being written: hosted projects allow 100
  -- messages a second in all, and close channels beyond.
  stream_budget_per_second integer not null default 50 check (stream_budget_per_second between 1 and 10000),
  updated_at timestamptz not null default now()
);
comment on table public.ai_settings is 'How the AI behaves: one row.';

insert into public.ai_settings default values on conflict do nothing;
alter table public.ai_settings enable row level security;
