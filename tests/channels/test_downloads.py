"""Fetching what customers sent: from where an address may not lead, and how much of it."""

from pathlib import Path

import pytest
from romashka._file_types import inert_type
from romashka_worker.channels import ChannelError, downloads
from romashka_worker.channels.downloads import MAX_BYTES, Downloads

from tests.channels.file_server import serving
from tests.channels.mail_server import make_certificate

PHOTO = b"\xff\xd8photo"


async def refused(fetching: Downloads, url: str) -> ChannelError:
    with pytest.raises(ChannelError) as caught:
        await fetching.get(url)
    return caught.value


async def test_a_configured_server_gives_a_file_and_a_redirect_keeps_the_token_at_home() -> None:
    """The token of an account is all that it takes to write in its name."""
    async with (
        serving() as api,
        serving() as elsewhere,
        Downloads.open(api.origin, elsewhere.origin) as fetching,
    ):
        photo = elsewhere.put("/photo", "200 OK", "Content-Type: image/jpeg; q=1", body=PHOTO)
        url = api.put("/media", "302 Found", f"Location: {photo}", "Content-Length: 0")
        file = await fetching.get(url, name="photo.jpg", token="a-token")

    assert (file.content, file.mime_type, file.name) == (PHOTO, "image/jpeg", "photo.jpg")
    assert "Bearer a-token" in api.asked[0]
    assert "a-token" not in elsewhere.asked[0]


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://localhost/",
        "https://2130706433/",  # 127.0.0.1 as one number
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://10.1.2.3/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[64:ff9b::a00:1]/",  # 10.0.0.1, as NAT64 has it
        "https://[64:ff9b:1::a00:1]/",
        "https://[fec0::1]/",
        "https://[::127.0.0.1]/",
        "https://0.0.0.0/",
        "http://93.184.215.14/",
        "file:///etc/passwd",
        "https://",
        "photo.jpg",
    ],
)
async def test_an_address_inside_of_the_network_is_not_asked(url: str) -> None:
    """Whoever sends a webhook could read what only the worker reaches."""
    async with Downloads.open("http://127.0.0.1:1") as fetching:
        error = await refused(fetching, url)

    assert (error.trouble, error.code) == ("failed", "bad_url")


async def test_a_redirect_into_the_network_is_not_followed() -> None:
    """The first address may be looked at by anybody; it is the last one that is asked."""
    async with serving() as api, serving() as inside, Downloads.open(api.origin) as fetching:
        secret = inside.put("/secret", "200 OK", body=b"secret")
        url = api.put("/media", "307 Temporary Redirect", f"Location: {secret}")
        error = await refused(fetching, url)

    assert error.code == "bad_url"
    assert inside.asked == []


async def test_a_name_is_asked_at_the_address_that_was_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name may lead inside a moment later; the certificate is still that of the name."""
    own, trusting = make_certificate(tmp_path)
    monkeypatch.setattr(downloads, "tls_context", lambda: trusting)
    monkeypatch.setattr(downloads, "_is_public", lambda _: True)
    async with serving(own) as files, Downloads.open() as fetching:
        url = files.put("/photo", "200 OK", body=PHOTO).replace("http:", "https:")
        file = await fetching.get(url)
        stranger = await refused(fetching, url.replace("127.0.0.1", "localhost"))

    assert file.content == PHOTO
    assert f"Host: {files.origin.removeprefix('http://')}" in files.asked[0]
    assert (stranger.trouble, stranger.code) == ("retry", "unreachable")  # it is not in there
    assert len(files.asked) == 1


@pytest.mark.parametrize(
    ("status", "trouble"),
    [("404 Not Found", "failed"), ("403 Forbidden", "failed"), ("503 Busy", "retry")],
)
async def test_a_status_says_whether_it_is_worth_another_try(status: str, trouble: str) -> None:
    """An address that has run out is not asked for a day."""
    async with serving() as api, Downloads.open(api.origin) as fetching:
        error = await refused(fetching, api.put("/media", status))

    assert (error.trouble, error.code) == (trouble, status[:3])


async def test_a_file_that_breaks_off_is_fetched_again_and_an_endless_one_is_not() -> None:
    """Half a photo is no photo; memory ends before some files do."""
    async with serving() as api, Downloads.open(api.origin) as fetching:
        half = api.put("/half", "200 OK", "Content-Length: 100", body=PHOTO)
        huge = api.put("/huge", "200 OK", body=bytes(MAX_BYTES + 1))
        broken = await refused(fetching, half)
        too_large = await refused(fetching, huge)

    assert (broken.trouble, broken.code) == ("retry", "unreachable")
    assert (too_large.trouble, too_large.code) == ("failed", "too_large")


@pytest.mark.parametrize(
    ("told", "stored"),
    [
        ("image/jpeg", "image/jpeg"),
        (
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
        ("text/html", "application/octet-stream"),
        ("image/svg+xml", "application/octet-stream"),
        ("application/x-javascript", "application/octet-stream"),
        ("", "application/octet-stream"),
        ("image/jpeg\r\nx: y", "application/octet-stream"),
    ],
)
def test_no_file_of_a_customer_runs_in_an_agents_browser(told: str, stored: str) -> None:
    """Storage serves a file as what it was stored as."""
    assert inert_type(told) == stored
