"""Reading a model's answer piece by piece, wherever the pieces are cut."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from romashka_worker.responders.openai.analysis import MalformedAnswer
from romashka_worker.responders.openai.reader import AnswerReader

from tests.worker.provider import analysis


def read(pieces: list[str]) -> tuple[str, int | None]:
    """Return the reply, and how many characters of the answer had to be there for the analysis."""
    reader, reply, heard, known_at = AnswerReader(), "", 0, None
    for piece in pieces:
        heard += len(piece)
        reply += reader.feed(piece)
        if reader.members and known_at is None:
            known_at = heard
    return reply + ("" if reader.is_complete else reader.end()), known_at


def cut(text: str, lengths: list[int]) -> list[str]:
    pieces = []
    for length in lengths:
        pieces.append(text[:length])
        text = text[length:]
    return [*pieces, text]


@settings(deadline=None)
@given(st.text(max_size=60), st.lists(st.integers(0, 9), max_size=80), st.booleans(), st.booleans())
def test_an_answer_is_read_the_same_however_it_is_cut(
    reply: str, lengths: list[int], is_ascii: bool, is_fenced: bool
) -> None:
    """Tokens end anywhere: within an escape, a name, a number, half an emoji."""
    text = json.dumps(analysis(reply=reply), ensure_ascii=is_ascii)
    text = f"Here it is:\n```json\n{text}\n```\n" if is_fenced else text

    assert read(cut(text, lengths))[0] == reply.replace("\x00", "")


def test_the_analysis_is_known_when_the_reply_begins() -> None:
    """Policy decides then: any later, and the customer waits for nothing."""
    text = json.dumps(analysis(reply="It is an inbox."))
    _, known_at = read(list(text))

    assert known_at == text.index('"It is') + 1


@pytest.mark.parametrize("last", ["confidence", "needs_human", "sentiment"])
def test_members_in_another_order_are_waited_for(last: str) -> None:
    """A reply must not be shown before it is known whether it may be sent."""
    members = analysis()
    members[last] = members.pop(last)
    text = json.dumps(members)
    reply, known_at = read(list(text))

    assert reply == "It is an inbox."
    if last != "sentiment":  # which decides nothing
        assert known_at is None


@pytest.mark.parametrize(
    "text",
    [
        f"<think>They ask {{what}} it is.</think>\n{json.dumps(analysis())}",
        f"{json.dumps(analysis())}\nI hope this helps {{you}}!",
        json.dumps(analysis(reply="<think>It is an inbox.</think>")),
        json.dumps(analysis(), indent=2),
    ],
    ids=["thoughts", "words after it", "thoughts in the reply", "indented"],
)
def test_what_models_write_around_the_answer_is_left_out(text: str) -> None:
    """Servers without schemas let a model say more than it was asked for."""
    assert "It is an inbox." in read(list(text))[0]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        '{"confidence": 0.9, "needs_human": false',
        '{"confidence": 0.9, "needs_human": false, "reply": "It is',
        '{"confidence": 0.9, "reply": "It is an inbox."}',
        '{"confidence": 0.9, "needs_human": false, "reply": 5}',
        '{"confidence": 0.9; "needs_human": false}',
        "<think>It goes on",
    ],
)
def test_what_is_no_answer_is_an_error(text: str) -> None:
    """Half an answer must never reach a customer."""
    with pytest.raises(MalformedAnswer):
        read(list(text))
