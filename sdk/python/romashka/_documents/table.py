"""CSV as sections: one for each row, with a column for the title and one for the text."""

import csv
import io
import re
from collections.abc import Mapping

from romashka._documents import MAX_TITLE, Document, DocumentError, Section

_TITLE = ("title", "question")
_CONTENT = ("content", "answer", "body", "text")
_LANGUAGE = ("language", "lang")
_READ = (*_TITLE, *_CONTENT, *_LANGUAGE, "tags")
_MAX_CELL = 1_000_000
_HTML = re.compile(r"\s*<([a-z][a-z1-6]*)\b[^>]*>[\s\S]*</\1\s*>", re.IGNORECASE)
_SEPARATOR = re.compile(r"sep=([,;\t])\n")  # Excel's own first line


def read_table(text: str) -> Document:
    """Return a section for each row.

    Raises:
        DocumentError: a column is missing or there twice, or a row lacks its title or its text, or
            has more cells than there are columns.
    """
    csv.field_size_limit(_MAX_CELL)
    separated = _SEPARATOR.match(text)
    first_line = text.partition("\n")[0]
    delimiter = separated[1] if separated else max(",;\t", key=first_line.count)
    rows = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    if separated:
        next(rows)
    try:
        names = _names(next((row for row in rows if any(cell.strip() for cell in row)), []))
        filled = [
            ([*map(_as_read, row)], rows.line_num)
            for row in rows
            if any(cell.strip() for cell in row)
        ]
    except csv.Error as error:
        raise DocumentError(f"line {rows.line_num}: {error}") from error
    sections = [_section(_fields(names, row, line), line) for row, line in filled]
    return Document(sections, "\n".join(cell for row, _ in filled for cell in row))


def _names(first: list[str]) -> list[str]:
    names = [name.strip().lower() for name in first]
    for wanted in (_TITLE, _CONTENT):
        if not set(names) & set(wanted):
            raise DocumentError(f"its first line names no column {' or '.join(wanted)}")
    for name in _READ:
        if names.count(name) > 1:
            raise DocumentError(f"its first line names the column {name} twice")
    return names


def _fields(names: list[str], row: list[str], line: int) -> Mapping[str, str]:
    if any(cell.strip() for cell in row[len(names) :]):
        raise DocumentError(
            f"line {line}: it has {len(row)} cells, and there are {len(names)} columns;"
            " a text with the separator in it needs quotes"
        )
    return dict(zip(names, row, strict=False))


def _section(row: Mapping[str, str], line: int) -> Section:
    title, content = _cell(row, _TITLE), _cell(row, _CONTENT)
    if not title or not content:
        raise DocumentError(f"line {line}: the {'text' if title else 'title'} is missing")
    if len(title) > MAX_TITLE:
        raise DocumentError(f"line {line}: the title is longer than {MAX_TITLE} characters")
    tags = tuple(tag.strip() for tag in _cell(row, ("tags",)).split(",") if tag.strip())
    return Section(title, content, _cell(row, _LANGUAGE) or None, tags)


def _as_read(content: str) -> str:
    """Return a text; helpdesks export theirs as HTML."""
    if not _HTML.match(content):
        return content
    from romashka._documents.html import text_of

    return text_of(content)


def _cell(row: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((value.strip() for name in names if (value := row.get(name))), "")
