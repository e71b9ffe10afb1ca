"""The files of channels in Storage: what customers sent goes in, what we send comes out."""

import mimetypes
import re
from pathlib import PurePath
from uuid import UUID, uuid5

from romashka import AsyncRomashka, Attachment, NotFound
from romashka._attachments import BUCKET
from romashka._errors import translated
from romashka._file_types import inert_type

from romashka_worker.channels import ChannelError, Delivery, File, Media

_SIGNED_SECONDS = 3600
"""How long a provider has for fetching what we send: it does so at once, or asks again."""


class Files:
    """The bucket of attachments, as the service role sees it."""

    def __init__(self, client: AsyncRomashka) -> None:
        self._client = client

    async def store(self, delivery: Delivery, number: int, file: File) -> str:
        """Store the file with that number of a customer's message; return its path.

        Its path is always the same: a repetition replaces what a crash may have left half-done.

        Raises:
            RomashkaError: Storage does not answer, or refuses.
        """
        mime_type = inert_type(file.mime_type)
        name = uuid5(UUID(delivery.message_id), str(number))
        path = f"{delivery.conversation_id}/{name}{_ending(file.name, mime_type)}"
        bucket = self._client.supabase.storage.from_(BUCKET)
        with translated():
            await bucket.upload(path, file.content, {"content-type": mime_type, "upsert": "true"})
        return path

    async def load(self, media: Media) -> File:
        """Return a file of a message that we send.

        Raises:
            ChannelError: it is no longer there.
            RomashkaError: Storage does not answer.
        """
        try:
            content = await self._client.attachments.download(_attachment(media))
        except NotFound as error:
            raise _gone() from error
        return File(content, inert_type(media.mime_type), media.name)

    async def signed_url(self, media: Media) -> str:
        """Return a URL under which a provider can fetch a file that we send, for an hour at least.

        Raises:
            ChannelError: it is no longer there.
            RomashkaError: Storage does not answer.
        """
        if media.path is None and media.url is not None:  # a file that staff linked to
            return media.url
        try:
            return await self._client.attachments.signed_url(_attachment(media), _SIGNED_SECONDS)
        except NotFound as error:
            raise _gone() from error


def _attachment(media: Media) -> Attachment:
    if media.path is None:
        raise _gone()
    return Attachment(media.path, media.name or "", media.mime_type, media.size or 0)


def _gone() -> ChannelError:
    return ChannelError("failed", "file_gone", "the file is not in Storage any more")


def _ending(name: str | None, mime_type: str) -> str:
    """Return how a file's path ends: a name may have any letters, a path in Storage may not."""
    endings = (PurePath(name or "").suffix.lower(), mimetypes.guess_extension(mime_type) or "")
    return next((ending for ending in endings if re.fullmatch(r"\.[a-z0-9]{1,10}", ending)), "")
