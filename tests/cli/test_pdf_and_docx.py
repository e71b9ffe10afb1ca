"""PDF and DOCX as sections: files that programs write, and what a hostile one may do."""

import io
import os
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import docx
import pytest
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate, Table
from romashka._documents import Document, DocumentError, Section, apart, read_document
from romashka._documents.apart import read_apart

STYLES = getSampleStyleSheet()
LONG = "Costs of a return, which is a heading that is so long that it has two lines"
TEXT = "You may send anything back within thirty days, and we pay the postage of large parcels. "


def _flow(*parts: tuple[str, str] | None, **more: Any) -> bytes:
    """Return a PDF of paragraphs, each with its style; None begins a page."""
    written = io.BytesIO()
    flow = [PageBreak() if part is None else Paragraph(part[1], STYLES[part[0]]) for part in parts]
    SimpleDocTemplate(written).build(flow, **more)
    return written.getvalue()


def _pages(*pages: str, **settings: Any) -> bytes:
    """Return a PDF with a line on each page; an empty one has a picture."""
    written = io.BytesIO()
    canvas = Canvas(written, A4, **settings)
    for page in pages:
        if page:
            canvas.drawString(100, 500, page)
        else:
            canvas.rect(10, 10, 100, 100)
        canvas.showPage()
    canvas.save()
    return written.getvalue()


def _read(folder: Path, name: str, content: bytes) -> Document:
    (folder / name).write_bytes(content)
    return read_document(folder / name)


def _running_titles(canvas: Canvas, page: Any) -> None:
    canvas.drawString(50, 820, "Okapi Ltd., internal")
    canvas.drawString(50, 20, f"Page {page.page} of 3")


def test_a_pdf_is_read_by_its_headings(tmp_path: Path) -> None:
    """They are lines that are larger, or bold; a paragraph is one line, its pages' edges none."""
    content = _flow(
        ("Normal", "1. Returns . . . . . . . 1"),
        ("Normal", "Costs of a return ......... 1"),
        ("Normal", "How long it takes ......... 3"),
        ("Heading1", "1. Returns"),
        ("Normal", TEXT * 4),
        ("Heading2", LONG),
        ("Normal", "None."),
        None,
        ("Normal", "<b>Not for furniture.</b>"),
        ("Normal", "<b>Sofas</b> are not either"),
        ("Normal", "That we fetch ourselves, on any day of the week that you name to us."),
        None,
        ("Heading1", "Wie lange dauert der Versand nach \u00dcbersee?"),
        ("Normal", "Zwei Wochen."),
        onFirstPage=_running_titles,
        onLaterPages=_running_titles,
    )
    document = _read(tmp_path, "manual.pdf", content)

    assert document.sections == [
        Section("1. Returns", (TEXT * 4).strip()),
        Section(
            f"1. Returns: {LONG}",
            "None.\n\nNot for furniture.\n\nSofas are not either\n\n"
            "That we fetch ourselves, on any day of the week that you name to us.",
        ),
        Section("Wie lange dauert der Versand nach \u00dcbersee?", "Zwei Wochen."),
    ]
    assert document.lost == 0
    assert document.left_out == ""


def test_a_pdf_without_headings_is_its_pages_and_a_scan_among_them_is_named(
    tmp_path: Path,
) -> None:
    """A page is what a reader would be sent to."""
    document = _read(tmp_path, "opening-hours.pdf", _pages("Nine to five.", "", "On Sundays too."))
    alone = _read(tmp_path, "note.pdf", _pages("Nine to five."))

    assert document.sections == [
        Section("opening hours, 1", "Nine to five."),
        Section("opening hours, 3", "On Sundays too."),
    ]
    assert document.left_out == "page 2: no text, a scan?"
    assert alone.sections == [Section("note", "Nine to five.")]


def test_a_table_of_a_pdf_loses_nothing(tmp_path: Path) -> None:
    """Prices stand in tables."""
    written = io.BytesIO()
    table = Table([["Weight", "Price"], ["2 kg", "4.90"], ["5 kg", "6.90"]])
    SimpleDocTemplate(written).build([Paragraph("Postage", STYLES["Heading1"]), table])
    document = _read(tmp_path, "prices.pdf", written.getvalue())

    assert [section.title for section in document.sections] == ["Postage"]
    assert document.sections[0].content.split() == "Weight Price 2 kg 4.90 5 kg 6.90".split()


