"""Files as knowledge: each is a list of sections, which become items."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MAX_TITLE = 500
MAX_FILE_BYTES = 5_000_000


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


def find_documents(paths: Sequence[Path]) -> list[Path]:
    """Return the files among `paths` and in the folders among them, that can be read.

    Raises:
        DocumentError: a path is not there, or a file is of no kind that we read.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += (file for file in sorted(path.rglob("*")) if _is_document(file, path))
        elif not path.exists():
            raise DocumentError(f"there is no {path}")
        elif path.suffix.lower() not in _READERS:
            raise DocumentError(f"{path} is none of {', '.join(sorted(_READERS))}")
        else:
            found.append(path)
    return list(dict.fromkeys(found))


def read_document(path: Path) -> list[Section]:
    """Return the sections of a file.

    Raises:
        DocumentError: it cannot be read.
    """
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise DocumentError(f"it is larger than {MAX_FILE_BYTES // 1_000_000} MB")
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DocumentError("it is not UTF-8") from error
    except OSError as error:
        raise DocumentError(error.strerror or str(error)) from error
    if "\x00" in text:
        raise DocumentError("it has a NUL character, which no text has")
    return _READERS[path.suffix.lower()](text, path.stem.replace("-", " ").replace("_", " "))


def _is_document(file: Path, folder: Path) -> bool:
    is_hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
    return file.is_file() and not is_hidden and file.suffix.lower() in _READERS


def _read_markdown(text: str, name: str) -> list[Section]:
    from romashka._documents.markdown import read_markdown

    return read_markdown(text, name)


def _read_html(text: str, name: str) -> list[Section]:
    from romashka._documents.html import read_html

    return read_html(text, name)


def _read_csv(text: str, _: str) -> list[Section]:
    from romashka._documents.table import read_table

    return read_table(text)


def _read_text(text: str, name: str) -> list[Section]:
    """A text is one section; its first line is the title where an empty line follows it."""
    first, _, rest = text.strip().partition("\n")
    if rest.startswith(("\n", "\r\n")) and len(first) <= MAX_TITLE:
        return [Section(first.strip(), rest.strip())]
    return [Section(name, text.strip())] if text.strip() else []


_READERS: Mapping[str, Callable[[str, str], list[Section]]] = {
    ".md": _read_markdown,
    ".markdown": _read_markdown,
    ".html": _read_html,
    ".htm": _read_html,
    ".csv": _read_csv,
    ".txt": _read_text,
}
