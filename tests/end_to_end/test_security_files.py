"""Who may do what with a conversation's files: the table of docs/security.md, through HTTP."""

from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest
from romashka import AsyncRomashka
from romashka_worker.retention import prune

from tests.end_to_end.cast import ACTORS, ROLE_OF, Cast, cast_on
from tests.support.security_page import matrix
from tests.support.stacks import RunningStack

(BUCKET,) = matrix("Files")
ALLOWED = matrix("Files")[BUCKET]


@pytest.fixture(scope="module")
def cast(stack: RunningStack) -> Iterator[Cast]:
    with cast_on(stack) as people:
        yield people


def storage(cast: Cast, method: str, path: str, actor: str, **body: object) -> httpx.Response:
    return cast.http.request(
        method, f"/storage/v1/object/{path}", headers=cast.headers(actor), **body
    )


def upload(cast: Cast, name: str, actor: str, **headers: str) -> httpx.Response:
    return cast.http.post(
        f"/storage/v1/object/{BUCKET}/{name}",
        content=b"a photo",
        headers=cast.headers(actor) | {"Content-Type": "image/png"} | headers,
    )


@pytest.mark.parametrize("actor", ACTORS)
def test_files_are_as_the_page_says(cast: Cast, actor: str) -> None:
    """A cell too many, and somebody sees another customer's photo of their passport."""
    folder = cast.owner(actor).conversation
    name = f"{folder}/{uuid4()}.png"
    uploaded = upload(cast, f"{folder}/{uuid4()}.png", actor).is_success
    assert upload(cast, name, "service").is_success
    may_read = storage(cast, "GET", f"{BUCKET}/{name}", actor).is_success
    may_sign = storage(
        cast, "POST", f"sign/{BUCKET}/{name}", actor, json={"expiresIn": 60}
    ).is_success
    replaced = upload(cast, name, actor, **{"x-upsert": "true"}).is_success
    storage(cast, "DELETE", BUCKET, actor, json={"prefixes": [name]})
    removed = not storage(cast, "GET", f"{BUCKET}/{name}", "service").is_success

    verbs = {"read": may_read, "upload": uploaded, "remove": removed}
    assert {verb for verb, may in verbs.items() if may} == ALLOWED[ROLE_OF[actor]]
    assert may_sign == may_read
    assert replaced == (actor == "service")


@pytest.mark.parametrize("path", ["x.png", "{id}/deep/x.png", "{id}", "not-an-id/x.png"])
def test_a_file_is_in_a_conversations_folder(cast: Cast, path: str) -> None:
    """Elsewhere nobody would find it, and nothing would bound it."""
    conversation = cast.people["guest"].conversation

    for actor in ("guest", "agent"):
        assert not upload(cast, path.format(id=conversation), actor).is_success


def test_a_customer_cannot_fill_the_disk(cast: Cast) -> None:
    """Anonymous strangers may upload: so what they may upload in a minute is bounded."""
    guest = cast.people["guest"]
    cast.run("update public.ai_settings set max_messages_per_minute = 1")
    try:
        upload(cast, f"{guest.conversation}/{uuid4()}.png", "guest")
        refused = upload(cast, f"{guest.conversation}/{uuid4()}.png", "guest")
    finally:
        cast.run("update public.ai_settings set max_messages_per_minute = 10000")

    assert not refused.is_success


def test_a_policy_that_allows_everything_opens_no_file(cast: Cast) -> None:
    """Many projects have one on this table."""
    name = f"{cast.people['guest'].conversation}/{uuid4()}.png"
    upload(cast, name, "guest")
    cast.run(
        'create policy "everything" on storage.objects for all to anon, authenticated'
        " using (true) with check (true)"
    )
    try:
        seen = [
            actor
            for actor in ("anon", "stranger", "guest")
            if storage(cast, "GET", f"{BUCKET}/{name}", actor).is_success
        ]
    finally:
        cast.run('drop policy "everything" on storage.objects')

    assert seen == ["guest"]


async def test_files_that_no_message_shows_go_with_their_bytes(
    cast: Cast, stack: RunningStack
) -> None:
    """Uploaded, thought better of: the row alone would leave the photo with Storage for ever."""
    folder = cast.owner("guest").conversation
    abandoned, sent = f"{folder}/{uuid4()}.png", f"{folder}/{uuid4()}.png"
    for name in (abandoned, sent):
        assert upload(cast, name, "guest").is_success
    cast.run(
        "insert into public.messages (conversation_id, sender_type, content, media_url)"
        " values (%s, 'user', 'see', %s) returning id",
        [folder, sent],
    )
    cast.run(
        "update storage.objects set created_at = now() - interval '8 days'"
        " where name = any (%s) returning id",
        [[abandoned, sent]],
    )
    async with AsyncRomashka.connect(stack.api_url, stack.service_role_key) as client:
        await prune(client)

    found = [
        storage(cast, "GET", f"{BUCKET}/{name}", "service").is_success for name in (abandoned, sent)
    ]
    assert found == [False, True]
