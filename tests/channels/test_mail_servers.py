"""Handing mails over: what a real mail server gets, and what is made of each of its refusals."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from romashka_worker.channels import ChannelError
from romashka_worker.channels.smtp import MailServers, Server

from tests.channels.mail_server import DROP, MailServer, make_certificate, open_mail_server

FROM, TO = "team@example.com", "customer@example.org"
MAIL = b"Subject: Re: Hours\r\n\r\nWe are open.\r\n.\r\nFrom nine.\r\n"


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    async with open_mail_server() as running:
        yield running


@pytest.fixture
async def mail_servers() -> AsyncIterator[MailServers]:
    servers = MailServers(ssl.create_default_context())
    yield servers
    await servers.close()


async def refused(servers: MailServers, url: str, to: str = TO) -> ChannelError:
    with pytest.raises(ChannelError) as caught:
        await servers.send(Server.parse(url), FROM, to, MAIL)
    return caught.value


async def test_a_connection_is_kept_and_made_anew_when_its_server_ended_it(
    server: MailServer, mail_servers: MailServers
) -> None:
    """A greeting for each mail is slow; a mail that fails for an idle connection is slower."""
    for _ in range(2):
        await mail_servers.send(Server.parse(server.url), FROM, TO, MAIL)
    shared = len(server.connections)
    server.hang_up()
    await asyncio.gather(
        *(mail_servers.send(Server.parse(server.url), FROM, TO, MAIL) for _ in range(12))
    )

    assert shared == 1
    assert len(server.connections) <= 1 + 4
    assert len(server.received) == 14
    first = server.received[0]
    assert (first.sender, first.recipient) == (FROM, TO)
    assert first.source == MAIL  # a line of one dot ends nothing


@pytest.mark.parametrize(
    ("command", "answer", "trouble", "code", "pause_seconds"),
    [
        ("MAIL", "421 4.3.2 busy", "retry", "421 4.3.2", 60),
        ("MAIL", "530 5.7.0 who are you", "retry", "unauthorized", None),
        ("RCPT", "450 4.2.0 grey", "retry", "450 4.2.0", None),
        ("RCPT", "550 5.1.1 no customer@example.org", "failed", "550 5.1.1", None),
        ("RCPT", "551 gone", "failed", "551", None),
        ("RCPT", DROP, "retry", "unreachable", None),
        ("DATA", "451 later", "retry", "451", None),
        ("DATA", "452 4.3.1 full", "retry", "452 4.3.1", None),
        ("DATA", "554 5.7.1 spam", "failed", "554 5.7.1", None),
        ("DATA", DROP, "unknown", "connection_lost", None),
    ],
)
async def test_each_refusal_says_what_is_to_be_done(
    server: MailServer,
    mail_servers: MailServers,
    command: str,
    answer: str,
    trouble: str,
    code: str,
    pause_seconds: float | None,
) -> None:
    """Never a second mail where one may be out, never a lost one where the server was only busy."""
    server.answers[command] = [answer]
    error = await refused(mail_servers, server.url)
    await mail_servers.send(Server.parse(server.url), FROM, TO, MAIL)  # the next one goes out

    assert (error.trouble, error.code, error.pause_seconds) == (trouble, code, pause_seconds)
    assert TO not in str(error)  # staff read it, and logs keep it
    assert server.received


async def test_a_wrong_password_and_nobody_there_are_tried_again_later(
    server: MailServer, mail_servers: MailServers
) -> None:
    """Both are mended by an operator, within the day that a delivery is tried."""
    wrong = await refused(mail_servers, server.url.replace("word", "w"))
    nobody = await refused(mail_servers, "smtps://user:secret@127.0.0.1:1")

    assert (wrong.trouble, wrong.code, wrong.retry_after_seconds) == ("retry", "unauthorized", 60)
    assert (nobody.trouble, nobody.code) == ("retry", "unreachable")
    assert "secret" not in str(nobody)


async def test_certificates_are_verified_and_starttls_is_not_optional(tmp_path: Path) -> None:
    """A password never goes to whoever happens to answer."""
    own, trusting = make_certificate(tmp_path)
    trusts, doubts = MailServers(trusting), MailServers(ssl.create_default_context())
    async with (
        open_mail_server(own) as upgraded,
        open_mail_server(own, starttls=False) as encrypted,
        open_mail_server() as plain,
    ):
        remote = replace(Server.parse(upgraded.url), starttls=True)
        at_once = Server.parse(encrypted.url.replace("smtp:", "smtps:"))
        for each in (remote, at_once):
            await trusts.send(each, FROM, TO, MAIL)
            with pytest.raises(ChannelError) as doubted:
                await doubts.send(each, FROM, TO, MAIL)
            assert (doubted.value.trouble, doubted.value.code) == ("retry", "tls")
        stripped = replace(Server.parse(plain.url), starttls=True)
        with pytest.raises(ChannelError) as unprotected:
            await trusts.send(stripped, FROM, TO, MAIL)
        await trusts.close()

        assert [mail.was_encrypted for mail in upgraded.received] == [True]
        assert len(encrypted.received) == 1
        assert unprotected.value.code == "not_supported"
        assert plain.received == []


async def test_an_address_of_other_letters_needs_a_server_that_knows_them(
    server: MailServer, mail_servers: MailServers
) -> None:
    """Sent to another server, it would go to somebody else, or nobody."""
    error = await refused(mail_servers, server.url, "пётр@example.org")
    async with open_mail_server(smtputf8=True) as modern:
        await mail_servers.send(Server.parse(modern.url), FROM, "пётр@example.org", MAIL)

    assert (error.trouble, error.code) == ("failed", "not_supported")
    assert modern.received[0].recipient == "пётр@example.org"
    assert "SMTPUTF8" in modern.received[0].options


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example.com", Server("mail.example.com", 587)),
        ("smtps://mail.example.com/", Server("mail.example.com", 465, tls=True, starttls=False)),
        (
            "smtp://team%40example.com:a%2Fb@mail.example.com:2525",
            Server("mail.example.com", 2525, "team@example.com", "a/b"),
        ),
        ("smtp://[::1]:25", Server("::1", 25, starttls=False)),
    ],
)
def test_a_server_is_named_by_a_url(url: str, server: Server) -> None:
    """As hosts of mail document it, and with any password."""
    assert Server.parse(url) == server


@pytest.mark.parametrize("url", ["", "https://a:secret@b", "smtp://", "smtps://a:secret@b:port"])
def test_what_is_no_url_is_refused_without_being_shown(url: str) -> None:
    """It is a secret with a typing error in it."""
    with pytest.raises(ChannelError) as caught:
        Server.parse(url)

    assert caught.value.code == "unauthorized"
    assert "secret" not in str(caught.value)
