"""What commands that work on a database share: how it is named, and what may be wrong with it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from romashka._cli.problems import CommandError

_URL = re.compile(r"postgres(ql)?://[^\s@/?#]*@?[^\s@/?#]*(/[^\s@?#]*)?(\?[^\s@]*)?")
"""What two readers cannot read in two ways."""


def read_database_url(given: str | None) -> str | None:
    """Return what `--db-url` names, if it can be understood.

    Of what it cannot understand the driver quotes pieces, and a password may be among them.

    Raises:
        CommandError: it cannot; nothing of it is quoted.
    """
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    try:
        conninfo_to_dict(given or "")
    except ProgrammingError as error:
        raise CommandError(_FORM) from error
    if given and "://" in given and not _URL.fullmatch(given):
        raise CommandError(_FORM)
    return given


_FORM = (
    "--db-url is not of the form postgresql://user:password@host:5432/postgres;"
    " write the password's special characters in their encoded form, as %40 for @"
)


DatabaseUrl = Annotated[
    str,
    typer.Option(
        "--db-url",
        envvar="DATABASE_URL",
        callback=read_database_url,
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
        # A malformed URL, a wrong password, nobody there: the driver's first line tells which.
        reason = str(error).strip().splitlines()[0]
        raise CommandError(f"unable to use the database; {reason}; check --db-url") from error
