"""Whoever the security matrix names, on a running stack, and rows that are theirs."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import uuid4

import httpx
import psycopg
from postgrest import SyncPostgrestClient
from psycopg.rows import dict_row

from tests.support.stacks import RunningStack
from tests.support.waiting import eventually

Row = dict[str, Any]

# A customer is whoever has a session: one of each kind.
ROLE_OF = {
    "anon": "anon",
    "guest": "customer",
    "member": "customer",
    "stranger": "another",
    "agent": "agent",
    "admin": "admin",
    "service": "service role",
}
ACTORS = tuple(ROLE_OF)

# How `postgres` makes a row that is a customer's.
ROWS: dict[str, LiteralString] = {
    "profiles": "insert into auth.users (id) values (gen_random_uuid())",
    "customer_profiles": "insert into public.customer_profiles (name) values ('sample')",
    "conversations": "insert into public.conversations (customer_id) values (%(customer)s)",
    "messages": "insert into public.messages (conversation_id, sender_type, content)"
    " values (%(conversation)s, 'user', 'sample')",
    "ai_response_queue": "insert into public.ai_response_queue"
    " (conversation_id, message_id, user_message, status, outcome)"
    " values (%(conversation)s, %(message)s, 'sample', 'failed', 'taken_over')",
    "conversation_notes": "insert into public.conversation_notes (conversation_id, content)"
    " values (%(conversation)s, 'sample')",
    "message_drafts": "insert into public.message_drafts (agent_id, conversation_id, content)"
    " values (%(agent)s, %(conversation)s, 'sample') on conflict"
    " on constraint message_drafts_one_each do update set content = 'sample'",
    "saved_replies": "insert into public.saved_replies (shortcut, title, content)"
    " values (gen_random_uuid()::text, 'sample', 'sample')",
    "staff_invitations": "insert into public.staff_invitations (email, role)"
    " values (gen_random_uuid() || '@example.com', 'agent')",
    "business_hours": "with account as (insert into public.communication_channels (name, type)"
    " values ('sample', 'website') returning id) insert into public.business_hours"
    """ (channel_id, hours) select id, '{"timezone": "UTC", "days": [1], "from": "09:00","""
    """ "to": "18:00"}' from account""",
    "knowledge_items": "insert into public.knowledge_items (title, content)"
    " values ('matrix sample', 'sample')",
    "communication_channels": "insert into public.communication_channels (name, type)"
    " values ('sample', 'website')",
    "webhook_events": "insert into public.webhook_events (channel_type, digest, payload, events)"
    " values ('email', gen_random_uuid()::text::bytea, 'sample', '[]')",
    "channel_deliveries": "with account as (insert into public.communication_channels (name, type)"
    " values ('sample', 'website') returning id), message as (insert into public.messages"
    " (conversation_id, sender_type, content) values (%(conversation)s, 'user', 'sample')"
    " returning id, conversation_id, position) insert into public.channel_deliveries"
    " (channel_id, conversation_id, message_id, position, expires_at)"
    " select account.id, message.conversation_id, message.id, message.position, now()"
    " from account, message",
    "notification_rules": "insert into public.notification_rules (kind, target, events, is_enabled)"
    " values ('webhook', 'https://example.com', '{turn.settled}', false)",
    "notification_deliveries": "with rule as (insert into public.notification_rules"
    " (kind, target, events, is_enabled) values ('webhook', 'https://example.com',"
    " '{turn.settled}', false) returning id) insert into public.notification_deliveries"
    " (rule_id, event, subject) select id, 'turn.settled', 'sample' from rule",
    "ai_settings": "update public.ai_settings set persona = persona",
    "widget_settings": "update public.widget_settings set color = color",
    "realtime_metrics": "insert into public.realtime_metrics (metric_name, metric_value)"
    " values ('sample', 1)",
}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a token, and the conversations that are theirs."""

    id: str
    token: str
    customer: str = ""
    conversation: str = ""
    """With a human, so that nothing answers and changes it meanwhile."""
    talk: str = ""
    """Another one, without a message, for the functions that change a conversation's state."""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Whoever tries a function of sessions, and what they call it with."""

    who: "Person | str"
    arguments: Row


@dataclass(frozen=True, slots=True)
class IdentitySecret:
    """What a page's server signs with."""

    id: str
    value: str

    def sign(self, page_id: str) -> str:
        return hmac.new(self.value.encode(), page_id.encode(), hashlib.sha256).hexdigest()


