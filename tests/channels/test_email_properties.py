"""No mail, however broken, is answered with an error of ours, and none loses what it says."""

import base64
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.channels.mail_in import MAILS, MailServer, open_mail_server, raw, write
from tests.support.stacks import RunningStack

few = settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
SAMPLES = [raw(path.stem) for path in sorted(MAILS.glob("*.eml"))]
ODD = [b"\0", b"\xff\xfe", b"\r\n", b"\n\n", b"--", b"=?", b'"', b"<", b":", b";", b"\x1b$B", b"%"]


@pytest.fixture(scope="module")
def server(stack: RunningStack) -> Iterator[MailServer]:
    with open_mail_server(stack) as opened:
        yield opened


@st.composite
def broken(draw: st.DrawFn) -> bytes:
    """A mail of the folder in which bytes were lost, doubled, or put in."""
    mail = draw(st.sampled_from(SAMPLES))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(mail)))
        end = min(len(mail), start + draw(st.integers(0, 60)))
        put_in = draw(
            st.one_of(st.sampled_from(ODD), st.binary(max_size=8), st.just(mail[start:end] * 2))
        )
        mail = mail[:start] + put_in + mail[end:]
    return mail


@few
@given(mail=broken())
def test_a_broken_mail_is_taken_or_refused(server: MailServer, mail: bytes) -> None:
    """A 5xx comes again for days; an event that the database refuses is a mail that nobody sees."""
    answer = server.post(mail)

    assert answer.status_code in (200, 400), answer.text
    if answer.status_code == 200:
        assert "failed" not in answer.json()["outcomes"]
        assert sum(answer.json()["outcomes"].values()) == 1


def said(text: str) -> str:
    """Return what a screen shows of a text, without its spaces."""
    return "".join(text.encode("utf-8", "replace").decode().split())


@few
@given(text=st.text(st.characters(exclude_categories=("C",), exclude_characters="\u034f")))
def test_whatever_is_written_can_be_read(server: MailServer, text: str) -> None:
    """What is taken for a quote or a signature is still there, in the original."""
    body = base64.encodebytes(text.encode()).decode()
    event = server.event_of(
        server.post(write(body, Subject="", Content_Transfer_Encoding="base64"))
    )
    whole = event.get("metadata", {}).get("original_text", event["content"])

    assert said(whole) == said(text) or (said(text) == "" and event["content"] == "[Empty mail]")
