"""`romashka notifications`: who of the team, or which program, is told of what."""

import getpass
import re
import sys
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from romashka._cli.client import Json, Project, ServiceKey, Url, opened_as_staff, print_json, run
from romashka._cli.problems import CommandError
from romashka._terminal import open_console, say

if TYPE_CHECKING:
    from romashka import AsyncRomashka

app = typer.Typer(help="Who is told of what.", no_args_is_help=True)

_PATIENCE_SECONDS = 30.0
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS = re.compile(
    r"(?P<days>[a-z, -]+?)\s+(?P<from>\d\d:\d\d)\s*-\s*(?P<to>\d\d:\d\d)\s+(?P<timezone>\S+)",
    re.IGNORECASE,
)


class Kind(StrEnum):
    """How somebody is told."""

    EMAIL = "email"
    SLACK = "slack"
    WEBHOOK = "webhook"


class Event(StrEnum):
    """What somebody may be told of."""

    ESCALATED = "conversation.escalated"
    WAITING = "conversation.waiting"
    DELIVERY_FAILED = "delivery.failed"
    CHANNEL_ERROR = "channel.error"
    MESSAGE = "message.created"
    CHANGED = "conversation.changed"
    TURN = "turn.settled"


RuleId = Annotated[
    str, typer.Argument(metavar="ID", help="As `list` prints it; its beginning does.")
]


@app.command()
def add(
    kind: Annotated[Kind, typer.Argument(help="How they are told.")],
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="[TARGET]",
            help="An address, or a webhook's URL. Slack's is a secret: it is asked for.",
        ),
    ] = None,
    on: Annotated[list[Event] | None, typer.Option(help="Of what; several times for more.")] = None,
    reason: Annotated[
        list[str] | None, typer.Option(help="Of hand-overs: only for this; several times for more.")
    ] = None,
    minutes: Annotated[
        int | None, typer.Option(help="Of conversation.waiting: after so many.", min=1, max=1440)
    ] = None,
    hours: Annotated[
        str | None, typer.Option(help="Only then, such as 'mon-fri 09:00-18:00 Europe/Berlin'.")
    ] = None,
    url: Url = None,
    key: ServiceKey = None,
) -> None:
    """Let somebody be told; `romashka notifications test` shows whether it gets there."""
    events = on or [Event.ESCALATED]
    if (Event.WAITING in events) != (minutes is not None):
        raise CommandError("--on conversation.waiting and --minutes need each other")
    row = {
        "kind": kind.value,
        "target": target if target and kind is not Kind.SLACK else _ask(kind, target),
        "events": [event.value for event in events],
        "reasons": reason,
        "wait_minutes": minutes,
        "hours": read_hours(hours) if hours else None,
    }
    run(_add(Project(url, key), row))


def _ask(kind: Kind, given: str | None) -> str:
    """Return where to tell; Slack's URL is never an argument, which others on the machine read."""
    from romashka._pasted import pasted
    from romashka._secrets import keep_secret

    if given:
        raise CommandError("Slack's URL is a secret: leave it out, and it is asked for")
    if kind is not Kind.SLACK:
        raise CommandError(f"name the {'address' if kind is Kind.EMAIL else 'URL'} to tell")
    value = getpass.getpass("URL: ") if sys.stdin.isatty() else sys.stdin.read()
    keep_secret(value)
    return pasted(value)


def read_hours(text: str) -> Mapping[str, Any]:
    """Return hours as a rule has them.

    Raises:
        CommandError: they cannot be read.
    """
    found = _HOURS.fullmatch(text.strip())
    days = _read_days(found["days"]) if found else []
    if not found or not days:
        raise CommandError(f"--hours {text!r}: write them as 'mon-fri 09:00-18:00 Europe/Berlin'")
    return {"days": days} | {name: found[name] for name in ("from", "to", "timezone")}


def _read_days(text: str) -> list[int]:
    """Return the numbers of `mon-fri`, or `sat,sun`; none if one of them is no day."""
    days: set[int] = set()
    for part in text.lower().replace(" ", "").split(","):
        first, _, last = part.partition("-")
        if first[:3] not in _DAYS or (last or first)[:3] not in _DAYS:
            return []
        begin, end = _DAYS.index(first[:3]), _DAYS.index((last or first)[:3])
        days |= {(begin + offset) % 7 + 1 for offset in range((end - begin) % 7 + 1)}
    return sorted(days)


