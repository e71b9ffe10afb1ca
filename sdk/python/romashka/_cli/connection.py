"""What commands that work on a database share: how it is named, and what may be wrong with it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from romashka._cli.problems import CommandError

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


DatabaseUrl = Annotated[
    str,
    typer.Option(
        "--db-url",
        envvar="DATABASE_URL",
        callback=read_database_option,
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
    except psycopg.errors.UndefinedTable as error:
        raise CommandError(
            "the database has no Romashka yet; run `romashka migrate` first"
        ) from error
    except psycopg.Error as error:
        # A wrong password, nobody there: the driver's first line tells which.
        reason = str(error).strip().splitlines()[0]
        raise CommandError(f"unable to use the database; {reason}; {_advice(reason)}") from error


def _advice(reason: str) -> str:
    if "enant" in reason:  # a pooler's words: it looks for the project in the user's name
        return "the pooler's user is postgres.PROJECT: copy its address from Dashboard, Connect"
    if _DIRECT_HOST.search(reason) and "password" not in reason:
        return "this host answers by IPv6 alone: take the pooler's from Dashboard, Connect"
    return "check --db-url"
