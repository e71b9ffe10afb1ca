"""Attachments: buckets and files through supabase-py's storage client."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from storage3.exceptions import StorageApiError

from tests.local.storage_client import Storage, open_for_test


async def test_a_bucket_is_made_changed_listed_and_removed(storage: Storage) -> None:
    """The whole life of a bucket."""
    limits = {"file_size_limit": "2MB", "allowed_mime_types": ["image/*"]}
    await storage.admin.create_bucket("photos", options=limits)
    made = await storage.admin.get_bucket("photos")
    await storage.admin.update_bucket("photos", {"public": True, "file_size_limit": 10})
    changed = await storage.admin.get_bucket("photos")
    names = [bucket.name for bucket in await storage.admin.list_buckets()]
    await storage.admin.delete_bucket("photos")
    with pytest.raises(StorageApiError) as gone:
        await storage.admin.get_bucket("photos")

    assert (made.public, made.file_size_limit) == (False, 2_000_000)
    assert made.allowed_mime_types == ["image/*"]
    assert (changed.public, changed.file_size_limit) == (True, 10)
    assert changed.allowed_mime_types == ["image/*"]
    assert names == ["files", "logos", "photos"]
    assert (gone.value.status, gone.value.message) == ("404", "Bucket not found")


async def test_a_bucket_with_files_is_emptied_before_it_can_go(storage: Storage) -> None:
    """Nobody loses files by deleting a bucket, and emptying it leaves none on disk."""
    await storage.admin.from_("files").upload("a.txt", b"text")
    with pytest.raises(StorageApiError) as filled:
        await storage.admin.delete_bucket("files")
    await storage.admin.empty_bucket("files")
    await storage.admin.delete_bucket("files")

    assert filled.value.status == "409"
    assert storage.files() == []


@pytest.mark.parametrize(
    ("fields", "status", "error"),
    [
        ({"name": "files"}, "409", "Duplicate"),
        ({}, "400", "Error"),
        ({"name": "a/b"}, "400", "Invalid Input"),
        ({"name": " photos"}, "400", "Invalid Input"),
        ({"name": "photos", "file_size_limit": "much"}, "400", "InvalidRequest"),
        ({"name": "photos", "file_size_limit": "9GB"}, "413", "Payload too large"),
        ({"name": "photos", "public": "yes"}, "400", "Error"),
        ({"name": "photos", "allowed_mime_types": ["images"]}, "415", "invalid_mime_type"),
    ],
)
async def test_a_bad_bucket_is_refused(
    storage: Storage, fields: dict[str, Any], status: str, error: str
) -> None:
    """The body tells the real status, as Storage's does."""
    answer = await storage.http.post("/bucket", json=fields, headers=storage.admin_headers)

    assert answer.status_code == 400
    assert (answer.json()["statusCode"], answer.json()["error"]) == (status, error)


async def test_a_file_comes_back_as_it_was_sent(storage: Storage) -> None:
    """Content, type, cache rule, own metadata: all of it, for a path with folders and spaces."""
    bucket = storage.admin.from_("files")
    content = bytes(range(256)) * 5000
    options = {"content-type": "image/png", "cache-control": "60", "metadata": {"by": "Ada"}}
    sent = await bucket.upload("a folder/photo (1).png", content, options)
    info = await bucket.info("a folder/photo (1).png")

    assert sent.full_path == "files/a folder/photo (1).png"
    assert await bucket.download("a folder/photo (1).png") == content
    assert await bucket.exists("a folder/photo (1).png")
    assert info["size"] == len(content)
    assert info["content_type"] == "image/png"
    assert info["cache_control"] == "max-age=60"
    assert info["metadata"] == {"by": "Ada"}


