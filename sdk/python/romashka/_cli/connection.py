"""What commands that work on a database share: how it is named, and what may be wrong with it."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from romashka._cli.local_stack import find_stack
from romashka._cli.problems import NOT_INSTALLED, CommandError

_DIRECT_HOST = re.compile(r"\bdb\.[a-z0-9]+\.supabase\.(?:co|in)\b")


def read_database_option(given: str | None) -> str | None:
    """Return what `--db-url` names, as the driver reads it.

    Raises:
        BadSetting: it cannot be understood; nothing of it is quoted.
    """
    from romashka._database_url import read_database_url
    from romashka._secrets import keep_url

    if given is None:
        return None
    keep_url(given)
    return read_database_url(given, "--db-url (DATABASE_URL)")


def find_database() -> str:
    """Return the URL of the database of the stack that runs here, if no other project is named.

    Raises:
        CommandError: none runs, or a setting names another project.
    """
    url = os.environ.get("SUPABASE_URL", "")
    stack = find_stack()
    if stack and url.rstrip("/") in ("", stack["API_URL"]):
        return stack["DB_URL"]
    if url:
        raise CommandError(
            "SUPABASE_URL does not tell where the database is; set DATABASE_URL, or use --db-url"
            " (Dashboard, Connect)"
        )
    raise CommandError(
        "which database? set DATABASE_URL, use --db-url, or start a stack: romashka start"
    )


DatabaseUrl = Annotated[
    str,
    typer.Option(
        "--db-url",
        envvar="DATABASE_URL",
        callback=read_database_option,
        default_factory=find_database,
        show_default="the stack that runs here",
        help="postgresql://... of the project, as its user `postgres`.",
    ),
]


@contextmanager
def clear_database_errors() -> Iterator[None]:
    """Turn what the driver raises within the block into one line.

    Raises:
        CommandError: the database cannot be reached, or is not what the command needs.
    """
    import psycopg

    try:
        yield
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedFunction) as error:
        raise CommandError(NOT_INSTALLED) from error
    except psycopg.Error as error:
        if (error.sqlstate or "").startswith("PT"):  # our own refusals say what to do
            said = error.diag
            raise CommandError(f"{said.message_primary} ({said.message_hint})") from error
        # A wrong password, nobody there: the driver's first line tells which.
        reason = str(error).strip().splitlines()[0]
        raise CommandError(f"unable to use the database; {reason}; {_advice(reason)}") from error


def _advice(reason: str) -> str:
    if "enant" in reason:  # a pooler's words: it looks for the project in the user's name
        return "the pooler's user is postgres.PROJECT: copy its address from Dashboard, Connect"
    if _DIRECT_HOST.search(reason) and "password" not in reason:
        return "this host answers by IPv6 alone: take the pooler's from Dashboard, Connect"
    return "check --db-url"
