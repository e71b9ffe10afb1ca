"""Mail, as our function gets it: raw or from Postmark, posted with the account's token."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Json

from tests.support.stacks import CHANNEL_SECRETS, RunningStack

MAILS = Path(__file__).with_name("mails")
SUPPORT = "support@example.com"
DESK = "desk@example.org"
"""A customer's; all hosts are of the names that are kept for examples."""
TOKEN = CHANNEL_SECRETS["EMAIL_WEBHOOK_TOKEN"]
SERVER = "mx.example.com"
"""What the account's mail server calls itself where it says who wrote."""


def raw(name: str) -> bytes:
    """Return a mail of the folder as servers send it.

    Each is another customer's: who writes much within the hour is taken for a program.
    """
    mail = (MAILS / f"{name}.eml").read_bytes()
    mail = mail.replace(DESK.encode(), _sender(name).encode()).replace(b"\n", b"\r\n")
    return mail if b"\nAuthentication-Results:" in mail else verified(mail)


def verified(mail: bytes) -> bytes:
    """Return a mail with the verdict of the account's server that it is from whom it names."""
    found = re.search(
        rb"^From:[^@\n]*(?:\n [^@\n]*)*@([\w.-]+)", mail, re.IGNORECASE | re.MULTILINE
    )
    domain = found[1].decode().lower() if found else "example.org"
    return f"Authentication-Results: {verdict(domain)}\r\n".encode() + mail


def verdict(domain: str) -> str:
    return f"{SERVER}; dmarc=pass (p=none) header.from={domain}"


def expected(name: str) -> dict[str, Any]:
    """Return the event that a mail of the folder is."""
    event = (MAILS / f"{name}.json").read_text()
    read: dict[str, Any] = json.loads(event.replace(DESK, _sender(name)))
    return read


def _sender(name: str) -> str:
    return f"{name.replace('_', '-')}@example.org"


def write(body: str = "Hello.", **headers: str) -> bytes:
    """Return a mail with an id of its own; a header that is empty is left out."""
    given = {
        "From": f"Front Desk <{DESK}>",
        "To": SUPPORT,
        "Subject": "Question",
        "Date": "Mon, 05 Jan 2026 10:00:00 +0100",
        "Message-ID": f"<{uuid4()}@mail.example.org>",
        "Content-Type": "text/plain; charset=utf-8",
    } | {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"{name}: {value}" for name, value in given.items() if value]
    mail = "\r\n".join([*lines, "", body, ""]).encode()
    return mail if "Authentication-Results" in given else verified(mail)


@contextmanager
def open_mail_server(stack: RunningStack) -> Iterator["MailServer"]:
    """Open a mail server whose team's address is an account, among others of the stack's."""
    with (
        httpx.Client(base_url=f"{stack.api_url}/functions/v1", timeout=60) as http,
        psycopg.connect(stack.admin_url(), autocommit=True, row_factory=dict_row) as database,
    ):
        server = MailServer(http, database)
        server.connect(SUPPORT)
        answer = server.post(write())
        assert answer.status_code == 200, answer.text
        yield server


@dataclass(frozen=True, slots=True)
class MailServer:
    """Posts to the function of a stack, and looks up what became of it."""

    http: httpx.Client
    database: psycopg.Connection[dict[str, Any]]

    def post(self, body: bytes, kind: str = "message/rfc822", token: str = TOKEN) -> httpx.Response:
        headers = {"content-type": kind}
        return self.http.post("/email", content=body, headers=headers, auth=("postmaster", token))

    def connect(self, address: str, **options: str) -> str:
        """Make an account of an address, with the name of its mail server; returns the address."""
        self.database.execute(
            "insert into public.communication_channels as channels"
            " (name, type, external_account_id, configuration) values ('Team', 'email', %s, %s)"
            " on conflict (type, external_account_id) where external_account_id is not null"
            " do update set configuration = channels.configuration || excluded.configuration",
            [address, Json({"authentication_server": SERVER} | options)],
        )
        return address

    def event_of(self, answer: httpx.Response) -> dict[str, Any]:
        """Return what the function read in the mail that it gave this answer to."""
        assert answer.status_code == 200, answer.text
        (event,) = self.query(
            "select events -> 0 as event from public.webhook_events where id = %s",
            answer.json()["webhook_id"],
        )
        found: dict[str, Any] = event["event"]
        return found

    def rows_of(self, message_id: str) -> list[dict[str, Any]]:
        """Return the messages that are known by an id."""
        return self.query(
            """
            select messages.*, conversations.channel_id, conversations.user_email,
              exists (
                select from public.ai_response_queue as jobs where jobs.message_id = messages.id
              ) as is_turn
            from public.messages as messages
            join public.conversations as conversations
              on conversations.id = messages.conversation_id
            where messages.external_message_id = %s
            """,
            message_id,
        )

    def query(self, statement: Any, *parameters: Any) -> list[dict[str, Any]]:
        return self.database.execute(statement, parameters).fetchall()
