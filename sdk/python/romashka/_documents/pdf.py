"""PDF as sections: it has lines, and their size and place tell what is a heading."""

import ctypes
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import pypdfium2
import pypdfium2.raw as pdfium

from romashka._documents import Document, DocumentError
from romashka._documents.headings import Heading, sections_of

_MAX_PAGES = 2_000
_MAX_CHARACTERS = 5_000_000
_PASSWORD = 4  # of FPDF_GetLastError
_EDGE = 0.1  # of a page's height: where its running titles and numbers stand
_LARGER = 1.15  # than the text: a heading
_BOLD = 600
_MAX_HEADING = 150
_END = (".", ",", ";", ":")
_BULLETS = r"[-\u2013\u2022\u2023\u25a0-\u25ff\u00b7*]"
_BULLET = re.compile(_BULLETS)
_ITEM = re.compile(rf"(?:{_BULLETS}|\(?(?:\d{{1,3}}|[a-z])[.)])\s")
_HYPHENS = ("\x02", "\ufffe", "\xad")
_LEADER = re.compile(r"(?:\s?[.\u2026]){5,}\s*(\d{1,4})$")
_MIN_CONTENTS = 3
_NUMBER = re.compile(r"\d+")
_LIGATURES = str.maketrans(
    {code: unicodedata.normalize("NFKC", chr(code)) for code in range(0xFB00, 0xFB07)}
)
_MUCH = 0.3


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    page: int
    size: float
    is_bold: bool
    left: float
    right: float
    top: float
    bottom: float
    is_at_the_edge: bool

    @property
    def numberless(self) -> str:
        return _NUMBER.sub("#", self.text)


def read_pdf(content: bytes, name: str) -> Document:
    """Return the sections of a PDF: below its headings, else its pages.

    Raises:
        DocumentError: it is none, is locked by a password, is too long, or has no text.
    """
    try:
        pdf = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) == _PASSWORD:
            raise DocumentError("a password locks it: save it without one") from error
        raise DocumentError("it is no PDF, or damaged") from error
    with pdf:
        if len(pdf) > _MAX_PAGES:
            raise DocumentError(f"it has {len(pdf)} pages; split it: one has at most {_MAX_PAGES}")
        lines, unreadable = _lines_of(pdf)
    if not lines:
        if unreadable:
            raise DocumentError("it has no text: it is a scan; let a program recognise it (OCR)")
        raise DocumentError("it is empty")
    lines = _without_running_titles(_without_contents(lines))
    text = "\n".join(line.text for line in lines)
    return Document(sections_of(_parts(lines, name), name), text, _left_out(unreadable))


def _lines_of(pdf: pypdfium2.PdfDocument) -> tuple[list[_Line], list[int]]:
    """Return all lines, and the pages that have something on them, but no text."""
    lines: list[_Line] = []
    unreadable: list[int] = []
    characters = 0
    for number in range(len(pdf)):
        try:
            page = pdf[number]
            text_page = page.get_textpage()
        except pypdfium2.PdfiumError:
            unreadable.append(number + 1)
            continue
        found = list(_lines(text_page, number + 1, page.get_height()))
        if found:
            lines += found
        elif pdfium.FPDFPage_CountObjects(page):
            unreadable.append(number + 1)
        characters += text_page.count_chars()
        text_page.close()
        page.close()
        if characters > _MAX_CHARACTERS:
            raise DocumentError(f"it has more than {_MAX_CHARACTERS // 1_000_000} million letters")
    return lines, unreadable


def _lines(text_page: pypdfium2.PdfTextPage, page: int, height: float) -> Iterator[_Line]:
    """Yield its lines; none where its letters are not to be known, which a font should tell."""
    units = [pdfium.FPDFText_GetUnicode(text_page, at) for at in range(text_page.count_chars())]
    unknown = sum(_is_unknown(unit) for unit in units)
    if unknown > _MUCH * len(units):
        return
    begin = 0
    for at, unit in enumerate([*units, 10]):
        if unit == 10:
            line = _line(text_page, units[begin:at], begin, page, height)
            if line is not None:
                yield line
            begin = at + 1


def _is_unknown(unit: int) -> bool:
    return unit in (0, 0xFFFD) or 0xE000 <= unit <= 0xF8FF


def _line(
    text_page: pypdfium2.PdfTextPage, units: Sequence[int], begin: int, page: int, height: float
) -> _Line | None:
    text = _text(units)
    if not text:
        return None
    ends = [begin + at for at in sorted({*_some(units), *_some(units[::-1], len(units))})]
    boxes = [_box(text_page, at) for at in ends]
    return _Line(
        text=text,
        page=page,
        size=round(2 * median(box.top - box.bottom for box in boxes)) / 2,
        is_bold=all(pdfium.FPDFText_GetFontWeight(text_page, at) >= _BOLD for at in ends),
        left=min(box.left for box in boxes),
        right=max(box.right for box in boxes),
        top=max(box.top for box in boxes),
        bottom=min(box.bottom for box in boxes),
        is_at_the_edge=not _EDGE * height < boxes[0].bottom < (1 - _EDGE) * height,
    )


