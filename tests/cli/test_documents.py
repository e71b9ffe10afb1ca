"""What files become: all that a reader would read of them, and nothing else."""

import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from romashka._cli.knowledge_store import _names
from romashka._documents import (
    MAX_SECTIONS,
    Document,
    DocumentError,
    Section,
    language_code,
    read_document,
)
from romashka._documents.html import read_html
from romashka._documents.markdown import read_markdown
from romashka._documents.table import read_table


def _read(folder: Path, name: str, text: str) -> Document:
    (folder / name).write_text(text, "utf-8", newline="")
    return read_document(folder / name)


@pytest.mark.parametrize(
    ("text", "items"),
    [
        pytest.param(
            "# A\n\none\u2028two\n\n## Costs\n\nx\n\n## B\n\ny\n",
            {"A": "one\u2028two", "A: Costs": "x", "A: B": "y"},
            id="a separator of lines in a paragraph",
        ),
        pytest.param("a\r\rb\r\n\r\n# C\r\n\r\nd", {"file": "a\n\nb", "C": "d"}, id="line breaks"),
        pytest.param("a\n\f# C\n\nd", {"file": "a", "C": "d"}, id="a form feed"),
        pytest.param(
            "---\n---\n# A\n\none\n\n---\n\n# B\n\ntwo",
            {"A": "one\n\n---", "B": "two"},
            id="empty front matter",
        ),
        pytest.param(
            "---\n\nA text here.\n\n---\n\n# B\n\ntwo",
            {"file": "---\n\nA text here.\n\n---", "B": "two"},
            id="a rule first",
        ),
        pytest.param("\n---\n\nA test.", {"file": "---\n\nA test."}, id="diary 229"),
        pytest.param(
            '---\ntitle: "Test!"\n---\n\nThis\n\n---\n\nsome\n\n---\n\nbut',
            {"Test!": "This\n\n---\n\nsome\n\n---\n\nbut"},
            id="crowbook 99",
        ),
        pytest.param(
            "---\ntitle: It's # not this\ntags:\n- a\ntext: |\n  --- b\n...\nHi",
            {"It's": "Hi"},
            id="YAML",
        ),
        pytest.param(
            '+++\ntitle = "Shop"\nmail = "a@b.c"\ntags = [\n  "x",\n]\n[params]\nx = 1\n+++\nHi',
            {"Shop": "Hi"},
            id="TOML",
        ),
        pytest.param(
            '+++\ntitle = \'Shop\'\na.b = 1\ntext = """\ninternal\n"""\n+++\nHi',
            {"Shop": "Hi"},
            id="TOML of several lines",
        ),
        pytest.param(
            "---\ntitle: >\n  Our\n  shop\nlast updated: 2024\nContact e-mail: a@b.c\n---\nHi",
            {"Our shop": "Hi"},
            id="YAML with spaces",
        ),
        pytest.param(
            "# A\n\n{/* INTERNAL */}x {% comment %}INTERNAL{% endcomment %}\n{: .note}\n"
            "{{< youtube y >}}\n:::tip\ny {.c}\n:::\n\n> [!NOTE]\n> z `{% raw %}`\n\n## B {#b}\n"
            "b",
            {"A": "x \n\n\n\ny\n\n\n> \n> z `{% raw %}`", "A: B": "b"},
            id="marks of generators",
        ),
        pytest.param(
            "# A\n\nText[^1] `[^1]`.\n\n# B\n\nb\n\n[^1]: Thirty\n    days.\n[^2]: Unused.",
            {"A": "Text (Thirty days.) `[^1]`.", "B": "b\n\n[^2]: Unused."},
            id="footnotes",
        ),
        pytest.param(
            "# K\u00fcn\u00addi\u00adgung\n\nHi", {"K\u00fcndigung": "Hi"}, id="soft hyphens"
        ),
        pytest.param('{\n  "title": "Shop",\n  "a": {}\n}\n\nHi', {"Shop": "Hi"}, id="JSON"),
        pytest.param("---toml\nx = 1\n---\nHi", {"file": "Hi"}, id="a named format"),
        pytest.param(
            "# A\n\nx<!-- INTERNAL\n\n## 90 days\n--> y `<!-- z -->`\n\n```\n<!-- c -->\\_\n```",
            {"A": "x y `<!-- z -->`\n\n```\n<!-- c -->\\_\n```"},
            id="comments",
        ),
        pytest.param(
            "a<template>b</template><script>c</script><p hidden>d</p><p style='display:none'>e</p>",
            {"file": "a"},
            id="hidden",
        ),
        pytest.param(
            "<details>\n<summary>More</summary>\n\nText\n\n</details>",
            {"file": "More\n\nText"},
            id="details",
        ),
        pytest.param(
            "ware\\_house &amp; 2 \\* 3 for <your name>, `\\_`, <b>not</b> a&nbsp;b",
            {"file": "ware_house & 2 * 3 for <your name>, `\\_`, not a b"},
            id="escapes",
        ),
        pytest.param(
            "# A\n\n[our\nterms][1], [The  Terms], `[1]`, \\[1], [no], [x](y)\n\n# B\n\nb\n\n"
            "[1]: https://a.b/c 'T'\n[the terms]: <https://a.b/d>",
            {
                "A": "[our\nterms](https://a.b/c), [The  Terms](https://a.b/d), "
                "`[1]`, [1], [no], [x](y)",
                "B": "b",
            },
            id="an address elsewhere",
        ),
        pytest.param(
            "A *b* \\# [l](u)\n===\n\nx\n\nSub\n---\n\ny",
            {"A b # l": "x", "A b # l: Sub": "y"},
            id="underlined headings",
        ),
        pytest.param(
            "# Ключ\n\nЖ.\n\n# 返品\n\nはい", {"Ключ": "Ж.", "返品": "はい"}, id="letters"
        ),
        pytest.param(f"# {'x' * 501}\n\ny", {"x" * 500: f"{'x' * 501}\n\ny"}, id="a long heading"),
    ],
)
def test_markdown_is_read_as_its_reader_reads_it(
    tmp_path: Path, text: str, items: dict[str, str]
) -> None:
    """What is lost is never answered; what is internal must not be."""
    document = _read(tmp_path, "file.md", text)

    assert {section.title: section.content for section in document.sections} == items
    assert document.lost == 0


