"""Holds a model's reply to what is known: items, conversation, customer, settings.

A reply is read sentence by sentence, before anybody sees it. What says nothing by itself (a
greeting, "here they are:") waits for what it introduces. A sentence that states what stands nowhere
is held back, with the rest of its line, which may speak of it.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from functools import partial

from romashka_worker.grounding.facts import Fact
from romashka_worker.grounding.grounds import Grounds, grounds_of
from romashka_worker.grounding.lexicon import lexicon
from romashka_worker.job import Job
from romashka_worker.metrics import UNGROUNDED
from romashka_worker.responders import Draft, ResponderError
from romashka_worker.sentences import whole_sentences
from romashka_worker.trace import note

__all__ = ["Fact", "Grounds", "Ungrounded", "grounded_text", "grounds_of"]

_MAX_SENTENCE_CHARS = 2000
_MAX_FACTS, _MAX_SAID = 10, 80
_MIN_WORDS = 4
_MIN_LETTERS = 8
"""Of a sentence that says something, in a script without spaces."""


class Ungrounded(Exception):
    """Nothing that a reply says of the matter is supported, or not what it begins with."""

    def __init__(self, missing: tuple[Fact, ...]) -> None:
        super().__init__("what the reply says stands nowhere")
        self.said = tuple(fact.said[:_MAX_SAID] for fact in missing[:_MAX_FACTS])
        """What that was: for its author, to be left out."""


def grounded_text(draft: Draft, job: Job, may_ask_again: Callable[[], bool]) -> AsyncIterator[str]:
    """Return the text of a draft, held to what is known if its author wrote it and did not quote.

    Args:
        draft: a reply that is being written.
        job: what it answers.
        may_ask_again: is there time to have it written anew?

    Raises:
        Ungrounded: when it is read: nothing of it can be sent, or it is better written anew.
    """
    if draft.written_from is None or not job.settings.get("grounding"):
        return draft.text
    return _sieved(draft.text, partial(grounds_of, job, draft), may_ask_again)


async def _sieved(
    pieces: AsyncIterator[str],
    find_grounds: Callable[[], Grounds],
    may_ask_again: Callable[[], bool],
) -> AsyncIterator[str]:
    sieve = await asyncio.to_thread(_Sieve, find_grounds)
    pending = ""
    async for piece in pieces:
        pending += piece
        for sentence in whole_sentences(pending):
            pending = pending[len(sentence) :]
            if text := sieve.take(sentence):
                yield text
            if sieve.is_empty_handed and may_ask_again():
                raise Ungrounded(sieve.missing)
        if len(pending) > _MAX_SENTENCE_CHARS:
            raise ResponderError("a sentence of the reply does not end")
    text = sieve.take(pending) + sieve.end()
    if sieve.is_empty_handed:
        raise Ungrounded(sieve.missing)
    if text:
        yield text


class _Sieve:
    """Takes the sentences of one reply."""

    def __init__(self, find_grounds: Callable[[], Grounds]) -> None:
        """Read what is known: of long items that takes a tenth of a second."""
        self.missing: tuple[Fact, ...] = ()
        self._grounds = find_grounds()
        self._grounds.missing_from("")
        self._waiting: list[str] = []
        self._has_said = False
        self._skips_line = False
        self._is_in_line = False

    @property
    def is_empty_handed(self) -> bool:
        """Was something held back, and nothing of the matter said?"""
        return bool(self.missing) and not self._has_said

    def take(self, sentence: str) -> str:
        """Take the next sentence, and return what may be shown now."""
        if not self._skips_line and (missing := self._grounds.missing_from(sentence)):
            self._note(missing)
            self._leave_introduction()
            self._skips_line = True
        if self._skips_line:
            self._skip(sentence)
            return ""
        self._waiting.append(sentence)
        self._is_in_line = not sentence.endswith("\n")
        if not _says_something(sentence):
            return ""
        self._has_said = True
        return self.end()

    def _skip(self, sentence: str) -> None:
        """Leave out a sentence; a line of which something was kept still ends."""
        if sentence.endswith("\n"):
            if self._is_in_line:
                self._waiting.append("\n")
            self._skips_line = self._is_in_line = False

    def _leave_introduction(self) -> None:
        """Leave out "these are the prices:" where no price follows."""
        said = [number for number, text in enumerate(self._waiting) if text.strip()]
        if said and _introduces(self._waiting[said[-1]]):
            del self._waiting[said[-1] :]
            self._is_in_line = bool(self._waiting) and not self._waiting[-1].endswith("\n")

    def _note(self, missing: tuple[Fact, ...]) -> None:
        """Note of what kinds it was; never what it said."""
        self.missing += missing
        kinds = [fact.kind for fact in self.missing]
        note(ungrounded={kind: kinds.count(kind) for kind in kinds})
        for fact in missing:
            UNGROUNDED.labels(fact.kind).inc()

    def end(self) -> str:
        """Return what waits."""
        text = "".join(self._waiting)
        self._waiting.clear()
        return text


def _introduces(sentence: str) -> bool:
    return sentence.rstrip().endswith((":", "："))  # noqa: RUF001 -- Chinese, too


def _says_something(sentence: str) -> bool:
    """Does it say anything of the matter? A number does, a question and a greeting do not."""
    text = sentence.strip().lower()
    if not text or text.endswith(("?", "？", "؟")) or _introduces(text):  # noqa: RUF001 -- of other scripts
        return False
    if any(map(str.isdecimal, text)):
        return True
    if re.search(lexicon()["courtesy"]["words"], text):
        return False
    words, letters = len(text.split()), sum(map(str.isalpha, text))
    return words >= _MIN_WORDS or words <= letters // _MIN_LETTERS