def _some(units: Sequence[int], backwards: int = 0) -> list[int]:
    """Return where the first letters are, or the last ones."""
    found = [at for at, unit in enumerate(units) if unit > 32 and unit not in (0xA0, 0xFFFE)][:3]
    return [backwards - 1 - at for at in found] if backwards else found


def _text(units: Sequence[int]) -> str:
    """Return a line without control characters and icons; that a word goes on is kept."""
    written = "".join(map(chr, units))
    text = written.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    goes_on = text.rstrip().endswith(_HYPHENS)
    kept = "".join(
        " " if letter.isspace() else letter
        for letter in text
        if letter.isspace() or unicodedata.category(letter) not in ("Cc", "Cf", "Cn", "Co", "Cs")
    )
    line = " ".join(kept.translate(_LIGATURES).split())
    return f"{line}{_HYPHENS[-1]}" if goes_on and line else line


def _box(text_page: pypdfium2.PdfTextPage, at: int) -> pdfium.FS_RECTF:
    box = pdfium.FS_RECTF()
    pdfium.FPDFText_GetLooseCharBox(text_page, at, ctypes.byref(box))
    return box


def _without_contents(lines: list[_Line]) -> list[_Line]:
    """Leave out a table of contents, whose numbers rise; a list of prices has dots, too."""
    pages = lines[-1].page
    dropped: set[int] = set()
    run: list[int] = []
    last = 0
    for at, line in enumerate([*lines, None]):
        found = _LEADER.search(line.text) if line else None
        number = int(found[1]) if found else 0
        if found and last <= number <= pages:
            run.append(at)
        else:
            dropped.update(run if len(run) >= _MIN_CONTENTS and last > 1 else ())
            run = [at] if found and number <= pages else []
        last = number if run else 0
    return [line for at, line in enumerate(lines) if at not in dropped] or lines


def _without_running_titles(lines: list[_Line]) -> list[_Line]:
    pages = len({line.page for line in lines})
    on_pages = Counter(
        text for text, _ in {(line.numberless, line.page) for line in lines if line.is_at_the_edge}
    )
    running = {text for text, count in on_pages.items() if count >= max(3, pages / 2)}
    kept = [line for line in lines if not (line.is_at_the_edge and line.numberless in running)]
    return kept or lines


def _parts(lines: Sequence[_Line], name: str) -> Iterator[Heading | str]:
    levels = _levels(lines)
    blocks: list[str] = []
    page = lines[0].page
    pages = lines[-1].page - page + 1
    for group in _paragraphs(lines):
        first, text = group[0], _joined(group)
        if first in levels:
            yield "\n\n".join(blocks)
            blocks = []
            yield Heading(levels[first], text)
            continue
        if not levels and pages > 1 and (first.page != page or first is lines[0]):
            yield "\n\n".join(blocks)
            blocks = []
            page = first.page
            yield Heading(1, f"{name}, {page}")
        blocks.append(text)
    yield "\n\n".join(blocks)


def _levels(lines: Sequence[_Line]) -> dict[_Line, int]:
    """Return the lines that are headings, and which of them stand above which."""
    letters: Counter[tuple[float, bool]] = Counter()
    for line in lines:
        letters[line.size, line.is_bold] += len(line.text)
    [((body, body_is_bold), _)] = letters.most_common(1)
    headings = [
        line
        for line in lines
        if any(map(str.isalpha, line.text))
        and len(line.text) <= _MAX_HEADING
        and not _BULLET.match(line.text)
        and (
            line.size >= _LARGER * body
            or (
                line.is_bold
                and not body_is_bold
                and line.size >= body
                and not line.text.endswith(_END)
            )
        )
    ]
    sizes = sorted({(line.size, line.is_bold) for line in headings}, reverse=True)
    return {line: min(6, sizes.index((line.size, line.is_bold)) + 1) for line in headings}


def _paragraphs(lines: Sequence[_Line]) -> Iterator[list[_Line]]:
    """Yield the lines that are one paragraph, or one heading."""
    widest: dict[int, float] = {}
    for line in lines:
        widest[line.page] = max(widest.get(line.page, 0.0), line.right)
    group = [lines[0]]
    for before, line in pairwise(lines):
        if _goes_on(before, line, widest[before.page]):
            group.append(line)
        else:
            yield group
            group = [line]
    yield group


def _goes_on(before: _Line, line: _Line, widest: float) -> bool:
    if before.text.endswith(_HYPHENS):
        return True
    if (before.size, before.is_bold) != (line.size, line.is_bold) or _ITEM.match(line.text):
        return False
    if before.page != line.page:
        return False
    gap = before.bottom - line.top
    is_full = before.right - before.left > 0.75 * (widest - before.left)
    return -line.size < gap < 0.6 * line.size and is_full


def _joined(group: Sequence[_Line]) -> str:
    text = ""
    for line in group:
        if text.endswith(_HYPHENS):
            text = text[:-1] + line.text
        else:
            text = f"{text} {line.text}" if text else line.text
    return text.rstrip("".join(_HYPHENS))


def _left_out(pages: Sequence[int]) -> str:
    if not pages:
        return ""
    some = ", ".join(map(str, pages[:10])) + (" ..." if len(pages) > 10 else "")
    return f"{'page' if len(pages) == 1 else 'pages'} {some}: no text, a scan?"
