"""`romashka webhooks`: what channels sent, and how to have it read once more."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from romashka._cli.client import Json, Project, ServiceKey, Url, opened_as_staff, print_json, run
from romashka._cli.problems import CommandError
from romashka._secrets import hide_secrets
from romashka._terminal import say_fields

if TYPE_CHECKING:
    from romashka import AsyncRomashka

app = typer.Typer(help="What channels sent.", no_args_is_help=True)

_NOT_AS_IT_CAME = "application/vnd.romashka."
"""So begins the type of what is kept in another form, as large mails are."""
_SHOWN = "id,channel_type,received_at,attempts,outcomes,error"
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


class Channel(StrEnum):
    """What has webhooks."""

    WHATSAPP = "whatsapp"
    INSTAGRAM = "instagram"
    EMAIL = "email"


Failed = Annotated[bool, typer.Option("--failed", help="Only those of which an event failed.")]
OfChannel = Annotated[Channel | None, typer.Option("--channel", help="Only those of one channel.")]
Since = Annotated[
    str | None,
    typer.Option(
        help="Only those that came since: 30m, 6h, 2d, or a time such as 2026-03-01T12:00."
    ),
]


@app.command("list")
def list_webhooks(
    failed: Failed = False,
    channel: OfChannel = None,
    since: Since = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, the newest first.")] = 50,
    as_json: Json = False,
    url: Url = None,
    key: ServiceKey = None,
) -> None:
    """Print what came, the newest first: when, how often, and what became of its events."""
    chosen = _Chosen(failed, channel, _time(since))
    run(_list(Project(url, key), chosen, limit, as_json=as_json))


@app.command()
def replay(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="ID", help="As `list` prints them.")
    ] = None,
    failed: Failed = False,
    channel: OfChannel = None,
    since: Since = None,
    as_json: Json = False,
    url: Url = None,
    key: ServiceKey = None,
) -> None:
    """Give webhooks to their functions again, the oldest first; what is there stays as it is.

    Prints what became of each. The exit code is 1 if one was refused, or an event failed again.
    """
    chosen = _Chosen(failed, channel, _time(since))
    if bool(ids) == chosen.is_bounded:
        raise CommandError("which webhooks? name their ids, or use --failed, --channel, --since")
    run(_replay(Project(url, key), ids or [], chosen, as_json=as_json))


# ---- which


@dataclass(frozen=True, slots=True)
class _Chosen:
    failed: bool
    channel: Channel | None
    since: datetime | None

    @property
    def is_bounded(self) -> bool:
        """Does it leave any out?"""
        return self.failed or self.channel is not None or self.since is not None

    def of(self, client: "AsyncRomashka", columns: str) -> Any:
        """Return the query of what is chosen."""
        query = client.supabase.table("webhook_events").select(columns)
        if self.failed:
            query = query.not_.is_("error", "null")
        if self.channel is not None:
            query = query.eq("channel_type", self.channel.value)
        if self.since is not None:
            query = query.gte("received_at", self.since.isoformat())
        return query


def _time(said: str | None) -> datetime | None:
    if said is None:
        return None
    if ago := re.fullmatch(r"(\d{1,4})([mhd])", said):
        return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        return datetime.fromisoformat(said).astimezone(UTC)
    except ValueError as error:
        raise CommandError(f"{said} is no time; write 30m, 6h, 2d or 2026-03-01T12:00") from error


# ---- list


async def _list(project: Project, chosen: _Chosen, limit: int, *, as_json: bool) -> None:
    from romashka._rows import fetch_all

    async with opened_as_staff(project) as client:
        for webhook in await fetch_all(
            lambda: chosen.of(client, _SHOWN).order("received_at", desc=True).order("id"), limit
        ):
            if as_json:
                print_json("webhook", **webhook)
            else:
                _print(webhook)


def _print(webhook: Mapping[str, Any]) -> None:
    at = datetime.fromisoformat(webhook["received_at"]).astimezone()
    fields = (
        webhook["id"],
        at.strftime("%Y-%m-%d %H:%M:%S"),
        webhook["channel_type"],
        _told(webhook["outcomes"]),
        webhook["error"] or "",
    )
    say_fields(fields)


def _told(outcomes: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items()) or "no events"


# ---- replay


async def _replay(project: Project, ids: list[str], chosen: _Chosen, *, as_json: bool) -> int:
    has_failed = False
    async with opened_as_staff(project) as client:
        for webhook_id in ids or await _ids(client, chosen):
            told = await _replay_one(client, webhook_id)
            has_failed |= "error" in told or "failed" in told["outcomes"]
            if as_json:
                print_json("webhook.replayed", id=webhook_id, **told)
            else:
                came = f"not taken: {told['error']}" if "error" in told else _told(told["outcomes"])
                say_fields((webhook_id, came))
    return int(has_failed)


async def _ids(client: "AsyncRomashka", chosen: _Chosen) -> list[str]:
    """Return the ids before the first one is replayed: that may change what is chosen."""
    from romashka._rows import fetch_all

    rows = await fetch_all(lambda: chosen.of(client, "id").order("received_at").order("id"))
    return [row["id"] for row in rows]


async def _replay_one(client: "AsyncRomashka", webhook_id: str) -> dict[str, Any]:
    """Replay one; return its outcomes, or the error."""
    from supabase_functions.errors import FunctionsError

    from romashka import InvalidRequest
    from romashka._rows import fetch

    query = client.supabase.table("webhook_events").select("channel_type,payload,headers")
    try:
        rows = await fetch(query.eq("id", webhook_id))
    except InvalidRequest:
        return {"error": "this is no id"}
    if not rows:
        return {"error": "there is none, or no longer: they are kept for 14 days"}
    if _type_of(rows[0]).startswith(_NOT_AS_IT_CAME):  # no function reads it
        applied = await client.call("replay_channel_webhook", webhook_id=webhook_id)
        return {"outcomes": Counter(result["outcome"] for result in applied["results"])}
    try:
        return {"outcomes": await _give_to_function(client, rows[0])}
    except FunctionsError as error:
        reason = error.message.strip().splitlines()[:1] or [""]
        return {"error": f"{hide_secrets(reason[0])[:200]} (status {error.status})"}


async def _give_to_function(
    client: "AsyncRomashka", webhook: Mapping[str, Any]
) -> Mapping[str, int]:
    """Post a webhook as it came; the service role's key stands for the sender's proof."""
    from romashka._errors import translated

    options = {
        "body": webhook["payload"].encode(),
        "headers": webhook["headers"],
        "responseType": "json",
    }
    with translated():
        answer: Any = await client.supabase.functions.invoke(webhook["channel_type"], options)
    outcomes: Mapping[str, int] = answer["outcomes"]
    return outcomes


def _type_of(webhook: Mapping[str, Any]) -> str:
    return str(webhook["headers"].get("content-type", ""))
