"""Who wrote a mail: nobody writes in another's name by how they spell it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.channels.functions import Database, serve_functions
from tests.channels.mail_in import (
    DESK,
    SERVER,
    SUPPORT,
    TOKEN,
    MailServer,
    open_mail_server,
    verdict,
    write,
)
from tests.support.stacks import RunningStack

STRANGER = "stranger@example.net"
AGAIN = "\r\nAuthentication-Results: "
PASSED = "dmarc=pass header.from=example.org"
FORGED = [
    {"From": "desk@ex%61mple.org"},
    {"From": "desk@exam\u00adple.org"},
    {"From": "desk@\uff45xample.org"},
    {"From": "nobody", "Sender": DESK},
    {"From": f"{DESK}, {STRANGER}"},
    {"From": f"<{DESK}> {STRANGER}"},
    {"From": f"<{DESK}> <{STRANGER}>"},
    {"From": f"{DESK}\t@example.net"},
    {"From": f"{STRANGER}\r\nFrom: {DESK}"},
    {"From": f'{DESK}"x"@example.net'},
    {"From": f"{DESK}(x)@example.net"},
    {"From": f"Desk; {STRANGER} <{DESK}>"},
    {"From": f"Desk <{DESK}> >"},
    {"From": f'Desk "<{DESK}>'},
    {"Authentication-Results": f'{SERVER}; dmarc=fail smtp.mailfrom="x; dmarc=pass"@example.net'},
    {"Authentication-Results": f"{SERVER}; dmarc=fail{AGAIN}{SERVER}; dmarc=pass"},
]
OWN = [
    {"From": f"Desk, Front <{DESK}>"},
    {"From": f'"Desk; <{STRANGER}>" <{DESK}>'},
    {"From": f"{DESK} (Front Desk)"},
    {"From": f"{DESK.upper()} <{DESK}>"},
    {"From": f'"{DESK.split("@")[0]}"@example.org'},
    *(
        {"Authentication-Results": said}
        for said in (
            f"{SERVER}; dkim=fail; dkim=pass; dmarc=pass (p=none) header.from=example.org",
            f"(by us) {SERVER} 1; dmarc/1 = pass (a (b) c) header . from = example.org",
            f'{SERVER};{" " * 20_000}spf=none reason="x; dmarc=fail"; {PASSED}',
            f"{SERVER}; {'x=y z.a=b; ' * 5_000} {PASSED}",
            f"{SERVER}; spf=pass client-ip=192.0.2.1; envelope-from={DESK}; {PASSED}",
            f"{SERVER}; dmarc=none header.from=example.org; dkim=pass header.d=example.org",
            f"{SERVER}; spf=pass smtp.mailfrom={DESK}",
            f"{SERVER}; {PASSED}{AGAIN}mx.example.net; dmarc=fail",
            f"mx.example.net; dmarc=fail{AGAIN}{SERVER}; {PASSED}",
        )
    ),
]
UNPROVEN = {
    "": "no_verdict",
    f"mx.example.net; {PASSED}": "no_verdict",
    f"{SERVER}; none": "no_verdict",
    f"{SERVER}; arc=pass; x-dmarc=pass header.from=example.org": "no_verdict",
    f"{SERVER}; dmarc=permerror header.from=example.org": "unknown_verdict",
    f"{SERVER}; dmarc=temperror header.from=example.org; dkim=pass header.d=example.org": (
        "unknown_verdict"
    ),
    f"{SERVER}; dmarc=pass": "unknown_verdict",
    f"{SERVER}; dmarc: pass header.from=example.org": "unknown_verdict",
    f"{SERVER}; ({PASSED}": "unknown_verdict",
    f'{SERVER}; spf=none (by "a); {PASSED}; x=(b"@example.net)': "unknown_verdict",
    f"{SERVER}; dmarc=none; dkim=pass header.d=example.net": "no_policy",
    f"{SERVER}; dmarc=none; dkim=fail header.d=example.org; dkim=pass header.d=org": "no_policy",
    f"{SERVER}; spf=pass smtp.mailfrom=bounces@example.net": "no_policy",
    f"{SERVER}; dmarc=pass header.from=example.net": "other_author",
    f"{SERVER}; {PASSED}; dmarc=pass header.from=example.net": "other_author",
    f"{SERVER}; spf=none{AGAIN}{SERVER}; {PASSED}": "no_policy",  # the lower one the sender wrote
}


async def events_of(folder: Path, mails: list[dict[str, str]]) -> list[dict[str, Any]]:
    """Return what the function reads in mails that go on from the customer's thread."""
    database = Database()
    database.accounts = [SUPPORT]
    async with serve_functions(folder, database, EMAIL_WEBHOOK_TOKEN=TOKEN) as http:
        for headers in mails:
            body = write(**{"References": "<theirs@mail.example.org>"} | headers)
            answer = await http.post(
                "/email", content=body, headers={"content-type": "message/rfc822"}, auth=("", TOKEN)
            )
            assert answer.status_code == 200
    return [call["events"][0] for call in database.received]