@pytest.mark.parametrize(
    ("page", "items"),
    [
        pytest.param(
            "<title>Site</title><article><header><h1>Returns</h1></header><p>Thirty days.</p>"
            "<aside>Note.</aside><form><h2>Ask</h2>us</form></article>",
            {"Returns": "Thirty days.\n\nNote.", "Returns: Ask": "us"},
            id="landmarks of an article",
        ),
        pytest.param(
            "<h1>FAQ</h1><div><article><h2>A</h2>one</article><article><h2>B</h2>two</article>",
            {"FAQ: A": "one", "FAQ: B": "two"},
            id="several articles",
        ),
        pytest.param(
            "<div role=heading aria-level=1>Re&shy;turns<br>here</div>a"
            "<aside role=doc-footnote>b</aside><dialog>c</dialog><video>d</video>",
            {"Returns here": "a\n\nb"},
            id="roles",
        ),
        pytest.param(
            "<h1>A</h1>x<![if !mso]><?php echo 'INTERNAL' ?><p>y</p><![endif]>",
            {"A": "x\n\ny"},
            id="instructions",
        ),
        pytest.param(
            "<table><tr><th>a</th></tr><tr><td>b<table><tr><td>c</td><td>d</td></tr></table></td></tr></table>",
            {"file": "| a |\n| --- |\n| b c d |"},
            id="a table in a table",
        ),
        pytest.param(
            "<main><h1>A</h1>one</main><main hidden>x</main><main><h1>B</h1>two</main>",
            {"A": "one", "B": "two"},
            id="several mains",
        ),
        pytest.param(
            "<form action=./><input name=__VIEWSTATE><h1>A</h1><p>one</p></form>",
            {"A": "one"},
            id="a form around everything",
        ),
        pytest.param(
            "<h1>A</h1>ware_house@x.org <a href='https://x.org/track_my_order'>"
            "https://x.org/track_my_order</a> 2*3*4 &lt;b&gt; "
            "<a href='mailto:a_b@x.org'>a_b@x.org</a>",
            {
                "A": "ware_house@x.org https://x.org/track_my_order 2*3*4 <b> a_b@x.org",
            },
            id="nothing is escaped",
        ),
        pytest.param("<h1>A</h1><p># b</p><p>1. c</p>", {"A": "# b\n\n1. c"}, id="no heading"),
        pytest.param(
            "<h1>A</h1><!-- c -->x<template>y</template><p hidden>z</p>", {"A": "x"}, id="hidden"
        ),
        pytest.param(
            "<h1>A<a class=headerlink href=#a>\u00b6</a></h1><img alt='a map' src=x.png>",
            {"A": "a map"},
            id="pictures",
        ),
        pytest.param(
            "<h2><button>When?</button></h2><div>Now.</div><button>Send</button>",
            {"When?": "Now."},
            id="an accordion",
        ),
        pytest.param(
            "<details><summary>When?</summary>Now.</details><dl><dt>a</dt><dd>b</dd></dl>",
            {"file": "When?\n\nNow.\n\na\n:   b"},
            id="details and definitions",
        ),
        pytest.param(
            "<ul><li>a<ul><li>b</li></ul></li></ul><pre>x_y\n# z</pre>",
            {"file": "- a\n  - b\n\n```\nx_y\n# z\n```"},
            id="lists and code",
        ),
        pytest.param(
            "<h1>T</h1><table><row><cell>a</cell></row></table><table><tr><td><table><tr>"
            "<td>b</td><td>c</td></tr></table></td></tr></table>",
            None,
            id="html-to-markdown 171, markdownify 220",
        ),
        pytest.param(
            f"{'<div>' * 340}<h2>A</h2><p>one</p>{'</div>' * 340}", {"A": "one"}, id="very deep"
        ),
        pytest.param(f"{'<p>one' * 300}<h2>A</h2>two", None, id="paragraphs that do not end"),
    ],
)
def test_a_page_is_read_as_its_reader_reads_it(
    tmp_path: Path, page: str, items: dict[str, str] | None
) -> None:
    """Landmarks, forms and depth are how pages are made; their text is what customers ask for."""
    document = _read(tmp_path, "file.html", page)

    assert items is None or {one.title: one.content for one in document.sections} == items
    assert not document.loses_much


