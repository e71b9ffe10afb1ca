"""E-mail: answers go out by SMTP, at least once, under a Message-ID that stays the same."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Self

from romashka import AsyncRomashka
from romashka._client import tls_context

from romashka_worker.channels import ChannelError, Delivery, File, Media, Part, Sent
from romashka_worker.channels.downloads import Downloads
from romashka_worker.channels.files import Files
from romashka_worker.channels.mail import (
    mark_for_postmark,
    message_id,
    parse_address,
    write_mail,
)
from romashka_worker.channels.smtp import MailServers, Server


class Email:
    """Sends mails; a mail is one part, with its files in it."""

    secret_name = "smtp_url"  # noqa: S105 -- the name of one

    def __init__(self, servers: MailServers, files: Files, downloads: Downloads) -> None:
        self._servers = servers
        self._files = files
        self._downloads = downloads

    @classmethod
    @asynccontextmanager
    async def open(cls, client: AsyncRomashka, downloads: Downloads) -> AsyncIterator[Self]:
        """Open the channel; nothing is connected before the first mail."""
        servers = MailServers(tls_context())
        try:
            yield cls(servers, Files(client), downloads)
        finally:
            await servers.close()

    def split(self, delivery: Delivery) -> Sequence[Part]:
        """Return the one part."""
        return [Part(0, delivery.content)]

    async def send(self, delivery: Delivery, part: Part, secret: str) -> Sent:
        """Send the mail.

        Raises:
            ChannelError: it is not, or perhaps not, out.
        """
        server = Server.parse(secret)
        attachments = [await self._load(media) for media in delivery.media]
        mail = write_mail(delivery, attachments, datetime.now(UTC))
        if server.host.endswith("postmarkapp.com"):
            mark_for_postmark(mail, delivery)
        sender, recipient = parse_address(delivery.account), parse_address(delivery.recipient)
        await self._servers.send(server, sender, recipient, mail.as_bytes())
        return Sent(message_id(delivery))

    async def _load(self, media: Media) -> File:
        if media.path is None and media.url is not None:  # a file that staff linked to
            return await self._downloads.get(media.url, name=media.name)
        return await self._files.load(media)

    async def acknowledge(self, delivery: Delivery, secret: str) -> None:
        """Nothing: mail knows no such thing."""

    async def fetch(self, delivery: Delivery, media: Media, secret: str) -> File:
        """Refuse: files come inside of mails.

        Raises:
            ChannelError: always.
        """
        raise ChannelError("failed", "not_supported", "a mail's files come inside of it")
