"""Dates, weekdays and times of day in a text: what each says, and what supports it."""

import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from romashka_worker.grounding.lexicon import Phrases, any_of, lexicon, ordered, promises, words_of
from romashka_worker.grounding.numbers import TO

Key = tuple[str | float, ...]
TAKEN = "\ufffc"
"""Stands where a fact was found: what it is made of is no fact of its own."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A date or a time where it stands in a text."""

    start: int
    end: int
    gives: frozenset[Key]
    """What is told by it."""
    needs: frozenset[Key]
    """One of these has to be told, for it to be supported."""


_ISO = re.compile(r"(?<!\d)(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)")
_FIGURES = re.compile(
    r"(?<![\d.,/])(\d{1,2})(?:([./-])(\d{1,2})\2(\d{4}|\d{2})(?!\d)|\.(\d{1,2})\.(?=\s*[^\s\d]|\Z)"
    r"|/(\d{2})(?![\d/]))"
)
_CHINESE = re.compile(r"(?:(\d{4})年)?(\d{1,2})月(?:(\d{1,2})[日号號])?")
_CLOCK = re.compile(
    r"(?<![\d:.])(\d{1,2}):(\d{2})(?::\d{2})?(?!\d)(?:\s?(a\.?\s?m\b|p\.?\s?m\b|صباح|مساء|ص\b|م\b))?"
    r"|(?<![\d:.,])(\d{1,2})(?:[.:](\d{2}))?\s?(a\.?\s?m\b|p\.?\s?m\b|uhr\b|o'clock\b|صباح\w*|مساء\w*)"
    r"|(?<![\d:.,])(\d{1,2})\s?h(?:eures?)?\s?(\d{2})\b"
    r"|(上午|早上|凌晨|下午|晚上|中午|午前|午後)?(\d{1,2})[点點時时](?![間间])(?:(\d{1,2})分)?"
    rf"|(?<![\d:.,])(\d{{1,2}})\.(\d{{2}})(?=\s{any_of(words_of(lexicon()['days']['parts_of_day']))})",
    re.IGNORECASE,
)
_ORDINAL = r"(?:st|nd|rd|th|er|º|ª|\.)?"
_TO_LAST = rf"(?:{TO.pattern})"
_OF_YEAR = r"(?:,?\s*(?:de |del |do |of )?(?P<year>\d{4})\b)?"
_DAY_MONTH = re.compile(
    rf"(?<![\d.,])(?:(?P<day>\d{{1,2}}){_ORDINAL}{_TO_LAST})?(?P<last>\d{{1,2}}){_ORDINAL}"
    rf"\s?(?:of |de )?(?P<month>[^\W\d_]{{3,}})\.?{_OF_YEAR}",
    re.IGNORECASE,
)
_AFTER_MONTH = re.compile(
    rf"\.?\s(?:the )?(?P<day>\d{{1,2}}){_ORDINAL}(?:{_TO_LAST}(?P<last>\d{{1,2}}){_ORDINAL})?"
    rf"(?!\d|:){_OF_YEAR}",
    re.IGNORECASE,
)
_UNTIL = re.compile(
    r"\.?\s?(?:[-\u2010-\u2015]|to|through|until|bis|al?|hasta|au|à|até|по|до|至|到|إلى)\s?",
    re.IGNORECASE,
)
_BESIDE = re.compile(rf"\.?\s?(?:[-\u2010-\u2015&+/,:]|\d|{TAKEN})")
"""Beside a weekday in short stands another, a time or a sign: "so" and "mar" are words, too."""
_MAX_BETWEEN = 12
_DAY_AND_NIGHT = re.compile(lexicon()["days"]["day_and_night"], re.IGNORECASE)
_HOURS, _MINUTES = (0, 3, 6, 9, 11), (1, 4, 7, 10, 12)
"""The groups of these in the pattern."""
_COUNT_TO_24 = {"de", "es", "fr", "it", "nl", "pl", "pt", "ru", "uk"}
_AFTERNOON = re.compile(r"p|م|下午|晚上|午後", re.IGNORECASE)
_MORNING = re.compile(r"a|ص|上午|早上|凌晨|午前", re.IGNORECASE)