@pytest.mark.parametrize(
    ("text", "items"),
    [
        pytest.param("question,answer\nA?,b,\n,,\n\nC?,d\n", {"A?": "b", "C?": "d"}, id="empty"),
        pytest.param("sep=;\nquestion;answer\nA?;b\n", {"A?": "b"}, id="Excel"),
        pytest.param(
            '\ufeff"title","text","Line\ntwo"\n"a","b\nc",""\n', {"a": "b\nc"}, id="miller 161"
        ),
        pytest.param('title,text\r"a ""b""",c\r', {'a "b"': "c"}, id="CR, quotes (duckdb 4200)"),
        pytest.param("\n,\ntitle,text\na,b\n", {"a": "b"}, id="lines before it"),
        pytest.param(
            "title,text\na,\"<p>b &amp; <a href='https://x.y'>c</a></p><p>d</p>\"\ne,1 < 2 <b\n",
            {"a": "b & [c](https://x.y)\n\nd", "e": "1 < 2 <b"},
            id="HTML",
        ),
        pytest.param("title,text,,\na,b,,\n", {"a": "b"}, id="columns without a name"),
    ],
)
def test_a_table_is_read_row_by_row(tmp_path: Path, text: str, items: dict[str, str]) -> None:
    """Spreadsheets leave empty cells, rows and columns behind."""
    document = _read(tmp_path, "file.csv", text)

    assert {section.title: section.content for section in document.sections} == items
    assert document.lost == 0


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("a.csv", "title,text\na,b, c\n", "line 2: it has 3 cells, and there are 2 columns"),
        ("a.csv", "text,title,text\na,b,c\n", "names the column text twice"),
        ("a.csv", f"title,text\na,{'b' * 1_000_001}\n", "line 2: field larger"),
        ("a.md", "# A\n\nb\n\n<!-- c\n\nd", "a comment in it does not end; it begins in line 5"),
        ("a.md", "# A\n\nb\n" + "<!-- c\n" * 100_000, "thousands of <!-- in it have no -->"),
        ("a.md", "<SCRIPT>\n" * 100_000, "thousands of <script in it have no </script"),
        ("a.md", "<div hidden>x\n" * 30_000, "thousands of <div in it have no </div"),
        ("a.html", "<p>a<!-- INTERNAL <p>b", "a comment in it does not end"),
        ("a.html", "<p>one" * 1_500, "nested too deeply"),
        ("a.html", "<form>Write to us</form>", "none of its 9 letters"),
        ("a.md", "# A\n\nb\n\n" * (MAX_SECTIONS + 1), f"{MAX_SECTIONS + 1} sections; split it"),
    ],
)
def test_a_file_that_would_lose_text_is_refused(
    tmp_path: Path, name: str, text: str, problem: str
) -> None:
    """Half a file, or nothing of it, looks like all of it to whoever imports."""
    with pytest.raises(DocumentError, match=problem):
        _read(tmp_path, name, text)


