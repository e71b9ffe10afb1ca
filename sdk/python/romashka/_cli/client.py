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

from romashka._cli.local_stack import find_stack, which_project
from romashka._cli.problems import NOT_INSTALLED, CommandError
from romashka._terminal import say_json

if TYPE_CHECKING:
    from romashka import AsyncRomashka, ConversationDetails, Message

_NOT_INSTALLED = ("PGRST202", "PGRST205")
"""How PostgREST says that it has no such function, or table."""
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
    from romashka import NotFound, RomashkaError

    try:
        exit_code = asyncio.run(command)
        sys.stdout.flush()
    except NotFound as error:
        if error.name in _NOT_INSTALLED:
            raise CommandError(NOT_INSTALLED) from error
        raise CommandError(str(error)) from error
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
        if (stack := find_stack()) is None:
            raise CommandError(which_project(f"SUPABASE_{key_name}"))
        url, key = stack["API_URL"], key or stack[key_name]
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


def print_json(event: str, **values: object) -> None:
    """Print one line of JSON at once."""
    say_json(json.dumps({"event": event, **values}, default=_as_json, ensure_ascii=False))


def _as_json(value: Any) -> object:
    return value.isoformat() if isinstance(value, datetime) else asdict(value)


def message_json(message: "Message") -> dict[str, Any]:
    """Return a message as JSON has it."""
    return asdict(message) | {"kind": message.kind}


def conversation_json(conversation: "ConversationDetails") -> dict[str, Any]:
    """Return what a conversation is as JSON has it."""
    from romashka import ConversationDetails

    return {field.name: getattr(conversation, field.name) for field in fields(ConversationDetails)}
