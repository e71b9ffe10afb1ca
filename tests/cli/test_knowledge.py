"""`romashka knowledge`, as the people type it who write what the AI answers from."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from romashka._documents import (
    MAX_FILE_BYTES,
    MAX_SECTIONS,
    DocumentError,
    Section,
    read_document,
)

from tests.support.commands import Command, Done
from tests.support.stacks import RunningStack


@pytest.fixture
def knowledge(
    stack: RunningStack, tmp_path: Path, romashka: Command, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Command]:
    """Run `romashka knowledge ...` in a folder of its own, without embeddings."""
    monkeypatch.chdir(tmp_path)
    settings = {
        "SUPABASE_URL": stack.api_url,
        "SUPABASE_SERVICE_ROLE_KEY": stack.service_role_key,
        "ROMASHKA_EMBEDDINGS": "off",
    }

    def run(*command: str) -> Done:
        return romashka("knowledge", *command, **settings)

    yield run
    if (folder := tmp_path / "help").is_dir():
        for file in folder.iterdir():
            file.unlink()
        run("import", "help")


def test_a_folder_is_imported_changed_and_emptied(knowledge: Command, tmp_path: Path) -> None:
    """Whoever keeps the help pages in files runs this after each change."""
    folder = tmp_path / "help"
    folder.mkdir()
    (folder / "returns.md").write_text("# Zebra returns\n\nThirty days.\n\n## Costs\n\nNone.\n")
    (folder / "table.csv").write_text("question,answer\nZebra colours?,Both.\n")
    (folder / "broken.csv").write_text("question,answer\nZebra?,\n")
    first = knowledge("import", "help", "--language", "en")
    again = knowledge("import", "help", "--language", "en", "--json")
    (folder / "returns.md").write_text("# Zebra returns\n\nSixty days.\n")
    (folder / "table.csv").unlink()
    third = knowledge("import", "help", "--language", "en")
    found = knowledge("search", "zebra returns", "--language", "en", "--json")
    best = json.loads(found.output.splitlines()[0])

    assert first.output == "3 added, 0 changed, 0 unchanged, 0 removed\n"
    assert "help/broken.csv: line 2: the text is missing" in first.errors
    assert first.exit_code == 1
    assert json.loads(again.output)["unchanged"] == 3
    assert third.output == "0 added, 1 changed, 0 unchanged, 2 removed\n"
    assert (best["content"], best["source_url"]) == (
        "Sixty days.",
        "help/returns.md#zebra-returns",
    )


def test_one_bad_file_ends_nothing_and_what_is_lost_is_said(
    knowledge: Command, tmp_path: Path
) -> None:
    """Whatever a file has in it, the others are imported, and nobody looks for what is missing."""
    folder = tmp_path / "help"
    folder.mkdir()
    (folder / "a#b.md").write_text("---\nlanguage: pt-BR # for Brazil\n---\n# Quagga\n\nUm.\n")
    (folder / "costs.md").write_text("# Quagga\n\na\n\n# Quagga\n\nb\n\n# Quagga 2\n\nc\n")
    (folder / "deep.html").write_text("<p>one" * 1_500)
    (folder / "lost.csv").write_text(f"title,text,note\nQuagga,b,{'c' * 40}\n")
    (tmp_path / "picture.png").touch()
    paths = ("hepl", "picture.png", "help")
    first = knowledge("import", *paths, "--language", "en", "--json")
    again = knowledge("import", "help")
    told = json.loads(first.output)

    assert (first.exit_code, told["added"]) == (1, 5)
    assert set(told["bad"]) == {"hepl", "picture.png", "help/deep.html"}
    assert "romashka: hepl: it is not there\n" in first.errors
    assert told["losses"] == {"help/lost.csv": "40 of its 47 letters are in no item"}
    assert told["characters"] - told["held"] == 40
    assert told["files"]["help/lost.csv"] == {"characters": 47, "held": 7}
    assert "\nhelp/lost.csv: 7 of 47 letters\n" in again.errors
    assert "help/deep.html: it is nested too deeply" in first.errors
    assert "0 removed" in again.output
    assert f"\n{told['held']} of {told['characters']} letters are in the items.\n" in again.errors
    assert knowledge("import", "help", "--language", "German").errors == (
        "romashka: --language is no language's code; one is pt or pt-BR\n"
    )


def test_the_largest_file_is_stored_before_the_statement_is_cancelled(
    knowledge: Command, tmp_path: Path
) -> None:
    """Else it could never be imported, and each try would take as long."""
    folder = tmp_path / "help"
    folder.mkdir()
    text = " ".join(f"word{number}" for number in range(310))
    rows = "".join(f"Gnu {number},{text}\n" for number in range(MAX_SECTIONS))
    (folder / "large.csv").write_text(f"title,text\n{rows}")
    done = knowledge("import", "help", "--language", "en", "--json")

    assert (folder / "large.csv").stat().st_size > 0.9 * MAX_FILE_BYTES
    assert done.exit_code == 0, done.errors
    assert json.loads(done.output)["added"] == MAX_SECTIONS


def test_an_item_is_added_listed_and_removed(knowledge: Command) -> None:
    """The shortest way to teach the AI one thing."""
    added = knowledge("add", "Okapi hours", "Dawn to dusk.")
    item_id = added.output.strip()
    listed = knowledge("list", "--language", "en").output.splitlines()
    removed = knowledge("remove", item_id)

    assert any(line.startswith(f"{item_id}\ten\t\tOkapi hours") for line in listed), added.errors
    assert removed.output == "1 removed.\n"
    assert item_id not in knowledge("list").output


def test_what_is_not_there_is_one_clear_line(knowledge: Command) -> None:
    """A misspelt folder must not remove anything, nor look like success."""
    done = knowledge("import", "hepl")

    assert (done.exit_code, done.errors) == (1, "romashka: hepl: it is not there\n")


@pytest.mark.parametrize(
    ("name", "text", "sections"),
    [
        (
            "shop.md",
            "---\ntitle: Shop\nlang: de\n---\nHallo.\n\n# Versand\n\n```\n# kein Titel\n```\n\n"
            "## Kosten\n\nKeine.\n\n## Und *wann*?\n\nMorgen.\n",
            [
                Section("Shop", "Hallo.", "de"),
                Section("Versand", "```\n# kein Titel\n```", "de"),
                Section("Versand: Kosten", "Keine.", "de"),
                Section("Und wann?", "Morgen.", "de"),
            ],
        ),
        (
            "page.html",
            "<html lang=fr><head><title>Aide</title></head><body><nav>Menu</nav><main>"
            "<h2>Prix</h2><p>Un <b>euro</b>.<script>x()</script></main></body></html>",
            [Section("Prix", "Un **euro**.", "fr")],
        ),
        (
            "rows.csv",
            '\ufeffTitle;Text;Tags\n"A; b";"two\nlines";x, y\n',
            [Section("A; b", "two\nlines", None, ("x", "y"))],
        ),
        ("opening-hours.txt", "Nine to five.", [Section("opening hours", "Nine to five.")]),
        ("note.txt", "Hours\n\nNine to five.\n", [Section("Hours", "Nine to five.")]),
    ],
)
def test_a_file_is_read_as_sections(
    tmp_path: Path, name: str, text: str, sections: list[Section]
) -> None:
    """Each section answers one question; one item for a whole page would answer none."""
    (tmp_path / name).write_text(text, "utf-8")

    assert read_document(tmp_path / name).sections == sections


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.md", b"\xff\xfe", "not UTF-8"),
        ("a.csv", b"name,text\nx,y\n", "no column title or question"),
        ("a.csv", b'title,text\n"x,y\n', "line 2: unexpected end"),
        ("a.txt", b"x\x00y", "NUL"),
    ],
)
def test_a_bad_file_says_what_is_wrong(
    tmp_path: Path, name: str, content: bytes, problem: str
) -> None:
    """The author mends it without reading our code."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DocumentError, match=problem):
        read_document(tmp_path / name)
