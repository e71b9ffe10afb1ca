"""`romashka staff`: who may see the inbox."""

from enum import StrEnum
from typing import Annotated

import typer

from romashka._cli.connection import DatabaseUrl, clear_database_errors
from romashka._cli.problems import CommandError
from romashka._terminal import say, say_fields

app = typer.Typer(help="Who sees the inbox.", no_args_is_help=True)

Email = Annotated[str, typer.Argument(help="The address that they sign in with.")]


class Role(StrEnum):
    """What staff may be; admins also change the settings."""

    AGENT = "agent"
    ADMIN = "admin"


@app.command()
def add(
    email: Email,
    db_url: DatabaseUrl,
    role: Annotated[Role, typer.Option(help="What they may do.")] = Role.AGENT,
) -> None:
    """Make a user of the project an agent or an admin."""
    _set_role(db_url, email, role)
    say(f"{email} is {role} now.")


@app.command()
def remove(email: Email, db_url: DatabaseUrl) -> None:
    """Make somebody an ordinary user again."""
    _set_role(db_url, email, "user")
    say(f"{email} is no longer staff.")


@app.command("list")
def list_staff(db_url: DatabaseUrl) -> None:
    """Print everybody who is staff, with their role."""
    import psycopg

    with clear_database_errors(), psycopg.connect(db_url, prepare_threshold=None) as connection:
        rows = connection.execute(
            "select coalesce(users.email, users.id::text), profiles.role"
            " from public.profiles as profiles join auth.users as users using (id)"
            " where profiles.role in ('agent', 'admin') order by 1"
        ).fetchall()
    for email, role in rows:
        say_fields((role, email))


def _set_role(db_url: str, email: str, role: str) -> None:
    import psycopg

    with clear_database_errors(), psycopg.connect(db_url, prepare_threshold=None) as connection:
        changed = connection.execute(
            "update public.profiles as profiles set role = %s from auth.users as users"
            " where users.id = profiles.id and lower(users.email) = lower(%s)",
            [role, email],
        )
    if not changed.rowcount:
        raise CommandError(f"no user has the address {email}; they sign up first")
