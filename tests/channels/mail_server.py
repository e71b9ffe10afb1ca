"""A mail server on this machine that keeps what it is sent, and fails as it is told."""

import asyncio
import datetime
import email
import email.policy
import ipaddress
import ssl
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

USER, PASSWORD = "team", "p@ss/word:1"
DROP = "drop"
"""An answer that is none: the connection ends."""


@dataclass(frozen=True)
class Received:
    """A mail as it came, and as the standard library reads it."""

    sender: str
    recipient: str
    options: tuple[str, ...]
    source: bytes
    mail: EmailMessage
    was_encrypted: bool


class MailServer:
    """What tests see: its address, what came, and what it answers instead of 250."""

    def __init__(self) -> None:
        self.port = 0
        self.received: list[Received] = []
        self.connections: list[asyncio.Transport] = []
        self.answers: dict[str, list[str]] = defaultdict(list)
        """By command (`RCPT`, or `RCPT somebody@example.org`): what the next ones are answered."""

    @property
    def url(self) -> str:
        return f"smtp://{USER}:p%40ss%2Fword%3A1@127.0.0.1:{self.port}"

    def mails_to(self, address: str) -> list[Received]:
        """Return what came for somebody."""
        return [received for received in self.received if received.recipient == address]

    def hang_up(self) -> None:
        """End the connections that are open, as servers do with idle ones."""
        for transport in self.connections:
            transport.abort()

    async def handle_MAIL(
        self, _: SMTP, __: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if (answer := self._next("MAIL")) is None:
            envelope.mail_from, envelope.mail_options = address, options
        return answer or "250 2.1.0 yes"

    async def handle_RCPT(
        self, server: SMTP, _: Session, envelope: Envelope, address: str, __: list[str]
    ) -> str:
        if (answer := self._next(f"RCPT {address}") or self._next("RCPT")) is None:
            envelope.rcpt_tos.append(address)
        return self._answered(server, answer or "250 2.1.5 yes")

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        answer = self._next(f"DATA {envelope.rcpt_tos[0]}") or self._next("DATA")
        if answer in (None, DROP):
            assert isinstance(envelope.content, bytes)
            mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
            assert isinstance(mail, EmailMessage)
            self.received.append(
                Received(
                    str(envelope.mail_from),
                    envelope.rcpt_tos[0],
                    tuple(envelope.mail_options),
                    envelope.content,
                    mail,
                    was_encrypted=session.ssl is not None,
                )
            )
        return self._answered(server, answer or "250 2.0.0 kept")

    def authenticate(self, _: SMTP, __: Session, ___: Envelope, ____: str, data: Any) -> AuthResult:
        """Know one user."""
        known = LoginPassword(USER.encode(), PASSWORD.encode())
        return AuthResult(success=data == known, handled=False)

    def _next(self, command: str) -> str | None:
        return self.answers[command].pop(0) if self.answers[command] else None

    def _answered(self, server: SMTP, answer: str) -> str:
        if answer == DROP:
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        return answer


@asynccontextmanager
async def open_mail_server(
    certificate: ssl.SSLContext | None = None, *, smtputf8: bool = False, starttls: bool = True
) -> AsyncIterator[MailServer]:
    """Serve on a free port until the block is left: plain, with STARTTLS, or with TLS at once."""
    kept = MailServer()

    class Connection(SMTP):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            kept.connections.append(transport)
            super().connection_made(transport)

    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Connection(
            kept,
            loop=loop,
            hostname="mail.test",
            enable_SMTPUTF8=smtputf8,
            tls_context=certificate if starttls else None,
            require_starttls=starttls and certificate is not None,
            auth_require_tls=False,
            authenticator=kept.authenticate,
        ),
        "127.0.0.1",
        0,
        ssl=None if starttls else certificate,
    )
    kept.port = server.sockets[0].getsockname()[1]
    try:
        yield kept
    finally:
        server.close()
        kept.hang_up()
        await server.wait_closed()


def make_certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return the contexts of a server at 127.0.0.1 and of a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail.test")])
    today = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    chain, private = folder / "certificate.pem", folder / "key.pem"
    chain.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(chain, private)
    return server, ssl.create_default_context(cafile=str(chain))
