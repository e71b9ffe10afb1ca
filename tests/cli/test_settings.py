"""`romashka settings`: the row of `ai_settings`, with the checks that the database has for it."""

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.support.commands import Command
from tests.support.customers import new_agent
from tests.support.stacks import RunningStack


@pytest.fixture
def keys(stack: RunningStack) -> Iterator[dict[str, str]]:
    """The project's keys; the settings are afterwards as they were."""
    with psycopg.connect(stack.db_url, autocommit=True) as database:
        row = database.execute("select to_jsonb(s) from ai_settings as s").fetchone()
        assert row is not None
        yield {"SUPABASE_URL": stack.api_url, "SUPABASE_SERVICE_ROLE_KEY": stack.service_role_key}
        database.execute("delete from ai_settings")
        database.execute(
            "insert into ai_settings select * from jsonb_populate_record(null::ai_settings, %s)",
            [json.dumps(row[0])],
        )


def test_all_settings_are_shown_and_each_can_be_set_to_what_it_is(
    romashka: Command, keys: dict[str, str], stack: RunningStack
) -> None:
    """Every column: one that a later edition adds, too."""
    with psycopg.connect(stack.db_url) as database:
        row = database.execute("select to_jsonb(s) - '{id,updated_at}'::text[] from ai_settings s")
        [[columns]] = row.fetchall()
    shown = romashka("settings", "show", **keys)
    as_json = json.loads(romashka("settings", "show", "--json", **keys).output)
    names = [line.split()[0] for line in shown.output.splitlines()]

    assert as_json == columns
    assert names == [*as_json]
    for name, value in as_json.items():
        given = value if isinstance(value, str) else json.dumps(value)
        done = romashka("settings", "set", name, "-", typed=given, **keys)
        assert (done.exit_code, done.errors) == (0, ""), name
    assert json.loads(romashka("settings", "show", "--json", **keys).output) == columns


@pytest.mark.parametrize(
    ("name", "given", "stored"),
    [
        ("persona", "You are Rosa.", "You are Rosa."),
        ("min_confidence", "0.7", 0.7),
        ("max_negative_sentiment", "null", None),
        ("escalation_topics", "legal, refund", ["legal", "refund"]),
        ("escalation_topics", "[]", []),
        ("grounding", "off", False),
        ("answers_acknowledgements", "true", True),
        ("small_talk_texts", '{"greeting": {"en": "Hi!"}}', {"greeting": {"en": "Hi!"}}),
        ("keep_conversations_days", "365", 365),
    ],
)
def test_a_setting_is_changed_and_set_back(
    romashka: Command, keys: dict[str, str], name: str, given: str, stored: Any
) -> None:
    """As people write them, and back to what they were at first."""
    before = json.loads(romashka("settings", "show", name, "--json", **keys).output)
    changed = romashka("settings", "set", name, given, **keys)
    after = json.loads(romashka("settings", "show", name, "--json", **keys).output)
    romashka("settings", "set", name, "default", **keys)
    again = json.loads(romashka("settings", "show", name, "--json", **keys).output)

    assert changed.output.startswith(f"{name} is ")
    assert after == {name: stored}
    assert again == before


@pytest.mark.parametrize(
    ("name", "given", "says"),
    [
        ("min_confidence", "7", "a number, and it is checked that (min_confidence >= "),
        ("min_confidence", "much", "a number, and it is checked that "),
        ("deadline_ms", "5.5", "a whole number, and it is checked that "),
        ("deadline_ms", "60000", "a whole number, and it is checked that (deadline_ms >= 2000)"),
        ("grounding", "perhaps", "true or false"),
        ("grounding", "null", "true or false"),
        ("escalation_topics", "weather", "a list, such as a,b, and it is checked that "),
        ("handover_texts", "{}", "JSON, and it is checked that "),
        ("handover_texts", "{", "JSON, and it is checked that "),
        ("default_language", "German!", "a text, and it is checked that "),
    ],
)
def test_what_the_database_refuses_is_said_with_its_rule(
    romashka: Command, keys: dict[str, str], name: str, given: str, says: str
) -> None:
    """One line that says what would be right; nothing is changed."""
    before = romashka("settings", "show", "--json", **keys).output
    done = romashka("settings", "set", name, given, **keys)

    assert (done.exit_code, done.output) == (1, "")
    assert done.errors.startswith(f"romashka: {name} cannot be that; it is {says}")
    assert done.errors.count("\n") == 1
    assert romashka("settings", "show", "--json", **keys).output == before


def test_a_misspelt_setting_is_named_with_the_one_that_is_meant(
    romashka: Command, keys: dict[str, str]
) -> None:
    """And one that agents may not change is not silently left as it was."""
    near = romashka("settings", "set", "min_confidense", "1", **keys)
    far = romashka("settings", "show", "colour", **keys)

    assert near.errors == (
        "romashka: there is no setting min_confidense; did you mean min_confidence?\n"
    )
    assert far.errors == "romashka: there is no setting colour; romashka settings show has all\n"


def test_an_agent_reads_them_and_admins_alone_change_them(
    romashka: Command, stack: RunningStack
) -> None:
    """As the policies say."""
    email, password = new_agent(stack)
    signed_in = {
        "SUPABASE_URL": stack.api_url,
        "SUPABASE_SERVICE_ROLE_KEY": stack.anon_key,
        "ROMASHKA_EMAIL": email,
        "ROMASHKA_PASSWORD": password,
    }
    shown = romashka("settings", "show", "persona", **signed_in)
    refused = romashka("settings", "set", "persona", "x", **signed_in)

    assert shown.output.startswith("You are a friendly")
    assert refused.errors == ("romashka: nothing was changed: only admins change the settings\n")