def find_dates(text: str) -> Iterator[Moment]:
    """Give the dates with a day, in figures or with a month's name."""
    for found in _ISO.finditer(text):
        year, month, day = map(int, found.groups())
        yield from _date(*found.span(), [(day, month)], year)
    for found in _FIGURES.finditer(text):
        first, _, second, told, dotted, slashed = found.groups()
        one, two = int(first), int(second or dotted or slashed)
        decimal: set[Key] = {("number", float(f"{one}.{two}"))} if dotted else set()
        yield from _date(*found.span(), [(one, two), (two, one)], _year(told), decimal)
    for found in _CHINESE.finditer(text):
        if found.group(3):
            day, month = int(found.group(3)), int(found.group(2))
            yield from _date(*found.span(), [(day, month)], _year(found.group(1)))
    yield from _named_dates(text)


def _named_dates(text: str) -> Iterator[Moment]:
    phrases, months = _names_of("months", None, short=True)
    for found in _DAY_MONTH.finditer(text):
        word = found["month"]
        if word.lower() in months and not _is_verb(word):
            yield from _days(found.start(), found, months[word.lower()] + 1)
    for start, end, word in phrases.find(text):
        after = _AFTER_MONTH.match(text, end)
        if after and not _is_verb(text[start:end]):
            yield from _days(start, after, months[word] + 1)


def _is_verb(word: str) -> bool:
    """Option 2 may help: the English name of a month has a capital."""
    return word == "may"


def _days(start: int, found: re.Match[str], month: int) -> Iterator[Moment]:
    for day in filter(None, found.group("day", "last")):
        yield from _date(start, found.end(), [(int(day), month)], _year(found["year"]))


def find_always(text: str) -> Iterator[tuple[int, int]]:
    """Give where a text says that something is so day and night."""
    return (found.span() for found in _DAY_AND_NIGHT.finditer(text))


def find_months(text: str, language: str | None) -> Iterator[Moment]:
    """Give the months that are named without a day."""
    phrases, months = _names_of("months", language)
    for start, end, word in phrases.find(text):
        is_verb = word in ("may", "march", "mars") and (
            text[start].islower() or not text[:start].strip()
        )
        if not (is_verb and language):
            key: Key = ("month", months[word] + 1)
            yield Moment(start, end, frozenset({key}), frozenset({key}))
    for found in _CHINESE.finditer(text):
        if not found.group(3):
            key = ("month", int(found.group(2)))
            yield Moment(found.start(), found.end(), frozenset({key}), frozenset({key}))


def closed_days(text: str, given: AbstractSet[Key], language: str) -> frozenset[Key]:
    """Return the weekdays on which, as `text` has it, nobody is there.

    Where some days are told (`given`), nothing is on the others: that need not stand anywhere.
    """
    if not any(key[0] == "weekday" for key in given):
        return frozenset()
    clauses = re.split(promises()["clauses"]["ends"], text.lower())
    closed = (part for part in clauses if re.search(lexicon()["days"]["closed"], part))
    days = (moment.needs for part in closed for moment in find_weekdays(part, language))
    return frozenset().union(*days)


def find_weekdays(text: str, language: str | None) -> Iterator[Moment]:
    """Give the weekdays; without a language all that a text may say of them, ranges too."""
    phrases, days = _names_of("weekdays", language)
    for start, end, word in phrases.find(text):
        key: Key = ("weekday", days[word])
        yield Moment(start, end, frozenset({key}), frozenset({key}))
    weekend = frozenset[Key]({("weekday", 5), ("weekday", 6)})
    for name, span in (("working", range(5)), ("weekend", range(5, 7)), ("all", range(7))):
        if language and name != "weekend":
            continue  # "3 working days" says nothing of days on which somebody works
        for start, end, _ in _several_days(name).find(text):
            if name == "working" and text[:start].rstrip().endswith(TAKEN):
                continue
            keys = frozenset[Key](("weekday", day) for day in span)
            yield Moment(start, end, keys, weekend)
    if language is None:
        yield from _weekday_ranges(text)