async def test_a_forged_author_goes_on_from_nobodys_thread(tmp_path: Path) -> None:
    """DMARC vouches for what it reads in `From`; we must not read another author there."""
    for event, mail in zip(await events_of(tmp_path, FORGED), FORGED, strict=True):
        is_theirs = event["kind"] == "message" and event["customer"]["id"] == DESK
        is_believed = is_theirs and not event["is_automatic"]

        assert not is_believed, mail
        assert "references" not in event.get("thread", {}) or not is_theirs, mail


async def test_an_author_may_be_written_in_many_ways(tmp_path: Path) -> None:
    """A customer whose program writes names without quotes is answered all the same."""
    for event, mail in zip(await events_of(tmp_path, OWN), OWN, strict=True):
        assert (event["customer"]["id"], event["is_automatic"]) == (DESK, False), mail
        assert event["thread"]["references"], mail


async def test_no_verdict_is_no_proof(tmp_path: Path) -> None:
    """Such a mail is answered, in a conversation of its own that says why to staff."""
    mails = [{"Authentication-Results": said} for said in UNPROVEN]
    for event, (said, why) in zip(await events_of(tmp_path, mails), UNPROVEN.items(), strict=True):
        assert event["metadata"].get("unproven") == why, said
        assert event["thread"]["is_separate"] is True, said
        assert event["is_automatic"] is False, said


async def test_without_a_servers_name_what_stands_on_top_counts(tmp_path: Path) -> None:
    """Above the first `Received` no sender writes; below it anybody may have."""
    mails = [
        {"Authentication-Results": f"mx.example.net; {PASSED}", "Received": "by mx.example.net"},
        {"Received": "by mx.example.net", "Authentication_Results": f"mx.example.net; {PASSED}"},
        {"Authentication-Results": f"mx.example.net; {PASSED}"},
        {"Authentication-Results": f"spf=none; {PASSED}", "Received": "by exchange.example.net"},
    ]
    database = Database()
    async with serve_functions(tmp_path, database, EMAIL_WEBHOOK_TOKEN=TOKEN) as http:
        for headers in mails:
            lines = [f"{name.replace('_', '-')}: {said}" for name, said in headers.items()]
            body = "\r\n".join([*lines, ""]).encode() + write(Authentication_Results="")
            kind = {"content-type": "message/rfc822"}
            await http.post("/email", content=body, headers=kind, auth=("", TOKEN))

    events = [call["events"][0] for call in database.received]
    assert [event["metadata"].get("unproven") for event in events] == [
        None,
        "no_verdict",
        "no_verdict",
        None,
    ]


