-- Purpose: how the AI behaves here: one row that admins change.
-- Touches: public.ai_settings, private.handover_text.
-- Undo:    drop function private.handover_text; drop table public.ai_settings.

create table public.ai_settings (
  id boolean primary key default true check (id),  -- one row
  persona text not null default 'You are a friendly, concise assistant of the team.',
  min_confidence numeric(3, 2) not null default 0.60 check (min_confidence between 0 and 1),
  -- A turn must be answered this long after its first message; the promise to the customer is 6 s.
  deadline_ms integer not null default 5500 check (deadline_ms between 2000 and 5500),
  -- A further message waits this long for more of them, but never past the first message plus cap_ms.
  quiet_ms integer not null default 400 check (quiet_ms between 0 and 2000),
  cap_ms integer not null default 2000 check (cap_ms between 0 and 4000),
  handover_repeat_minutes integer not null default 15 check (handover_repeat_minutes >= 1),
  handover_texts jsonb not null default '{
    "ar": "سأحوّل محادثتك إلى أحد زملائنا. سيرد عليك هنا قريبًا.",
    "de": "Ich gebe das an eine Kollegin oder einen Kollegen weiter. Du bekommst hier bald eine Antwort von einem Menschen.",
    "en": "I am handing this over to a colleague. A human will answer you here soon.",
    "es": "Le paso su consulta a una persona del equipo. Le responderá aquí en breve.",
    "fr": "Je transmets votre demande à un collègue. Une personne vous répondra ici sous peu.",
    "it": "Passo la sua richiesta a un collega. Una persona le risponderà qui a breve.",
    "ja": "担当者におつなぎします。まもなくこちらでお返事いたします。",
    "nl": "Ik geef dit door aan een collega. Je krijgt hier binnenkort antwoord van een mens.",
    "pl": "Przekazuję sprawę współpracownikowi. Wkrótce odpowie tutaj człowiek.",
    "pt": "Vou passar o seu pedido a um colega. Uma pessoa responderá aqui em breve.",
    "ru": "Передаю ваш вопрос коллеге. Скоро вам здесь ответит человек.",
    "tr": "Talebinizi bir çalışma arkadaşıma iletiyorum. Yakında burada bir insan yanıt verecek.",
    "uk": "Передаю ваше запитання колезі. Незабаром тут відповість людина.",
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
insert into public.ai_settings default values;

create trigger ai_settings_touch before update on public.ai_settings
  for each row execute function private.touch_updated_at();

create or replace function private.handover_text(language text)
returns text
language sql
stable
security invoker
set search_path = ''
as $$
  select coalesce(
    settings.handover_texts ->> lower(split_part(replace(handover_text.language, '_', '-'), '-', 1)),
    settings.handover_texts ->> 'en'
  ) from public.ai_settings as settings;
$$;
comment on function private.handover_text is 'What a customer of this language is told when a human takes over.';
revoke execute on function private.handover_text from public, anon, authenticated;

alter table public.ai_settings enable row level security;
revoke all on public.ai_settings from anon, authenticated;
grant select on public.ai_settings to authenticated;
grant update on public.ai_settings to authenticated;
create policy "staff read the settings" on public.ai_settings
  for select to authenticated using ((select private.is_staff()));
create policy "admins change the settings" on public.ai_settings
  for update to authenticated using ((select private.is_admin())) with check ((select private.is_admin()));
