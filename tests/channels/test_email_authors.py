"""Who wrote a mail: nobody writes in another's name by how they spell it."""

from pathlib import Path
from typing import Any

from tests.channels.functions import Database, serve_functions
from tests.channels.mail_in import DESK, SUPPORT, TOKEN, write

STRANGER = "stranger@example.net"
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
    {"Authentication-Results": 'mx; dmarc=fail smtp.mailfrom="x; dmarc=pass"@example.net'},
    {"Authentication-Results": "mx; dmarc=fail\r\nAuthentication-Results: mx; dmarc=pass"},
]
OWN = [
    {"From": f"Desk, Front <{DESK}>"},
    {"From": f'"Desk; <{STRANGER}>" <{DESK}>'},
    {"From": f"{DESK} (Front Desk)"},
    {"From": f"{DESK.upper()} <{DESK}>"},
    {"Authentication-Results": "mx; dkim=fail; dkim=pass; dmarc=pass (p=none) header.from=x"},
]


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