async def test_verdicts_of_services_are_read(tmp_path: Path) -> None:
    """SendGrid's stand in fields beside the mail, Mailgun's and Postmark's in headers above it."""
    mail = write(Authentication_Results="").decode()
    envelope = json.dumps({"to": [SUPPORT], "from": "bounce@example.net"})
    signed = f"DKIM-Signature: v=1; d=x) y@example.org; b=1\r\n{mail}"
    forms: list[tuple[dict[str, str], str | None]] = [
        ({"dkim": "{@example.org : pass}", "SPF": "fail"}, None),
        ({"dkim": "{@example.net : pass, @example.org : fail}", "SPF": "pass"}, "no_policy"),
        ({"dkim": "none", "SPF": "pass", "envelope": json.dumps({"from": DESK})}, None),
        ({"dkim": "{@example.org : pass}", "SPF": "pass", "email": signed}, "no_policy"),
        ({}, "no_verdict"),
    ]
    signature = "DKIM-Signature: v=1; d=example.org; b=1\r\n"
    passed = "X-Mailgun-Dkim-Check-Result: Pass\r\nReceived: by mxa.mailgun.org\r\n"
    mailguns = {
        f"X-Mailgun-Spf: Pass\r\nReceived: by mxa.mailgun.org\r\n{mail}": None,
        f"X-Mailgun-Spf: Fail\r\n{passed}{mail}": "no_policy",
        f"Received: by mxa.mailgun.org\r\nX-Mailgun-Spf: Pass\r\n{mail}": "no_verdict",
        f"{passed}{signature}{mail}": None,
        f"{passed}{signature}{signature.replace('org', 'net')}{mail}": "no_verdict",
        f"{passed}{signature.replace('org', 'net')}{mail}": "no_policy",
    }
    spam = [("X-Spam-Tests", "DKIM_SIGNED,DKIM_VALID,DKIM_VALID_AU,SPF_PASS")]
    path = [
        ("X-Spam-Tests", "SPF_PASS"),
        ("Received-SPF", f"Pass (ok) identity=mailfrom; envelope-from={DESK}; helo=x"),
    ]
    by = [("Received", "by p-pm-inbound.inbound.postmarkapp.com (Postfix)")]
    others = [("Received", "from mail.example.net by inbound.postmarkapp.com")]
    posted: list[tuple[list[tuple[str, str]], str | None]] = [
        ([*by, *spam, *others], None),
        ([*path, *others], None),
        ([*by, *others, *spam], "no_verdict"),
        ([("Subject", "x"), *spam], "no_verdict"),
        ([], "no_verdict"),
    ]
    database = Database()
    async with serve_functions(tmp_path, database, EMAIL_WEBHOOK_TOKEN=TOKEN) as http:
        for fields, _ in forms:
            files = {
                name: (None, value)
                for name, value in ({"email": mail, "envelope": envelope} | fields).items()
            }
            answer = await http.post("/email", files=files, auth=("", TOKEN))
            assert answer.status_code == 200, answer.text
        for raw in mailguns:
            form = {"body-mime": raw, "recipient": SUPPORT, "sender": DESK}
            answer = await http.post("/email", data=form, auth=("", TOKEN))
            assert answer.status_code == 200, answer.text
        for headers, _ in posted:
            record = {
                "From": DESK,
                "FromFull": {"Email": DESK},
                "ToFull": [{"Email": SUPPORT}],
                "TextBody": "Hello",
                "Headers": [{"Name": name, "Value": value} for name, value in headers],
            }
            answer = await http.post("/email", json=record, auth=("", TOKEN))
            assert answer.status_code == 200, answer.text

    events = [call["events"][0] for call in database.received]
    assert [event["metadata"].get("unproven") for event in events] == [
        *(expected for _, expected in forms),
        *mailguns.values(),
        *(expected for _, expected in posted),
    ]


@pytest.fixture(scope="module")
def server(stack: RunningStack) -> Iterator[MailServer]:
    with open_mail_server(stack) as opened:
        yield opened


EVIL = "evil@evil.example"
OTHERS = [f"{DESK}", f"Desk <{DESK}>", f"{EVIL}, {DESK}", f'"{DESK}" <{EVIL}>', ""]
PIECES = [
    DESK, EVIL, f"<{DESK}>", f"<{EVIL}>", "desk", "evil.example", "example.org", "@", '"', "(", ")",
    "<", ">", ",", ";", ":", "\\", " ", "\t", "\r\n ", "\r\n\t", "\0", "\x0b", "\x85", "\u2028",
    "[", "]", "Team:", "Team: ;", f"Team: {DESK};", "=?utf-8?q?desk=40example.org?=",
    "=?utf-8?q?=2C=3C?=",
    "=?utf-8?b?PGRlc2tAZXhhbXBsZS5vcmc+?=", "=?utf-8?q?=0D=0AFrom:_desk=40example.org?=",
    f"<@example.org:{EVIL}>", f"<@evil.example:{DESK}>", f"<@evil.example,@a:{DESK}>",
    "desk%example.org@evil.example", "evil.example!desk@example.org", "desk@example.org.",
    "desk@[192.0.2.1]", "desk@\u0435xample.org", "\\@", '\\"', "\u202e", "\u00ad", "\uff20",
    "\u200b", "%40", "xn--", ".", '"x"', "(x)", "(", "((a) b)", '"(', ')"', f"({DESK})",
    f'"{DESK}"',
    *(f"\r\n{name}: {DESK}" for name in ("From", "FROM", "Sender", "Reply-To", "Resent-From")),
    f"\r\nFrom : {DESK}", f"\r\n From: {DESK}", f"\nFrom: {DESK}", f"\rFrom: {DESK}",
]  # fmt: skip
FORGED_VERDICTS = [
    f"{SERVER}; dmarc=pass header.from=example.org",
    f'"{SERVER}" 1; dmarc=pass (x) header.from=example.org',
    "dmarc=pass header.from=example.org",
    "mx.example.net; dmarc=pass header.from=example.org",
    f"{SERVER}; dkim=pass header.d=example.org; spf=pass smtp.mailfrom={DESK}",
    f"{SERVER} (",
]
VERDICTS = [
    verdict("evil.example"),
    f"{SERVER}; dmarc=none header.from=evil.example; dkim=pass header.d=evil.example",
    f"{SERVER}; spf=pass smtp.mailfrom=bounce@evil.example",
    f'{SERVER}; dkim=pass header.i="@example.org"@evil.example; dmarc=none',
    f"{SERVER}; spf=pass (x; dmarc=pass header.from=example.org) smtp.mailfrom=a@evil.example",
]


