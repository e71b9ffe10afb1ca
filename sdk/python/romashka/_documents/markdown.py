"""Markdown as sections: one for each heading that has a text below it."""

import html
import re
from collections.abc import Callable, Iterator
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.common.utils import normalizeReference
from markdown_it.token import Token

from romashka._documents import Document, DocumentError
from romashka._documents.front_matter import split_front_matter
from romashka._documents.headings import Heading, sections_of

_CODE_SPAN = r"(?P<code>(?<!`)(?P<ticks>`+)(?!`)(?:(?!\n[ \t]*\n)[\s\S])+?(?<!`)(?P=ticks)(?!`))"
_NEVER_SHOWN = re.compile(
    _CODE_SPAN + r"|<!--(?:>|->|[\s\S]*?-->)"
    # What a site's generator takes out: MDX, Liquid, Hugo, kramdown, callouts.
    r"|\{/\*[\s\S]*?\*/\}|\{%-?\s*comment\b[\s\S]*?\bendcomment\s*-?%\}|\{%(?!\s*raw)[^{}\n]*%\}"
    r"|\{\{(?:<.*?>|%.*?%)\}\}|[ \t]*\{:?[ \t]*[.#][\w-][^{}\n]*\}"
    r"|^import\s.+\sfrom\s+[\"'][^\"'\n]+[\"'];?$|^:{3,}[ \t]*[\w-]*[ \t]*$"
    r"|\[!(?:note|tip|important|warning|caution)\]"
    r"|<(?P<name>script|style|template|noscript)\b[^>]*>[\s\S]*?</(?P=name)\s*>"
    r"|<(?P<hidden>[a-z][\w-]*)(?=[^<>]*?\s(?:hidden(?=[\s>/=])|style\s*=\s*[\"'][^\"'<>]*display\s*:\s*none))"
    r"[^>]*>[\s\S]*?</(?P=hidden)\s*>",
    re.IGNORECASE | re.MULTILINE,
)
"""Comments, programs, and what an attribute hides; in a span of code they are text."""
_ENDS = {"<!--": "-->", "{/*": "*/}"} | {
    f"<{name}": f"</{name}" for name in ("script", "style", "template", "noscript")
}
_HIDDEN_NAME = re.compile(r"<([a-z][\w-]*)(?=[^<>]*?\s(?:hidden|style)\b)")
_MAX_WITHOUT_END = 1_000
_TAGS = (
    "a|abbr|address|article|aside|b|blockquote|br|caption|center|cite|code|col|colgroup|dd|del|details|dfn|div|dl"
    "|dt|em|figcaption|figure|font|footer|form|h[1-6]|header|hr|i|img|ins|kbd|li|main|mark|nav|ol|p|picture|pre|q"
    "|s|samp|section|small|source|span|strike|strong|sub|summary|sup|table|tbody|td|tfoot|th|thead|time|tr|u|ul"
    "|var|video|wbr"
)
_SHOWN_OTHERWISE = re.compile(
    _CODE_SPAN + r"|\\(?P<escaped>[!-/:-@\[-`{-~])"
    r"|<img\b[^>]*?\balt\s*=\s*(?:\"(?P<alt>[^\"]*)\"|'(?P<alt2>[^']*)')[^>]*>"
    rf"|(?P<tag></?(?:{_TAGS})(?:\s[^<>]*)?/?>)|(?P<entity>&(?:\#\d+|\#x[\da-f]+|[a-z][a-z\d]*);)",
    re.IGNORECASE,
)
"""Escapes, pictures, tags and entities; a tag that HTML does not have is text, as <your name>."""
# A link whose address may stand elsewhere: [text][label], or [text] alone.
_LINK = re.compile(
    _CODE_SPAN + r"|\\.|\[(?P<text>(?:\\.|[^\[\]\\])*)\](?:\[(?P<label>[^\[\]]*)\])?(?![\[(:])"
)
_NOTE = re.compile(
    r"^\[\^([^\]\s]+)\]:[ \t]*(.*(?:\n(?:[ \t]+\S.*|[ \t]*(?=\n[ \t]+\S)))*)\n?", re.MULTILINE
)
_NOTE_MARK = re.compile(_CODE_SPAN + r"|\[\^(?P<note>[^\]\s]+)\](?!:)")
_CODE = ("fence", "code_block")
_INLINE = MarkdownIt()
_BLOCKS = MarkdownIt().disable("inline")


def read_markdown(text: str, name: str) -> Document:
    """Return the sections; what stands above the first heading is called `name`.

    Raises:
        DocumentError: a comment does not end.
    """
    fields, body = split_front_matter(re.sub("[\f\v]", "\n", text))
    shown = _with_links_in_place(_with_notes_in_place(_without_hidden(body)))
    language = fields.get("language") or fields.get("lang")
    return Document(
        sections_of(_parts(shown), fields.get("title") or name, language), _as_read(shown)
    )


