"""A customer's mail, the answer that goes out by a real mail server, and what they reply to it."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

import httpx
import psycopg
from romashka_worker.channels.adapters import open_deliveries
from romashka_worker.channels.settings import ChannelSettings

from tests.channels.mail_in import SERVER, verdict
from tests.channels.mail_server import DROP, MailServer, open_mail_server
from tests.support.answering import answering
from tests.support.customers import (
    conversation_with_human,
    customer_of,
    service_of,
    staff_of,
)
from tests.support.stacks import RunningStack
from tests.support.waiting import becomes

PHOTO = b"\x89PNG photo"


class Mailer:
    """A customer's mail program, and the team's mail server that hands mails to the function."""

    def __init__(self, stack: RunningStack) -> None:
        self.stack = stack
        self.customer = f"customer-{uuid.uuid4()}@example.org"
        self.team = f"help-{uuid.uuid4().hex[:12]}@example.com"

    async def write(self, text: str, to: str | None = None, **headers: str) -> str:
        """Send a mail; return the conversation that it came to."""
        await self.post(text, to, **headers)
        return str(self._message(text)["conversation_id"])

    async def post(self, text: str, to: str | None = None, **headers: str) -> None:
        """Send a mail."""
        mail = EmailMessage(SMTP)
        mail["Authentication-Results"] = verdict("example.org")
        mail["Delivered-To"] = to or self.team
        mail["Received"] = f"by {SERVER}"  # with what stands above it: the server's
        mail["From"] = f"Customer <{self.customer}>"
        mail["To"] = to or self.team
        mail["Message-ID"] = f"<{uuid.uuid4()}@example.org>"
        mail["Subject"] = "Where is my order?"
        for name, value in headers.items():
            mail[name.replace("_", "-")] = value
        mail.set_content(text)
        async with httpx.AsyncClient(timeout=60) as http:
            answer = await http.post(
                f"{self.stack.api_url}/functions/v1/email",
                content=mail.as_bytes(),
                headers={
                    "Authorization": f"Bearer {self.stack.service_role_key}",
                    "Content-Type": "message/rfc822",
                },
            )
        assert answer.json()["outcomes"] == {"stored": 1}, answer.text

    def status_of(self, text: str) -> str:
        return str(self._message(text)["delivery_status"])

    def error_of(self, text: str) -> dict[str, Any]:
        error: dict[str, Any] = self._message(text)["metadata"]["delivery_error"]
        return error

    def _message(self, text: str) -> dict[str, Any]:
        with psycopg.connect(self.stack.admin_url()) as database:
            row = database.execute(
                "select to_jsonb(messages) from public.messages as messages"
                " join public.conversations on conversations.id = conversation_id"
                " join public.customer_profiles as customers on customers.id = customer_id"
                " where customers.email = %s and right(content, length(%s)) = %s",
                [self.customer, text, text],  # a first mail has its subject above it
            ).fetchone()
        assert row is not None
        message: dict[str, Any] = row[0]
        return message


@asynccontextmanager
async def delivering(stack: RunningStack) -> AsyncIterator[MailServer]:
    """Send what is due on the stack through a mail server, until the block is left."""
    async with open_mail_server() as server, service_of(stack) as client:
        nowhere = dict.fromkeys(("WHATSAPP_API_URL", "INSTAGRAM_API_URL"), "http://127.0.0.1:1")
        settings = ChannelSettings.model_validate({"EMAIL_SMTP_URL": server.url, **nowhere})
        async with open_deliveries(settings, client, f"mailer-{uuid.uuid4()}", 30) as deliverer:
            running = asyncio.create_task(deliverer.run())
            try:
                yield server
            finally:
                deliverer.stop()
                await running


async def test_a_conversation_by_mail_stays_one_conversation(stack: RunningStack) -> None:
    """The customer answers from any program; the agent sees one thread, and what was refused."""
    mailer = Mailer(stack)
    async with (
        delivering(stack) as server,
        staff_of(stack) as staff,
        answering(stack, "", action="escalate", reason="human_requested"),
    ):
        asked = await mailer.write("It should be here.")
        (promise,) = await becomes(lambda: server.mails_to(mailer.customer))
        conversation = await staff.conversations.get(asked)
        photo = await staff.attachments.upload(asked, "parcel.png", PHOTO)
        server.answers[f"DATA {mailer.customer}"] = [DROP]  # it kept it, and nobody heard so
        await conversation.send("It is on its way.", sender_type="agent", attachment=photo)
        await becomes(lambda: mailer.status_of("It is on its way.") == "sent", within=60)
        _, kept, sent = server.mails_to(mailer.customer)
        message_id = str(sent.mail["Message-ID"])
        by_thread = await mailer.write("Thank you.", In_Reply_To=message_id)
        by_address = await mailer.write("Thanks again.", sent.mail["Reply-To"])
        server.answers[f"RCPT {mailer.customer}"] = ["550 5.1.1 who?"]
        await conversation.send("Good-bye.", sender_type="agent")
        await becomes(lambda: mailer.status_of("Good-bye.") == "failed")

    assert kept.mail["Message-ID"] == sent.mail["Message-ID"]  # by which one of them is dropped
    assert (sent.sender, sent.recipient) == (mailer.team, mailer.customer)
    assert sent.mail["Subject"] == "Re: Where is my order?"
    assert promise.mail["Auto-Submitted"] == "auto-replied"
    assert "Auto-Submitted" not in sent.mail
    (attached,) = sent.mail.iter_attachments()
    assert (attached.get_filename(), attached.get_content()) == ("parcel.png", PHOTO)
    assert [by_thread, by_address] == [asked, asked]
    assert mailer.error_of("Good-bye.")["code"] == "550 5.1.1"
    assert server.mails_to(mailer.customer) == [promise, kept, sent]


async def test_an_answer_finds_who_left_the_website(stack: RunningStack) -> None:
    """What a human answers is mailed, what is written back is in the chat; until they say stop."""
    mailer = Mailer(stack)
    async with (
        delivering(stack) as server,
        staff_of(stack) as staff,
        customer_of(stack) as visitor,
    ):
        with psycopg.connect(stack.admin_url(), autocommit=True) as database:  # a mail connects it
            database.execute(
                "insert into public.communication_channels (name, type, external_account_id,"
                " connected_at) values ('Team', 'email', %s, '2020-01-01')",
                [mailer.team],
            )
        conversation = await conversation_with_human(visitor, stack, "Are you there?")
        assert await conversation.leave_address(mailer.customer)
        answering_it = await staff.conversations.get(conversation.id)
        await answering_it.send("We are now.", sender_type="agent")
        (sent,) = await becomes(lambda: server.mails_to(mailer.customer), within=20)
        reply_address = str(sent.mail["Reply-To"])
        await mailer.post("Thank you.", reply_address)
        seen = [message.content for message in await conversation.messages()]
        await mailer.post("stop", reply_address)
        await answering_it.send("One more thing.", sender_type="agent")
        told = await answering_it.deliveries()
        with psycopg.connect(stack.admin_url(), autocommit=True) as database:
            database.execute(
                "update public.communication_channels set status = 'disabled'"
                " where external_account_id = %s",
                [mailer.team],
            )

    assert (sent.sender, sent.recipient) == (mailer.team, mailer.customer)
    assert conversation.id in reply_address
    assert sent.mail["List-Unsubscribe"] == f"<mailto:{reply_address}?subject=stop>"
    text, html = sent.mail.iter_parts()
    for part in (text, html):
        assert "We are now." in part.get_content()
        assert "reply with STOP" in part.get_content()
        assert "Are you there?" not in part.get_content()
    assert seen[-2] == "We are now."
    assert seen[-1].endswith("Thank you.")  # below its subject, which is another one
    assert [delivery.status for delivery in told] == ["sent"]
