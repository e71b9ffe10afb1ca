"""`romashka replay`: why a turn ended as it did, and how it would end now."""

import asyncio
import logging
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from romashka._cli.local_stack import use_stack
from romashka._cli.problems import CommandError
from romashka._terminal import open_console

if TYPE_CHECKING:
    from romashka_worker.replay import Replay

_DECIDED = (
    "action",
    "reason",
    "confidence",
    "intent",
    "sentiment",
    "language",
    "model",
    "tokens_used",
    "knowledge_sources",
)
_WHOSE = ("attempt", "worker_id")
_ACTIONS = {"replied": "reply", "escalated": "escalate", "not_needed": "none"}


def replay(
    job: Annotated[str, typer.Argument(metavar="JOB", help="The job_id of the worker's logs.")],
) -> None:
    """Show the trace of a job, answer it again as `romashka worker` would here, send nothing."""
    from romashka_worker.replay import NoSuchJob
    from romashka_worker.replay import replay as answer_again
    from romashka_worker.schema import SchemaTooOld
    from romashka_worker.settings import Settings

    from romashka import RomashkaError

    logging.disable()
    use_stack()
    try:
        replayed = asyncio.run(answer_again(job, Settings.from_environment()))
    except (SchemaTooOld, NoSuchJob) as error:
        raise CommandError(str(error)) from error
    except (RomashkaError, TimeoutError) as error:
        reason = str(error) or "the project does not answer"
        raise CommandError(f"{reason}; romashka doctor finds out why") from error
    _show(replayed)


def _show(replayed: "Replay") -> None:
    from rich.table import Table

    then = replayed.then
    table = Table("", box=None, pad_edge=False)
    for when in ("then", "now"):
        table.add_column(when, overflow="fold")
    for name, *cells in _rows(replayed):
        if any(cells):
            table.add_row(name.replace("_", " "), *(_titled(cell, replayed) for cell in cells))
    console = open_console(markup=False)
    console.print(f"job {then['job_id']}  conversation {then['conversation_id']}", soft_wrap=True)
    for trace in then["traces"]:
        by = f"by {trace.get('worker_id')}"
        console.print(f"attempt {trace['attempt']}  {trace.get('outcome')}  {by}", soft_wrap=True)
    console.print(table)
    for when, prompt in (
        ("then", _newest_trace(then).get("prompt")),
        ("now", replayed.trace.get("prompt")),
    ):
        for message in prompt or ():
            console.print(f"prompt {when}, {message['role']}:\n{message['content']}")


def _rows(replayed: "Replay") -> Iterator[tuple[str, str, str]]:
    from romashka_worker.trace import Stage

    then, old, new = replayed.then, _newest_trace(replayed.then), replayed.trace
    decided = old.get("decided") or {
        "action": _ACTIONS.get(then["outcome"], then["outcome"] or then["status"]),
        "reason": then["reason"],
        "confidence": then["ai_confidence"],
    }
    for name in _DECIDED:
        yield name, _cell(decided.get(name)), _cell(new["decided"][name])
    for name in sorted({*old, *new} - {"decided", "milliseconds", "outcome", "prompt", *_WHOSE}):
        yield name, _cell(old.get(name)), _cell(new.get(name))
    took, takes = old.get("milliseconds", {}), new["milliseconds"]
    for stage in get_args(Stage):
        yield f"{stage} ms", _cell(took.get(stage)), _cell(takes.get(stage))
    yield "text", _cell(then["ai_response"]), _cell(replayed.answer.text)


def _titled(cell: str, replayed: "Replay") -> str:
    """Put an item's title in the place of its id: it is what people know it by."""
    for item_id, title in replayed.titles.items():
        cell = cell.replace(item_id, title)
    return cell


def _newest_trace(then: Mapping[str, Any]) -> Mapping[str, Any]:
    return then["traces"][-1] if then["traces"] else {}


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return "\n".join(f"{name} {told}" for name, told in value.items())
    if isinstance(value, list | tuple):
        return "\n".join(str(one) for one in value)
    return str(value)
