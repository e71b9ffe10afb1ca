"""`romashka metrics`: does the team keep its promises."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from romashka._cli.client import (
    Email,
    Json,
    Project,
    StaffKey,
    Url,
    opened_as_staff,
    print_json,
    run,
)
from romashka._terminal import open_console, say

if TYPE_CHECKING:
    from romashka import ConversationMetrics, ServiceLevel


def metrics(
    minutes: Annotated[int, typer.Option(min=1, max=44640, help="How far to look back.")] = 60,
    conversation: Annotated[
        str | None, typer.Option("--conversation", help="One conversation, by its id.")
    ] = None,
    as_json: Json = False,
    url: Url = None,
    key: StaffKey = None,
    email: Email = None,
) -> None:
    """Print the service level of the last minutes by channel, or one conversation in figures."""
    run(_metrics(Project(url, key, email), minutes, conversation, as_json=as_json))


async def _metrics(
    project: Project, minutes: int, conversation_id: str | None, *, as_json: bool
) -> None:
    async with opened_as_staff(project) as client:
        if conversation_id is not None:
            figures = await (await client.conversations.get(conversation_id)).metrics()
            if as_json:
                print_json("conversation.metrics", **asdict(figures))
            else:
                _print_conversation(figures)
            return
        levels = await client.metrics.service_level(minutes)
        if as_json:
            for level in levels:
                print_json("service_level", window_minutes=minutes, **asdict(level))
        else:
            _print_levels(levels)


def _print_conversation(figures: "ConversationMetrics") -> None:
    for name, value in asdict(figures).items():
        say(f"{name.replace('_', ' '):<32}{_figure(value)}")


def _print_levels(levels: "Sequence[ServiceLevel]") -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("channel")
    for name in ("turns", "p50", "p95", "p99", "in 6 s", "by AI", "handed over", "waiting"):
        table.add_column(name, justify="right")
    for level in levels:
        table.add_row(
            level.channel_type,
            str(level.turns),
            *(_seconds(each) for each in (level.p50_ms, level.p95_ms, level.p99_ms)),
            _share(level.within_6s),
            _share(level.resolved_by_ai),
            str(sum(level.escalations.values())),
            str(level.queue_depth),
        )
    open_console().print(table)
    if set_aside := max((level.set_aside for level in levels), default=0):
        say(f"{set_aside} cannot be settled: romashka doctor says why.", to_errors=True)


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"


def _seconds(milliseconds: int | None) -> str:
    return "-" if milliseconds is None else f"{milliseconds / 1000:.2f} s"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
