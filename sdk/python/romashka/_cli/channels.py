"""`romashka channels`: the accounts by which customers write, and their secrets."""

import getpass
import json
import re
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from romashka._cli.client import (
    Email,
    Json,
    Project,
    ServiceKey,
    StaffKey,
    Url,
    opened_as_staff,
    print_json,
    run,
)
from romashka._cli.problems import CommandError
from romashka._cli.webhooks import Channel
from romashka._terminal import open_console, say

if TYPE_CHECKING:
    from romashka import AsyncRomashka

app = typer.Typer(help="The accounts by which customers write.", no_args_is_help=True)

_SHOWN = (
    "id,type,external_account_id,name,status,connected_at,last_received_at,last_sent_at,"
    "received_count,sent_count,failed_count,last_error,last_error_at,configuration"
)


def _are_addresses(value: Any) -> bool:
    return isinstance(value, str) and all(
        re.fullmatch(r"\s*[^@\s<>;]+@[^@\s<>;]+\s*", one) for one in value.split(",")
    )


def _is_language(value: Any) -> bool:
    return (
        isinstance(value, str) and re.fullmatch(r"[A-Za-z]{2,3}([-_]\w{2,6})?", value) is not None
    )


_OPTIONS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "messages_per_second": (
        lambda value: type(value) in (int, float) and 0.01 <= value <= 1000,
        "a number from 0.01 to 1000",
    ),
    "authentication_server": (
        lambda value: isinstance(value, str) and value.strip() != "" and len(value.split()) == 1,
        "the name at the head of its Authentication-Results, such as mx.example.com",
    ),
    "trusted_senders": (
        _are_addresses,
        "the addresses that forms send from, such as 'shop@example.com, forms@example.net'",
    ),
    "plus_addressing": (lambda value: isinstance(value, bool), "true or false"),
    "language": (_is_language, "the code of a language, such as de or pt-BR"),
    "template": (
        lambda value: isinstance(value, dict) and isinstance(value.get("name"), str),
        """an object, such as '{"name": "follow_up", "language": "en"}'""",
    ),
}
"""What may be in a configuration, as far as we read it: which values, and how to say so."""

Account = Annotated[
    str, typer.Argument(metavar="ACCOUNT", help="The phone number's id, the address; or its id.")
]


@app.command("list")
def list_accounts(
    as_json: Json = False, url: Url = None, key: StaffKey = None, email: Email = None
) -> None:
    """Print the accounts: how they are, when something last went by them, and how much."""
    run(_list(Project(url, key, email), as_json=as_json))


async def _list(project: Project, *, as_json: bool) -> None:
    from romashka._rows import fetch_all

    async with opened_as_staff(project) as client:
        accounts = await fetch_all(
            lambda: _accounts(client).order("type").order("name").order("id")
        )
    if as_json:
        for account in accounts:
            print_json("channel", **account)
    else:
        _print(accounts)


def _print(accounts: list[Mapping[str, Any]]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for name in ("channel", "account", "status", "received", "at", "sent", "at", "failed"):
        table.add_column(name, no_wrap=True, justify="right" if name == "failed" else "left")
    table.add_column("last error", overflow="fold")
    for one in accounts:
        table.add_row(
            one["type"],
            Text(one["external_account_id"] or one["name"]),
            one["status"],
            str(one["received_count"]),
            _at(one["last_received_at"]),
            str(one["sent_count"]),
            _at(one["last_sent_at"]),
            str(one["failed_count"]),
            Text(" ".join(filter(None, (_at(one["last_error_at"]), one["last_error"])))),
        )
    open_console().print(table)


def _at(time: str | None) -> str:
    return datetime.fromisoformat(time).astimezone().strftime("%m-%d %H:%M") if time else ""


@app.command()
def add(
    channel: Annotated[Channel, typer.Argument(help="What it is of.")],
    account: Annotated[
        str,
        typer.Argument(
            metavar="ACCOUNT",
            help="The phone number's id, the Instagram account's id, the address.",
        ),
    ],
    name: Annotated[str | None, typer.Option(help="What staff, and readers of mails, see.")] = None,
    url: Url = None,
    key: ServiceKey = None,
) -> None:
    """Make an account known before it sends anything: to give it secrets of its own, or a name."""
    run(_add(Project(url, key), channel, _named(channel, account.strip()), name))


def _named(channel: Channel, account: str) -> str:
    """Return an account's name as webhooks have it; one of another form would get none of them."""
    if channel is Channel.EMAIL:
        if not re.fullmatch(r"[^@\s]+@[^@\s]+", account):
            raise CommandError(f"{account!r} is no address")
        return account.lower()
    if not re.fullmatch(r"[0-9]+", account):
        of_what = "phone number" if channel is Channel.WHATSAPP else "account"
        raise CommandError(f"{account!r} is not the {of_what}'s id, which Meta shows as digits")
    return account


async def _add(project: Project, channel: Channel, account: str, name: str | None) -> None:
    from romashka import Conflict
    from romashka._rows import fetch

    row = {
        "type": channel.value,
        "external_account_id": account,
        "name": name or f"{channel.value} {account}"[:100],
        "configuration": {"sender_name": name} if name else {},
    }
    async with opened_as_staff(project) as client:
        try:
            await fetch(client.supabase.table("communication_channels").insert(row))
        except Conflict as error:
            raise CommandError(f"there is {channel.value} {account} already") from error
    say(f"{channel.value} {account} is known now.")


@app.command()
def secret(
    account: Account,
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="access_token, app_secret, verify_token, webhook_token or smtp_url.",
        ),
    ],
    remove: Annotated[bool, typer.Option("--remove", help="Take it away instead.")] = False,
    url: Url = None,
    key: ServiceKey = None,
) -> None:
    """Give an account a secret of its own: typed at the prompt, or from standard input."""
    value = "" if remove else _ask(name)
    run(_set_secret(Project(url, key), account, name, value))


