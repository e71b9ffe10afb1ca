"""What a text states that can be looked up: numbers, prices, dates, times, addresses, codes.

The same eyes read a reply and what has to support it: each fact says what it gives and what it
needs, in keys that are the same in all spellings and languages.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Literal

from romashka_worker.grounding.dates import (
    TAKEN,
    Key,
    Moment,
    find_always,
    find_dates,
    find_months,
    find_times,
    find_weekdays,
    times_of,
)
from romashka_worker.grounding.lexicon import any_of, lexicon, words_of
from romashka_worker.grounding.numbers import TO, Number, find_numbers

Kind = Literal[
    "number", "price", "date", "time", "url", "email", "phone", "code", "name", "promise"
]


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that a text states."""

    kind: Kind
    said: str
    gives: frozenset[Key] = frozenset()
    """What a text that states it supports."""
    needs: frozenset[Key] = frozenset()
    """Any one of these supports it."""


_MEASURES = {"duration", "months", "percent", "kilograms", "meters", "liters", "bytes"}
_ALWAYS: frozenset[Key] = frozenset({("always",)})
_DAY_AND_NIGHT = _ALWAYS | {
    ("number", 24.0),
    ("number", 7.0),
    ("duration", 1440.0),
    ("duration", 10080.0),
}
_FEW = 10
_MONTH = 30 * 1440.0
_CLOCK_FIGURES = re.compile(r"([01]?\d|2[0-4])\.([0-5]\d)")
_NEAR, _MAX_SENTENCE = 25, 400
_MAX_PARTS = 20
_DOMAINS = (
    "com|org|net|io|app|dev|shop|store|info|biz|ai|co|me|eu|de|at|ch|fr|es|pt|br|it|nl|be|pl|cz|se"
    "|no|dk|fi|ie|uk|us|ca|au|nz|mx|ar|cl|ru|ua|tr|in|cn|jp|kr|ae|sa|eg|test|example|рф"
    "|xyz|online|site|club|website|cloud|gg|ly|tv"
)
_URL = re.compile(
    r"(?i:https?://|www\.)[^\s<>\"'\u2e80-\uffff«»]+"
    rf"|(?<![\w@.-])(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+(?:{_DOMAINS})(?![A-Za-z0-9_@-]|\.[A-Za-z0-9])"
    r"(?:/[^\s<>\"'\u2e80-\uffff«»]*)?"
    r"|(?<![\w@.-])(?:[a-z0-9-]+\.)+[a-z]{2,}/[a-z0-9][^\s<>\"'\u2e80-\uffff«»]*"
)
_EMAIL = re.compile(r"(?<![A-Za-z0-9_.%+-])[A-Za-z0-9_.%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_HANDLE = re.compile(r"(?<![A-Za-z0-9_@])@[A-Za-z0-9_][A-Za-z0-9_.]+")
_PHONE = re.compile(
    r"(?<![A-Za-z0-9_.,])(?:\+|\(\+?)?\d[\d ()./\u2010-\u2015-]{5,}\d(?![A-Za-z0-9_])"
)
_TWO_NUMBERS = re.compile(
    r"[1-9][\d.]{0,6}\s?[-\u2010-\u2015/]\s?\d[\d.]{0,6}|\d{1,3}(?:[ .]\d{3})+"
)
_CODE = re.compile(r"(?<![A-Za-z0-9_-])(?:[A-Za-z]+\d|[A-Z]{1,6}[-_]\d)[A-Za-z0-9_-]*")
_ENDS = ".,;:!?)]}»”’'\"*_…。，！？、؟،"  # noqa: RUF001 -- of many scripts
_MARKER = re.compile(
    r"(?:^|(?<=\n)|(?<=[.!?:;,]))\s*(?:[*_(]{0,2}\d{1,2}[.)][*_]{0,2}(?=\s+[^\s\d])|\d\ufe0f?\u20e3)"
)
_AT = re.compile(r"\b(?:à|a|au|das|às|as|las|de|dès|do|до|с|в|к|from|to|at)\s\Z", re.IGNORECASE)  # noqa: RUF001 -- Russian, too
_PARTS = re.compile(r"[,;،、]")
_SINCE = "(?:from|von|de|das|de las|dalle|с|от|من)"  # noqa: RUF001 -- Russian, too


def find_facts(text: str, language: str | None = None) -> list[Fact]:
    """Return what a normalised text states.

    Args:
        text: normalised (NFKC), as `normalised` returns it.
        language: of a reply, whose words count; None for all that a source may say, in any.
    """
    reading = _Reading(text)
    reading.take(_URL, _url)
    reading.take(_EMAIL, _email)
    reading.take(_HANDLE, lambda said: _exact("email", said.rstrip(".").lower(), said))
    for start, end in find_always(reading.rest):
        reading.add(Fact("time", text[start:end], _DAY_AND_NIGHT, _ALWAYS), start, end)
    for moment in find_dates(reading.rest):
        reading.add(_fact("date", text, moment), moment.start, moment.end)
    for moment in find_times(reading.rest, language):
        reading.add(_fact("time", text, moment), moment.start, moment.end)
    reading.take(_PHONE, _phone)
    reading.take(_CODE, lambda said: _exact("code", re.sub(r"[\W_]", "", said).lower(), said))
    reading.drop(_MARKER)
    rest = reading.rest
    for number in find_numbers(rest, language):
        fact = _number(number, rest, language)
        reading.add(fact, number.start, number.end)
    for moment in find_months(reading.rest, language):
        reading.add(_fact("date", text, moment))
    for moment in find_weekdays(reading.rest, language):
        reading.add(_fact("date", text, moment))
    for _ in re.finditer(lexicon()["tomorrow"]["words"], reading.rest, re.IGNORECASE):
        reading.add(_exact("date", "tomorrow", "tomorrow"))
    return reading.facts


class _Reading:
    """A text of which more and more has been read."""

    def __init__(self, text: str) -> None:
        self.facts: list[Fact] = []
        self._rest = text
        self._taken: list[tuple[int, int]] = []

    @property
    def rest(self) -> str:
        """What has not been read; as long as the text."""
        if self._taken:
            left, end_of_last = [], 0
            for start, end in sorted(self._taken):
                if end > end_of_last:
                    start = max(start, end_of_last)
                    left += [self._rest[end_of_last:start], TAKEN * (end - start)]
                    end_of_last = end
            self._rest = "".join([*left, self._rest[end_of_last:]])
            self._taken.clear()
        return self._rest

    def take(self, pattern: re.Pattern[str], fact_in: Callable[[str], Fact | None]) -> None:
        for found in pattern.finditer(self.rest):
            if fact := fact_in(found.group()):
                self.add(fact, found.start(), found.start() + len(fact.said))

    def add(self, fact: Fact, start: int = 0, end: int = 0) -> None:
        """Note a fact; what it was made of is no other one."""
        self.facts.append(fact)
        if end > start:
            self._taken.append((start, end))

    def drop(self, pattern: re.Pattern[str]) -> None:
        self._rest = pattern.sub(lambda found: " " * len(found.group()), self.rest)


def _fact(kind: Kind, text: str, moment: Moment) -> Fact:
    return Fact(kind, text[moment.start : moment.end], moment.gives, moment.needs)


def _exact(kind: Kind, key: str, said: str) -> Fact:
    keys = frozenset[Key]({(kind, key)})
    return Fact(kind, said, keys, keys)


def _url(found: str) -> Fact | None:
    """Return an address; whoever is told one is told all that it begins with."""
    said = found.rstrip(_ENDS)
    if said.count("(") > said.count(")") and found[len(said) :].startswith(")"):
        said += ")"
    address = re.sub(r"^(?:https?://)?(?:www\.)?", "", said.lower()).rstrip("/")
    parts = re.split(r"(?=[/?#])", address, maxsplit=_MAX_PARTS)
    beginnings = ("".join(parts[: count + 1]).rstrip("/") for count in range(len(parts)))
    gives = frozenset[Key](("url", beginning) for beginning in beginnings)
    return Fact("url", said, gives, frozenset({("url", address)}))


def _email(found: str) -> Fact:
    said = found.rstrip(_ENDS)
    address = said.lower()
    own: Key = ("email", address)
    domain: Key = ("url", address.partition("@")[2])
    return Fact("email", said, frozenset({own, domain}), frozenset({own}))


def _phone(found: str) -> Fact | None:
    """Return a telephone number, or another long one: its last digits are the same abroad."""
    digits = re.sub(r"\D", "", found.replace("(0)", ""))
    is_number = _TWO_NUMBERS.fullmatch(found.strip()) is not None
    is_long = len(digits) >= 9 and "." not in found  # 910 555 123
    if len(digits) < 7 or (is_number and not is_long and found[0] not in "+0"):
        return None
    local = digits.lstrip("0")
    gives = frozenset[Key](("phone", local[-size:]) for size in range(6, len(local) + 1))
    is_international = found.lstrip("(").startswith(("+", "00"))
    without_code = (local[size:].lstrip("0") for size in (range(4) if is_international else [0]))
    needs = frozenset[Key](("phone", tail) for tail in without_code if len(tail) >= 6)
    return Fact("phone", found, gives, needs)


def _number(number: Number, text: str, language: str | None) -> Fact:
    is_claim = language is not None
    before = text[max(0, number.start - _NEAR) : number.start]
    after = text[number.end : number.end + _MAX_SENTENCE]
    plain = frozenset[Key](("number", value) for value in number.values)
    bare = frozenset[Key](("bare", value) for value in number.values)
    is_hour = _is_hour(before, after)
    if number.unit is None:
        gives, needs = plain, plain
        if is_hour:
            needs |= frozenset(("hour", value) for value in number.values)
        if is_claim and (clock := _CLOCK_FIGURES.fullmatch(text[number.start : number.end])):
            needs |= times_of(int(clock[1]), int(clock[2]), "?")  # "open till 17.30"
        if is_hour or not _counts_something().match(after):
            gives |= bare
        is_nothing = is_claim and not is_hour and _says_nothing(number, before, after)
        return Fact("number", number.said, gives, frozenset() if is_nothing else needs)
    of, factor = number.unit
    measured = frozenset[Key]((of, round(value * factor, 6)) for value in number.values)
    if (of, factor) == ("duration", 60.0) and (is_claim or _AT.search(before)):
        half = "?" if is_hour else ""
        for value in number.values:  # "à 18 heures" is no duration
            hours = times_of(int(value), half=half, language=language)
            measured |= hours if value <= 24 else frozenset()
    # "Price: 14" has no unit; "14 bags" has another one.
    needs = measured | (frozenset() if of in _MEASURES and of != "duration" else bare)
    needs |= frozenset(_as_months(of, round(value * factor, 6)) for value in number.values)
    if is_claim and number.is_word and number.values == {1.0} and (of, factor) in _ARTICLES:
        needs = frozenset()
    kind: Kind = "number" if of in _MEASURES else "price"
    return Fact(kind, number.said, measured | plain, needs)


def _as_months(of: str, value: float) -> Key:
    """Return what thirty days, or a month, are called, too."""
    if of == "duration":
        return "months", value / _MONTH
    return ("duration", value * _MONTH) if of == "months" else (of, value)


def _is_hour(before: str, after: str) -> bool:
    """Is a number one end of a range of times, or told with a part of the day?"""
    reaches, is_reached, part_of_day = _hours()
    return bool(reaches.match(after) or is_reached.search(before) or part_of_day.match(after))


@cache
def _hours() -> tuple[re.Pattern[str], ...]:
    to = rf"(?:{TO.pattern})(?:las |as |às )?"
    parts = any_of((*words_of(lexicon()["days"]["parts_of_day"]), "uhr"))
    hour = r"(?:[01]?\d|2[0-4])"  # "from 9 to 18"
    patterns = (
        rf"{to}(?:{TAKEN}|{hour}(?![\w%€$£]|[.,]\d|\s?[^\W\d_]))",
        rf"(?:{TAKEN}|\b{_SINCE}\s{hour}){to}\Z",
        rf"\s?{parts}",
    )
    return tuple(re.compile(pattern, re.IGNORECASE) for pattern in patterns)


_ARTICLES = {("duration", 1.0), ("duration", 60.0), ("duration", 1440.0)} | {
    (unit["of"], float(factor))
    for unit in lexicon()["units"]
    if unit["of"] not in ("duration", "months")
    for factor, _ in unit["words"]
}
"""With these "un" and "eine" are no number: once in a day, for a moment."""


def _says_nothing(number: Number, before: str, after: str) -> bool:
    """Does a number without a unit only order what the reply says: "two ways", "step 3"?"""
    if number.is_word:
        return max(number.values) <= _FEW + 2 or bool(number.values & {100.0, 1000.0})
    if number.values == {1.0}:
        return True
    if not all(value <= _FEW and value == int(value) for value in number.values):
        return False
    counter, counted, joint = _counting()
    if counter.search(before) or counted.match(after):
        return True
    parts = len(_PARTS.findall(after)) + len(joint.findall(after)) + 1
    return after.rstrip().endswith(":") or (parts > 1 and parts >= max(number.values))


@cache
def _counting() -> tuple[re.Pattern[str], ...]:
    words = lexicon()["counting"]
    counter, joint = (any_of(words_of(words[name])) for name in ("counter", "joins"))
    counted = "|".join(map(re.escape, words_of(words["counted"])))
    patterns = (rf"{counter}\s*\Z", rf"\W{{0,2}}(?:\w+\s)?(?:{counted})", joint)
    return tuple(re.compile(pattern, re.IGNORECASE) for pattern in patterns)


@cache
def _counts_something() -> re.Pattern[str]:
    """Return what follows a number that counts: a word, but not "per"."""
    ratios = any_of(words_of(lexicon()["counting"]["ratios"]))
    return re.compile(rf"\s?(?!{ratios})[^\W\d_]", re.IGNORECASE)
