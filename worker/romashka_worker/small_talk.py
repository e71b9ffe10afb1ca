"""Recognises what is said out of politeness alone, and answers it from the settings.

A greeting, thanks, a goodbye, who or what the AI is, "ok", an emoji, a laugh. A message that is
made of known phrases is heard without embeddings, the rest by heads on its vector; both come from
`worker/training/train_small_talk.py`. What asks or says anything else is no small talk.
"""

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import accumulate
from typing import Any, Literal

from romashka_worker.choices import open_question
from romashka_worker.embeddings import Embedder, Embedding
from romashka_worker.heads import Weights, softmax
from romashka_worker.job import Answer, Job
from romashka_worker.language import base_language
from romashka_worker.trace import note

Kind = Literal["is_bot", "who_are_you", "goodbye", "greeting", "thanks", "acknowledgement"]

SURE = 0.8
_LONGEST = 80
"""Letters: whoever writes more has something to say."""
_KINDS: Sequence[Kind] = (
    "is_bot",
    "who_are_you",
    "goodbye",
    "greeting",
    "thanks",
    "acknowledgement",
)
"""Of several in one message the first is answered."""
_FILLER, _NEGATION = "filler", "negation"
"""What may stand between phrases ("very", "all"), and "no": it acknowledges, "no good" does not."""
_NEEDS_NO_ANSWER = ("thanks", "acknowledgement")
_EMOTICON = re.compile(r"[:;=][-^']?[)dp*3](?![a-z])|<3|\^[_.]?\^", re.IGNORECASE)
_LAUGH = re.compile(
    r"[ha]{4,}|[he]{4,}|[hi]{4,}|[ja]{4,}|[je]{4,}|[ха]{4,}|[хе]{4,}|[хи]{4,}|l+o+l+|lmf?ao|rofl"  # noqa: RUF001 -- Russian
    r"|xd+|mdr|ptdr|k{3,}|w{2,}|(?:wk){2,}w?|(?:rs){2,}|5{3,}|[\u110f\u1112]{2,}|[哈呵嘻嘿]{2,}|[笑草]"
    r"|[הח]{3,}|\u0647{3,}"
)
_DOTLESS = {0x131: "i"}
"""Turkish has two, and many type one."""
_TWICE = re.compile(r"(.)\1+")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7af]")
"""Of scripts that do not part every word."""
_WORD = re.compile(r"\w+")
_NO_WORDS = " .!,~…。！،\n"  # noqa: RUF001 -- other scripts
_QUESTION_MARK = re.compile("[?？؟;;]")  # noqa: RUF001 -- other scripts
_QUESTION_MARKS = ("?", "？", "؟")  # noqa: RUF001 -- other scripts
_WAVES = frozenset("👋🙋")
_NO_SMALL_TALK = frozenset("👎😠😡🤬🖕🆘😤💩⁉❓❔")
"""These say that something is wrong, or ask."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What kind of small talk a message is; of known phrases, in which languages they are said."""

    kind: Kind
    languages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Phrase:
    role: str
    """A kind, `negation` or `filler`."""
    languages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Learnt:
    model: str
    phrases: Mapping[str, _Phrase]
    heads: Weights
    longest_phrase: int


class SmallTalk:
    """Answers what is small talk as a whole."""

    def __init__(self, embedder: Embedder | None = None) -> None:
        self._can_feel = embedder is not None and _learnt().model in embedder.model

    def answer(self, job: Job, embedding: Embedding | None, spoken: str | None) -> Answer | None:
        """Return the answer to a turn of small talk; None if the turn is anything else.

        `embedding` is the message's; without it only known phrases are heard. `spoken` is the
        language that is known or was recognised.
        """
        if job.written != job.user_message:
            return None  # there is a file
        heard = hear(job.written, embedding if self._can_feel else None)
        if heard is None or not (kind := _kind_here(heard.kind, job)):
            return None
        note(small_talk=kind)
        if kind == "none":
            return Answer(action="none", language=spoken)
        text = _text(job, kind, heard, spoken)
        return Answer(action="reply", text=text, confidence=1.0, language=spoken) if text else None


def hear(text: str, embedding: Embedding | None = None) -> Heard | None:
    """Return what small talk a whole message is; `embedding` is of the model of the heads."""
    if not _NO_SMALL_TALK.isdisjoint(text):
        return None
    return _known(text) or (_felt(text, embedding) if embedding else None)


def phrase(text: str) -> str:
    """Return a text as phrases are compared: its letters, without accents, none twice in a word."""
    words = unicodedata.normalize("NFKD", text.casefold().translate(_DOTLESS)).split()
    return "".join(_TWICE.sub(r"\1", "".join(filter(str.isalpha, word))) for word in words)


# ---- by known phrases


def _known(text: str) -> Heard | None:
    words = _WORD.findall(unicodedata.normalize("NFKC", _EMOTICON.sub(" ", text)).casefold())
    if sum(map(len, words)) > _LONGEST:
        return None
    if not words:
        return _shown(text)
    serious = [word for word in words if not _LAUGH.fullmatch(word)]
    return _made_of_phrases(words) or (
        _made_of_phrases(serious) if serious else Heard("acknowledgement")
    )


def _shown(text: str) -> Heard | None:
    """A message without a word: emojis and emoticons are small talk, question marks are not."""
    signs = {sign for sign in text if unicodedata.category(sign) == "So"}
    if not signs and not _EMOTICON.search(text):
        return None
    return Heard("greeting" if signs and signs <= _WAVES else "acknowledgement")


