"""`romashka customers`: all that is known of a person, and its removal."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from romashka._cli.client import Project, ServiceKey, Url, opened_as_staff, run
from romashka._cli.problems import CommandError
from romashka._terminal import clean_line, say

if TYPE_CHECKING:
    from romashka import AsyncRomashka

app = typer.Typer(help="What is known of a person, and its removal.", no_args_is_help=True)

Id = Annotated[
    str,
    typer.Argument(
        metavar="ID",
        help="The customer's or a conversation's id, an address, a number, a channel's id.",
    ),
]

_FILES_A_CALL = 100


@app.command()
def export(
    person: Id,
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="[FOLDER]", help="By default `customer-ID`, here.", show_default=""),
    ] = None,
    url: Url = None,
    key: ServiceKey = None,
) -> None:
    """Write all that is known of a person into a new folder: customer.json, and their files."""
    run(_export(Project(url, key), person, folder))


@app.command()
def erase(
    person: Id,
    is_sure: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    url: Url = None,
    key: ServiceKey = None,
) -> None:
    """Remove all that is known of a person, for ever: rows, files, raw webhooks, the account.

    What went is recorded by ids and numbers alone. Backups have it still.
    """
    run(_erase(Project(url, key), person, is_sure=is_sure))


async def _export(project: Project, person: str, folder: Path | None) -> None:
    async with opened_as_staff(project) as client:
        customer = await _find(client, person)
        target = folder or Path(f"customer-{customer['id']}")
        _make(target)
        known = await client.call("export_customer", customer_id=customer["id"])
        _write(target / "customer.json", json.dumps(known, indent=2, ensure_ascii=False).encode())
        paths = known["storage.objects"]
        for path in paths:
            _write(target / "files" / path, await _download(client, path))
    rows = sum(len(rows) for rows in known.values()) - len(paths)
    say(f"{target}: {rows} rows, {len(paths)} files.")


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        raise CommandError(f"{folder} is there already; name another folder") from None
    except OSError as error:
        raise CommandError(f"unable to make {folder}; {error.strerror}") from error


def _write(path: Path, content: bytes) -> None:
    """Write a file that nobody else reads."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)


async def _download(client: "AsyncRomashka", path: str) -> bytes:
    from romashka._attachments import BUCKET
    from romashka._errors import translated

    with translated():
        return await client.supabase.storage.from_(BUCKET).download(path)


async def _erase(project: Project, person: str, *, is_sure: bool) -> int:
    async with opened_as_staff(project) as client:
        customer = await _find(client, person)
        if not is_sure:
            _confirm(customer)
        erased = await client.call("erase_customer", customer_id=customer["id"])
        left = await _remove_files(client, erased["files"])
    counts = ", ".join(f"{count} {name.partition('.')[2]}" for name, count in _counted(erased))
    say(f"{customer['id']} is erased: {counts or 'no row'}. Recorded as {erased['erasure_id']}.")
    for user_id in erased["accounts_kept"]:
        say(f"The account {user_id} stays: it is staff's, or the project's own tables refer to it.")
    if left:
        say(f"{left} files are left; workers remove them, in some minutes.", to_errors=True)
    return int(bool(left))


def _counted(erased: Mapping[str, Any]) -> list[tuple[str, int]]:
    counts = erased["counts"] | {"storage.files": len(erased["files"])}
    counts["auth.accounts"] = erased["accounts_deleted"]
    return [(name, count) for name, count in sorted(counts.items()) if count]


def _confirm(customer: Mapping[str, Any]) -> None:
    if not sys.stdin.isatty():
        raise CommandError("nobody is there to ask whether you are sure; if you are: --yes")
    typer.confirm(f"Erase {_described(customer)}, for ever?", abort=True)


async def _remove_files(client: "AsyncRomashka", paths: list[str]) -> int:
    """Delete files through Storage; return how many could not be, which workers then delete."""
    from romashka import RomashkaError
    from romashka._attachments import BUCKET
    from romashka._errors import translated

    bucket = client.supabase.storage.from_(BUCKET)
    for first in range(0, len(paths), _FILES_A_CALL):
        try:
            with translated():
                await bucket.remove(paths[first : first + _FILES_A_CALL])
        except RomashkaError:
            return len(paths) - first
    return 0


async def _find(client: "AsyncRomashka", person: str) -> Mapping[str, Any]:
    """Return the customer whom an id means.

    Raises:
        CommandError: nobody, or more than one.
    """
    found = await client.call("find_customers", id=person)
    if len(found) == 1:
        return dict(found[0])
    if not found:
        raise CommandError(f"there is no customer {person}")
    people = "; ".join(map(_described, found))
    raise CommandError(f"more than one customer is {person}; use an id: {people}")


def _described(customer: Mapping[str, Any]) -> str:
    names = [customer[name] for name in ("name", "email", "phone", "external_id")]
    told = ", ".join(clean_line(name) for name in names if name)
    return f"{customer['id']} ({told or 'without a name'})"
