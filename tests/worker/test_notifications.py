"""The worker tells whom the rules name: by mail, Slack and webhook, until they have it."""

import asyncio
import base64
import hashlib
import hmac
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
import pytest_asyncio
from psycopg.rows import dict_row
from pydantic import SecretStr
from romashka_worker.channels import ChannelError
from romashka_worker.channels.smtp import MailServers
from romashka_worker.notifications import Notification
from romashka_worker.notifications.mails import Mails
from romashka_worker.notifications.notifier import open_notifications
from romashka_worker.notifications.settings import NotificationSettings
from romashka_worker.notifications.texts import subject_of, text_of

from tests.channels.mail_server import MailServer, open_mail_server
from tests.support.customers import service_of
from tests.support.stacks import RunningStack
from tests.support.waiting import becomes

Row = dict[str, Any]
TEAM, SENDER = "team@example.com", "inbox@example.com"

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Receiver:
    """A web server that keeps what it is posted, and answers as it is told."""

    def __init__(self) -> None:
        self.url = ""
        self.answers: list[str] = []
        self.posted: list[tuple[dict[str, str], bytes]] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in head[1:] if line)
        }
        body = await reader.readexactly(int(headers["content-length"]))
        self.posted.append((headers, body))
        status = self.answers.pop(0) if self.answers else "200 OK"
        writer.write(
            f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
        )
        with suppress(ConnectionError):
            await writer.drain()
        writer.close()


@pytest_asyncio.fixture(loop_scope="module")
async def receiver() -> AsyncIterator[Receiver]:
    running = Receiver()
    server = await asyncio.start_server(running.answer, "127.0.0.1", 0)
    running.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    async with server:
        yield running


@pytest.fixture
def database(stack: RunningStack) -> Any:
    """A connection to the stack's database; the rules of a test go with it."""
    with psycopg.connect(stack.admin_url(), autocommit=True, row_factory=dict_row) as connection:
        yield connection
        connection.execute("delete from public.notification_rules")


def add_rule(database: Any, kind: str, target: str, *events: str) -> str:
    row = database.execute(
        "insert into public.notification_rules (kind, target, events) values (%s, %s, %s)"
        " returning id::text",
        [kind, target, list(events or ["turn.settled"])],
    ).fetchone()
    return str(row["id"])


def tried(database: Any, rule: str) -> str:
    row = database.execute("select public.test_notification_rule(%s)::text as id", [rule])
    return str(row.fetchone()["id"])


def state_of(database: Any, delivery: str) -> Row:
    row: Row = database.execute(
        "select * from public.notification_deliveries where id = %s", [delivery]
    ).fetchone()
    return row


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def mail_server(stack: RunningStack) -> AsyncIterator[MailServer]:
    """A worker tells meanwhile, by mail through this server."""
    async with (
        open_mail_server() as server,
        service_of(stack) as service,
        open_notifications(_settings(server.url), service, "w", 5) as loop,
    ):
        running = asyncio.create_task(loop.run())
        yield server
        loop.stop()
        await running


def _settings(smtp_url: str | None, sender: str | None = SENDER) -> NotificationSettings:
    named = {"NOTIFICATIONS_SMTP_URL": smtp_url, "NOTIFICATIONS_FROM": sender}
    return NotificationSettings.model_validate(named)


async def ends(database: Any, delivery: str) -> Row:
    await becomes(lambda: state_of(database, delivery)["settled_at"] is not None)
    return state_of(database, delivery)


async def test_a_webhook_is_signed_as_the_standard_says(database: Any, receiver: Receiver) -> None:
    """Else each receiver writes its own check, or none."""
    rule = add_rule(database, "webhook", receiver.url)
    secret = database.execute("select secret from private.notification_secrets").fetchone()[
        "secret"
    ]
    delivery = tried(database, rule)
    ended = await ends(database, delivery)
    [(headers, body)] = receiver.posted
    signed = f"{delivery}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()

    assert ended["status"] == "sent"
    assert headers["webhook-id"] == delivery == json.loads(body)["id"]
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert abs(int(headers["webhook-timestamp"]) - datetime.now(UTC).timestamp()) < 60
    assert headers["content-type"] == "application/json"


