"""`romashka notifications`, as operators type it."""

import json
import threading
import time
from collections.abc import Iterator
from functools import partial

import psycopg
import pytest
from psycopg.rows import dict_row
from romashka._cli.notifications import read_hours
from romashka._cli.problems import CommandError

from tests.cli.test_channels import settings
from tests.support.commands import Command
from tests.support.stacks import RunningStack

_SLACK = "https://hooks.slack.example/services/T0/B0/a-secret"


@pytest.fixture
def romashka(stack: RunningStack, romashka: Command) -> Iterator[Command]:
    """Run a command on the stack; its rules go afterwards."""
    yield partial(romashka, **settings(stack))
    with psycopg.connect(stack.admin_url()) as database:
        database.execute("delete from public.notification_rules")


def settle_next(stack: RunningStack, outcome: str, **more: str) -> threading.Thread:
    """Be the worker that sends the next notification."""

    def settle() -> None:
        with psycopg.connect(stack.admin_url(), autocommit=True, row_factory=dict_row) as database:
            claim = "select * from public.claim_notification_deliveries('w')"
            while not (row := database.execute(claim).fetchone()):
                time.sleep(0.05)
            result = {"delivery_id": str(row["delivery_id"]), "attempt": row["attempt"]}
            database.execute(
                "select public.settle_notification_deliveries(%s)",
                [json.dumps([result | {"outcome": outcome} | more])],
            )

    worker = threading.Thread(target=settle, daemon=True)
    worker.start()
    return worker


def test_a_rule_is_added_tried_shown_and_removed(stack: RunningStack, romashka: Command) -> None:
    """Whoever reads the page types these five."""
    none = romashka("notifications", "list")
    target = "https://example.com/a"
    added = romashka("notifications", "add", "webhook", target, "--on", "turn.settled")
    rule = added.output.split()[1]
    key = romashka("notifications", "secret", rule)
    sender = settle_next(stack, "sent")
    well = romashka("notifications", "test", rule[:8])
    sender.join(20)
    sender = settle_next(stack, "failed", error_code="410", error="its server answered 410")
    bad = romashka("notifications", "test", rule)
    sender.join(20)
    shown = romashka("notifications", "list")
    looked = romashka("doctor")
    removed = romashka("notifications", "remove", rule)
    gone = romashka("notifications", "remove", rule)

    assert none.output.startswith("Nobody is told of anything")
    assert f"romashka notifications secret {rule}" in added.output, added.errors
    assert key.output.startswith("whsec_")
    assert well.output == "It is there.\n", well.errors
    assert bad.errors == "romashka: it did not get there: its server answered 410 (410)\n"
    assert target in shown.output
    assert "its server answered 410" in shown.output
    assert f"✗ notifications   rule {rule} does not get through: its server" in looked.output
    assert removed.output == f"Rule {rule} is gone.\n"
    assert "no rule begins with" in gone.errors


def test_slacks_url_is_asked_for_and_never_shown(romashka: Command) -> None:
    """Who has it writes into the team's channel."""
    typed = romashka(
        "notifications", "add", "slack", "--on", "conversation.waiting", "--minutes", "5",
        "--hours", "mon-fri 09:00-18:00 Europe/Berlin", typed=f"{_SLACK}\n",
    )  # fmt: skip
    said = romashka("notifications", "add", "slack", _SLACK)
    shown = [romashka("notifications", "list", *more) for more in ((), ("--json",))]

    assert typed.exit_code == 0, typed.errors
    assert "leave it out" in said.errors
    assert all("hooks.slack.example" in done.output for done in shown)
    assert all("a-secret" not in done.output + done.errors for done in (typed, said, *shown))
    assert '"wait_minutes": 5' in shown[1].output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("email", "team"), "give it an address"),
        (("webhook", "ftp://example.com"), "give it a URL"),
        (("webhook",), "name the URL"),
        (("email", "a@example.com", "--on", "conversation.waiting"), "--minutes"),
        (("email", "a@example.com", "--minutes", "5"), "--minutes"),
        (("email", "a@example.com", "--hours", "09:00-18:00"), "'mon-fri 09:00-18:00"),
        (("email", "a@example.com", "--hours", "mon 09:00-18:00 Berlin"), "time zone"),
    ],
)
def test_what_makes_no_rule_is_one_line(
    romashka: Command, arguments: tuple[str, ...], says: str
) -> None:
    """It names what would be right."""
    done = romashka("notifications", "add", *arguments)

    assert done.exit_code != 0
    assert says in done.errors
    assert done.errors.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("mon-fri 09:00-18:00 Europe/Berlin", [1, 2, 3, 4, 5]),
        ("Sat, Sunday 22:00 - 06:00 UTC", [6, 7]),
        ("fri-mon 00:00-24:00 UTC", [1, 5, 6, 7]),
        ("tue 09:00-10:00 UTC", [2]),
        ("someday 09:00-10:00 UTC", None),
    ],
)
def test_hours_are_read_as_people_write_them(text: str, days: list[int] | None) -> None:
    """Nobody writes JSON at a prompt."""
    if days is None:
        with pytest.raises(CommandError):
            read_hours(text)
    else:
        assert read_hours(text)["days"] == days
