"""No file of a customer runs in the browser of whoever opens it, by a signed URL neither."""

import re
from collections.abc import Iterator
from uuid import uuid4

import httpx
import psycopg
import pytest
from romashka import Attachment, Romashka
from romashka._file_types import INERT_TYPES, inert_type

from tests.end_to_end.cast import Cast, cast_on
from tests.support.stacks import ROOT, RunningStack

BUCKET = "conversation-attachments"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
ACTIVE = [
    "image/svg+xml",
    "IMAGE/SVG+XML",
    "text/html",
    "text/html; charset=utf-8",
    "application/xhtml+xml",
    "application/xml",
    "text/xml",
    "text/xsl",
    "application/mathml+xml",
    "application/rss+xml",
    "text/javascript",
    "application/javascript",
    "application/ecmascript",
    "application/x-shockwave-flash",
    "application/x-mspublisher",
    "multipart/x-mixed-replace",
    "message/rfc822",
    "text/cache-manifest",
    "image/png,text/html",
    "audio/x,text/html",
    "image/png;x=,text/html",
    "nonsense",
]


@pytest.fixture(scope="module")
def cast(stack: RunningStack) -> Iterator[Cast]:
    with cast_on(stack) as people:
        yield people


@pytest.mark.parametrize("actor", ["guest", "agent"])
@pytest.mark.parametrize("told", ACTIVE)
@pytest.mark.parametrize("form", [False, True], ids=["body", "form"])
def test_storage_takes_no_active_file(cast: Cast, told: str, actor: str, form: bool) -> None:
    """Storage serves what it was told, to whoever has a URL that its author signed."""
    path = f"/storage/v1/object/{BUCKET}/{cast.people['guest'].conversation}/{uuid4()}.svg"
    headers = cast.headers(actor)
    if form:
        answer = cast.http.post(path, files={"": ("x.svg", SVG, told)}, headers=headers)
    else:
        answer = cast.http.post(path, content=SVG, headers=headers | {"Content-Type": told})

    assert not answer.is_success


@pytest.mark.parametrize("told", ["image/svg+xml", "image/png;x=,text/html", "text/html"])
def test_a_bucket_that_was_opened_takes_none_either(cast: Cast, told: str) -> None:
    """The policy looks at the type, too, where Storage tells it."""
    path = f"/storage/v1/object/{BUCKET}/{cast.people['guest'].conversation}/{uuid4()}.svg"
    change = "update storage.buckets set allowed_mime_types = %s where id = %s returning id"
    cast.run(change, [None, BUCKET])
    try:
        headers = cast.headers("guest") | {"Content-Type": told}
        answer = cast.http.post(path, content=SVG, headers=headers)
    finally:
        cast.run(change, [sorted(INERT_TYPES), BUCKET])

    assert answer.status_code in (400, 403)


@pytest.mark.parametrize("name", ["x.svg", "x.html", "x.xhtml", "x.js", "x.svgz", "x"])
@pytest.mark.parametrize("told", [None, "image/svg+xml", "text/html"])
def test_the_sdk_stores_it_as_bytes(stack: RunningStack, name: str, told: str | None) -> None:
    """It is a customer's logo, mostly: the team gets it, as a file to save."""
    with Romashka.connect(stack.api_url, stack.anon_key) as client:
        client.sign_in_anonymously()
        conversation = client.conversations.create("x")
        stored = client.attachments.upload(conversation.id, name, SVG, told)
        message = conversation.send("see", attachment=stored)
        opened = httpx.get(client.attachments.signed_url(stored))
        # What its author signs, without our SDK.
        signed = client.supabase.storage.from_(BUCKET).create_signed_url(stored.path, 60)
        direct = httpx.get(signed["signedURL"] or "")

        assert client.attachments.download(stored) == SVG
    assert stored.content_type == "application/octet-stream"
    assert message.message_type == "document"
    assert opened.headers["content-disposition"].startswith("attachment")
    for answer in (opened, direct):
        assert answer.content == SVG
        assert answer.headers["content-type"] == "application/octet-stream"


@pytest.mark.parametrize(
    "name", ["photo.png", "a&b=c#d.png", 'x"; y.png', "Фото 1.png", "", "a\r\nb.png"]
)
def test_a_signed_url_saves_the_file_under_its_name(stack: RunningStack, name: str) -> None:
    """The name is the customer's, and adds nothing to the URL or to the answer."""
    with Romashka.connect(stack.api_url, stack.anon_key) as client:
        client.sign_in_anonymously()
        conversation = client.conversations.create("x")
        stored = client.attachments.upload(conversation.id, "photo.png", b"png", "image/png")
        named = Attachment(stored.path, name, stored.content_type, stored.size)
        answer = httpx.get(client.attachments.signed_url(named))

    assert (answer.status_code, answer.content) == (200, b"png")
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-disposition"].startswith("attachment")


@pytest.mark.parametrize(
    "told", ["image/png", "audio/ogg; codecs=opus", "application/pdf", "text/plain"]
)
def test_what_is_inert_keeps_its_type(cast: Cast, told: str) -> None:
    """A photo is seen, a voice message heard."""
    path = f"/storage/v1/object/{BUCKET}/{cast.people['guest'].conversation}/{uuid4()}"
    headers = cast.headers("guest") | {"Content-Type": inert_type(told)}

    assert cast.http.post(path, content=b"x", headers=headers).is_success
    assert inert_type(told) == told.partition(";")[0]


def test_everybody_has_the_same_list(stack: RunningStack) -> None:
    """What one of them calls inert the bucket would refuse: a file would be lost."""
    with psycopg.connect(stack.db_url) as database:
        row = database.execute(
            "select private.inert_types(), allowed_mime_types from storage.buckets where id = %s",
            [BUCKET],
        ).fetchone()
    scripts = ("sdk/typescript/src/fileTypes.ts", "supabase/functions/_shared/file_types.ts")
    lists = [re.findall(r'^  "(.*)",$', (ROOT / script).read_text(), re.M) for script in scripts]

    assert row is not None
    assert all(set(each) == INERT_TYPES for each in (*row, *lists))
    assert not any("*" in each or each.endswith(("+xml", "/xml", "script")) for each in INERT_TYPES)
