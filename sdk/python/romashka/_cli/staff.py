"""`romashka staff`: who may see the inbox."""

from dataclasses import dataclass
from datetime import timedelta
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
    force: Annotated[
        bool,
        typer.Option("--force", help="Though nobody proved that the address is the account's."),
    ] = False,
) -> None:
    """Make a user of the project an agent or an admin.

    Whoever signs up first with a colleague's address gets the colleague's role: an account whose
    address was not confirmed by a mail is refused.
    """
    account = _find_account(db_url, email)
    if not (account.is_proven or force):
        raise CommandError(f"{account}; if you know whose it is: --force")
    _set_role(db_url, email, role)
    say(f"{account}. It is {role} now.")


@app.command()
def remove(email: Email, db_url: DatabaseUrl) -> None:
    """Make somebody an ordinary user again."""
    _set_role(db_url, email, "user")
    say(f"{email} is no longer staff.")


@app.command("list")
def list_staff(db_url: DatabaseUrl) -> None:
    """Print everybody who is staff, with their role."""
    from romashka._postgres import open_database

    with clear_database_errors(), open_database(db_url) as connection:
        rows = connection.execute(
            "select coalesce(users.email, users.id::text), profiles.role"
            " from public.profiles as profiles join auth.users as users using (id)"
            " where profiles.role in ('agent', 'admin') order by 1"
        ).fetchall()
    for email, role in rows:
        say_fields((role, email))


@dataclass(frozen=True, slots=True)
class _Account:
    """What is known of whose an account is."""

    email: str
    age: timedelta
    is_confirmed: bool
    is_mailed: bool

    @property
    def is_proven(self) -> bool:
        """Did whoever has the account read the mail that was sent to its address?"""
        return self.is_confirmed and self.is_mailed

    def __str__(self) -> str:
        if self.is_proven:
            how = "its address is confirmed"
        elif self.is_confirmed:
            how = "its address counts as confirmed, but no mail was sent there to prove it"
        else:
            how = "its address is not confirmed"
        return f"the account of {self.email} is {_said(self.age)} old; {how}"


def _said(age: timedelta) -> str:
    for size, unit in ((timedelta(days=1), "day"), (timedelta(hours=1), "hour")):
        if age >= size:
            return f"{age // size} {unit}{'s' * (age // size != 1)}"
    minutes = max(0, age // timedelta(minutes=1))
    return f"{minutes} minute{'s' * (minutes != 1)}"


def _find_account(db_url: str, email: str) -> _Account:
    from romashka._postgres import open_database

    with clear_database_errors(), open_database(db_url) as connection:
        row = connection.execute(
            "select users.email, coalesce(now() - users.created_at, interval '0'),"
            " users.email_confirmed_at is not null, users.confirmation_sent_at is not null"
            " or coalesce(users.raw_app_meta_data ->> 'provider', 'email')"
            " not in ('email', 'phone', 'anonymous')"
            " from auth.users as users join public.profiles as profiles using (id)"
            " where lower(users.email) = lower(%s)"
            " order by 4, users.created_at desc limit 1",
            [email],
        ).fetchone()
    if row is None:
        raise CommandError(f"no user has the address {email}; they sign up first")
    return _Account(*row)


def _set_role(db_url: str, email: str, role: str) -> None:
    from romashka._postgres import open_database

    with clear_database_errors(), open_database(db_url) as connection:
        changed = connection.execute(
            "update public.profiles as profiles set role = %s from auth.users as users"
            " where users.id = profiles.id and lower(users.email) = lower(%s)",
            [role, email],
        )
    if not changed.rowcount:
        raise CommandError(f"no user has the address {email}; they sign up first")