async def test_a_raw_body_is_a_file_too(storage: Storage) -> None:
    """supabase-js sends an ArrayBuffer without a form around it."""
    headers = storage.admin_headers | {"content-type": "text/css", "cache-control": "max-age=9"}
    sent = await storage.http.post("/object/files/a.css", content=b"a {}", headers=headers)
    answer = await storage.http.get("/object/files/a.css", headers=storage.admin_headers)

    assert sent.json()["Key"] == "files/a.css"
    assert sent.json()["Id"]
    assert answer.content == b"a {}"
    assert answer.headers["content-type"] == "text/css"
    assert answer.headers["cache-control"] == "max-age=9"


async def test_a_file_is_replaced_only_on_purpose(storage: Storage) -> None:
    """A second upload of the same name is refused; `upsert` and `update` replace, on disk too."""
    bucket = storage.admin.from_("files")
    await bucket.upload("a.txt", b"one")
    with pytest.raises(StorageApiError) as refused:
        await bucket.upload("a.txt", b"two")
    await bucket.upload("a.txt", b"three", {"upsert": "true"})
    three = await bucket.download("a.txt")
    await bucket.update("a.txt", b"four")

    assert (refused.value.status, refused.value.code) == ("409", "Duplicate")
    assert three == b"three"
    assert await bucket.download("a.txt") == b"four"
    assert len(storage.files()) == 1


async def test_a_file_over_the_limit_leaves_nothing(storage: Storage) -> None:
    """Forms, raw bodies and bodies of undeclared length are all cut off."""
    await storage.admin.update_bucket("files", {"public": False, "file_size_limit": 10})
    with pytest.raises(StorageApiError) as form:
        await storage.admin.from_("files").upload("a.txt", b"x" * 11)
    headers = storage.admin_headers | {"content-type": "text/plain"}
    raw = await storage.http.post("/object/files/a.txt", content=b"x" * 11, headers=headers)

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield b"x"

    streamed = await storage.http.post("/object/files/a.txt", content=pieces(), headers=headers)
    await storage.admin.from_("files").upload("b.txt", b"x" * 10)

    assert form.value.status == "413"
    for answer in (raw, streamed):
        assert answer.status_code == 400
        assert answer.json() == {
            "statusCode": "413",
            "error": "Payload too large",
            "message": "The object exceeded the maximum allowed size",
            "code": "EntityTooLarge",
        }
    assert len(storage.files()) == 1


async def test_the_projects_own_limit_counts_too(bare_db: str, tmp_path: Path) -> None:
    """`file_size_limit` of config.toml, as the CLI writes it."""
    settings = {"file_size_limit": "1KiB"}
    async with open_for_test(bare_db, tmp_path, storage=settings) as storage:
        await storage.admin.from_("files").upload("a.bin", b"x" * 1024)
        with pytest.raises(StorageApiError) as refused:
            await storage.admin.from_("files").upload("b.bin", b"x" * 1025)

    assert refused.value.status == "413"


async def test_only_allowed_types_are_stored(storage: Storage) -> None:
    """A bucket for pictures takes no programs."""
    await storage.admin.create_bucket("photos", options={"allowed_mime_types": ["image/*"]})
    bucket = storage.admin.from_("photos")
    await bucket.upload("a.png", b"png", {"content-type": "image/png"})
    with pytest.raises(StorageApiError) as refused:
        await bucket.upload("a.exe", b"exe", {"content-type": "application/x-dosexec"})

    assert refused.value.status == "415"
    assert refused.value.message == "mime type application/x-dosexec is not supported"


async def test_a_folder_is_listed_one_level_at_a_time(storage: Storage) -> None:
    """Folders have no id; search, sorting and pages work on what is in the folder."""
    bucket = storage.admin.from_("files")
    for name in ("a.txt", "docs/one.txt", "docs/two.txt", "docs/old/three.txt", "docs_b/x.txt"):
        await bucket.upload(name, b"text")
    top = await bucket.list()
    docs = await bucket.list("docs", {"sortBy": {"column": "name", "order": "desc"}})
    page = await bucket.list("docs", {"limit": 1, "offset": 1})
    found = await bucket.list("docs", {"search": "TW"})

    assert [(entry["name"], entry["id"] is None) for entry in top] == [
        ("a.txt", False),
        ("docs", True),
        ("docs_b", True),
    ]
    assert [entry["name"] for entry in docs] == ["two.txt", "one.txt", "old"]
    assert docs[0]["metadata"]["size"] == 4
    assert [entry["name"] for entry in page] == ["one.txt"]
    assert [entry["name"] for entry in found] == ["two.txt"]