@pytest.fixture(scope="module")
def trusting(server: MailServer) -> str:
    """An account that takes the victim's word for who else writes."""
    return server.connect(f"forms-{uuid4()}@example.com", trusted_senders=DESK)


@settings(
    max_examples=120,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    pieces=st.lists(st.sampled_from(PIECES), min_size=1, max_size=7),
    said=st.sampled_from(VERDICTS),
    below=st.lists(st.sampled_from(FORGED_VERDICTS), max_size=2),
    reply_to=st.sampled_from(OTHERS),
)
def test_whom_we_read_is_whom_the_verdict_was_about(
    server: MailServer, trusting: str, pieces: list[str], said: str, below: list[str], reply_to: str
) -> None:
    """Whatever an attacker writes, above their mail the server says who sent it: evil.example.

    Else their mail would join the customer's conversation, or a form's visitor would be anybody.
    """
    forged = "".join(f"\r\nAuthentication-Results: {one}" for one in below)
    headers = {
        "From": "".join(pieces) + forged,
        "To": trusting,
        "References": "<theirs@mail.example.org>",
        "Reply-To": reply_to,
    }
    above = f"Authentication-Results: {said}\r\nReceived: from x by {SERVER}\r\n"
    mail = above.encode() + write(**headers, Authentication_Results="-").replace(
        b"Authentication-Results: -\r\n", b""
    )
    answer = server.post(mail)
    if answer.status_code != 200:
        assert answer.status_code == 400
        return
    event = server.event_of(answer)
    if event["kind"] != "message":
        return
    is_believed = not event["thread"].get("is_separate") or not event["metadata"].get("unproven")
    is_a_visitors = event["metadata"].get("unproven") == "reply_to"

    assert not is_believed or event["customer"]["id"].endswith("@evil.example")
    assert not is_a_visitors


def test_a_mail_that_is_not_proven_joins_nothing(server: MailServer) -> None:
    """Not by its references, its address, an id that others refer to, or a `Reply-To`."""
    known, later = "<known@mail.example.net>", "<later@mail.example.net>"
    customer = f"{uuid4()}@example.org"
    question = server.event_of(server.post(write(From=customer, References=known)))
    [row] = server.rows_of(question["id"])
    token = f"support+{row['conversation_id']}@example.com"
    unproven = [
        {"References": question["id"]},
        {"To": token},
        {"Message-ID": known},
        {"From": SUPPORT, "Reply-To": customer, "References": question["id"]},
        {"References": later},
    ]
    rows = []
    for headers in unproven:
        mail = write(**({"From": customer, "Authentication-Results": ""} | headers))
        event = server.event_of(server.post(mail))
        rows += server.rows_of(event["id"])
    proven = server.event_of(server.post(write(**{"From": customer, "Message-ID": later})))
    [after] = server.rows_of(proven["id"])
    conversations = [row["conversation_id"] for row in (row, *rows, after)]
    [shown] = server.query(
        "select business_context from public.conversations where id = %s",
        rows[0]["conversation_id"],
    )

    assert len({*conversations}) == len(conversations)
    assert shown["business_context"]["unproven"] == "no_verdict"
    assert shown["business_context"]["related_conversation_id"] == str(row["conversation_id"])
    assert rows[0]["is_turn"] is True
