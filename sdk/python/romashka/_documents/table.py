"""CSV as sections: one for each row, with a column for the title and one for the text."""

import csv
import io
from collections.abc import Mapping

from romashka._documents import MAX_TITLE, DocumentError, Section

_TITLE = ("title", "question")
_CONTENT = ("content", "answer", "body", "text")
_LANGUAGE = ("language", "lang")
_MAX_CELL = 1_000_000


def read_table(text: str) -> list[Section]:
    """Return a section for each row.

    Raises:
        DocumentError: a column is missing, or a row lacks its title or its text.
    """
    csv.field_size_limit(_MAX_CELL)
    first_line = text.partition("\n")[0]
    delimiter = max(",;\t", key=first_line.count)
    rows = csv.DictReader(io.StringIO(text), delimiter=delimiter, strict=True)
    try:
        names = [(name or "").strip().lower() for name in rows.fieldnames or ()]
        rows.fieldnames = names
        for wanted in (_TITLE, _CONTENT):
            if not set(names) & set(wanted):
                raise DocumentError(f"its first line names no column {' or '.join(wanted)}")
        return [_section(row, rows.line_num) for row in rows]
    except csv.Error as error:
        raise DocumentError(f"line {rows.line_num}: {error}") from error


def _section(row: Mapping[str, str | None], line: int) -> Section:
    title, content = _cell(row, _TITLE), _cell(row, _CONTENT)
    if not title or not content:
        raise DocumentError(f"line {line}: the {'text' if title else 'title'} is missing")
    if len(title) > MAX_TITLE:
        raise DocumentError(f"line {line}: the title is longer than {MAX_TITLE} characters")
    tags = tuple(tag.strip() for tag in _cell(row, ("tags",)).split(",") if tag.strip())
    return Section(title, content, _cell(row, _LANGUAGE) or None, tags)


def _cell(row: Mapping[str, str | None], names: tuple[str, ...]) -> str:
    return next((value.strip() for name in names if (value := row.get(name))), "")
