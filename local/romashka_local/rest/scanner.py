"""A cursor over the text of one parameter; its failures read like those of PostgREST's parser."""

import re
from collections.abc import Callable
from itertools import takewhile
from typing import NoReturn, TypeVar

T = TypeVar("T")


class ParseFailure(Exception):
    """The text at `position` is none of what was `expected`."""

    def __init__(self, position: int, unexpected: str, expected: tuple[str, ...]) -> None:
        super().__init__(position)
        self.position = position
        self.unexpected = unexpected
        self.expected = expected

    @property
    def details(self) -> str:
        *most, last = self.expected or ("end of input",)
        listed = f"{', '.join(most)} or {last}" if most else last
        return f"unexpected {self.unexpected} expecting {listed}"


class Scanner:
    """Reads `text` from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    def peek(self, literal: str) -> bool:
        return self.text.startswith(literal, self.position)

    def at_end(self) -> bool:
        return self.position >= len(self.text)

    def accept(self, literal: str) -> bool:
        """Step over `literal` if it is next."""
        if not self.peek(literal):
            return False
        self.position += len(literal)
        return True

    def expect(self, literal: str, *also: str) -> None:
        if not self.accept(literal):
            self.fail(*also, f'"{literal}"')

    def match(self, pattern: re.Pattern[str]) -> str | None:
        """Step over what `pattern` matches here and return it."""
        found = pattern.match(self.text, self.position)
        if found is None:
            return None
        self.position = found.end()
        return found[0]

    def spaces(self) -> None:
        while self.position < len(self.text) and self.text[self.position] in " \t":
            self.position += 1

    def attempt(self, parser: Callable[["Scanner"], T]) -> T | None:
        """Return what `parser` reads, or step back and return None when it fails."""
        start = self.position
        try:
            return parser(self)
        except ParseFailure:
            self.position = start
            return None

    def fail(self, *expected: str, tried: str = "") -> NoReturn:
        """Fail here; blame the character where the text departs from the word first `tried`."""
        pairs = zip(self.text[self.position :], tried, strict=False)
        common = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        # A whole match that still fails is blamed at its start, as any other text.
        at = self.position + (common if common < len(tried) else 0)
        unexpected = f'"{self.text[at]}"' if at < len(self.text) else "end of input"
        raise ParseFailure(self.position, unexpected, expected)
