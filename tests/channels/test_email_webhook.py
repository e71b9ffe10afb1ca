"""How mail comes to the function: who may post it, in which forms, and what comes again."""

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from romashka_local.keys import Keys

from tests.channels.functions import Database, serve_functions
from tests.channels.mail_in import DESK, SUPPORT, raw, write

TOKEN = "webhook-token-of-the-environment"
ENVIRONMENT = {"EMAIL_WEBHOOK_TOKEN": TOKEN}
MIME = {"content-type": "message/rfc822"}
AUTH = ("postmaster", TOKEN)
POSTMARK: dict[str, Any] = {
    "FromFull": {"Email": "Desk@Example.org", "Name": "Front Desk", "MailboxHash": ""},
    "From": "Desk@Example.org",
    "ToFull": [{"Email": SUPPORT, "Name": "", "MailboxHash": ""}],
    "OriginalRecipient": "a1b2c3@inbound.postmarkapp.com",
    "Subject": "Re: Order 1042",
    "MessageID": "22c74902-a0c1-4511-804f-341342852c90",
    "Date": "Mon, 5 Jan 2026 10:00:00 +0100",
    "TextBody": "Thank you.\n\nOn Mon, 5 Jan 2026 at 9:00, Support <support@example.com> wrote:\n>",
    "Headers": [
        {"Name": "Message-ID", "Value": "<reply-1@mail.example.org>"},
        {"Name": "In-Reply-To", "Value": "<answer-1@example.com>"},
    ],
    "Attachments": [
        {
            "Name": "receipt.pdf",
            "Content": base64.b64encode(b"%PDF-1.4").decode(),
            "ContentType": "application/pdf",
            "ContentLength": 8,
        }
    ],
}


async def post(http: httpx.AsyncClient, body: bytes, **headers: str) -> httpx.Response:
    return await http.post("/email", content=body, headers=MIME | headers, auth=AUTH)


async def test_mail_is_taken_with_the_token_alone(tmp_path: Path) -> None:
    """Otherwise anybody could write in a customer's name. Nothing is parsed before, or stored."""
    keys = Keys()
    right = [("", TOKEN), ("postmaster", TOKEN)]
    wrong = [("", ""), (TOKEN, ""), ("postmaster", f"{TOKEN} "), ("postmaster", "another")]
    bearers = [TOKEN, keys.service_role_key, keys.secret_key, keys.anon_key, "x"]
    database = Database()
    async with serve_functions(tmp_path, database, **ENVIRONMENT) as http:
        send = http.post
        refused = [
            await send("/email", content=body, headers=MIME, auth=auth)
            for auth in wrong
            for body in (write(), b"no mail")
        ]
        refused.append(await send("/email", content=write(), headers=MIME))
        # Nor is anything read: it would be a 413.
        refused.append(await send("/email", content=bytes(36 * 1024**2), headers=MIME))
        taken = [await send("/email", content=write(), headers=MIME, auth=auth) for auth in right]
        with_bearer = [
            await send(
                "/email", content=write(), headers=MIME | {"authorization": f"Bearer {token}"}
            )
            for token in bearers
        ]

    assert {answer.status_code for answer in refused} == {401}
    assert {answer.status_code for answer in taken} == {200}
    assert [answer.status_code for answer in with_bearer] == [200, 200, 200, 401, 401]
    assert len(database.received) == 5


