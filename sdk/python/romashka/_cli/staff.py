"""`romashka staff`: who may see the inbox."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import typer

from romashka._cli.client import Project, ServiceKey, Url, opened_as_staff, run
from romashka._cli.connection import clear_database_errors, read_database_option
from romashka._cli.problems import CommandError
from romashka._terminal import say, say_fields

app = typer.Typer(help="Who sees the inbox.", no_args_is_help=True)

Email = Annotated[str, typer.Argument(help="The address that they sign in with.")]
DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        "--db-url",
        envvar="DATABASE_URL",
        callback=read_database_option,
        help="By the database, instead of --url and --key.",
    ),
]


class Role(StrEnum):
    """What staff may be; admins also change the settings."""

    AGENT = "agent"
    ADMIN = "admin"


@app.command()
def add(
    email: Email,
    role: Annotated[Role, typer.Option(help="What they may do.")] = Role.AGENT,
    force: Annotated[
        bool,
        typer.Option("--force", help="Though nobody proved that the address is the account's."),
    ] = False,
    create: Annotated[
        bool,
        typer.Option("--create", help="Make the account, too, and print its password."),
    ] = False,
    db_url: DatabaseUrl = None,
    url: Url = None,
    key: ServiceKey = None,
) -> None:
    """Make a user of the project an agent or an admin.

    Whoever signs up first with a colleague's address gets the colleague's role: an account whose
    address was not confirmed by a mail is refused.
    """
    # The database makes no accounts: Auth does.
    place = _Place(None if create else db_url, Project(url, key))
    run(_add(place, email, role, force=force, create=create))


@app.command()
def invite(
    email: Email,
    role: Annotated[Role, typer.Option(help="What they may do.")] = Role.AGENT,
    db_url: DatabaseUrl = None,
    url: Url = None,
    key: ServiceKey = None,
) -> None:
    """Let somebody who has no account yet be staff, once they have signed up.

    It holds for a week, and for an address that is confirmed by a mail or by another provider.
    """
    run(_invite(_Place(db_url, Project(url, key)), email, role))


@app.command()
def remove(
    email: Email, db_url: DatabaseUrl = None, url: Url = None, key: ServiceKey = None
) -> None:
    """Make somebody an ordinary user again."""
    run(_remove(_Place(db_url, Project(url, key)), email))


@app.command("list")
def list_staff(db_url: DatabaseUrl = None, url: Url = None, key: ServiceKey = None) -> None:
    """Print everybody who is staff, with their role."""
    run(_list(_Place(db_url, Project(url, key))))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the staff are, and how one gets there."""

    db_url: str | None
    project: Project

    async def call(self, function: str, **arguments: str) -> Any:
        """Call a function of the database, by the database itself or by the API."""
        if self.db_url is not None:
            return _call_database(self.db_url, function, arguments)
        async with opened_as_staff(self.project) as client:
            return await client.call(function, **arguments)


def _call_database(db_url: str, function: str, arguments: Mapping[str, str]) -> Any:
    from psycopg import sql

    from romashka._postgres import open_database

    given = sql.SQL(", ").join(
        sql.SQL("{} => {}").format(sql.Identifier(name), sql.Literal(value))
        for name, value in arguments.items()
    )
    query = sql.SQL("select public.{}({})").format(sql.Identifier(function), given)
    with clear_database_errors(), open_database(db_url) as connection:
        row = connection.execute(query).fetchone()
    return row and row[0]


async def _add(place: _Place, email: str, role: Role, *, force: bool, create: bool) -> None:
    account = await place.call("find_account", email=email)
    if account is None and create:
        await _create(place, email, role)
        return
    if account is None:
        raise CommandError(
            f"no user has the address {email}; they sign up first, or --create makes the account"
        )
    if not (_is_proven(account) or force):
        raise CommandError(f"{_said(account)}; if you know whose it is: --force")
    await _set_role(place, account, role.value)
    say(f"{_said(account)}. It is {role} now.")


async def _create(place: _Place, email: str, role: Role) -> None:
    """Make an account that counts as confirmed: whoever has the key knows whose it is."""
    from romashka._errors import translated

    password = secrets.token_urlsafe(12)
    async with opened_as_staff(place.project) as client:
        with translated():
            made = await client.supabase.auth.admin.create_user(
                {"email": email, "password": password, "email_confirm": True}
            )
        await client.call("set_staff_role", user_id=str(made.user.id), role=role.value)
    say(f"{email} has an account, and is {role} now; the password, shown once: {password}")


async def _remove(place: _Place, email: str) -> None:
    account = await place.call("find_account", email=email)
    if account is None:
        raise CommandError(f"no user has the address {email}")
    await _set_role(place, account, "user")
    say(f"{email} is no longer staff.")


async def _set_role(place: _Place, account: Mapping[str, Any], role: str) -> None:
    """Give the role to all accounts of the address."""
    for user_id in account["ids"]:
        await place.call("set_staff_role", user_id=user_id, role=role)


async def _invite(place: _Place, email: str, role: Role) -> None:
    invitation = await place.call("invite_staff", email=email, role=role.value)
    say(
        f"{invitation['email']} will be {role} once they have signed up and confirmed the address,"
        f" until {invitation['expires_at'][:10]}. Nothing was sent: tell them."
    )


async def _list(place: _Place) -> None:
    for one in await place.call("get_staff"):
        say_fields((one["role"], one["email"]))


# ---- whose an account is


def _is_proven(account: Mapping[str, Any]) -> bool:
    """Did whoever has the account read the mail that was sent to its address?"""
    return bool(account["is_confirmed"] and account["is_mailed"])


def _said(account: Mapping[str, Any]) -> str:
    if _is_proven(account):
        how = "its address is confirmed"
    elif account["is_confirmed"]:
        how = "its address counts as confirmed, but no mail was sent there to prove it"
    else:
        how = "its address is not confirmed"
    return f"the account of {account['email']} is {_age(account['seconds'])} old; {how}"


def _age(seconds: int) -> str:
    for size, unit in ((86400, "day"), (3600, "hour")):
        if seconds >= size:
            return _counted(seconds // size, unit)
    return _counted(seconds // 60, "minute")


def _counted(count: int, unit: str) -> str:
    return f"{count} {unit}{'s' * (count != 1)}"
