"""DOCX as sections: what Word shows, by way of HTML."""

import io
import re
import zipfile
from xml.etree import ElementTree
from xml.parsers.expat import ExpatError

import mammoth
from bs4 import BeautifulSoup, Tag

from romashka._documents import Document, DocumentError
from romashka._documents.html import read_html

_MAX_UNPACKED_BYTES = 30_000_000  # the parser takes fifty times as much
_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_OFF = {"0", "false", "off"}
_OLD = b"\xd0\xcf\x11\xe0"  # a .doc, or a file that a password locks
_STYLES = """
p[style-name='Title'] => h1:fresh
p[style-name='Subtitle'] => p:fresh
"""
_BOLD_LINE = re.compile(r"<p><strong>([^<]{1,150})</strong></p>")


def read_docx(content: bytes, name: str) -> Document:
    """Return the sections of a Word file; `name` is the title of what no heading stands above.

    Raises:
        DocumentError: it is none, is locked by a password, or would be too large unpacked.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            texts = _texts_alone(packed)
    except zipfile.BadZipFile as error:
        if content.startswith(_OLD):
            raise DocumentError(
                "a password locks it, or it is a .doc: save it as .docx, without one"
            ) from error
        raise DocumentError("it is no .docx, or damaged") from error
    try:
        html = mammoth.convert_to_html(
            texts, style_map=_STYLES, include_embedded_style_map=False
        ).value
    except (KeyError, OSError, ValueError, ExpatError) as error:
        raise DocumentError("it is no .docx, or damaged") from error
    if "<h" not in html:  # whoever uses no styles writes a heading in bold
        html = _BOLD_LINE.sub(r"<h2>\1</h2>", html)
    return read_html(_with_notes_in_place(html), name)


def _texts_alone(packed: zipfile.ZipFile) -> io.BytesIO:
    """Return the file without its pictures, and without what is written as hidden.

    The sizes that are looked at are those that are read: what is longer than it says ends there.
    """
    parts = [part for part in packed.infolist() if part.filename.endswith((".xml", ".rels"))]
    if sum(part.file_size for part in parts) > _MAX_UNPACKED_BYTES:
        raise DocumentError(f"its text is larger than {_MAX_UNPACKED_BYTES // 1_000_000} MB")
    texts = io.BytesIO()
    with zipfile.ZipFile(texts, "w") as unpacked:
        for part in parts:
            try:
                text = packed.read(part)
            except (RuntimeError, NotImplementedError) as error:
                raise DocumentError("a password locks it: save it without one") from error
            if b"<!DOCTYPE" in text:
                raise DocumentError("it has a document type, which no .docx has")
            unpacked.writestr(part.filename, _shown(text) if b"vanish" in text else text)
    texts.seek(0)
    return texts


def _shown(text: bytes) -> bytes:
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 -- without a document type it defines nothing
    except ElementTree.ParseError as error:
        raise DocumentError("it is no .docx, or damaged") from error
    for around in list(root.iter()):
        for run in around.findall(f"{_WORD}r"):
            hidden = run.find(f"{_WORD}rPr/{_WORD}vanish")
            if hidden is not None and hidden.get(f"{_WORD}val") not in _OFF:
                around.remove(run)
    return ElementTree.tostring(root)


def _with_notes_in_place(html: str) -> str:
    """Read a footnote where it is referred to."""
    if "note-ref-" not in html:
        return html
    page = BeautifulSoup(html, "html.parser")
    for reference in page.select("sup a[id*=note-ref-]"):
        note = page.find("li", id=str(reference.get("href") or "#")[1:])
        if isinstance(note, Tag):
            for back in note.select("a[href*=note-ref-]"):
                back.extract()
            reference.replace_with(f" ({note.get_text().strip()})")
            note.extract()
    return str(page)
