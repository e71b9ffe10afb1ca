"""What a developer reads when all is ready: the addresses, a sign-in, and what to try."""

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from rich.text import Text

from romashka_local.dev.parts import Stack, Worker
from romashka_local.dev.staff import SignIn
from romashka_local.dev.stream import Stream


@dataclass(frozen=True, slots=True)
class Ready:
    """What there is."""

    stack: Stack
    worker: Worker
    sign_in: SignIn | None
    """None where the project has no Romashka."""
    inbox_url: str | None
    widget_url: str | None
    seconds: float


def print_welcome(ready: Ready, stream: Stream) -> None:
    """Print it."""
    stream.print()
    stream.print(f"Ready in {ready.seconds:.1f} s. Ctrl-C ends all.", style="bold")
    _print_rows(stream, _places(ready))
    stream.print("\nTry, in a second terminal:", style="bold")
    _print_rows(stream, _things_to_try(ready), width=_program_width())
    stream.print()


def _places(ready: Ready) -> list[tuple[str, str]]:
    said = ready.stack.said
    functions = ready.stack.project / "functions"
    names = sorted(file.parent.name for file in functions.glob("[!_.]*/index.ts"))
    rows = [
        ("inbox", ready.inbox_url or "romashka inbox, in a terminal"),
        ("widget", ready.widget_url or "make web builds it, and a shop to try it in"),
        ("API", said["API_URL"]),
        ("functions", f"{said['API_URL']}/functions/v1/{{{','.join(names)}}}" if names else ""),
        ("Postgres", said["DB_URL"]),
        ("answers", _answers(ready.worker)),
        ("staff", _staff(ready.sign_in)),
    ]
    return [(name, value) for name, value in rows if value]


def _answers(worker: Worker) -> str:
    if not worker.said:
        return "no worker is ready; the lines above say why, or it is slow"
    if model := worker.said.get("model"):
        return f"by {model}"
    return (
        "word for word from the knowledge base; set OPENAI_API_KEY or OPENAI_BASE_URL for a model"
    )


def _staff(sign_in: SignIn | None) -> str:
    if sign_in is None:
        return ""
    if sign_in.password is None:
        return f"{sign_in.email}, with the password that you gave it"
    return f"{sign_in.email}, password: {sign_in.password}"


def _things_to_try(ready: Ready) -> list[tuple[str, str]]:
    program = called()
    return [
        (f"{program} chat", "write as a customer; the line of the turn appears here"),
        (f"{program} conversations waiting", "who waits for a human"),
        (f"{program} status", "the keys"),
        (f"{program} db reset", "begin anew, with new demo data"),
        ("save a file", "of supabase/ or worker/: what it is part of runs anew"),
    ]


def called() -> str:
    """Return how `romashka` is called in the folder where this was."""
    here = Path(sys.executable).with_name("romashka")
    if (found := shutil.which("romashka")) and Path(found).resolve() == here.resolve():
        return "romashka"
    relative = os.path.relpath(here)
    return str(here) if relative.startswith("..") else relative


def _program_width() -> int:
    return len(called()) + len(" conversations waiting")


def _print_rows(stream: Stream, rows: list[tuple[str, str]], width: int = 9) -> None:
    for name, value in rows:
        stream.print(Text.assemble("  ", (f"{name:<{width}}", "cyan"), f"  {value}"))
