"""Files as knowledge: each is a list of sections, which become items."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

MAX_TITLE = 500
MAX_FILE_BYTES = 5_000_000
MAX_BINARY_BYTES = 50_000_000  # most of these are pictures
MAX_SECTIONS = 2_000  # what one call stores well within its time
_MUCH_LOST = 0.05
_MUCH_LOST_CHARACTERS = 20
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*(?![A-Za-z0-9])")
_MAX_LANGUAGE = 10
_UNSEEN = dict.fromkeys([0xAD, 0x2060, 0xFEFF])
"""Where a word may be broken, or not: a word with one of these in it is found by nobody."""
_LINK_TARGET = re.compile(r"\]\([^)\s]*\)")


class DocumentError(Exception):
    """A file is not what its name says; the message is one line that tells where."""


@dataclass(frozen=True, slots=True)
class Section:
    """What becomes one knowledge item."""

    title: str
    content: str
    language: str | None = None
    """Where the file says it."""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Document:
    """What a file is read as."""

    sections: Sequence[Section]
    text: str
    """All that a reader would read of the file."""
    left_out: str = ""
    """Which parts of it cannot be read, and why."""

    @cached_property
    def characters(self) -> int:
        """How many letters and digits the file has."""
        return _letters(self.text).total()

    @cached_property
    def lost(self) -> int:
        """How many of these are in none of its sections."""
        # A title begins with the headings above it, each of which is in the file once.
        own = [section.title.rpartition(": ")[2] for section in self.sections]
        above = {
            part for section in self.sections for part in section.title.split(": ")[:-1]
        }.difference(own)
        fields = [
            part
            for section in self.sections
            for part in (section.content, section.language or "", *section.tags)
        ]
        return (_letters(self.text) - _letters("\n".join([*own, *above, *fields]))).total()

    @property
    def loses_much(self) -> bool:
        """Whether that is more than a menu's last word."""
        return self.lost > max(_MUCH_LOST * self.characters, _MUCH_LOST_CHARACTERS)


def find_documents(paths: Sequence[Path]) -> tuple[list[Path], dict[str, str]]:
    """Return the files that are `paths` or in them, and what is wrong with other paths."""
    found: list[Path] = []
    bad: dict[str, str] = {}
    for path in paths:
        if path.is_dir():
            found += (file for file in sorted(path.rglob("*")) if _is_document(file, path))
        elif not path.exists():
            bad[str(path)] = "it is not there"
        elif path.suffix.lower() not in KINDS:
            bad[str(path)] = f"it is none of {', '.join(sorted(KINDS))}"
        else:
            found.append(path)
    return list(dict.fromkeys(found)), bad


def read_document(path: Path) -> Document:
    """Return what a file is read as.

    Raises:
        DocumentError: it cannot be read, or none of its text would be.
    """
    kind = path.suffix.lower()
    return read_content(_content(path, max_bytes(kind)), kind, readable_name(path.stem))


def readable_name(stem: str) -> str:
    """Return what a file is about, by its name."""
    return stem.replace("-", " ").replace("_", " ")


def max_bytes(kind: str) -> int:
    """Return how many bytes a document of that kind may have."""
    return MAX_BINARY_BYTES if kind in BINARY else MAX_FILE_BYTES


def read_content(content: bytes, kind: str, name: str) -> Document:
    """Return what a file's content is read as; `name` is its title where it has none.

    Raises:
        DocumentError: it cannot be read, or none of its text would be.
    """
    try:
        if kind in BINARY:
            document = BINARY[kind](content, name)
        else:
            document = _TEXTS[kind](_decoded(content), name)
    except RecursionError as error:
        raise DocumentError("it is nested too deeply") from error
    return checked(document)


def checked(document: Document) -> Document:
    """Return it as it is.

    Raises:
        DocumentError: it would not be stored, or nothing of it.
    """
    if len(document.sections) > MAX_SECTIONS:
        raise DocumentError(
            f"it has {len(document.sections)} sections; split it: one has at most {MAX_SECTIONS}"
        )
    if not document.sections and document.characters:
        raise DocumentError(
            f"none of its {document.characters} letters would be in an item:"
            " a heading needs a text below it, a page a text that is shown"
        )
    return document


def language_code(written: str | None) -> str | None:
    """Return the language that is meant, as `pt-BR`; None where it is no code of one."""
    found = _LANGUAGE.match((written or "").strip())
    if found is None:
        return None
    code = found[0].replace("_", "-")
    return code if len(code) <= _MAX_LANGUAGE else code.partition("-")[0]


def _content(path: Path, most: int) -> bytes:
    try:
        if path.stat().st_size > most:
            raise DocumentError(f"it is larger than {most // 1_000_000} MB")
        return path.read_bytes()
    except OSError as error:
        raise DocumentError(error.strerror or str(error)) from error


def _decoded(content: bytes) -> str:
    try:
        return readable(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise DocumentError("it is not UTF-8; save it as UTF-8") from error


def readable(text: str) -> str:
    """Return a text without what nobody sees, its lines as Python has them.

    Raises:
        DocumentError: it is none.
    """
    if "\x00" in text:
        raise DocumentError("it has a NUL character, which no text has")
    return text.replace("\r\n", "\n").replace("\r", "\n").translate(_UNSEEN)


def _letters(text: str) -> Counter[str]:
    """Count letters and digits, which no markup has; where a link leads, nobody reads."""
    return Counter(filter(str.isalnum, _LINK_TARGET.sub("]", text)))


def _is_document(file: Path, folder: Path) -> bool:
    is_hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
    return file.is_file() and not is_hidden and file.suffix.lower() in KINDS


def _read_markdown(text: str, name: str) -> Document:
    from romashka._documents.markdown import read_markdown

    return read_markdown(text, name)


def _read_html(text: str, name: str) -> Document:
    from romashka._documents.html import read_html

    return read_html(text, name)


def _read_csv(text: str, _: str) -> Document:
    from romashka._documents.table import read_table

    return read_table(text)


def _read_text(text: str, name: str) -> Document:
    """A text is one section; its first line is the title where an empty line follows it."""
    first, _, rest = text.strip().partition("\n")
    if not rest.partition("\n")[0].strip() and rest.strip() and len(first) <= MAX_TITLE:
        return Document([Section(first.strip(), rest.strip())], text)
    return Document([Section(name, text.strip())] if text.strip() else [], text)


def _read_pdf(content: bytes, name: str) -> Document:
    from romashka._documents.pdf import read_pdf

    return read_pdf(content, name)


def _read_docx(content: bytes, name: str) -> Document:
    from romashka._documents.docx import read_docx

    return read_docx(content, name)


_TEXTS: Mapping[str, Callable[[str, str], Document]] = {
    ".md": _read_markdown,
    ".markdown": _read_markdown,
    ".html": _read_html,
    ".htm": _read_html,
    ".csv": _read_csv,
    ".txt": _read_text,
}
BINARY: Mapping[str, Callable[[bytes, str], Document]] = {".docx": _read_docx, ".pdf": _read_pdf}
"""What a program writes, and a hostile one may have written: read apart (`apart.py`)."""
KINDS = frozenset(_TEXTS) | frozenset(BINARY)
