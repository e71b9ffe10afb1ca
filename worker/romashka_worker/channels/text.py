"""Splits a text that is too long for one message: after sentences, else words, else graphemes."""

from collections.abc import Callable

from wcwidth import iter_graphemes

from romashka_worker.sentences import sentence_ends


def split_text(text: str, limit: int, size: Callable[[str], int]) -> list[str]:
    """Return `text` in parts of at most `limit`, as `size` measures them; none is empty.

    Space at the ends of parts is dropped. A grapheme is only broken if it is larger than a part.
    """
    parts = []
    rest = text.strip()
    while size(rest) > limit:
        cut = _place_to_cut(rest, limit, size)
        parts.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [*parts, rest] if rest else parts


def shorten(line: str, limit: int, size: Callable[[str], int]) -> str:
    """Return a line of at most `limit`: one that is too long is cut, and ends with an ellipsis."""
    if size(line) <= limit:
        return line
    end = max(_boundaries(line, limit - size("…"), size), default=0)
    return line[:end].rstrip() + "…"


def count_bytes(text: str) -> int:
    """Measure a text in bytes of UTF-8."""
    return len(text.encode(errors="replace"))


def count_units(text: str) -> int:
    """Measure a text in UTF-16 units: never less than in characters, however those are counted."""
    return len(text) + sum(character > "\uffff" for character in text)


def _place_to_cut(text: str, limit: int, size: Callable[[str], int]) -> int:
    boundaries = _boundaries(text, limit, size)
    end = max(boundaries, default=0)
    if end == 0:  # one grapheme of hundreds of accents
        return _code_points(text, limit, size)
    sentences = (place for place in sentence_ends(text[: end + 1]) if place in boundaries)
    if (place := max(sentences, default=0)) > end // 3:
        return place
    words = (place for place in boundaries if text[place - 1].isspace() or text[place].isspace())
    return max(words, default=0) or end


def _boundaries(text: str, limit: int, size: Callable[[str], int]) -> set[int]:
    """Return the ends of the graphemes that fit together into `limit`."""
    boundaries, place, used = set(), 0, 0
    for grapheme in iter_graphemes(text):
        used += size(grapheme)
        if used > limit:
            break
        place += len(grapheme)
        boundaries.add(place)
    return boundaries


def _code_points(text: str, limit: int, size: Callable[[str], int]) -> int:
    used = 0
    for place, character in enumerate(text):
        used += size(character)
        if used > limit:
            return max(place, 1)
    return len(text)