async def test_without_a_token_nothing_is_taken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A forgotten secret closes the door, and the log says what to set."""
    async with serve_functions(tmp_path, Database(), EMAIL_WEBHOOK_TOKEN="") as http:
        answers = [
            await http.post("/email", content=write(), headers=MIME, auth=("postmaster", token))
            for token in ("", TOKEN)
        ]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert "Set EMAIL_WEBHOOK_TOKEN" in capsys.readouterr().err


async def test_a_mailbox_with_a_token_of_its_own_gets_what_comes_with_it(tmp_path: Path) -> None:
    """Whatever the mail says; with it nobody writes to another mailbox."""
    database = Database()
    own = {"channel_id": "1", "account": "sales@example.com", "name": "webhook_token"}
    database.credentials = [own | {"value": "own"}]
    database.accounts = [SUPPORT, "sales@example.com"]
    async with serve_functions(tmp_path, database, **ENVIRONMENT) as http:
        for auth in (AUTH, ("postmaster", "own")):
            await http.post("/email", content=write(), headers=MIME, auth=auth)

    accounts = [call["events"][0]["account"] for call in database.received]
    assert accounts == [SUPPORT, "sales@example.com"]


async def test_the_account_is_whom_the_server_took_the_mail_for(tmp_path: Path) -> None:
    """What a sender writes makes no account once there is one: we would answer in its name."""
    token = "01234567-89ab-4def-8123-456789abcdef"
    mails = [
        write(),
        write(To="friend@example.net", Cc=SUPPORT),
        write(To="friend@example.net", Delivered_To="news@example.com"),
        write(To="friend@example.net"),
        write(To="friend@example.net", Received="by mx.host", Delivered_To="bank@example.net"),
        write(To=f"Support <support+{token}@EXAMPLE.com>, {SUPPORT}"),
    ]
    database = Database()
    async with serve_functions(tmp_path, database, **ENVIRONMENT) as http:
        await post(http, mails[0])
        database.accounts = [SUPPORT]
        for mail in mails[1:]:
            await post(http, mail)

    events = [call["events"][0] for call in database.received]
    accounts = [event["account"] for event in events]
    assert accounts == [SUPPORT, SUPPORT, "news@example.com", *[SUPPORT] * 3]
    assert [event["thread"].get("reply_token") for event in events] == [None] * 5 + [token]


async def test_what_is_no_mail_is_refused_for_good(tmp_path: Path) -> None:
    """A 4xx tells the sender that sending it again does not help."""
    json_type = "application/json"
    form = "application/x-www-form-urlencoded"
    nonsense = [
        (b"", "message/rfc822"),
        (b"hello", "text/plain"),
        (b"\xff" * 99, "application/octet-stream"),
        (b"a: b\r\n" * 99, "message/rfc822"),
        (b"", json_type),
        (b"{", json_type),
        (b"[]", json_type),
        (b"{}", json_type),
        (b'"text"', json_type),
        (b"a=b", form),
        (b"--", "multipart/form-data"),
        (b"--", "multipart/form-data; boundary=x"),
    ]
    database = Database()
    async with serve_functions(tmp_path, database, **ENVIRONMENT) as http:
        answers = [
            await http.post("/email", content=body, headers={"content-type": kind}, auth=AUTH)
            for body, kind in nonsense
        ]
        large = await post(http, write() + b" " * 35 * 1024 * 1024)

    assert [answer.status_code for answer in answers] == [400] * len(nonsense)
    assert large.status_code == 413
    assert not database.received


async def test_postmarks_json_is_a_mail(tmp_path: Path) -> None:
    """With what Postmark tells beside the mail: whom it was for, and its files."""
    database = Database()
    async with serve_functions(tmp_path, database, **ENVIRONMENT) as http:
        answer = await http.post("/email", json=POSTMARK, auth=AUTH)
    [event] = database.received[0]["events"]
    [media] = event["media"]

    assert answer.status_code == 200
    assert event["account"] == SUPPORT
    assert event["customer"] == {"id": DESK, "email": DESK, "name": "Front Desk"}
    assert (event["id"], event["reply_to"]) == (
        "<reply-1@mail.example.org>",
        "<answer-1@example.com>",
    )
    assert (event["content"], event["type"]) == ("Thank you.", "document")
    assert database.files == {f"conversation-attachments/conversation/{media['file']}": b"%PDF-1.4"}


async def test_postmark_tells_what_became_of_our_mails(tmp_path: Path) -> None:
    """Where it says nothing of the account, it is the only one that there is."""
    outcomes: list[tuple[dict[str, Any], dict[str, Any]]] = [
        (
            {
                "RecordType": "Bounce",
                "Type": "HardBounce",
                "Description": "No such user.",
                "From": SUPPORT,
                "Metadata": {"message-id": "<answer-1@example.com>"},
            },
            {
                "status": "failed",
                "id": "<answer-1@example.com>",
                "error": {"code": "HardBounce", "message": "No such user."},
            },
        ),
        (
            {"RecordType": "SpamComplaint", "Type": "SpamComplaint", "MessageID": "1"},
            {"status": "failed", "id": "<1@mtasv.net>"},
        ),
        ({"RecordType": "Delivery", "MessageID": "1"}, {"status": "delivered"}),
        ({"RecordType": "Open", "MessageID": "1"}, {"status": "read"}),
        ({"RecordType": "Bounce", "Type": "Transient", "MessageID": "1"}, {"kind": "ignored"}),
        ({"RecordType": "Click", "MessageID": "1"}, {"kind": "ignored"}),
    ]
    database = Database()
    database.accounts = [SUPPORT]
    async with serve_functions(tmp_path, database, **ENVIRONMENT) as http:
        for record, _ in outcomes:
            assert (await http.post("/email", json=record, auth=AUTH)).status_code == 200

    events = [call["events"][0] for call in database.received]
    assert {event["account"] for event in events} == {SUPPORT}
    assert [
        event | expected for event, (_, expected) in zip(events, outcomes, strict=True)
    ] == events


async def test_forms_of_mail_services_bring_raw_mails(tmp_path: Path) -> None:
    """SendGrid's and Mailgun's; who it was for stands beside the mail."""
    envelope = json.dumps({"to": ["sales@example.com"], "from": DESK})
    mail = raw("gmail_first").decode()
    database = Database()
    async with serve_functions(tmp_path, database, **ENVIRONMENT) as http:
        answers = [
            await http.post(
                "/email", files={"email": (None, mail), "envelope": (None, envelope)}, auth=AUTH
            ),
            await http.post(
                "/email", data={"body-mime": mail, "recipient": "Sales@example.com"}, auth=AUTH
            ),
        ]

    events = [call["events"][0] for call in database.received]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert [event["account"] for event in events] == ["sales@example.com"] * 2
    assert {event["id"] for event in events} == {"<gmail-first@mail.example.org>"}


async def test_forms_bring_bytes_of_any_charset(tmp_path: Path) -> None:
    """A raw mail has its own; of parts that SendGrid took apart, `charsets` tells."""
    mail = write("Größe?", Subject="", Content_Type="text/plain; charset=iso-8859-1")
    raw_mail = mail.decode().encode("latin-1")
    header, _, _ = write(Subject="", Content_Type="multipart/mixed; boundary=gone").partition(
        b"\r\n\r\n"
    )
    info = {"attachment1": {"filename": "Größe.txt", "type": "text/plain; charset=x"}}
    parts: dict[str, tuple[None, str | bytes]] = {
        "headers": (None, header),
        "charsets": (None, json.dumps({"text": "iso-8859-1", "html": "nonsense", "to": "UTF-8"})),
        "text": (None, "Größe?".encode("latin-1")),
        "html": (None, "<p>Größe?</p>"),
        "attachment-info": (None, json.dumps(info)),
    }
    file = ("groesse.txt", "Größe".encode("latin-1"), "text/plain")
    database = Database()
    async with serve_functions(tmp_path, database, **ENVIRONMENT) as http:
        answers = [
            await http.post(
                "/email", files={"email": (None, raw_mail), "to": (None, "x")}, auth=AUTH
            ),
            await http.post("/email", files={"email": ("mail.eml", raw_mail)}, auth=AUTH),
            await http.post(
                "/email",
                content=urlencode({"body-mime": raw_mail}),
                headers={"content-type": "application/x-www-form-urlencoded"},
                auth=AUTH,
            ),
            await http.post("/email", files=[*parts.items(), ("attachment1", file)], auth=AUTH),
            await http.post("/email", files={"text": (None, "no header")}, auth=AUTH),
        ]

    events = [call["events"][0] for call in database.received]
    assert [answer.status_code for answer in answers] == [200] * 4 + [400]
    assert [event["content"] for event in events] == ["Größe?"] * 4
    assert [file["name"] for file in events[3]["media"]] == ["Größe.txt"]
    assert [*database.files.values()] == ["Größe".encode("latin-1")]


async def test_a_file_that_could_not_be_stored_comes_again(tmp_path: Path) -> None:
    """The sender's next try finds the message, and stores the file under the same name."""
    away = (503, {"statusCode": "503", "error": "unavailable", "message": "try again"})
    refused = (400, {"statusCode": "404", "error": "not_found", "message": "no such bucket"})
    database = Database()
    async with serve_functions(tmp_path, database, **ENVIRONMENT) as http:
        statuses = []
        for failure in (away, refused, None):
            database.storage_failure = failure
            statuses.append((await post(http, raw("only_attachment"))).status_code)
        [path] = database.files
        await post(http, raw("only_attachment").replace(b"JVBERi0x", b"JVBERi0y"))
    *named, other = (call["events"][0]["media"][0]["file"] for call in database.received)

    assert statuses == [503, 200, 200]
    assert {path.rpartition("/")[2]} == set(named)
    assert other not in named  # a mail that has taken the other's id replaces nothing of it


