"""What commands that talk to a project share: which project, as whom, and how they end."""

import asyncio
import json
import logging
import os
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from romashka._cli.problems import CommandError
from romashka._terminal import say_json

if TYPE_CHECKING:
    from romashka import AsyncRomashka, ConversationDetails, Message

HANDED_OVER = 3
NOT_ANSWERED = 4

Url = Annotated[
    str | None,
    typer.Option(
        "--url", envvar="SUPABASE_URL", help="The project.", show_default="the stack that runs here"
    ),
]
AnonKey = Annotated[
    str | None, typer.Option("--key", envvar="SUPABASE_ANON_KEY", help="Its anon key.")
]
ServiceKey = Annotated[
    str | None,
    typer.Option("--key", envvar="SUPABASE_SERVICE_ROLE_KEY", help="Its service role key."),
]
StaffKey = Annotated[
    str | None,
    typer.Option(
        "--key",
        envvar="SUPABASE_SERVICE_ROLE_KEY",
        help="Its service role key; or the anon key, with --email.",
    ),
]
Email = Annotated[
    str | None,
    typer.Option(
        envvar="ROMASHKA_EMAIL", help="Sign in as an agent; the password is in ROMASHKA_PASSWORD."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print lines of JSON.")]


@dataclass(frozen=True, slots=True)
class Project:
    """Which project, and as whom."""

    url: str | None
    key: str | None
    email: str | None = None


def run(command: Coroutine[Any, Any, int | None]) -> None:
    """Run a command to its end or to Ctrl-C; what it returns is the exit code.

    Raises:
        CommandError: the project refused, or does not answer.
    """
    logging.disable()  # the Realtime client logs what is mended anyway
    from romashka import RomashkaError

    try:
        exit_code = asyncio.run(command)
        sys.stdout.flush()
    except RomashkaError as error:
        raise CommandError(str(error)) from error
    except KeyboardInterrupt:
        exit_code = None  # how one leaves what has no end
    except BrokenPipeError:  # the next program of the pipe has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        exit_code = None
    raise typer.Exit(exit_code or 0)


@asynccontextmanager
async def opened_as_customer(project: Project) -> "AsyncIterator[AsyncRomashka]":
    """Open a client for a new customer."""
    async with _opened(project, "ANON_KEY", "anon") as client:
        await client.sign_in_anonymously()
        yield client


@asynccontextmanager
async def opened_as_staff(project: Project) -> "AsyncIterator[AsyncRomashka]":
    """Open a client with the service role key, or for an agent."""
    if project.email is None:
        async with _opened(project, "SERVICE_ROLE_KEY", "service_role") as client:
            yield client
        return
    password = os.environ.get("ROMASHKA_PASSWORD")
    if not password:
        raise CommandError("the password is missing; set ROMASHKA_PASSWORD")
    async with _opened(project, "ANON_KEY", None) as client:  # who signs in may have either
        await client.sign_in(project.email, password)
        yield client


@asynccontextmanager
async def _opened(
    project: Project, key_name: str, role: str | None
) -> "AsyncIterator[AsyncRomashka]":
    from romashka import AsyncRomashka
    from romashka._secrets import keep_secret

    url, key = project.url, project.key
    if key is not None:
        keep_secret(key)
    if url is None:
        url, its_key = _local_stack(key_name)
        key = key or its_key
    elif key is None:
        raise CommandError(f"the key is missing; set SUPABASE_{key_name}, or use --key")
    async with AsyncRomashka.connect(*_read(url, key, f"SUPABASE_{key_name}", role)) as client:
        yield client


def _read(url: str, key: str, key_name: str, role: str | None) -> tuple[str, str]:
    """Return the project's URL and key as they are meant; the key is that role's, if one is named.

    Raises:
        BadSetting: one is none, or is for something else.
    """
    from romashka._pasted import check_same_project, read_key, read_project_key, read_project_url

    url_name = "SUPABASE_URL"
    url = read_project_url(url, url_name)
    key = read_project_key(key, key_name, role) if role else read_key(key, key_name)
    check_same_project(url, key, url_name, key_name)
    return url, key


def _local_stack(key_name: str) -> tuple[str, str]:
    try:
        from romashka._cli.status import running_stack

        state = running_stack(None)
    except (ModuleNotFoundError, CommandError) as error:
        raise CommandError(
            f"which project? set SUPABASE_URL and SUPABASE_{key_name}, or start one: romashka start"
        ) from error
    return state["API_URL"], state[key_name]


def print_json(event: str, **values: object) -> None:
    """Print one line of JSON at once."""
    say_json(json.dumps({"event": event, **values}, default=datetime.isoformat, ensure_ascii=False))


def message_json(message: "Message") -> dict[str, Any]:
    """Return a message as JSON has it."""
    return asdict(message) | {"kind": message.kind}


def conversation_json(conversation: "ConversationDetails") -> dict[str, Any]:
    """Return what a conversation is as JSON has it."""
    from romashka import ConversationDetails

    return {field.name: getattr(conversation, field.name) for field in fields(ConversationDetails)}