def test_a_list_of_prices_is_no_table_of_contents(tmp_path: Path) -> None:
    """Its numbers do not rise with the pages."""
    written = io.BytesIO()
    canvas = Canvas(written, A4)
    for row, text in enumerate(["Tea ..... 3", "Cake ..... 1", "Coffee ..... 4"]):
        canvas.drawString(100, 700 - 40 * row, text)
    canvas.save()
    [section] = _read(tmp_path, "menu.pdf", written.getvalue()).sections

    assert section.content == "Tea ..... 3\n\nCake ..... 1\n\nCoffee ..... 4"


def test_a_word_that_two_lines_share_is_one(tmp_path: Path) -> None:
    """Else nobody would find it."""
    written = io.BytesIO()
    canvas = Canvas(written, A4)
    canvas.drawString(100, 700, "We send you the infor-")
    canvas.drawString(100, 686, "mation by e-mail.")
    canvas.save()
    [section] = _read(tmp_path, "note.pdf", written.getvalue()).sections

    assert section.content == "We send you the information by e-mail."


def _docx(write: Callable[[Any], None]) -> bytes:
    document = docx.Document()
    write(document)
    written = io.BytesIO()
    document.save(written)
    return written.getvalue()


def _manual(document: Any) -> None:
    document.add_heading("Okapi manual", 0)
    document.add_heading("Returns", 1)
    document.add_paragraph("Thirty ").add_run("days").bold = True
    document.add_paragraph("By post", style="List Bullet")
    document.add_heading("Costs", 2)
    document.add_paragraph("None.").add_run("SECRET").font.hidden = True
    table = document.add_table(2, 2)
    for row, texts in zip(table.rows, [("Weight", "Price"), ("2 kg", "4.90")], strict=True):
        for cell, text in zip(row.cells, texts, strict=True):
            cell.text = text
    document.sections[0].header.paragraphs[0].text = "Okapi Ltd., internal"


def _without_styles(document: Any) -> None:
    document.add_paragraph().add_run("Returns").bold = True
    document.add_paragraph("Thirty days.")


@pytest.mark.parametrize(
    ("write", "sections"),
    [
        (
            _manual,
            [
                Section("Returns", "Thirty **days**\n\n- By post"),
                Section(
                    "Returns: Costs",
                    "None.\n\n|  |  |\n| --- | --- |\n| Weight | Price |\n| 2 kg | 4.90 |",
                ),
            ],
        ),
        (_without_styles, [Section("Returns", "Thirty days.")]),
        (lambda document: document.add_paragraph("Nine."), [Section("opening hours", "Nine.")]),
    ],
)
def test_a_docx_is_read_as_sections(
    tmp_path: Path, write: Callable[[Any], None], sections: Sequence[Section]
) -> None:
    """What Word shows: no hidden text, no running titles."""
    assert _read(tmp_path, "opening-hours.docx", _docx(write)).sections == sections


def _with_part(text: bytes, notes: str = "") -> bytes:
    """Return a file of Word with another text, and footnotes."""
    written = io.BytesIO()
    whole = zipfile.ZipFile(io.BytesIO(_docx(_manual)))
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as changed:
        for part in whole.namelist():
            is_text = part == "word/document.xml"
            changed.writestr(part, text if is_text else whole.read(part))
        if notes:
            changed.writestr("word/footnotes.xml", f"<w:footnotes {NAMES}>{notes}</w:footnotes>")
    return written.getvalue()


NAMES = " ".join(
    (
        'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"',
        'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"',
        'xmlns:v="urn:schemas-microsoft-com:vml"',
    )
)


def _body(xml: str) -> bytes:
    paragraphs = f"<w:p><w:r><w:t>Before</w:t></w:r>{xml}</w:p>"
    return f"<w:document {NAMES}><w:body>{paragraphs}</w:body></w:document>".encode()


def test_a_footnote_is_read_where_it_is_referred_to(tmp_path: Path) -> None:
    """At the end of the file it would be in an item that is about something else."""
    refers = '<w:r><w:footnoteReference w:id="2"/></w:r><w:r><w:t>, and after</w:t></w:r>'
    note = '<w:footnote w:id="2"><w:p><w:r><w:t>Not on Sundays.</w:t></w:r></w:p></w:footnote>'
    document = _read(tmp_path, "note.docx", _with_part(_body(refers), note))

    assert document.sections == [Section("note", "Before (Not on Sundays.), and after")]


