"""docs/settings.md: every column of the settings, with what it is at first; its examples run."""

import json
import re
import runpy
import shlex
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.cli.test_settings import keys as keys  # puts the settings back
from tests.support.commands import Command
from tests.support.stacks import ROOT, RunningStack

PAGE = (ROOT / "docs" / "settings.md").read_text()
ROW = re.compile(r"^\| `(\w+)` \| (.+?) \| (.+) \|$", re.MULTILINE)


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def described(stack: RunningStack) -> dict[str, Any]:
    """Return each setting as it is at first."""
    with psycopg.connect(stack.db_url) as database:
        rows = database.execute("select name, default_value, rules from describe_settings()")
        return {name: (value, " ".join(rules or [])) for name, value, rules in rows.fetchall()}


def test_the_page_has_each_setting_as_it_is_at_first(stack: RunningStack) -> None:
    """One that is not there is one that nobody sets, and another value would be believed."""
    settings, told = described(stack), {name: first for name, first, _ in ROW.findall(PAGE)}

    assert sorted(told) == sorted(settings)
    for name, at_first in told.items():
        value, _ = settings[name]
        if at_first == "\u2013":
            assert value is None, name
        elif at_first.startswith("`"):
            assert at_first.strip("`") == (value if isinstance(value, str) else json.dumps(value))
    assert told["handover_texts"] == f"in {len(settings['handover_texts'][0])} languages"
    assert told["escalation_topics"] == "all seven"
    assert len(settings["escalation_topics"][0]) == 7


def test_the_page_names_each_value_that_is_one_of_several(stack: RunningStack) -> None:
    """Whoever sets a topic or a kind of small talk copies it from there."""
    settings, rows = described(stack), {name: says for name, _, says in ROW.findall(PAGE)}
    kinds = re.search(r"\{([\w,]+)\}", settings["small_talk_texts"][1])

    assert kinds is not None
    assert re.findall(r"`(\w+)`", rows["small_talk_texts"]) == kinds[1].split(",")
    assert re.findall(r"`(\w+)`", rows["escalation_topics"]) == settings["escalation_topics"][0]


def test_the_commands_of_the_page_run(romashka: Command, keys: dict[str, str]) -> None:
    """As they stand there."""
    for line in blocks("sh")[0].splitlines():
        program, *command = shlex.split(line)
        done = romashka(*command, **keys)

        assert program == "romashka"
        assert (done.exit_code, done.errors.replace("It is checked that", "")) == (0, ""), line
    shown = json.loads(romashka("settings", "show", "--json", **keys).output)

    assert shown["persona"].startswith("You are Rosa")
    assert shown["escalation_topics"] == ["legal", "safety", "refund"]
    assert shown["max_negative_sentiment"] is None


def test_the_statement_of_the_page_runs(stack: RunningStack) -> None:
    """And is undone here."""
    with psycopg.connect(stack.db_url) as database:
        database.execute(blocks("sql")[0].encode())
        row = database.execute(
            "select persona, default_language, handover_texts ->> 'de', handover_texts ->> 'en'"
            " from ai_settings"
        ).fetchone()
        database.rollback()

    assert row is not None
    assert row[:3] == (
        "You are Rosa, of the flower shop.",
        "de",
        "Ich hole jemanden aus dem Laden dazu.",
    )
    assert row[3]


async def test_the_script_of_the_page_runs(
    stack: RunningStack,
    keys: dict[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With the key that it says."""
    script = tmp_path / "settings.py"
    script.write_text(blocks("python")[0], encoding="utf-8")
    main = runpy.run_path(str(script))["main"]
    await main(keys["SUPABASE_URL"], keys["SUPABASE_SERVICE_ROLE_KEY"])

    assert capsys.readouterr().out == "You are Rosa.\n"
