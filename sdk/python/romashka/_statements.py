"""Splits SQL text into statements, as the Supabase CLI does before it stores and sends them."""

import re
from collections.abc import Iterator

# What may hold a semicolon that ends nothing, and the words around an SQL-standard body.
_TOKEN = re.compile(
    r"""
      (?P<comment>--[^\n]*)
    | (?P<block>/\*)
    | (?P<string>'(?:[^']|'')*' | [eE]'(?:[^'\\]|\\.|'')*' | "(?:[^"]|"")*")
    | (?P<dollar>\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?\$(?P=tag)\$)
    | (?P<word>[^\W\d][\w$]*)
    | (?P<mark>[();])
    """,
    re.VERBOSE | re.DOTALL,
)
_BLOCK_EDGE = re.compile(r"/\*|\*/")


def split_statements(text: str) -> list[str]:
    """Return the statements of `text` without their semicolons, comments kept where they stand."""
    statements = []
    start = 0
    for end in [*_semicolons(text), len(text)]:
        if statement := text[start:end].strip():
            statements.append(statement)
        start = end + 1
    return statements


def _semicolons(text: str) -> Iterator[int]:
    """Yield where a semicolon ends a statement."""
    position = parentheses = blocks = 0
    last_word = ""
    while token := _TOKEN.search(text, position):
        position = token.end()
        match token.lastgroup, token.group().lower():
            case "block", _:
                position = _end_of_comment(text, token.start())
            case "word", word:
                blocks += _opens_or_closes(word, last_word, blocks)
                last_word = word
            case "mark", "(":
                parentheses += 1
            case "mark", ")":
                parentheses = max(0, parentheses - 1)
            case "mark", ";" if parentheses == blocks == 0:
                last_word = ""
                yield token.start()


def _opens_or_closes(word: str, last_word: str, blocks: int) -> int:
    """Return how `word` changes the depth in `begin atomic ... end`, where `case` ends too."""
    if last_word == "begin" and word == "atomic":
        return 1
    if blocks and word == "case":
        return 1
    return -1 if blocks and word == "end" else 0


def _end_of_comment(text: str, start: int) -> int:
    depth = 0
    for edge in _BLOCK_EDGE.finditer(text, start):
        depth += 1 if edge.group() == "/*" else -1
        if depth == 0:
            return edge.end()
    return len(text)