@pytest.mark.parametrize(
    ("name", "text", "lost", "characters"),
    [
        ("a.csv", f"title,text,note\na,b,{'c' * 40}\n", 40, 42),
        ("a.html", f"<main>a</main><aside>{'c' * 40}</aside>", 40, 41),
        ("a.html", f"<p>a</p><p style='display: none'>{'c' * 40}</p>", 40, 41),
    ],
)
def test_what_is_in_no_item_is_counted(
    tmp_path: Path, name: str, text: str, lost: int, characters: int
) -> None:
    """The author is told; only they know whether it matters."""
    document = _read(tmp_path, name, text)

    assert (document.lost, document.characters) == (lost, characters)
    assert document.loses_much


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("pt-BR", "pt-BR"),
        ("en_US.UTF-8", "en-US"),
        ("zh-Hant-HK", "zh-Hant-HK"),
        ("de-Latn-DE-1996", "de"),
        ("German", None),
        ("", None),
        (None, None),
    ],
)
def test_a_language_is_a_code_or_none(written: str | None, code: str | None) -> None:
    """What the file calls its language must not stop the import."""
    assert language_code(written) == code


@given(st.lists(st.sampled_from(["Costs", "Costs 2", "costs-2-2", "Kosten", "\U0001f600", "?"])))
def test_no_two_sections_have_one_name(titles: list[str]) -> None:
    """One would overwrite the other."""
    names = _names(titles)

    assert len(set(names)) == len(titles)


_WORDS = st.sampled_from(["returns", "cost", "Ключ", "返品", "שלום", "ware_house", "42", "naïve"])
_TEXTS = st.lists(_WORDS, min_size=1, max_size=4).map(" ".join)
_SECTIONS = st.lists(st.tuples(st.integers(1, 6), _TEXTS, _TEXTS), min_size=1, max_size=5)
_QUICK = settings(max_examples=40, deadline=None)  # a busy machine is no failure
_BREAKS = st.sampled_from(["\n", "\r\n", "\r"])


def _words(document: Document) -> Counter[str]:
    lines = [part for one in document.sections for part in (one.title, one.content)]
    return Counter(re.findall(r"\w+", " ".join(lines)))


@_QUICK
@given(
    _SECTIONS,
    st.sampled_from(["{}", "- {}", "> {}", "| a |\n|---|\n| {} |", "```\n{}\n```", "**{}** \\_ x"]),
    st.sampled_from(["", "---\n---\n", "---\nauthor: secret\n---\n", '+++\na = "secret"\n+++\n']),
    st.sampled_from(["", "<!-- secret -->\n\n", "<!--\n\n# secret\n\n-->\n\n"]),
)
def test_all_text_of_markdown_comes_out(
    sections: list[tuple[int, str, str]], form: str, front: str, comment: str
) -> None:
    """Text in, text out: whatever it stands in."""
    text = front + "".join(
        f"{'#' * level} {title}\n\n{comment}{form.format(content)}\n\n"
        for level, title, content in sections
    )
    document = read_markdown(text, "name")
    wanted = Counter(word for _, *said in sections for word in " ".join(said).split())

    assert not wanted - _words(document)
    assert "secret" not in _words(document)
    assert document.lost == 0


@_QUICK
@given(
    _SECTIONS,
    st.sampled_from(["p", "div", "li", "blockquote", "td", "pre", "span", "aside", "details"]),
    st.sampled_from(["body", "main", "article", "form", "header", "section", "div"]),
    st.integers(1, 300),
)
def test_all_text_of_a_page_comes_out(
    sections: list[tuple[int, str, str]], element: str, around: str, depth: int
) -> None:
    """Text in, text out: whatever landmark or element it stands in, however deep."""
    inner = "".join(
        f"<h{level}>{title}</h{level}><section><{element}>{content}</{element}></section>"
        for level, title, content in sections
    )
    page = f"<main>{'<div>' * depth}<{around}>{inner}</{around}>{'</div>' * depth}</main>"
    document = read_html(page, "name")
    wanted = Counter(word for _, *said in sections for word in " ".join(said).split())

    assert not wanted - _words(document)
    assert document.lost == 0


@_QUICK
@given(st.lists(st.tuples(_TEXTS, st.text("ab ,;\"'\n", min_size=1)), min_size=1), _BREAKS)
def test_all_cells_of_a_table_come_out(rows: list[tuple[str, str]], end: str) -> None:
    """Text in, text out: quotes, separators and breaks in a cell."""
    wanted = [Section(title, content.strip()) for title, content in rows if content.strip()]
    lines = [
        f'{section.title},"{section.content.replace(chr(34), chr(34) * 2)}"' for section in wanted
    ]
    text = "\n".join(["title,text", *lines]).replace("\n", end)

    assert read_table(re.sub("\r\n?", "\n", text)).sections == wanted