def _ask(name: str) -> str:
    """Return the secret; never an argument, which other users of the machine can read."""
    from romashka._pasted import pasted, read_key
    from romashka._secrets import keep_secret

    value = getpass.getpass(f"{name}: ") if sys.stdin.isatty() else sys.stdin.read()
    keep_secret(value)
    value = pasted(value)
    if value and name == "access_token":
        value = read_key(value, name)
    if not value:
        raise CommandError("the secret is empty; to take one away, use --remove")
    return value


async def _set_secret(project: Project, account: str, name: str, value: str) -> None:
    async with opened_as_staff(project) as client:
        found = await _find(client, account)
        await client.call("set_channel_secret", channel_id=found["id"], name=name, value=value)
    does = "has" if value else "no longer has"
    say(f"{found['type']} {account} {does} its own {name}.")


@app.command("set")
def set_option(
    account: Account,
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="Such as sender_name, plus_addressing, template, messages_per_second.",
        ),
    ],
    value: Annotated[
        str | None, typer.Argument(metavar="VALUE", help="JSON, or a text; none takes it away.")
    ] = None,
    url: Url = None,
    key: ServiceKey = None,
) -> None:
    """Change a member of an account's configuration."""
    read = None if value is None else _read(name, value)
    run(_set_option(Project(url, key), account, name, read))


def _read(name: str, value: str) -> Any:
    """Return an option's value; of those that we know, only one that they can have."""
    try:
        parsed = value if name == "sender_name" else json.loads(value)
    except ValueError:
        parsed = value
    if name in _OPTIONS and not _OPTIONS[name][0](parsed):
        raise CommandError(f"{name} cannot be that; give it {_OPTIONS[name][1]}")
    return parsed


async def _set_option(project: Project, account: str, name: str, value: Any) -> None:
    from romashka import InvalidRequest
    from romashka._rows import fetch

    async with opened_as_staff(project) as client:
        found = await _find(client, account)
        kept = {key: each for key, each in found["configuration"].items() if key != name}
        changed = kept if value is None else kept | {name: value}
        table = client.supabase.table("communication_channels")
        try:
            await fetch(table.update({"configuration": changed}).eq("id", found["id"]))
        except InvalidRequest as error:  # the table's check
            raise CommandError(
                f"staff can read {name} here, and it looks like a secret; "
                f"romashka channels secret {account} NAME keeps one"
            ) from error
    say(f"{found['type']} {account} has {'no ' if value is None else ''}{name} now.")


@app.command()
def enable(account: Account, url: Url = None, key: ServiceKey = None) -> None:
    """Let an account work again; `romashka webhooks replay` brings what came meanwhile."""
    run(_set_status(Project(url, key), account, "active"))


@app.command()
def disable(account: Account, url: Url = None, key: ServiceKey = None) -> None:
    """Let nothing in or out by an account: webhooks are kept, deliveries wait."""
    run(_set_status(Project(url, key), account, "disabled"))


async def _set_status(project: Project, account: str, status: str) -> None:
    from romashka._rows import fetch

    async with opened_as_staff(project) as client:
        found = await _find(client, account)
        table = client.supabase.table("communication_channels")
        await fetch(table.update({"status": status}).eq("id", found["id"]))
    say(f"{found['type']} {account} is {status} now.")


def _accounts(client: "AsyncRomashka") -> Any:
    return client.supabase.table("communication_channels").select(_SHOWN)


async def _find(client: "AsyncRomashka", account: str) -> Mapping[str, Any]:
    """Return the account of that name at its provider, or of that id.

    Raises:
        CommandError: there is none, or more than one.
    """
    from romashka._rows import fetch_all

    accounts = await fetch_all(lambda: _accounts(client).order("id"))
    found = [one for one in accounts if account in (one["id"], one["external_account_id"])]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(f"{one['id']} ({one['type']})" for one in found)
        raise CommandError(f"more than one account is {account}; use its id: {ids}")
    raise CommandError(f"there is no account {account}; romashka channels list has all")
