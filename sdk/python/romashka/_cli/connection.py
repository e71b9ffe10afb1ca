"""What commands that work on a database share: how it is named, and what may be wrong with it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from romashka._cli.problems import CommandError

DatabaseUrl = Annotated[
    str,
    typer.Option(
        "--db-url",
        envvar="DATABASE_URL",
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
