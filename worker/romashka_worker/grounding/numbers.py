"""Numbers in a text, in figures and in words, with what they count."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache

from romashka_worker.grounding.lexicon import Phrases, any_of, is_unspaced, lexicon, words_of

Unit = tuple[str, float]
"""What is measured, and how much of it one of these is: an hour is 60 of duration."""

TO = re.compile(
    r"\s?[-\u2010-\u2015~/]\s?|\s?[至到]\s?|,\s"
    r"|\s(?:to|or|until|and|through|bis|oder|und|al?|o|hasta|y|e|à|au|ou|et|às|até|до|по|или|и|إلى)\s",
    re.IGNORECASE,
)
"""What stands between the two ends of a range."""
_CURRENCY_CODES = "eur|usd|gbp|chf|brl|rub|cny|rmb|sar|aed|pln|inr|us\\$|r\\$|[€$£¥₽₹]"
_CURRENCY_BEFORE = re.compile(rf"(?<![^\W\d_])({_CURRENCY_CODES})\s?\Z", re.IGNORECASE)
_FIGURES = re.compile(
    r"(?<![A-Za-z\d_])(?:\d{1,3}(?:[ ']\d{3})+(?:[.,]\d{1,2})?(?!\d)|\d+(?:[.,]\d+)*)"
)
_NEXT = re.compile(r"[\s\u2010-\u2015-]{0,3}([%€$£¥₽₹]|[^\W\d_]+\$?)(?:[.\s-]{1,3}([^\W\d_]{3,}))?")
_UNSPACED_NEXT = re.compile(r"\s?[个個多]?(?:工作|自然)?")
_GERMAN_COMPOUND = re.compile(r"(?<=[a-zß])(?:tagen?|stunden?|wochen?|monaten?|jahren?)\Z")
_PERCENT_BEFORE = re.compile(r"百分之\Z")
_CHINESE = re.compile(
    r"[〇零一二两三四五六七八九十百千]+(?=[个個]?(?:工作)?[天日周週月年小分元块%])"
)
_CHINESE_DIGITS = {digit: value for value, digit in enumerate("零一二三四五六七八九")}
_CHINESE_DIGITS |= {"〇": 0, "两": 2}  # noqa: RUF001 -- Chinese
_CHINESE_TENS = {"十": 10, "百": 100, "千": 1000}
_CALENDAR_YEARS = range(1900, 2101)


@dataclass(frozen=True, slots=True)
class Number:
    """A number where it stands in a text."""

    start: int
    end: int
    said: str
    """It, with what is beside it."""
    values: frozenset[float]
    """What it may be: 1.000 is one or a thousand."""
    unit: Unit | None
    is_word: bool = False


def find_numbers(text: str, language: str | None = None) -> Iterator[Number]:
    """Give the numbers of a text.

    Args:
        text: normalised (NFKC).
        language: whose number words count; None for those of all: "once" is eleven in Spanish.
    """
    found = [*_numbers_in(text, language)]
    found.sort(key=lambda number: number.start)
    following = None
    for number in reversed(found):
        between = following and text[number.end : following.start]
        if following and number.unit is None and TO.fullmatch(between or ""):
            number = replace(number, unit=following.unit)  # "3 to 5 days"
        yield number
        following = number


def _numbers_in(text: str, language: str | None) -> Iterator[Number]:
    for found in _FIGURES.finditer(text):
        yield _counted(text, found.start(), found.end(), _values_of(found.group()))
    for found in _CHINESE.finditer(text):
        value = frozenset({_chinese_value(found.group())})
        yield _counted(text, found.start(), found.end(), value, is_word=True)
    phrases, values = _number_words(language)
    for start, end, phrase in phrases.find(text):
        yield _counted(text, start, end, frozenset({float(values[phrase])}), is_word=True)


def _counted(
    text: str, start: int, end: int, values: frozenset[float], *, is_word: bool = False
) -> Number:
    factor, end_of_factor = _multiple_at(text, end)
    values = frozenset(round(value * factor, 6) for value in values)
    is_article = is_word and values == {1.0}
    unit = _unit_before(text[max(0, start - 5) : start]) or _unit_at(
        text, end_of_factor, looks_on=not is_article
    )
    if unit is None and is_word:
        unit = _units().get(text[start:end].lower())  # the Arabic dual is number and unit in one
    if unit and unit[0].isupper():  # money: nobody is asked for 4.900 €, but for thousands
        values = frozenset(filter(float.is_integer, values)) or values
    if unit == ("months", 12.0) and any(value in _CALENDAR_YEARS for value in values):
        unit = None
    after = _NEXT.match(text, end_of_factor)
    said = text[start : after.end(1) if after else end_of_factor]
    return Number(start, end_of_factor, said, values, unit, is_word)


def _values_of(figures: str) -> frozenset[float]:
    """Return what figures may mean: a lone sign before three of them parts thousands, or not."""
    figures = re.sub(r"[ ']", "", figures)
    signs = [sign for sign in figures if sign in ".,"]
    if not signs:
        return frozenset({float(figures)})
    plain = re.sub(r"[.,]", "", figures)
    whole, _, decimals = figures.rpartition(signs[-1])
    values = set()
    if signs.count(signs[-1]) == 1:
        values.add(float(f"{re.sub(r'[.,]', '', whole)}.{decimals}"))
    if len(decimals) == 3 and len(set(signs)) == 1 and whole != "0":
        values.add(float(plain))
    return frozenset(values or {float(plain)})


def _unit_before(text: str) -> Unit | None:
    if _PERCENT_BEFORE.search(text):
        return ("percent", 1.0)
    found = _CURRENCY_BEFORE.search(text)
    return _units()[found.group(1).lower()] if found else None


def _unit_at(text: str, start: int, *, looks_on: bool) -> Unit | None:
    """Return the unit that follows, at once, or after a word: "14 working days"."""
    units = _units()
    unspaced = _UNSPACED_NEXT.match(text, start)
    after = text[unspaced.end() : unspaced.end() + 4] if unspaced else ""
    if after and is_unspaced(after[0]):
        return next((units[after[:size]] for size in (4, 3, 2, 1) if after[:size] in units), None)
    found = _NEXT.match(text, start)
    if found is None:
        return None
    first, second = (word and word.lower() for word in found.groups())
    phrase = f"{first} {second}"
    known = (
        units.get(phrase),
        units.get(first or ""),
        units.get(second or "") if looks_on else None,
    )
    compound = _GERMAN_COMPOUND.search(first or "")
    return next(filter(None, known), units[compound.group()] if compound else None)


def _multiple_at(text: str, start: int) -> tuple[int, int]:
    pattern, factors = _multiples()
    found = pattern.match(text, start)
    return (factors[found.group(1).lower()], found.end()) if found else (1, start)


def _chinese_value(figures: str) -> float:
    total, digit = 0, 0
    for figure in figures:
        if figure in _CHINESE_TENS:
            total += (digit or 1) * _CHINESE_TENS[figure]
            digit = 0
        else:
            digit = _CHINESE_DIGITS[figure]
    return float(total + digit)


@cache
def _units() -> Mapping[str, Unit]:
    return {
        word: (unit["of"], float(factor))
        for unit in lexicon()["units"]
        for factor, listed in unit["words"]
        for word in words_of(listed)
    }


@cache
def _multiples() -> tuple[re.Pattern[str], Mapping[str, int]]:
    sizes = {"thousand": 1000, "ten_thousand": 10_000, "million": 1_000_000}
    factors = {
        word: sizes[name]
        for name, listed in lexicon()["multiples"].items()
        for word in words_of(listed)
    }
    return re.compile(rf"\s?({any_of(factors)})", re.IGNORECASE), factors


@cache
def _number_words(language: str | None) -> tuple[Phrases, Mapping[str, int]]:
    languages = {*lexicon()["numbers"], *lexicon()["more_numbers"]}
    chosen = languages if language is None else languages & {language}
    values: dict[str, int] = {}
    for name in chosen:
        values |= _words_in(name)
    return Phrases(values), values


def _words_in(language: str) -> Mapping[str, int]:
    small, tens = (words.split() for words in lexicon()["numbers"].get(language, ["", ""]))
    values = {word: value for value, word in enumerate(small)}
    for place, ten in enumerate(small[20:21] + tens, 2):
        values[ten] = place * 10
        for one in range(1, 10):
            for joined in _joined(language, ten, small[one]):
                values[joined] = place * 10 + one
    for pair in lexicon()["more_numbers"].get(language, "").split():
        word, value = pair.split("=")
        values[word] = int(value)
    return values


def _joined(language: str, ten: str, one: str) -> tuple[str, ...]:
    if language == "de":
        return (f"{'ein' if one == 'eins' else one}und{ten}",)
    joints = {"es": [" y "], "pt": [" e "], "fr": ["-", " et ", " "], "ru": [" "]}
    return tuple(f"{ten}{joint}{one}" for joint in joints.get(language, ["-", " "]))