def _weekday_ranges(text: str) -> Iterator[Moment]:
    phrases, days = _names_of("weekdays", None, short=True)
    found = [*phrases.find(text)]
    for (start, first_end, first), (last_start, end, last) in pairwise(found):
        if last_start - first_end <= _MAX_BETWEEN and _UNTIL.fullmatch(text[first_end:last_start]):
            reach = days[last] - days[first]
            span = range(days[first], days[first] + (reach if reach >= 0 else reach + 7) + 1)
            keys = frozenset[Key](("weekday", day % 7) for day in span)
            yield Moment(start, end, keys, keys)
    for start, end, word in found:
        if _BESIDE.match(text, end):
            key: Key = ("weekday", days[word])
            yield Moment(start, end, frozenset({key}), frozenset({key}))


def find_times(text: str, language: str | None) -> Iterator[Moment]:
    """Give the times of day; one that may be in the morning or in the evening is both."""
    for found in _CLOCK.finditer(text):
        groups = found.groups()
        hour = int(next(filter(None, (groups[at] for at in _HOURS))))
        minute = int(next(filter(None, (groups[at] for at in _MINUTES)), 0))
        if hour > 24 or minute > 59:
            continue
        half = groups[2] or groups[5] or groups[8] or ""
        after = text[found.end() : found.end() + 25]
        moments = times_of(hour, minute, half or _half_in(after), language)
        if groups[6]:  # "1 h 15" is a duration, too
            moments |= {("duration", float(hour * 60 + minute))}
        named = set[Key]()
        if minute == 0:
            named = {("bare", float(hour)), ("bare", float(hour % 12 or 12))}
        hours = {("hour", float(hour)), ("hour", float(hour % 12 or 12))}
        yield Moment(found.start(), found.end(), moments | hours, moments | named)


def times_of(
    hour: int, minute: int = 0, half: str = "", language: str | None = None
) -> frozenset[Key]:
    """Return the times that an hour may be.

    Args:
        hour: as told.
        minute: as told.
        half: what says in which half of the day.
        language: of a claim: most count to 24, and tell the half if they do not.
    """
    hours = {hour % 24}
    if _AFTERNOON.match(half):
        hours = {hour % 12 + 12}
    elif _MORNING.match(half):
        hours = {hour % 12}
    elif hour <= 12 and (half or language not in _COUNT_TO_24) and half.lower() != "uhr":
        hours |= {(hour + 12) % 24}
    return frozenset(("time", hour * 60 + minute) for hour in hours)


def _half_in(after: str) -> str:
    """Return what tells the part of the day, behind an hour."""
    return "?" if _part_of_day().match(after) else ""


@cache
def _part_of_day() -> re.Pattern[str]:
    return re.compile(rf"\s?{any_of(words_of(lexicon()['days']['parts_of_day']))}", re.IGNORECASE)


def _year(told: str | None) -> int | None:
    """Return a year; of two figures it is one of this century."""
    return int(told) + (2000 if len(told) < 4 else 0) if told else None


def _date(
    start: int,
    end: int,
    days: list[tuple[int, int]],
    year: int | None,
    otherwise: set[Key] | None = None,
) -> Iterator[Moment]:
    """Give a date, in all readings that are one: 3/5 is in March or in May."""
    days = [(day, month) for day, month in days if 1 <= day <= 31 and 1 <= month <= 12]
    if not days:
        return
    gives, needs = set[Key](), otherwise or set[Key]()
    for day, month in days:
        any_year: Key = ("date", day, month)
        this_year: Key = ("date", day, month, year or 0)
        gives |= {any_year, this_year, ("month", month), ("number", float(day))}
        needs |= {this_year, ("date", day, month, 0)} if year else {any_year}
    if year:
        gives.add(("number", float(year)))
    yield Moment(start, end, frozenset(gives), frozenset(needs))


@cache
def _names_of(
    section: str, language: str | None, *, short: bool = False
) -> tuple[Phrases, Mapping[str, int]]:
    names = {**(ordered(f"{section}_short") if short else {}), **ordered(section, language)}
    return Phrases(names), names


@cache
def _several_days(name: str) -> Phrases:
    return Phrases(words_of(lexicon()["days"][name]))
