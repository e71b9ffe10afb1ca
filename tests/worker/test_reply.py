"""What a text that is being written becomes, and how much of it is shown meanwhile."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from romashka_worker.reply import write_reply
from romashka_worker.responders import ResponderError

SOON = 0.2


async def written(*pieces: str, hangs: bool = False) -> AsyncIterator[str]:
    for piece in pieces:
        yield piece
    if hangs:
        await asyncio.Event().wait()


async def reply_of(
    pieces: AsyncIterator[str], max_chars: int = 4000, seconds: float = 60
) -> tuple[str, list[str]]:
    shown: list[str] = []
    until = time.monotonic() + seconds
    return await write_reply(pieces, shown.append, max_chars=max_chars, until=until), shown


async def test_a_reply_is_shown_as_it_is_written() -> None:
    """Who waits for the whole of it waits for seconds."""
    reply, shown = await reply_of(written(" It", " is an ", "inbox.", "\n"))

    assert reply == "It is an inbox."
    assert shown == ["It", " is an", " inbox."]


@pytest.mark.parametrize("text", ["", "  \n "])
async def test_an_empty_reply_is_none(text: str) -> None:
    """A customer who is sent nothing hears nothing."""
    with pytest.raises(ResponderError):
        await reply_of(written(text))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("It is an inbox. It has ma", "It is an inbox."),
        ("It costs 3.5 a month! An", "It costs 3.5 a month!"),
        ("It is an inbox.", "It is an inbox."),
        ("这是一个收件箱。它有", "这是一个收件箱。"),
        ("هل تريد المزيد؟ يمكن", "هل تريد المزيد؟"),
        ("यह एक इनबॉक्स है। इसमें", "यह एक इनबॉक्स है।"),
    ],
)
async def test_a_reply_that_is_late_ends_with_its_last_sentence(text: str, kept: str) -> None:
    """Whole sentences in time are worth more to the customer than a human later."""
    reply, shown = await reply_of(written(text, hangs=True), seconds=SOON)

    assert reply == kept
    assert "".join(shown) == kept


async def test_a_late_reply_without_a_sentence_is_none() -> None:
    """Half a sentence can say the contrary of the whole one."""
    with pytest.raises(ResponderError):
        await reply_of(written("You get your money back if", hangs=True), seconds=SOON)


async def test_what_was_shown_of_an_unfinished_sentence_is_not_sent_without_the_rest() -> None:
    """The screen would take back the half that the customer has read."""
    shown: list[str] = []
    endless = written("It is an inbox. ", *["and on, "] * 200)
    with pytest.raises(ResponderError):
        await write_reply(endless, shown.append, max_chars=1000, until=time.monotonic() + 60)

    assert shown


@settings(deadline=None)
@given(
    st.lists(st.text("ab .!?。\n", max_size=40), max_size=30),
    st.integers(1, 700),
    st.booleans(),
)
async def test_what_is_shown_is_never_more_than_what_is_sent(
    pieces: list[str], max_chars: int, is_late: bool
) -> None:
    """Nobody may read a promise that the row does not contain."""
    shown: list[str] = []
    until = time.monotonic() + (-1 if is_late else 60)
    try:
        reply = await write_reply(written(*pieces), shown.append, max_chars=max_chars, until=until)
    except ResponderError:
        return

    assert "".join(shown) == reply == reply.strip()
    assert 0 < len(reply) <= max_chars
    assert "".join(pieces).strip().startswith(reply)
