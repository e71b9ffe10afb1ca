"""Plays a week through the functions that the real one would use: each step as whoever does it."""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import psycopg
from psycopg.rows import dict_row

from romashka_local.demo_week.script import Conversation, Event, Person

ACCOUNTS = {
    "whatsapp": ("WhatsApp", "100200300400"),
    "instagram": ("Instagram", "17841400000000042"),
    "email": ("E-mail", "hello@example.com"),
}
_WORKER = "demo"
_LEASE_SECONDS = 60
_INTEREST = "https://example.com/demo-week/"

Row = dict[str, Any]


def item_id(key: str) -> UUID:
    """Return the id of an article of the demo's."""
    return uuid5(NAMESPACE_URL, f"{_INTEREST}{key}")


class Player:
    """Does what events say, in one transaction that nobody sees before it is committed."""

    def __init__(self, database: psycopg.Connection, titles: Mapping[str, str]) -> None:
        """Take the superuser's connection, and the titles of the articles."""
        self._cursor = database.cursor(row_factory=dict_row)
        self._titles = titles
        self._staff = {
            str(row["email"]).partition("@")[0]: row["id"]
            for row in self._as_superuser(
                "select id, email from public.profiles where role in ('agent', 'admin')"
            )
        }
        self._conversations: dict[int, UUID] = {}
        self._mails: dict[int, str] = {}
        self._questions: dict[int, UUID] = {}
        self._jobs: dict[UUID, Row] = {}
        self._steps: Mapping[str, Callable[[Event], None]] = {
            "customer": self._customer_writes,
            "ai": self._ai_replies,
            "ask": self._ai_asks,
            "choose": self._customer_chooses,
            "handover": self._ai_hands_over,
            "thanks": self._ai_needs_no_answer,
            "agent": self._agent_writes,
            "note": self._agent_notes,
            "take": self._by_agent("public.take_over_conversation(%s)"),
            "return": self._by_agent("public.return_conversation_to_ai(%s)"),
            "resolve": self._by_agent("public.resolve_conversation(%s)"),
            "assign": self._agent_is_assigned,
            "rate": self._customer_rates,
            "fail": self._delivery_fails,
        }

    def play(self, event: Event) -> None:
        """Do one thing.

        Raises:
            KeyError: nobody knows what is to be done.
        """
        self._steps[event.who](event)

    # ---- customers

    def _customer_writes(self, event: Event) -> None:
        conversation, person = event.conversation, event.conversation.person
        is_first = conversation.key not in self._conversations
        if person.channel == "website":
            if is_first:
                self._open_on_website(conversation)
            self._insert_message(conversation, "user", event.what[0])
        else:
            message = _channel_message(event)
            if not is_first:  # a mail goes on in the conversation of the mail that it answers
                message["thread"] = {"references": [self._mails[conversation.key]]}
            told = self._as_service(
                "select public.ingest_channel_message(%s, %s) as told",
                *(person.channel, json.dumps(message)),
            )
            self._mails.setdefault(conversation.key, message["id"])
            self._conversations[conversation.key] = UUID(told[0]["told"]["conversation_id"])
        if is_first:
            self._describe(conversation)

    def _open_on_website(self, conversation: Conversation) -> None:
        person = conversation.person
        rows = self._as_service(
            "select public.create_conversation(%s, 'website') as id", person.email or person.name
        )
        self._conversations[conversation.key] = rows[0]["id"]

    def _describe(self, conversation: Conversation) -> None:
        """Say what staff know of who wrote, and how they sort it."""
        person, place = conversation.person, self._conversations[conversation.key]
        self._as_superuser(
            "update public.customer_profiles as customers set name = %s, language = %s,"
            " last_interaction = clock_timestamp()"
            " from public.conversations as conversations"
            " where conversations.id = %s and customers.id = conversations.customer_id",
            *(person.name, person.language, place),
        )
        self._as_superuser(
            "update public.conversations set customer_name = %s, user_name = %s, language = %s,"
            " priority = %s, tags = %s where id = %s",
            *(person.name, person.name, person.language),
            *(conversation.priority, list(conversation.tags), place),
        )

    def _customer_chooses(self, event: Event) -> None:
        conversation = event.conversation
        question = self._questions[conversation.key]
        (row,) = self._as_superuser(
            "select metadata #>> array['choices', %s, 'label'] as label from public.messages"
            " where id = %s",
            *(str(event.what[0] - 1), question),
        )
        choice = {"choice": {"message_id": str(question), "number": event.what[0]}}
        self._insert_message(conversation, "user", row["label"], choice)

    def _customer_rates(self, event: Event) -> None:
        place = self._conversations[event.conversation.key]
        self._as_service("select public.rate_conversation(%s, %s)", place, event.what[0])

    def _insert_message(
        self, conversation: Conversation, sender: str, text: str, metadata: Any = None
    ) -> None:
        self._as_service(
            "insert into public.messages (conversation_id, sender_type, content, channel_type,"
            " metadata) values (%s, %s, %s, %s, %s)",
            *(self._conversations[conversation.key], sender, text),
            *(conversation.person.channel, json.dumps(metadata or {})),
        )

    # ---- the AI

    def _ai_replies(self, event: Event) -> None:
        text, article, sure = event.what
        sources = [str(item_id(article))]
        self._settle(
            event, action="reply", ai_response=text, confidence=sure, knowledge_sources=sources
        )
        self._as_superuser(
            "update public.knowledge_items set usage_count = usage_count + 1 where id = %s",
            item_id(article),
        )

    def _ai_asks(self, event: Event) -> None:
        text, articles, sure = event.what
        choices = [
            {"label": self._titles[article], "item_id": str(item_id(article))}
            for article in articles
        ]
        lines = [f"{number}. {choice['label']}" for number, choice in enumerate(choices, 1)]
        told = self._settle(
            event,
            action="reply",
            ai_response="\n".join([text, *lines]),
            confidence=sure,
            choices=choices,
        )
        self._questions[event.conversation.key] = told["message_id"]

    def _ai_hands_over(self, event: Event) -> None:
        sure = 0.34 if event.what[0] in ("low_confidence", "out_of_scope") else 0.9
        self._settle(event, action="escalate", reason=event.what[0], confidence=sure)

    def _ai_needs_no_answer(self, event: Event) -> None:
        self._settle(event, action="none")

    def _settle(self, event: Event, **result: Any) -> Row:
        """Claim the turn of a conversation as a worker does, and settle it."""
        job = self._claim(self._conversations[event.conversation.key])
        told: Row = {
            "job_id": str(job["job_id"]),
            "attempt": job["attempt"],
            "language": event.conversation.person.language,
            "intent": event.conversation.topic,
            "sentiment": event.conversation.sentiment,
            "response_time_ms": round(event.seconds * 1000),
            **result,
        }
        (settled,) = self._as_service(
            "select * from public.complete_ai_response_jobs(%s)", json.dumps([told])
        )
        if not settled["settled"]:
            raise RuntimeError(f"a turn of {event.conversation.person.name} was not settled")
        return settled

    def _claim(self, place: UUID) -> Row:
        # What waits for more words is answered at once here, and a slow machine makes nobody late.
        self._as_superuser(
            "update public.ai_response_queue set process_after = clock_timestamp(),"
            " deadline = clock_timestamp() + interval '1 minute' where status = 'pending'"
        )
        for job in self._as_service(
            "select * from public.get_next_ai_response_job(%s, 50, %s)", _WORKER, _LEASE_SECONDS
        ):
            self._jobs[job["conversation_id"]] = job
        return self._jobs.pop(place)

    # ---- staff

    def _agent_writes(self, event: Event) -> None:
        agent, text = event.what
        self._as_agent(
            agent,
            "insert into public.messages (conversation_id, sender_type, content, channel_type)"
            " values (%s, 'agent', %s, %s)",
            *(self._conversations[event.conversation.key], text),
            event.conversation.person.channel,
        )
        self._reads(event, agent)

    def _agent_notes(self, event: Event) -> None:
        agent, text = event.what
        self._as_superuser(  # with its time: by its default, that of the transaction
            "insert into public.conversation_notes (conversation_id, author_id, content,"
            " created_at) values (%s, %s, %s, clock_timestamp())",
            *(self._conversations[event.conversation.key], self._staff[agent], text),
        )

    def _agent_is_assigned(self, event: Event) -> None:
        agent = event.what[0]
        self._as_agent(
            agent,
            "select public.assign_conversation(%s, %s)",
            *(self._conversations[event.conversation.key], self._staff[agent]),
        )
        self._reads(event, agent)

    def _by_agent(self, call: str) -> Callable[[Event], None]:
        def do(event: Event) -> None:
            place = self._conversations[event.conversation.key]
            self._as_agent(event.what[0], f"select {call}", place)
            self._reads(event, event.what[0])

        return do

    def _reads(self, event: Event, agent: str) -> None:
        place = self._conversations[event.conversation.key]
        self._as_agent(agent, "select public.mark_conversation_read(%s)", place)

    def _delivery_fails(self, event: Event) -> None:
        """Say of the newest message that its channel did not take it."""
        self._as_superuser(
            "update public.channel_deliveries set status = 'failed', process_after = null,"
            " settled_at = clock_timestamp(), attempt = 1, error_code = '131047',"
            " error = 'more than 24 hours have passed since the customer last wrote'"
            " where id = (select id from public.channel_deliveries where conversation_id = %s"
            " and kind = 'message' order by position desc limit 1)",
            self._conversations[event.conversation.key],
        )

    # ---- as whom

    def _as_superuser(self, statement: str, *values: Any) -> list[Row]:
        return self._run("none", {}, statement, values)

    def _as_service(self, statement: str, *values: Any) -> list[Row]:
        return self._run("service_role", {"role": "service_role"}, statement, values)

    def _as_agent(self, agent: str, statement: str, *values: Any) -> list[Row]:
        claims = {"role": "authenticated", "sub": str(self._staff[agent])}
        return self._run("authenticated", claims, statement, values)

    def _run(
        self, role: str, claims: Mapping[str, str], statement: str, values: tuple[Any, ...]
    ) -> list[Row]:
        self._cursor.execute(
            "select set_config('role', %s, true), set_config('request.jwt.claims', %s, true)",
            [role, json.dumps(claims)],
        )
        self._cursor.execute(statement.encode(), values)
        rows = self._cursor.fetchall() if self._cursor.description else []
        self._cursor.execute("select set_config('role', 'none', true)")
        return rows


def _channel_message(event: Event) -> Row:
    """Return what a channel's adapter makes of a webhook."""
    conversation = event.conversation
    person = conversation.person
    passed = round((event.before / timedelta(seconds=1)) * 1000)
    message: Row = {
        "account": ACCOUNTS[person.channel][1],
        "id": f"demo-{conversation.key}-{passed}",
        "customer": {"id": _id_on_channel(person), "name": person.name},
        "content": event.what[0],
    }
    if person.channel == "whatsapp":
        message["customer"]["phone"] = _id_on_channel(person)
    if conversation.subject:
        message["thread"] = {"subject": conversation.subject}
    return message


def _id_on_channel(person: Person) -> str:
    if person.channel == "email":
        return person.email or f"customer-{person.number}@example.com"
    if person.channel == "whatsapp":
        return f"1202555{100 + person.number:04}"  # a range that is nobody's
    return f"1784140000000{person.number:04}"
