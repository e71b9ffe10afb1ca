"""Reading a server's stream, wherever its bytes are cut: every form of it gives the same answer."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, cast

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from romashka_worker.responders.openai.analysis import MalformedAnswer
from romashka_worker.responders.openai.answer import ModelAnswer
from romashka_worker.responders.openai.reader import AnswerReader

from tests.worker.provider import analysis, ending, token

THOUGHT = json.dumps(analysis(reply="A thought that nobody may read.", confidence=0.1))


class Stream:
    """A response whose body comes in these pieces."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self.response = self
        self.headers: dict[str, str] = {}
        self._pieces = pieces

    async def aiter_bytes(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


def read(pieces: Sequence[bytes], *, shows_early: bool = True) -> tuple[str, ModelAnswer]:
    """Return the reply, as it is shown, and the answer."""

    async def reading() -> tuple[str, ModelAnswer]:
        answer = ModelAnswer(cast("Any", Stream(pieces)), AnswerReader(shows_early=shows_early))
        return "".join([piece async for piece in answer.pieces()]), answer

    return asyncio.run(reading())


def cut(body: bytes, lengths: Sequence[int]) -> list[bytes]:
    pieces = []
    for length in lengths:
        pieces.append(body[:length])
        body = body[length:]
    return [*pieces, body]


# ---- how a text becomes an answer's content

Text = Callable[[str], str]
TEXTS: dict[str, Text] = {
    "plain": lambda answer: answer,
    "indented": lambda answer: json.dumps(json.loads(answer), indent=2),
    "a byte order mark": lambda answer: f"\ufeff{answer}",
    "a fence": lambda answer: f"```json\n{answer}\n```",
    "words before it": lambda answer: f"Here it is:\n\n{answer}",
    "words around it": lambda answer: (
        f"Sure {{as asked}}:\n```\n{answer}\n```\nDoes this help {{you}}?"
    ),
    "a list of one": lambda answer: f"[{answer}]",
    "<think>": lambda answer: f"<think>\nThey ask {{what}}. {THOUGHT}\n</think>\n\n{answer}",
    "an empty <think>": lambda answer: f"<think>\n\n</think>\n\n{answer}",
    "<thinking>": lambda answer: f"<thinking>{THOUGHT}</thinking>{answer}",
    "<think> twice": lambda answer: f"<think>{THOUGHT}</think><think>Well.</think>{answer}",
    "</think> alone": lambda answer: f"They ask {{what}} it is: {THOUGHT}\n</think>\n{answer}",
    "[THINK]": lambda answer: f"[THINK]They ask. {THOUGHT}[/THINK]{answer}",
    "[/THINK] alone": lambda answer: f"They ask. {THOUGHT}[/THINK]{answer}",
    "marks of a third one": lambda answer: (
        f"<|START_THINKING|>{THOUGHT}<|END_THINKING|><|START_RESPONSE|>{answer}<|END_RESPONSE|>"
    ),
    "an element": lambda answer: f"<think>{THOUGHT}</think>\n<answer>\n{answer}\n</answer>",
    "another model's": lambda answer: f"<seed:think>{THOUGHT}</seed:think>{answer}",
    "channels": lambda answer: (
        f"<|channel|>analysis<|message|>They ask. {THOUGHT}<|end|>"
        f"<|start|>assistant<|channel|>final<|message|>{answer}<|return|>"
    ),
    "a constrained channel": lambda answer: (
        f"<|channel|>analysis<|message|>{THOUGHT}<|end|><|start|>assistant"
        f"<|channel|>commentary<|message|>{THOUGHT}<|end|><|start|>assistant"
        f"<|channel|>final <|constrain|>json<|message|>{answer}"
    ),
    "the end of a channel": lambda answer: (
        f"<|channel|>analysis<|message|>They ask. {THOUGHT}<|end|>{answer}"
    ),
    "channels without marks": lambda answer: f"analysisThey ask. {THOUGHT}assistantfinal{answer}",
    "commas before brackets": lambda answer: answer.replace('"K1"]', '"K1",]')[:-1] + ",\n}",
    "words of Python": lambda answer: answer.replace(": false", ": False"),
    "quotes and words of Python": lambda answer: repr(json.loads(answer) | {"reason": None}),
    "comments": lambda answer: f"{{\n// an /* answer\n{answer[1:]}",
    "comments between": lambda answer: answer.replace("0.9, ", "0.9, // sure\n"),
    "no last bracket": lambda answer: f"Here it is: {answer[:-1]}",
    "a string of JSON": json.dumps,
    "raw line breaks and tabs": lambda answer: answer.replace("\\n", "\n").replace("\\t", "\t"),
}

GOES_ON = ("words around it", "a list of one")
"""Beside the text there are thoughts: what they go on after was a draft."""

# ---- how a content becomes chunks, and chunks become bytes

Chunks = Callable[[list[str]], list[str]]


def many(pieces: list[str], **delta: Any) -> list[str]:
    return [token(piece, **delta) for piece in pieces]


def changed(chunk: str, **members: Any) -> str:
    """Return a chunk with members changed, in its choice or in itself; None leaves one out."""
    told = json.loads(chunk)
    for name, value in members.items():
        place = told["choices"][0] if name in ("index", "delta", "finish_reason") else told
        if value is None:
            place.pop(name, None)
        else:
            place[name] = value
    return json.dumps(told)


EMPTY = json.dumps({"id": "", "model": "", "choices": [], "usage": None})
NO_DELTA = json.dumps(
    {"choices": [{"index": 0, "finish_reason": None, "content_filter_results": {}}]}
)
NULL_DELTA = json.dumps({"choices": [{"index": 0, "delta": None}]})

CHUNKS: dict[str, Chunks] = {
    "as they should be": lambda pieces: [*many(pieces), *ending()],
    "no [DONE]": lambda pieces: [*many(pieces), *ending()[:-1]],
    "no end at all": many,
    "a filter's notes between": lambda pieces: [
        chunk for one in many(pieces) for chunk in (EMPTY, one, NO_DELTA, NULL_DELTA)
    ],
    "an end with each chunk": lambda pieces: [
        changed(one, finish_reason="stop") for one in many(pieces)
    ],
    "no number, no reason, no model": lambda pieces: [
        changed(one, index=None, finish_reason=None, model=None) for one in many(pieces)
    ],
    "a usage without its sum": lambda pieces: [
        changed(one, usage={"prompt_tokens": 1}) for one in many(pieces)
    ],
    "thoughts beside it": lambda pieces: [
        token(None, reasoning_content=THOUGHT),
        token("", reasoning=THOUGHT),
        *many(pieces),
        *ending(),
    ],
    "all of it beside it": lambda pieces: [
        *(token(None, reasoning_content=piece) for piece in pieces),
        *ending(),
    ],
    "all of it beside it, twice": lambda pieces: [  # vLLM has renamed the member, and sends both
        *(token(None, reasoning_content=piece, reasoning=piece) for piece in pieces),
        *ending(),
    ],
    "thoughts in parts with a text": lambda pieces: [
        *(
            changed(token(""), delta={"content": [part | {"text": THOUGHT}]})
            for part in ({"type": "reasoning"}, {"type": "text", "thought": True})
        ),
        *many(pieces),
        *ending(),
    ],
    "counted from 1": lambda pieces: [  # BerriAI/litellm#376
        *(changed(one, index=1) for one in many(pieces)),
        *ending(),
    ],
    "arguments of a call": lambda pieces: [
        *(
            changed(
                token(""), delta={"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}
            )
            for piece in pieces
        ),
        *ending("tool_calls"),
    ],
    "a list of parts": lambda pieces: [
        changed(token(""), delta={"content": [{"type": "thinking", "thinking": [THOUGHT]}]}),
        *(
            changed(token(""), delta={"content": [{"type": "text", "text": piece}]})
            for piece in pieces
        ),
        *ending(),
    ],
    "one message": lambda pieces: [
        json.dumps({"choices": [{"message": {"role": "assistant", "content": "".join(pieces)}}]})
    ],
}


def events(chunks: list[str], *, start: str = "data: ", end: str = "\n\n") -> bytes:
    return "".join(f"{start}{chunk}{end}" for chunk in chunks).encode()


BYTES: dict[str, Callable[[list[str]], bytes]] = {
    "events": events,
    "no space": lambda chunks: events(chunks, start="data:"),
    "CRLF": lambda chunks: events(chunks, end="\r\n\r\n"),
    "CR": lambda chunks: events(chunks, end="\r\r"),
    "one line feed": lambda chunks: events(chunks, end="\n"),
    "no end of the last line": lambda chunks: events(chunks).rstrip(),
    "other fields": lambda chunks: events(chunks, start="event: message\nid: 7\nretry: 9\ndata: "),
    "comments": lambda chunks: events(chunks, start=": OPENROUTER PROCESSING\n\n:\ndata: "),
    "pings": lambda chunks: events(chunks, start="data: ping\n\ndata:\n\ndata: "),
    "lines of JSON": lambda chunks: "\n".join(chunks).encode(),
    "indented JSON": lambda chunks: "\n\n".join(map(indented, chunks)).encode(),
    "indented data": lambda chunks: events(
        ["\ndata: ".join(indented(chunk).split("\n")) for chunk in chunks]
    ),
    "two in a line": lambda chunks: events(
        ["".join(chunks[at : at + 2]) for at in range(0, len(chunks) - 1, 2)]
        + chunks[len(chunks) // 2 * 2 :]
    ),
    "all in one line": lambda chunks: events(chunks, end=""),
    "letters as they are": lambda chunks: events([unescaped(chunk) for chunk in chunks]),
}


def indented(chunk: str) -> str:
    return chunk if chunk == "[DONE]" else json.dumps(json.loads(chunk), indent=1)


def unescaped(chunk: str) -> str:
    """Write characters instead of their escapes, halves of them aside."""
    if chunk == "[DONE]":
        return chunk
    text = json.dumps(json.loads(chunk), ensure_ascii=False)
    return text.encode(errors="backslashreplace").decode()


replies = st.text(st.sampled_from("aé—一😀💀\n\t\"\\/{}[],:' _<`"), min_size=1, max_size=30)
cuts = st.lists(st.integers(0, 12), max_size=60)


@settings(deadline=None, max_examples=200)
@given(
    replies,
    st.sampled_from(sorted(TEXTS)),
    st.sampled_from(sorted(CHUNKS)),
    st.sampled_from(sorted(BYTES)),
    st.integers(3, 60),
    cuts,
    st.booleans(),
    st.booleans(),
)
@example("Hi 😀", "plain", "as they should be", "events", 1, [], True, True)
@example("Hi 😀", "plain", "as they should be", "events", 1, [], False, True)
def test_every_form_of_a_stream_gives_the_same_answer(
    reply: str,
    text: str,
    chunks: str,
    form: str,
    size: int,
    lengths: list[int],
    is_ascii: bool,
    shows_early: bool,
) -> None:
    """Wherever it is cut: tokens, events and packets end anywhere, in half an emoji too."""
    assume(not chunks.startswith("all of it beside it") or text not in GOES_ON)
    answer = TEXTS[text](json.dumps(analysis(reply=reply), ensure_ascii=is_ascii))
    halves = [*answer.encode("utf-16-le", "surrogatepass")]
    units = [
        bytes(halves[at : at + 2]).decode("utf-16-le", "surrogatepass")
        for at in range(0, len(halves), 2)
    ]
    pieces = ["".join(units[at : at + size]) for at in range(0, len(units), size)]
    body = BYTES[form](CHUNKS[chunks](pieces))

    shown, _ = read(cut(body, lengths), shows_early=shows_early)
    assert shown == reply


@pytest.mark.parametrize(
    ("text", "chunks"),
    [
        *((text, "as they should be") for text in TEXTS),
        *((text, chunks) for text in ("plain", "</think> alone") for chunks in CHUNKS),
    ],
)
def test_each_text_is_read_from_each_kind_of_chunks(text: str, chunks: str) -> None:
    """Byte by byte; what a model thinks is never shown."""
    reply = 'Line one.\nLine two:\t"a" 😀'
    answer = TEXTS[text](json.dumps(analysis(reply=reply)))
    body = events(CHUNKS[chunks]([answer[at : at + 5] for at in range(0, len(answer), 5)]))

    assert read([body[at : at + 1] for at in range(len(body))])[0] == reply


BROKEN = {
    "half of an emoji alone": ('"Hi \\ud83d!"', "Hi !"),
    "the other half alone": ('"Hi \\ude00!"', "Hi !"),
    "half of one at the end": ('"Hi \\ud83d"', "Hi "),
    "an escape of an underscore": (r'"track\_my\_order"', "track_my_order"),
    "an escape of an apostrophe": (r'"it\'s"', "it's"),
    "an escape of a line break": ('"one\\\ntwo"', "one\ntwo"),
    "no escape of a unit": (r'"\unit and \u12"', "unit and u12"),
    "a NUL": ('"a\\u0000b\x00c"', "abc"),
    "nothing": ("null", ""),
    "quotes that nobody escaped": ('"the "Pro" plan, or "Team" "', 'the "Pro" plan, or "Team" '),
    "such quotes at its end": ('"it is called "Pro""', 'it is called "Pro"'),  # lingo.dev#2136
    "such a quote before a comma": ('"a 1/2", or 3/4" wrench"', 'a 1/2", or 3/4" wrench'),
}


@pytest.mark.parametrize(("written", "meant"), BROKEN.values(), ids=BROKEN)
def test_what_is_nearly_json_is_read_as_it_is_meant(written: str, meant: str) -> None:
    """Each of them lost a whole reply."""
    answer = json.dumps(analysis(reply="?")).replace('"?"', written)
    body = events([*many(list(answer)), *ending()])

    assert read([body])[0] == meant
    assert read([body[at : at + 1] for at in range(len(body))])[0] == meant


def test_an_emoji_may_come_in_two_halves_of_bytes() -> None:
    """A server that writes a token's bytes as they are ends an event within a character."""
    answer = json.dumps(analysis(reply="Hi 💀!"), ensure_ascii=False).encode()
    at = answer.index("💀".encode()) + 2
    start, end = b'data: {"choices": [{"delta": {"content": "', b'"}}]}\n\n'
    quoted = [part.replace(b'"', b'\\"') for part in (answer[:at], answer[at:])]

    assert read([start + part + end for part in quoted])[0] == "Hi 💀!"


@pytest.mark.parametrize(
    "text",
    [
        f"<think>{THOUGHT}",
        f"<think>They ask. {THOUGHT} So",
        f"<think>{THOUGHT}</think>",
        f"<think>{THOUGHT}</think> I think that {{",
        f"They ask. {THOUGHT}</think>{json.dumps(analysis())[:-9]}",
        f"<|channel|>analysis<|message|>They ask. {THOUGHT}",
        f"<|channel|>analysis<|message|>{THOUGHT}<|end|>",
        f"<|channel|>analysis<|message|>{THOUGHT}<|end|><|start|>assistant<|channel|>final",
    ],
)
@pytest.mark.parametrize("size", [1, 10_000])
def test_a_thought_is_no_answer(text: str, size: int) -> None:
    """The model was cut off while it thought; its draft would have been sent."""
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    with pytest.raises(MalformedAnswer):
        read([events([*many(pieces), *ending("length")])])


@pytest.mark.parametrize(("text", "reason"), [(THOUGHT, "length"), (f"{THOUGHT} So", "stop")])
def test_a_thought_beside_the_text_is_no_answer(text: str, reason: str) -> None:
    """But for one with which the thoughts end: some servers put the answer there."""
    with pytest.raises(MalformedAnswer):
        read([events([token(None, reasoning_content=text), *ending(reason)])])


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"total_tokens": 42}, 42),
        ({"prompt_tokens": 30, "completion_tokens": 12}, 42),
        ({"prompt_tokens": 30}, None),
        ({"prompt_tokens": -1, "completion_tokens": 1}, None),
        ([], None),
    ],
)
def test_tokens_are_counted_with_or_without_their_sum(usage: Any, tokens: int | None) -> None:
    """It decides nothing."""
    body = events([changed(token(json.dumps(analysis())), usage=usage), "[DONE]"])
    reply, answer = read([body])

    assert (reply, answer.tokens_used) == ("It is an inbox.", tokens)


def test_a_chunk_that_is_broken_is_no_gap_in_the_answer() -> None:
    """A reply that lacks a piece in its middle may say the opposite."""
    chunks = many(["{", json.dumps(analysis())[1:]])
    with pytest.raises(MalformedAnswer):
        read([events([chunks[0], chunks[1][:-3] + "x}", *chunks[1:], *ending()])])