class Cast:
    """The people of the matrix and the database beneath them."""

    def __init__(self, stack: RunningStack, database: psycopg.Connection[Row]) -> None:
        self.stack = stack
        self.database = database
        self.http = httpx.Client(base_url=stack.api_url, timeout=20)
        self.people = {
            "anon": Person("", stack.anon_key),
            "service": Person("", stack.service_role_key),
            "guest": self._customer(is_anonymous=True),
            "member": self._customer(is_anonymous=False),
            "stranger": self._customer(is_anonymous=True),
            "agent": self._staff("agent"),
            "admin": self._staff("admin"),
        }

    def owner(self, actor: str) -> Person:
        """Return the customer whose rows this actor tries."""
        return self.people[actor if ROLE_OF[actor] == "customer" else "guest"]

    def rest(self, actor: str | Person) -> SyncPostgrestClient:
        """Return the official client with the actor's token."""
        return SyncPostgrestClient(
            f"{self.stack.api_url}/rest/v1", headers=self.headers(actor), http_client=self.http
        )

    def headers(self, actor: str | Person) -> dict[str, str]:
        person = self.people[actor] if isinstance(actor, str) else actor
        return {"apikey": self.stack.anon_key, "Authorization": f"Bearer {person.token}"}

    def sign_up(self, *, is_anonymous: bool = True) -> Person:
        account = {"email": f"{uuid4()}@example.com", "password": "correct horse"}
        answer = self.http.post(
            "/auth/v1/signup",
            json={"data": {}} if is_anonymous else account,
            headers={"apikey": self.stack.anon_key},
        )
        session = answer.raise_for_status().json()
        return Person(session["user"]["id"], session["access_token"])

    def identity_secret(self) -> IdentitySecret:
        """Make a secret that signs ids."""
        (made,) = self.run("select public.rotate_identity_secret() as value")
        (known,) = self.run("select public.get_identity_secrets() -> 0 ->> 'id' as id")
        return IdentitySecret(known["id"], made["value"])

    def newcomer(self, function: str, actor: str) -> Newcomer:
        """Return a visitor in the state in which the function works; staff and keys as they are."""
        secret, page_id = self.identity_secret(), str(uuid4())
        signed = {"id": page_id, "hmac": secret.sign(page_id)}
        if actor == "anon" or ROLE_OF[actor] not in ("customer", "another"):
            return Newcomer(actor, signed | {"token": "x"})
        visitor, known = self.sign_up(), self.sign_up()
        rest = self.rest(visitor)
        if function in ("offer_conversations", "bring_conversations"):
            opened = {"customer_identifier": "x", "channel_type": "website"}
            rest.rpc("create_conversation", opened).execute()
        if function != "bring_conversations":
            return Newcomer(visitor, signed)
        token = rest.rpc("offer_conversations", {}).execute().data
        self.rest(known).rpc("identify_customer", signed).execute()
        return Newcomer(known, {"token": token})

    def run(self, statement: str, values: Any = None) -> list[Row]:
        """Run a statement as `postgres`."""
        cursor = self.database.execute(statement, values)
        return cursor.fetchall() if cursor.description else []

    def make_row(self, table: str, owner: Person) -> Row:
        """Make a row of the owner's, as JSON has it."""
        values = {
            "customer": owner.customer,
            "conversation": owner.conversation,
            "message": owner.message,
            "agent": self.people["agent"].id,
        }
        (made,) = self.run(ROWS[table] + " returning id::text", values)
        return self.row(table, made["id"])

    def row(self, table: str, row_id: str) -> Row:
        found = self.run(
            f"select to_jsonb(t) as row from public.{table} as t where id::text = %s", [row_id]
        )
        return dict(found[0]["row"])

    def fingerprint(self) -> list[Row]:
        """Return what is different after any write in any table of the matrix."""
        tables = " union all ".join(
            f"select '{table}', count(*), sum(xmin::text::bigint) from public.{table}"
            for table in ROWS
        )
        return self.run(tables)

    def _customer(self, *, is_anonymous: bool) -> Person:
        person = self.sign_up(is_anonymous=is_anonymous)
        opened = {}
        for channel in ("website", "email"):
            call = self.rest(person).rpc(
                "create_conversation",
                {"customer_identifier": "somebody", "channel_type": channel},
            )
            opened[channel] = str(call.execute().data)
        self.run(
            "update public.conversations set requires_human = true where id = %s",
            [opened["website"]],
        )
        (found,) = self.run(
            "insert into public.messages (conversation_id, sender_type, content)"
            " values (%s, 'user', 'a secret') returning id::text, (select customer_id::text"
            " from public.conversations where id = conversation_id) as customer",
            [opened["website"]],
        )
        return Person(
            person.id,
            person.token,
            found["customer"],
            opened["website"],
            opened["email"],
            found["id"],
        )

    def _staff(self, role: str) -> Person:
        person = self.sign_up(is_anonymous=False)
        self.run("update public.profiles set role = %s where id = %s", [role, person.id])
        return person


@contextmanager
def cast_on(stack: RunningStack) -> Iterator[Cast]:
    """Give the cast, with limits that it does not reach; the settings are as before afterwards."""
    with psycopg.connect(stack.db_url, autocommit=True, row_factory=dict_row) as database:
        (before,) = database.execute("select to_jsonb(s) as row from public.ai_settings as s")
        database.execute(
            "update public.ai_settings"
            " set max_messages_per_minute = 10000, max_conversations_per_hour = 10000,"
            " max_files_per_hour = 10000, max_megabytes_per_hour = 10000,"
            " max_megabytes_per_customer = 10000, max_ratings_per_hour = 10000"
        )
        eventually(lambda: _is_idle(database))  # what other tests left is settled
        cast = Cast(stack, database)
        try:
            yield cast
        finally:
            cast.http.close()
            restore_settings(database, before["row"])


def restore_settings(database: psycopg.Connection[Row], settings: Row) -> None:
    """Put the one row of the settings back."""
    with database.transaction():
        database.execute("delete from public.ai_settings")
        database.execute(
            "insert into public.ai_settings"
            " select (jsonb_populate_record(null::public.ai_settings, %s)).*",
            [json.dumps(settings)],
        )


def _is_idle(database: psycopg.Connection[Row]) -> bool:
    open_jobs = database.execute(
        "select from public.ai_response_queue where status in ('pending', 'processing')"
    )
    return not open_jobs.fetchall()