async def test_what_is_refused_comes_again_under_the_same_id(
    database: Any, receiver: Receiver
) -> None:
    """A receiver that is being deployed loses nothing, and can tell the repeat."""
    receiver.answers = ["503 Service Unavailable"]
    delivery = tried(database, add_rule(database, "webhook", receiver.url))
    await becomes(lambda: state_of(database, delivery)["failures"] == 1)
    waiting = state_of(database, delivery)
    database.execute("update public.notification_rules set paused_until = null")
    database.execute("update public.notification_deliveries set process_after = now()")
    ended = await ends(database, delivery)

    assert (waiting["status"], waiting["error_code"]) == ("pending", "503")
    assert (ended["status"], ended["attempt"], ended["error"]) == ("sent", 2, None)
    assert len({headers["webhook-id"] for headers, _ in receiver.posted}) == 1


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        ("410 Gone", "failed", "410"),
        ("302 Found\r\nLocation: http://127.0.0.1:1/", "pending", "302"),
        ("400 Bad Request", "pending", "400"),
        ("429 Too Many Requests\r\nRetry-After: 1800", "pending", "429"),
        ("nonsense", "pending", "unreachable"),
    ],
)
async def test_what_a_receiver_answers_is_heeded(
    database: Any, receiver: Receiver, answer: str, status: str, code: str
) -> None:
    """A redirect could lead into the project's own network."""
    receiver.answers = [answer]
    delivery = tried(database, add_rule(database, "webhook", receiver.url))
    database.execute("update public.notification_deliveries set expires_at = now() + '1 day'")
    await becomes(lambda: state_of(database, delivery)["error_code"])
    told = state_of(database, delivery)

    assert (told["status"], told["error_code"]) == (status, code)
    assert len(receiver.posted) == 1
    if "Retry-After" in answer:
        assert (told["process_after"] - datetime.now(UTC)).total_seconds() > 1500


async def test_an_answer_without_end_is_not_read(database: Any, receiver: Receiver) -> None:
    """Nor kept in memory."""
    receiver.answers = ["200 OK\r\nContent-Length: 99999999999\r\nX-More: "]
    ended = await ends(database, tried(database, add_rule(database, "webhook", receiver.url)))

    assert ended["status"] == "sent"


async def test_slack_gets_text_that_mentions_nobody(database: Any, receiver: Receiver) -> None:
    """A customer who calls themselves <!channel> would wake the whole company."""
    add_rule(database, "slack", receiver.url, "conversation.escalated")
    inserted = database.execute(
        "with customer as (insert into public.customer_profiles (name)"
        " values ('<!channel> & ' || chr(10) || 'Co') returning id) insert into"
        " public.conversations (customer_id, channel_type) select id, 'sms' from customer"
        " returning id"
    )
    conversation = inserted.fetchone()["id"]
    database.execute(
        "update public.conversations set requires_human = true, handed_over_at = now(),"
        " escalation_reason = 'legal' where id = %s",
        [conversation],
    )
    await becomes(lambda: receiver.posted)
    text = json.loads(receiver.posted[0][1])["text"]
    database.execute("delete from public.conversations where id = %s", [conversation])

    assert text.splitlines()[:2] == [
        "&lt;!channel&gt; &amp; Co waits for a human (SMS).",
        "Why: it is a legal matter.",
    ]


async def test_a_mail_comes_by_the_teams_server(database: Any, mail_server: MailServer) -> None:
    """Where the team reads already."""
    delivery = tried(database, add_rule(database, "email", TEAM))
    ended = await ends(database, delivery)
    [mail] = mail_server.mails_to(TEAM)

    assert ended["status"] == "sent"
    assert mail.sender == SENDER
    assert mail.mail["Subject"] == "A test: notifications get here"
    assert mail.mail["Auto-Submitted"] == "auto-generated"
    assert mail.mail["Message-ID"] == f"<{delivery}@example.com>"


@pytest.mark.parametrize(
    ("smtp_url", "sender", "code"),
    [
        (None, SENDER, "no_server"),
        ("smtp://127.0.0.1:9", None, "no_sender"),
    ],
)
async def test_a_worker_that_cannot_mail_says_why(
    smtp_url: str | None, sender: str | None, code: str
) -> None:
    """Admins see it at the rule; it is tried again, for somebody may set it right."""
    mails = Mails(_settings(smtp_url, sender), MailServers(ssl.create_default_context()))
    test = {"event": "test"}
    with pytest.raises(ChannelError) as problem:
        await mails.send(Notification("1", 1, "2", "email", SecretStr(TEAM), None, test))

    assert (problem.value.code, problem.value.trouble) == (code, "retry")


async def test_people_get_no_text_of_a_customers() -> None:
    """A mailbox of the team's is not the place for it."""
    body = {
        "event": "conversation.waiting",
        "conversation": {
            "channel_type": "whatsapp",
            "escalation_reason": "low_confidence",
            "handed_over_at": "2026-11-30T10:00:00+00:00",
            "last_message": "My card is 4111",
            "customer": {"name": None, "email": None},
            "customer_name": "Ada",
        },
        "link": "https://x.example/c/1",
    }
    now = datetime(2026, 11, 30, 10, 12, tzinfo=UTC)

    assert subject_of(body) == "Ada still waits for a human (WhatsApp)"
    assert text_of(body, now) == (
        "Ada still waits for a human (WhatsApp).\n"
        "Why: the AI was not sure of an answer.\n"
        "They have waited for 12 min.\n"
        "https://x.example/c/1"
    )
