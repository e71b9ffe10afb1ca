"""`romashka identity`: the secret with which a page's server says who its users are."""

from typing import Annotated

import typer

from romashka._cli.client import Json, Project, ServiceKey, Url, opened_as_staff, print_json, run
from romashka._cli.problems import CommandError
from romashka._terminal import open_console, say

app = typer.Typer(help="What a page signs its users with.", no_args_is_help=True)


@app.command()
def rotate(
    overlap_hours: Annotated[
        int, typer.Option(min=0, max=720, help="For so long the old one goes on.")
    ] = 24,
    url: Url = None,
    key: ServiceKey = None,
) -> None:
    """Make the secret, the first or a new one, and print it: this once, and to nobody again."""
    run(_rotate(Project(url, key), overlap_hours))


async def _rotate(project: Project, overlap_hours: int) -> None:
    async with opened_as_staff(project) as client:
        secret = await client.identity.rotate_secret(overlap_hours)
    say(secret)
    say("It belongs to the page's server, and never into the page.", to_errors=True)


@app.command("list")
def list_secrets(as_json: Json = False, url: Url = None, key: ServiceKey = None) -> None:
    """Print which secrets there are, not what they are."""
    run(_list(Project(url, key), as_json=as_json))


async def _list(project: Project, *, as_json: bool) -> None:
    from rich.table import Table

    async with opened_as_staff(project) as client:
        secrets = await client.call("get_identity_secrets")
    if as_json:
        for secret in secrets:
            print_json("secret", **secret)
        return
    if not secrets:
        say("There is none; `romashka identity rotate` makes one.")
        return
    table = Table(box=None, pad_edge=False)
    for name in ("id", "made", "until", "signs", "sessions"):
        table.add_column(name, no_wrap=True)
    for secret in secrets:
        made, until = (str(secret[name] or "")[:16] for name in ("created_at", "expires_at"))
        signs = "yes" if secret["is_good"] else "no"
        table.add_row(secret["id"][:8], made, until, signs, str(secret["sessions"]))
    open_console().print(table)


@app.command()
def revoke(
    secret: Annotated[
        str, typer.Argument(metavar="ID", help="As `list` prints it; its beginning does.")
    ],
    url: Url = None,
    key: ServiceKey = None,
) -> None:
    """Take a secret that leaked away, at once, and end all sessions that it signed."""
    run(_revoke(Project(url, key), secret))


async def _revoke(project: Project, secret_id: str) -> None:
    async with opened_as_staff(project) as client:
        secrets = await client.identity.secrets()
        found = [each.id for each in secrets if each.id.startswith(secret_id.lower())]
        if len(found) != 1:
            how_many = "more than one secret begins" if found else "no secret begins"
            raise CommandError(f"{how_many} with {secret_id}; romashka identity list has all")
        ended = await client.identity.revoke_secret(found[0])
    say(f"Secret {found[0]} is gone, and {ended} sessions with it.")
