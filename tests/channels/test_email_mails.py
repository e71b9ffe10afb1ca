"""Mails of all kinds: each `mails/<name>.eml` becomes what `<name>.json` says."""

import re
from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.channels.mail_in import (
    MAILS,
    SUPPORT,
    MailServer,
    expected,
    open_mail_server,
    raw,
    verified,
)
from tests.support.stacks import RunningStack

STORED = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(\.[a-z0-9]+)?")
NAMES = sorted(path.stem for path in MAILS.glob("*.eml"))


@pytest.fixture(scope="module")
def server(stack: RunningStack) -> Iterator[MailServer]:
    with open_mail_server(stack) as opened:
        yield opened


@pytest.mark.parametrize("name", NAMES)
def test_a_mail_is_read_as_it_was_meant(server: MailServer, name: str) -> None:
    """Charsets, quotes, files, reports: what the inbox shows, and what is answered."""
    answer = server.post(raw(name))
    event = server.event_of(answer)

    stored = [file.pop("file") for file in event.get("media", ())]
    assert event == expected(name)
    assert all(STORED.fullmatch(path) for path in stored)
    if event["kind"] != "message":
        assert "stored" not in answer.json()["outcomes"]
        return
    [row] = server.rows_of(event["id"])
    assert row["content"] == event["content"]
    assert row["message_type"] == event["type"]
    assert row["user_email"] == event["customer"]["email"]
    assert row["is_turn"] is not (event["is_automatic"] or event.get("needs_human", False))


def test_files_are_stored_where_the_message_names_them(server: MailServer) -> None:
    """A name from outside is no path, a file that a browser would run is none to it."""
    event = server.event_of(server.post(raw("attachments")))
    [row] = server.rows_of(event["id"])
    stored = server.query(
        "select name, metadata from storage.objects where name like %s",
        f"{row['conversation_id']}/%",
    )
    types = {one["name"]: one["metadata"]["mimetype"] for one in stored}

    assert row["media_url"] == row["metadata"]["media"][0]["path"]
    assert row["metadata"]["attachment"] == {
        "name": "photo.png",
        "content_type": "image/png",
        "size": 2056,
    }
    assert [types[file["path"]] for file in row["metadata"]["media"]] == [
        "image/png",
        "application/pdf",
        "text/plain",
        "application/octet-stream",
        "application/octet-stream",
    ]


@pytest.mark.parametrize("kind", ["text/plain", "text/html", "message/rfc822", "image/png"])
def test_a_mail_of_thousands_of_parts_is_read_in_part_and_says_so(
    server: MailServer, kind: str
) -> None:
    """Whoever sends it costs others no turn, and staff see that there is more."""
    body = "From: a@example.org\r\n\r\nno" if kind == "message/rfc822" else "part"
    part = f"--b\r\nContent-Type: {kind}\r\n\r\n{body}\r\n"
    first = "--b\r\n\r\nWhere is my order?\r\n"
    header = (
        f"From: parts-{kind.replace('/', '-')}@example.org\r\nTo: {SUPPORT}\r\nSubject: Parts\r\n"
        f"Message-ID: <{uuid4()}@example.org>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    )
    event = server.event_of(
        server.post(verified((header + first + 20_000 * part + "--b--\r\n").encode()))
    )

    assert "Where is my order?" in event["content"]
    assert event["metadata"]["is_cut"] is True
    assert len(event.get("media", ())) <= 50


def test_every_mail_of_the_folder_has_its_expectation() -> None:
    assert NAMES == sorted(path.stem for path in MAILS.glob("*.json"))