def _made_of_phrases(words: Sequence[str]) -> Heard | None:
    """Is it one phrase after the other, and nothing else? Many write without spaces."""
    text = " ".join(words)
    if any(map(str.isdigit, text)):
        return None
    letters = phrase(text)
    phrases, longest = _learnt().phrases, _learnt().longest_phrase
    borders = {0, *accumulate(len(phrase(word)) for word in words)}
    is_unspaced = _UNSPACED.search(text) is not None

    def may_be(start: int, end: int) -> bool:
        """Words may be run together, but "not yet" is not "no", "ty" and "et"."""
        if {start, end} <= borders or is_unspaced:
            return True
        is_telling = end - start > 1 and phrases[letters[start:end]].role != _FILLER
        return is_telling and borders.isdisjoint(range(start + 1, end))

    best: list[tuple[_Phrase, ...] | None] = [()]
    for end in range(1, len(letters) + 1):
        found = (
            (*before, phrases[letters[start:end]])
            for start in range(max(0, end - longest), end)
            if (before := best[start]) is not None
            and letters[start:end] in phrases
            and may_be(start, end)
        )
        best.append(min(found, key=_doubt, default=None))
    if not (said := best[-1]):
        return None
    roles = {part.role for part in said} - {_FILLER}
    if not roles or roles >= {_NEGATION, "acknowledgement"}:
        return None
    kind: Kind = next((kind for kind in _KINDS if kind in roles), "acknowledgement")
    shared = set.intersection(*(set(part.languages) for part in said))
    main = next(part for part in said if part.role == (kind if kind in roles else _NEGATION))
    return Heard(kind, tuple(code for code in main.languages if code in shared))


def _doubt(parts: Sequence[_Phrase]) -> tuple[int, int]:
    """Of two ways to read a text the one with fewer phrases is meant, and then what is answered."""
    ranks = (*_KINDS, _NEGATION, _FILLER)
    return len(parts), sum(ranks.index(part.role) for part in parts)


# ---- by meaning


def _felt(text: str, embedding: Embedding) -> Heard | None:
    letters = sum(map(str.isalpha, text))
    if not 0 < letters <= _LONGEST or any(map(str.isdigit, text)):
        return None
    _, *more = _QUESTION_MARK.split(text)
    if any(part.strip(_NO_WORDS) and not _known(part) for part in more):
        return None  # who asks, and goes on: "Are you human? Get me one"
    kinds = softmax(_learnt().heads, embedding.vector)
    if 1 - kinds.pop("none") < SURE:
        return None
    return Heard(max(_KINDS, key=kinds.__getitem__))


# ---- what it is answered


def _kind_here(kind: Kind, job: Job) -> Kind | Literal["none"] | None:
    """Return what is to be answered in this conversation, if it is small talk there."""
    if job.context.get("requires_human"):  # the customer waits for somebody of the team
        if kind == "greeting":
            return None
        return kind if kind in ("is_bot", "who_are_you") else "none"
    if kind not in _NEEDS_NO_ANSWER:
        return kind
    said = _last_said(job)
    if said is None:
        return "thanks" if kind == "thanks" else "greeting"
    if kind == "acknowledgement" and _asks(said, job):
        return None
    # A database without the setting knows no turn that needs no answer.
    return kind if job.settings.get("answers_acknowledgements", True) else "none"


def _last_said(job: Job) -> str | None:
    """Return what the AI or the team said last."""
    for message in reversed(job.context.get("recent_messages") or ()):
        if message["sender_type"] != "user":
            return str(message["content"])
    return None


def _asks(said: str, job: Job) -> bool:
    """Is "yes" or "ok" an answer to this? Not if it was only asked how one can help."""
    if open_question(job):  # which of these is meant: choices stand below it
        return True
    own = (job.settings.get("small_talk_texts") or {}).values()
    texts = [text for kind in (*_texts().values(), *own) for text in dict(kind).values()]
    return said.rstrip().endswith(_QUESTION_MARKS) and said not in texts


def _text(job: Job, kind: str, heard: Heard, spoken: str | None) -> str | None:
    """Return the text in the language of the conversation, or else of the phrase, or in English."""
    own = (job.settings.get("small_talk_texts") or {}).get(kind)
    texts = {**_texts()[kind], **(own if isinstance(own, Mapping) else {})}
    known = [base_language(code) for code in (spoken, job.default_language) if code]
    likely = [code for code in known if code in heard.languages]
    codes = (*likely, *heard.languages, *known, "en")
    return next((texts[code] for code in codes if texts.get(code)), None)


@cache
def _texts() -> Mapping[str, Mapping[str, str]]:
    texts: Mapping[str, Mapping[str, str]] = json.loads(
        files("romashka_worker").joinpath("small_talk_texts.json").read_text("utf-8")
    )
    return texts


@cache
def _learnt() -> _Learnt:
    stored: Any = json.loads(
        files("romashka_worker").joinpath("small_talk.json").read_text("utf-8")
    )
    phrases = {
        text: _Phrase(kind, tuple(codes.split()))
        for text, (kind, codes) in stored["phrases"].items()
    }
    return _Learnt(stored["model"], phrases, stored["heads"], max(map(len, phrases)))