@pytest.mark.parametrize(
    ("xml", "text"),
    [
        pytest.param(
            '<mc:AlternateContent><mc:Choice Requires="x"/></mc:AlternateContent>',
            "Before",
            id="python-mammoth 163",
        ),
        pytest.param(
            "<w:r><mc:AlternateContent><mc:Choice/><mc:Fallback><w:pict><v:textbox>"
            "<w:txbxContent><w:p><w:r><w:t>Box</w:t></w:r></w:p></w:txbxContent></v:textbox>"
            "</w:pict></mc:Fallback></mc:AlternateContent></w:r>",
            "Before\n\nBox",
            id="a text box: mammoth 46",
        ),
        pytest.param(
            "<w:del><w:r><w:delText>Gone</w:delText></w:r></w:del>"
            "<w:ins><w:r><w:t> and new</w:t></w:r></w:ins>",
            "Before and new",
            id="tracked changes",
        ),
        pytest.param(
            '<w:r><w:rPr><w:vanish w:val="0"/></w:rPr><w:t> shown</w:t></w:r>'
            "<w:hyperlink><w:r><w:rPr><w:vanish/></w:rPr><w:t>Hidden</w:t></w:r></w:hyperlink>",
            "Before shown",
            id="hidden, and not",
        ),
        pytest.param(
            "<w:smartTag><w:r><w:t> France</w:t></w:r></w:smartTag>",
            "Before France",
            id="a smart tag: mammoth 10",
        ),
    ],
)
def test_what_word_shows_is_read(tmp_path: Path, xml: str, text: str) -> None:
    """Other programs write Word files in their own ways."""
    [section] = _read(tmp_path, "note.docx", _with_part(_body(xml))).sections

    assert section.content == text


LAUGHS = b'<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;&b;">]><a>&c;</a>'
BAD = {
    "locked.pdf": (_pages("x", encrypt="secret"), "a password locks it"),
    "scan.pdf": (_pages("", ""), "it is a scan"),
    "empty.pdf": (b"", "it is no PDF, or damaged"),
    "cut.pdf": (_pages("x")[:200], "it is no PDF, or damaged"),
    "long.pdf": (_pages(*["x"] * 2_001), "it has 2001 pages"),
    "empty.docx": (b"", "it is no .docx, or damaged"),
    "cut.docx": (_docx(_manual)[:-50], "it is no .docx, or damaged"),
    "old.docx": (b"\xd0\xcf\x11\xe0 and so on", "a password locks it, or it is a .doc"),
    "bomb.docx": (_with_part(b" " * 200_000_000), "its text is larger than 30 MB"),
    "laughs.docx": (_with_part(LAUGHS), "it has a document type"),
    "nothing.docx": (_with_part(b"<a/>"), "it is no .docx, or damaged"),
    "broken.docx": (_with_part(b"<w:vanish"), "it is no .docx, or damaged"),
    "open.docx": (_with_part(b"<a>" * 100_000), "it is no .docx, or damaged"),
    "deep.docx": (_with_part(b"<a>" * 9_000 + b"</a>" * 9_000), "it is nested too deeply"),
}


async def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    """Its author, or whoever imports it, knows what to do; the next file is read."""
    for name, (content, problem) in BAD.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DocumentError, match=problem):
            await read_apart(read_document, tmp_path / name)
    (tmp_path / "good.pdf").write_bytes(_pages("Nine to five."))
    document = await read_apart(read_document, tmp_path / "good.pdf")

    assert document.sections == [Section("good", "Nine to five.")]


def _sleep() -> None:
    time.sleep(60)


def _take_memory() -> None:
    bytearray(3_000_000_000)


def _die() -> None:
    os._exit(1)


async def test_what_a_file_makes_its_parser_do_has_an_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No time, no memory, and no crash of it is more than that file's trouble."""
    with pytest.raises(DocumentError, match="did not survive"):
        await read_apart(_die)
    with pytest.raises(DocumentError, match="more than 2 GB"):
        await read_apart(_take_memory)
    monkeypatch.setattr(apart, "_SECONDS", 0.2)
    with pytest.raises(DocumentError, match=r"longer than 0\.2 s"):
        await read_apart(_sleep)
