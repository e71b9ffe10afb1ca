"""Files of channels in Storage: a repetition heals, and a file that is gone is told."""

import re
import uuid
from collections.abc import AsyncIterator

import httpx
import pytest
from romashka_worker.channels import ChannelError, File, Media
from romashka_worker.channels.files import Files

from tests.channels.deliveries import delivery
from tests.support.customers import service_of
from tests.support.stacks import RunningStack


@pytest.fixture
async def files(stack: RunningStack) -> AsyncIterator[Files]:
    async with service_of(stack) as service:
        yield Files(service)


def stored(path: str, mime_type: str) -> Media:
    return Media(None, None, path, mime_type, "Фото.jpg", None)


async def test_a_file_that_is_fetched_again_replaces_what_a_crash_left(files: Files) -> None:
    """The worker may die after storing it and before saying so; there is one file all the same."""
    ids = {"conversation_id": str(uuid.uuid4()), "message_id": str(uuid.uuid4())}
    half = await files.store(delivery(**ids), 0, File(b"ph", "image/jpeg", "Фото.JPG"))
    path = await files.store(delivery(**ids), 0, File(b"photo", "image/jpeg", "Фото.JPG"))
    page = await files.store(delivery(**ids), 1, File(b"<script>", "text/html", "a.b/../c.<>"))
    loaded = await files.load(stored(path, "image/jpeg"))
    async with httpx.AsyncClient() as provider:
        linked = await provider.get(await files.signed_url(stored(path, "image/jpeg")))
        shown = await provider.get(await files.signed_url(stored(page, "text/html")))

    assert half == path
    assert re.fullmatch(rf"{ids['conversation_id']}/[0-9a-f-]{{36}}\.jpg", path)
    assert page.endswith(".bin")
    assert loaded == File(b"photo", "image/jpeg", "Фото.jpg")
    assert (linked.content, linked.headers["content-type"]) == (b"photo", "image/jpeg")
    assert shown.headers["content-type"] == "application/octet-stream"  # it runs nowhere


async def test_a_file_that_staff_removed_is_not_waited_for(files: Files) -> None:
    """It never comes back; the agent is to know."""
    gone = stored(f"{uuid.uuid4()}/{uuid.uuid4()}.jpg", "image/jpeg")
    for use in (files.load, files.signed_url):
        with pytest.raises(ChannelError) as caught:
            await use(gone)

        assert (caught.value.trouble, caught.value.code) == ("failed", "file_gone")


async def test_a_file_that_staff_linked_to_is_linked_to(files: Files) -> None:
    """An inbox of one's own may keep files elsewhere."""
    media = Media(None, "https://files.example.com/a.pdf", None, "application/pdf", None, None)

    assert await files.signed_url(media) == media.url