async def test_an_outage_of_the_database_makes_the_sender_come_again(tmp_path: Path) -> None:
    database = Database()
    database.failure = (503, {"code": "PGRST002", "message": "", "details": None, "hint": None})
    async with serve_functions(tmp_path, database, **ENVIRONMENT) as http:
        assert (await post(http, write())).status_code == 503


async def test_files_that_are_too_large_are_named_not_kept(tmp_path: Path) -> None:
    """Neither Storage nor the kept webhook takes 12 MB; the team can ask for the file."""
    content = base64.b64encode(bytes(12 * 1024 * 1024)).decode()
    attached = {"Name": "film.mov", "ContentType": "video/quicktime", "Content": content}
    mail = POSTMARK | {"Attachments": [*POSTMARK["Attachments"], attached]}
    database = Database()
    async with serve_functions(tmp_path, database, **ENVIRONMENT) as http:
        answer = await http.post("/email", json=mail, auth=AUTH, timeout=60)
    [call] = database.received
    [event] = call["events"]

    assert answer.status_code == 200
    assert [file["name"] for file in event["media"]] == ["receipt.pdf"]
    assert event["metadata"]["too_large"] == [
        {"name": "film.mov", "mime_type": "video/quicktime", "size": 12 * 1024 * 1024}
    ]
    assert len(call["payload"]) < 10_000
    assert call["headers"] == {"content-type": "application/vnd.romashka.mail+json"}
