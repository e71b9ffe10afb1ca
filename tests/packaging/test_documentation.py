"""The pages as people read them: on the repository's page, and as a site."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.packaging.builds import tracked
from tests.support.stacks import ROOT

DOCS = ROOT / "docs"
PAGES = sorted(
    ROOT / name for name in tracked() if name.endswith(".md") and not name.startswith("tests/")
)


@cache
def tokens(page: Path) -> list[Token]:
    parsed = MarkdownIt("commonmark").enable("table").parse(page.read_text("utf-8"))
    return [token for block in parsed for token in (block, *(block.children or []))]


def links(page: Path) -> Iterator[str]:
    """Return where a page's relative links and pictures lead."""
    for token in tokens(page):
        address = str(token.attrs.get("href") or token.attrs.get("src") or "")
        if address and not re.match(r"[a-z]+:", address):
            yield unquote(address)


@cache
def anchors(page: Path) -> set[str]:
    """Return the names that GitHub gives to a page's headings."""
    seen: Counter[str] = Counter()
    found = set()
    for opening, heading in pairwise(tokens(page)):
        if opening.type == "heading_open":
            text = "".join(child.content for child in heading.children or [])
            name = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
            found.add(f"{name}-{seen[name]}" if seen[name] else name)
            seen[name] += 1
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_and_anchors_hold(page: Path) -> None:
    """Whoever follows one is looking for what nobody is there to tell."""
    broken = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)

    assert broken == []


def navigation(entries: list[object]) -> Iterator[str]:
    for entry in entries:
        if isinstance(entry, str):
            yield entry
        elif isinstance(entry, dict):
            for part in entry.values():
                yield from navigation(part if isinstance(part, list) else [part])


def test_the_navigation_has_every_page_once() -> None:
    """A page that it lacks is found by search alone."""
    site = tomllib.loads((ROOT / "zensical.toml").read_text("utf-8"))["project"]

    assert sorted(navigation(site["nav"])) == sorted(page.name for page in DOCS.glob("*.md"))


def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    """It is what those read who have no checkout; nothing in it is fetched from others."""
    shutil.copytree(DOCS, tmp_path / "docs")
    shutil.copy(ROOT / "zensical.toml", tmp_path)
    built = subprocess.run(
        [Path(sys.executable).with_name("zensical"), "build", "--strict"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    pages = [page.read_text("utf-8") for page in (tmp_path / "site").rglob("*.html")]
    fetched = re.compile(r"<(?:script|img|link)[^>]+(?:src|href)=\"?https?://")

    assert len(pages) > len(list(DOCS.glob("*.md")))
    assert [found for page in pages for found in fetched.findall(page)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_tells_to_install_can_be_had(page: Path) -> None:
    """Nothing is published yet: a registry has nothing, or what somebody else put there."""
    asked = re.findall(
        r"(?:pip|npm|uv|pnpm|yarn) (?:install|add|i) [^`\n]*", page.read_text("utf-8")
    )
    names = {word.strip("'\"").partition("[")[0] for line in asked for word in line.split()}

    assert "romashka" not in names


def test_the_page_of_npm_names_the_file_that_is_built() -> None:
    """Whoever copies the line has just built it."""
    version = json.loads((ROOT / "sdk/typescript/package.json").read_text("utf-8"))["version"]
    for page in (DOCS / "sdk-typescript.md", ROOT / "sdk/typescript/README.md"):
        assert f"/dist/romashka-{version}.tgz " in page.read_text("utf-8")
