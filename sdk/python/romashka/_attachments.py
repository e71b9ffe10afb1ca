"""`client.attachments`: files of a conversation, in Supabase Storage."""

import mimetypes
import re
from pathlib import PurePath
from uuid import uuid4

from romashka._core import Core
from romashka._errors import ServerError, translated
from romashka._file_types import inert_type
from romashka._limits import in_time
from romashka._models import Attachment
from romashka._storable import check_storable

BUCKET = "conversation-attachments"


class Attachments:
    """`client.attachments`."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def upload(
        self, conversation_id: str, name: str, content: bytes, content_type: str | None = None
    ) -> Attachment:
        """Store a file for a conversation; `conversation.send` takes what this returns.

        Args:
            content_type: where it is left out, the name's ending tells. What a browser might run
                (HTML, SVG, scripts) is stored as bytes, application/octet-stream.

        Raises:
            TooLarge: it is larger than the bucket allows (10 MB), or the customer has no room left.
            RateLimited: the customer stored too much in the last hour.
            PermissionDenied: the conversation is somebody else's.

        Example:
            photo = await client.attachments.upload(conversation.id, "broken.png", b"...")
            await conversation.send("It looks like this.", attachment=photo)
        """
        check_storable((conversation_id, name))
        kind = inert_type(content_type or mimetypes.guess_type(name)[0] or "")
        # The name may have any letters; a path in Storage may not.
        ending = re.sub(r"[^.a-z0-9]", "", PurePath(name).suffix.lower())
        path = f"{conversation_id}/{uuid4()}{ending}"
        bucket = self._core.supabase.storage.from_(BUCKET)
        with translated():
            async with in_time("file"):
                await bucket.upload(path, content, {"content-type": kind})
        return Attachment(path, name, kind, len(content))

    async def download(self, attachment: Attachment) -> bytes:
        """Return a file's content.

        Raises:
            NotFound: there is none, or it is somebody else's.

        Example:
            photo = await client.attachments.upload(conversation.id, "broken.png", b"...")
            assert await client.attachments.download(photo) == b"..."
        """
        check_storable(attachment.path)
        with translated():
            async with in_time("file"):
                return await self._core.supabase.storage.from_(BUCKET).download(attachment.path)

    async def signed_url(self, attachment: Attachment, expires_seconds: int = 3600) -> str:
        """Return a URL under which anybody can read the file for a while.

        A browser that is led there saves the file; `<img>` and the like show it.

        Raises:
            NotFound: there is no such file, or it is somebody else's.

        Example:
            photo = await client.attachments.upload(conversation.id, "broken.png", b"...")
            print(await client.attachments.signed_url(photo))
        """
        check_storable((attachment.path, attachment.name))
        bucket = self._core.supabase.storage.from_(BUCKET)
        with translated():
            async with in_time():
                signed = await bucket.create_signed_url(
                    attachment.path, expires_seconds, {"download": attachment.name or True}
                )
        if (url := signed["signedURL"]) is None:
            raise ServerError("unable to sign a URL; the project gave none")
        return url
