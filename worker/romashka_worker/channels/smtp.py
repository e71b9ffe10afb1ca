"""Hands mails to a mail server, over connections that are kept for a while."""

import asyncio
import ipaddress
import re
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import unquote, urlsplit

from aiosmtplib import (
    SMTP,
    SMTPConnectError,
    SMTPException,
    SMTPNotSupported,
    SMTPResponseException,
)

from romashka_worker.channels import ChannelError

_ANSWER_SECONDS = 10.0
_GREETING_SECONDS = 10.0
"""All that comes before the mail itself."""
_MAIL_SECONDS = 60.0
"""Servers look for spam before they answer; a delivery's time ends sooner, mostly."""
_KEPT_SECONDS = 30.0
_MAX_CONNECTIONS = 4
"""To one server at a time; most of them allow ten or more."""
_PAUSE_SECONDS = 60.0

_UNAUTHORIZED = (530, 534, 535, 538)
_ENHANCED = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})\b")
_SUBJECTS = {
    "1": "the address",
    "2": "the mailbox",
    "3": "the mail system",
    "4": "the network",
    "5": "the protocol",
    "6": "the content",
    "7": "security or policy",
}
"""What an enhanced status (RFC 3463) is about, by its second number."""


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server, and as whom to use it."""

    host: str
    port: int
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False
    """From the first byte."""
    starttls: bool = True

    @classmethod
    def parse(cls, url: str) -> Self:
        """Parse `smtps://user:password@host:465`, or `smtp://...:587`: STARTTLS is not optional.

        Raises:
            ChannelError: it is no such URL.
        """
        try:
            parts = urlsplit(url.strip())
            port = parts.port
        except ValueError:
            raise _bad_url() from None  # it quotes what it takes for a port
        more = parts.path.strip("/") or parts.query or parts.fragment  # a password's, maybe
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname or more:
            raise _bad_url()
        tls = parts.scheme == "smtps"
        return cls(
            host=parts.hostname,
            port=port or (465 if tls else 587),
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password or "") if parts.username else None,
            tls=tls,
            starttls=not tls and not _is_this_machine(parts.hostname),
        )


def _bad_url() -> ChannelError:
    says = "smtp_url is not of the form smtps://user:password@host:465"
    return ChannelError("retry", "unauthorized", says, retry_after_seconds=_PAUSE_SECONDS)


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class MailServers:
    """Sends through any number of servers.

    A connection that anything went wrong on is not used again. The process may die at any moment:
    a server that has not taken the mail's last byte drops it.
    """

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls
        self._kept: dict[Server, list[tuple[SMTP, float]]] = {}
        self._slots: dict[Server, asyncio.Semaphore] = {}

    async def send(self, server: Server, sender: str, recipient: str, mail: bytes) -> None:
        """Hand one mail over.

        Raises:
            ChannelError: it is not, or perhaps not, accepted.
        """
        slots = self._slots.setdefault(server, asyncio.Semaphore(_MAX_CONNECTIONS))
        began = False
        try:
            async with asyncio.timeout(_GREETING_SECONDS) as patience, slots:
                async with self._connection(server) as smtp:
                    await _address(smtp, sender, recipient, len(mail))
                    patience.reschedule(None)
                    began = True
                    await smtp.data(mail, timeout=_MAIL_SECONDS)
        except (SMTPException, OSError, TimeoutError) as error:
            raise _trouble(error, may_be_out=began) from error

    async def greet(self, server: Server) -> None:
        """Connect and sign in, and send nothing.

        Raises:
            ChannelError: it cannot be used.
        """
        try:
            async with asyncio.timeout(_GREETING_SECONDS), self._connection(server):
                pass
        except (SMTPException, OSError, TimeoutError) as error:
            raise _trouble(error, may_be_out=False) from error

    @asynccontextmanager
    async def _connection(self, server: Server) -> AsyncIterator[SMTP]:
        smtp = await self._kept_connection(server) or await self._connect(server)
        try:
            yield smtp
        except BaseException:
            smtp.close()
            raise
        self._kept.setdefault(server, []).append((smtp, time.monotonic()))

    async def _kept_connection(self, server: Server) -> SMTP | None:
        kept = self._kept.get(server, [])
        while kept:
            smtp, since = kept.pop()
            if time.monotonic() - since < _KEPT_SECONDS and await _is_alive(smtp):
                return smtp
            smtp.close()
        return None

    async def _connect(self, server: Server) -> SMTP:
        smtp = SMTP(
            hostname=server.host,
            port=server.port,
            username=server.username,
            password=server.password,
            use_tls=server.tls,
            start_tls=server.starttls,
            tls_context=self._tls,
            timeout=_ANSWER_SECONDS,
        )
        await smtp.connect()
        return smtp

    async def close(self) -> None:
        """Take leave of all servers."""
        for kept in self._kept.values():
            for smtp, _ in kept:
                with suppress(SMTPException, OSError):
                    await smtp.quit(timeout=1)
                smtp.close()
        self._kept.clear()


async def _is_alive(smtp: SMTP) -> bool:
    """Has its server not ended the connection meanwhile?"""
    try:
        await smtp.noop()
    except (SMTPException, OSError):
        return False
    except asyncio.CancelledError:
        smtp.close()
        raise
    return True


async def _address(smtp: SMTP, sender: str, recipient: str, size: int) -> None:
    utf8 = not f"{sender}{recipient}".isascii()
    if utf8 and not smtp.supports_extension("smtputf8"):
        raise SMTPNotSupported("no SMTPUTF8")
    options = [f"SIZE={size}"] if smtp.supports_extension("size") else []
    options += ["SMTPUTF8"] if utf8 else []
    encoding = "utf-8" if utf8 else "ascii"
    await smtp.mail(sender, options=options, encoding=encoding)
    await smtp.rcpt(recipient, encoding=encoding)


# ---- what went wrong


def _trouble(error: Exception, *, may_be_out: bool) -> ChannelError:
    if isinstance(error, SMTPResponseException) and 400 <= error.code < 600:
        return _refusal(error)
    if may_be_out:
        says = "the connection was lost while the mail server took the mail"
        return ChannelError("unknown", "connection_lost", says)
    if isinstance(error, SMTPNotSupported):
        says = "the mail server takes no addresses of other letters (SMTPUTF8)"
        return ChannelError("failed", "not_supported", says)
    if isinstance(error, ssl.SSLError) or isinstance(error.__cause__, ssl.SSLError):
        says = "the mail server's certificate is not to be trusted"
        return ChannelError("retry", "tls", says, pause_seconds=_PAUSE_SECONDS)
    if isinstance(error, SMTPConnectError | OSError | TimeoutError):
        return ChannelError("retry", "unreachable", "the mail server does not answer")
    says = "the mail server offers no STARTTLS, or no login"
    return ChannelError("retry", "not_supported", says, pause_seconds=_PAUSE_SECONDS)


def _refusal(error: SMTPResponseException) -> ChannelError:
    """Tell what the server's numbers say: its words may name the recipient."""
    if error.code in _UNAUTHORIZED:
        says = f"the mail server refuses the user or the password ({error.code})"
        return ChannelError("retry", "unauthorized", says, retry_after_seconds=_PAUSE_SECONDS)
    status = _ENHANCED.match(error.message)
    code = f"{error.code} {status[1]}" if status else str(error.code)
    about = _SUBJECTS.get(status[1].split(".")[1]) if status else None
    says = f"the mail server refuses it: {code}" + (f", because of {about}" if about else "")
    if error.code >= 500:
        return ChannelError("failed", code, says)
    pause_seconds = _PAUSE_SECONDS if error.code == 421 else None  # it serves nobody now
    return ChannelError("retry", code, says, pause_seconds=pause_seconds)