async def test_files_are_moved_copied_and_removed(storage: Storage) -> None:
    """After it only what is listed is on disk."""
    bucket = storage.admin.from_("files")
    await bucket.upload("a.txt", b"text", {"content-type": "text/plain"})
    await bucket.move("a.txt", "b/c.txt")
    copied = await bucket.copy("b/c.txt", "d.txt")
    with pytest.raises(StorageApiError):
        await bucket.copy("b/c.txt", "d.txt")
    removed = await bucket.remove(["b/c.txt", "missing.txt"])

    assert not await bucket.exists("a.txt")
    assert copied["Key"] == "files/d.txt"
    assert [row["name"] for row in removed] == ["b/c.txt"]
    assert await bucket.download("d.txt") == b"text"
    assert (await bucket.info("d.txt"))["content_type"] == "text/plain"
    assert len(storage.files()) == 1


async def test_browsers_get_ranges_names_and_not_modified(storage: Storage) -> None:
    """Video seeks, downloads have a name, caches are asked, and HTML is never shown as a page."""
    bucket = storage.admin.from_("logos")
    await bucket.upload("a.html", b"0123456789", {"content-type": "text/html"})
    url = httpx.URL(await bucket.get_public_url("a.html"))
    whole = await storage.http.get(url)
    part = await storage.http.get(url, headers={"range": "bytes=2-4"})
    known = await storage.http.get(url, headers={"if-none-match": whole.headers["etag"]})
    named = await storage.http.get(url, params={"download": "à.html"})
    head = await storage.http.head(url)

    assert whole.content == b"0123456789"
    assert whole.headers["content-type"] == "text/plain"
    assert (part.status_code, part.content) == (206, b"234")
    assert part.headers["content-range"] == "bytes 2-4/10"
    assert (known.status_code, known.content) == (304, b"")
    assert named.headers["content-disposition"] == (
        "attachment; filename=%C3%A0.html; filename*=UTF-8''%C3%A0.html"
    )
    assert head.headers["content-length"] == "10"
    assert head.content == b""


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/object/files/", b"x"),
        ("POST", "/object/files/%00", b"x"),
        ("POST", "/object/files/\u00e9.txt", b"x"),
        ("POST", "/object/nowhere/a.txt", b"x"),
        ("POST", "/object/list/files", b"{"),
        ("POST", "/object/list/files", b'{"prefix": 5}'),
        ("POST", "/object/list/files", b'{"prefix": "", "limit": "many"}'),
        ("POST", "/object/list/files", b'{"sortBy": {"column": "id; drop table x"}}'),
        ("POST", "/object/move", b'{"bucketId": "files", "sourceKey": "a"}'),
        ("POST", "/object/sign/files/a.txt", b"{}"),
        ("POST", "/object/sign/files", b'{"expiresIn": 5, "paths": "a"}'),
        ("DELETE", "/object/files", b'{"prefixes": []}'),
        ("DELETE", "/object/files/missing.txt", b""),
        ("GET", "/object/files/missing.txt", b""),
        ("GET", "/object/sign/files/a.txt", b""),
        ("GET", "/bucket?limit=many", b""),
    ],
)
async def test_bad_requests_get_an_error_in_storages_shape(
    storage: Storage, method: str, path: str, body: bytes
) -> None:
    """Nothing that a client sends is answered by a fault of the server."""
    answer = await storage.http.request(method, path, content=body, headers=storage.admin_headers)

    assert answer.status_code == 400
    assert {"statusCode", "error", "message"} <= set(answer.json())
    assert answer.json()["statusCode"] != "500"