async def _add(project: Project, row: Mapping[str, Any]) -> None:
    from romashka import InvalidRequest
    from romashka._rows import fetch

    async with opened_as_staff(project) as client:
        try:
            [made] = await fetch(client.supabase.table("notification_rules").insert(row))
        except InvalidRequest as error:
            if error.name == "bad_hours":
                raise CommandError("there is no such hour or time zone") from error
            says = "an address" if row["kind"] == "email" else "a URL such as https://example.com"
            raise CommandError(f"it cannot be told there; give it {says}") from error
    say(f"Rule {made['id']} tells of {', '.join(made['events'])}.")
    if row["kind"] == "webhook":
        say(f"`romashka notifications secret {made['id']}` shows what signs it.")


@app.command("list")
def list_rules(as_json: Json = False, url: Url = None, key: ServiceKey = None) -> None:
    """Print who is told of what, and what is wrong with it."""
    run(_list(Project(url, key), as_json=as_json))


async def _list(project: Project, *, as_json: bool) -> None:
    from rich.table import Table
    from rich.text import Text

    async with opened_as_staff(project) as client:
        rules = await _rules(client)
    if as_json:
        for rule in rules:
            print_json("rule", **{**rule, "target": _shown(rule)})
        return
    if not rules:
        say("Nobody is told of anything; `romashka notifications add` lets somebody be.")
        return
    table = Table(box=None, pad_edge=False)
    for name in ("id", "kind", "target", "events", "last error"):
        table.add_column(name, no_wrap=name == "id", overflow="fold")
    for rule in rules:
        cells = (rule["id"][:8], rule["kind"], _shown(rule), ", ".join(rule["events"]))
        table.add_row(*map(Text, cells), Text(rule["error"] or ""))
    open_console().print(table)


def _shown(rule: Mapping[str, Any]) -> str:
    """Return where a rule tells; of Slack's URL the secret is its path."""
    target = str(rule["target"])
    return target if rule["kind"] != "slack" else "/".join([*target.split("/")[:3], "…"])


@app.command("test")
def try_rule(rule: RuleId, url: Url = None, key: ServiceKey = None) -> None:
    """Tell of nothing by a rule, and wait until a worker has done it."""
    run(_try(Project(url, key), rule))


async def _try(project: Project, rule_id: str) -> None:
    import asyncio

    from romashka._rows import fetch

    async with opened_as_staff(project) as client:
        rule = await _find(client, rule_id)
        delivery_id = await client.call("test_notification_rule", rule_id=rule["id"])
        table = client.supabase.table("notification_deliveries")
        row: Mapping[str, Any] = {}
        for _ in range(int(_PATIENCE_SECONDS / 0.5)):
            await asyncio.sleep(0.5)
            [row] = await fetch(table.select("*").eq("id", delivery_id))
            if row["error"] or row["status"] == "sent":
                break
    if row["error"]:
        raise CommandError(f"it did not get there: {row['error']} ({row['error_code']})")
    if row["status"] != "sent":
        raise CommandError("no worker has sent it; is one running? `romashka doctor` looks")
    say("It is there.")


@app.command()
def secret(rule: RuleId, url: Url = None, key: ServiceKey = None) -> None:
    """Print what a webhook's receiver checks its signatures with."""
    run(_secret(Project(url, key), rule))


async def _secret(project: Project, rule_id: str) -> None:
    async with opened_as_staff(project) as client:
        rule = await _find(client, rule_id)
        if rule["kind"] != Kind.WEBHOOK:
            raise CommandError(f"rule {rule_id} is no webhook: nothing of it is signed")
        say(await client.call("get_notification_secret", rule_id=rule["id"]))


@app.command()
def remove(rule: RuleId, url: Url = None, key: ServiceKey = None) -> None:
    """Let somebody be told no more; what waits goes with the rule."""
    run(_remove(Project(url, key), rule))


async def _remove(project: Project, rule_id: str) -> None:
    from romashka._rows import fetch

    async with opened_as_staff(project) as client:
        rule = await _find(client, rule_id)
        await fetch(client.supabase.table("notification_rules").delete().eq("id", rule["id"]))
    say(f"Rule {rule['id']} is gone.")


async def _rules(client: "AsyncRomashka") -> list[Mapping[str, Any]]:
    from romashka._rows import fetch_all

    rules = client.supabase.table("notification_rules")
    return list(await fetch_all(lambda: rules.select("*").order("created_at").order("id")))


async def _find(client: "AsyncRomashka", rule_id: str) -> Mapping[str, Any]:
    """Return the rule whose id begins so.

    Raises:
        CommandError: there is none, or more than one.
    """
    found = [rule for rule in await _rules(client) if rule["id"].startswith(rule_id.lower())]
    if len(found) != 1:
        how_many = "more than one rule begins" if found else "no rule begins"
        raise CommandError(f"{how_many} with {rule_id}; romashka notifications list has all")
    return found[0]