def _check_ends(text: str) -> None:
    """Refuse what would be looked through to its end from each of thousands of places."""
    lower = text.lower()
    hidden = {f"<{name}": f"</{name}" for name in _HIDDEN_NAME.findall(lower)}
    for begin, end in (_ENDS | hidden).items():
        if lower.count(begin, lower.rfind(end) + 1) > _MAX_WITHOUT_END:
            raise DocumentError(f"thousands of {begin} in it have no {end}")


def _without_hidden(text: str) -> str:
    _check_ends(text)
    shown = _outside_code(text, lambda part: _NEVER_SHOWN.sub(lambda it: it["code"] or "", part))
    for token in _blocks(shown):
        if token.type == "html_block" and token.content.lstrip().startswith("<!--"):
            begin = token.content.strip().partition("\n")[0]
            raise DocumentError(
                f"a comment in it does not end; it begins in line {_line(text, begin)}"
            )
    return shown


def _with_notes_in_place(text: str) -> str:
    """Return the text with each footnote where it is read: the notes may be in another section."""
    notes = {label: " ".join(note.split()) for label, note in _NOTE.findall(text)}
    if not notes:
        return text
    used = {found["note"] for found in _NOTE_MARK.finditer(text)} & notes.keys()

    def in_place(found: re.Match[str]) -> str:
        return f" ({notes[found['note']]})" if found["note"] in used else found[0]

    def without_used(found: re.Match[str]) -> str:
        return "" if found[1] in used else found[0]

    return _outside_code(_NOTE.sub(without_used, text), lambda part: _NOTE_MARK.sub(in_place, part))


def _with_links_in_place(text: str) -> str:
    """Return the text with each link where it is read: its address may stand in another section."""
    known: dict[str, Any] = {}
    _BLOCKS.parse(text, known)
    addresses = {
        label: one for label, one in known.get("references", {}).items() if label[0] != "^"
    }
    if not addresses:
        return text
    defined = {line for one in addresses.values() for line in range(*one["map"])}
    lines = ("" if number in defined else line for number, line in enumerate(text.split("\n")))

    def in_place(found: re.Match[str]) -> str:
        label = normalizeReference(found["label"] or found["text"] or "")
        return f"[{found['text']}]({addresses[label]['href']})" if label in addresses else found[0]

    return _outside_code("\n".join(lines), lambda part: _LINK.sub(in_place, part))


def _line(text: str, begin: str) -> int:
    return text[: text.rfind(begin)].count("\n") + 1


def _parts(text: str) -> Iterator[Heading | str]:
    """Return what the text is made of, in order: headings, and what stands between them."""
    lines = text.split("\n")
    tokens = _blocks(text)
    begins = 0
    for place, token in enumerate(tokens):
        if token.type == "heading_open" and token.level == 0 and token.map:
            yield _as_read("\n".join(lines[begins : token.map[0]]))
            yield Heading(int(token.tag[1:]), _plain(tokens[place + 1].content))
            begins = token.map[1]
    yield _as_read("\n".join(lines[begins:]))


def _plain(heading: str) -> str:
    """Return a heading without its marks: emphasis, links, code, a name that it is given."""
    inline = _INLINE.parseInline(re.sub(r"\s*\{#[^}]*\}\s*$", "", heading))
    return " ".join("".join(map(_texts, inline)).split())


def _texts(token: Token) -> str:
    if token.children and token.type != "image":
        return "".join(_texts(child) for child in token.children)
    if token.type in ("softbreak", "hardbreak"):
        return " "
    if token.type == "html_inline":
        return "" if _SHOWN_OTHERWISE.fullmatch(token.content) else token.content
    return token.content


def _as_read(text: str) -> str:
    return _outside_code(text, lambda part: _SHOWN_OTHERWISE.sub(_shown, part)).strip()


def _shown(found: re.Match[str]) -> str:
    if found["code"] or found["escaped"]:
        return found["code"] or found["escaped"]
    if found["entity"]:
        return html.unescape(found["entity"]).replace("\xa0", " ")
    if found["tag"]:
        return "\n" if found["tag"].lower().startswith("<br") else ""
    return found["alt"] or found["alt2"] or ""


def _outside_code(text: str, change: Callable[[str], str]) -> str:
    """Return the text with its parts changed that are no blocks of code."""
    lines = text.split("\n")
    parts, begins = [], 0
    for token in _blocks(text):
        if token.type in _CODE and token.map:
            first, after = token.map
            if first > begins:
                parts.append(change("\n".join(lines[begins:first])))
            parts.append("\n".join(lines[first:after]))
            begins = after
    if begins < len(lines):
        parts.append(change("\n".join(lines[begins:])))
    return "\n".join(parts)


def _blocks(text: str) -> list[Token]:
    """Return the text's blocks, without what is in their lines."""
    return _BLOCKS.parse(text)
