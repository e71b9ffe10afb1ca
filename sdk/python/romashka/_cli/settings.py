"""`romashka settings`: how the AI behaves here, which is the one row of `ai_settings`."""

import difflib
import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from romashka._cli.client import Email, Json, Project, StaffKey, Url, opened_as_staff, run
from romashka._cli.problems import CommandError
from romashka._terminal import clean, say, say_json

if TYPE_CHECKING:
    from romashka import AsyncRomashka

app = typer.Typer(
    help="How the AI behaves: persona, thresholds, timings, limits, texts.", no_args_is_help=True
)

_SHOWN = 72
"""So many characters of a value are shown where all are."""


@app.command()
def show(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="One alone, with what it can be.")
    ] = None,
    as_json: Json = False,
    url: Url = None,
    key: StaffKey = None,
    email: Email = None,
) -> None:
    """Print all settings, or one of them whole."""
    run(_show(Project(url, key, email), name, as_json=as_json))


@app.command("set")
def set_setting(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As `show` prints it.")],
    value: Annotated[
        str,
        typer.Argument(
            metavar="VALUE",
            help="A text, a number, true or false, a list such as a,b, JSON; - reads it from"
            " standard input; `null` is none; `default` is as at first.",
        ),
    ],
    url: Url = None,
    key: StaffKey = None,
    email: Email = None,
) -> None:
    """Change one; the next claim of a worker has it. For admins."""
    given = sys.stdin.read().strip() if value == "-" else value
    run(_set(Project(url, key, email), name, given, is_default=value == "default"))


async def _show(project: Project, name: str | None, *, as_json: bool) -> None:
    async with opened_as_staff(project) as client:
        settings = await _read(client)
    chosen = settings if name is None else {name: _named(settings, name)}
    if as_json:
        values = {each: setting["value"] for each, setting in chosen.items()}
        say_json(json.dumps(values, indent=2, ensure_ascii=False))
    elif name is None:
        width = max(map(len, chosen))
        for each, setting in chosen.items():
            text = _said(setting["value"]).replace("\n", " ")
            more = " …" * (len(text) > _SHOWN)
            say(f"{each:<{width}}  {clean(text[:_SHOWN])}{more}")
    else:
        say(clean(_said(chosen[name]["value"])))
        for rule in chosen[name]["rules"]:
            say(f"It is checked that {rule}.", to_errors=True)


async def _set(project: Project, name: str, given: str, *, is_default: bool) -> None:
    from romashka import InvalidRequest
    from romashka._rows import fetch

    async with opened_as_staff(project) as client:
        setting = _named(await _read(client), name)
        value = setting["default_value"] if is_default else _parsed(setting, given)
        table = client.supabase.table("ai_settings")
        try:
            changed = await fetch(table.update({name: value}).eq("id", "true"))
        except InvalidRequest as error:
            raise CommandError(f"{name} cannot be that; {_wanted(setting)}") from error
    if not changed:
        raise CommandError("nothing was changed: only admins change the settings")
    say(f"{name} is {clean(_said(changed[0][name]))} now.")


async def _read(client: "AsyncRomashka") -> dict[str, Mapping[str, Any]]:
    settings = {row["name"]: row for row in await client.call("describe_settings")}
    if not settings:
        raise CommandError("only staff read the settings")
    return settings


def _named(settings: Mapping[str, Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    if name in settings:
        return settings[name]
    near = difflib.get_close_matches(name, settings, 1)
    hint = f"did you mean {near[0]}?" if near else "romashka settings show has all"
    raise CommandError(f"there is no setting {name}; {hint}")


def _parsed(setting: Mapping[str, Any], given: str) -> Any:
    """Return a value as JSON has it.

    Raises:
        CommandError: it is not of the setting's type.
    """
    kind = setting["type"]
    if given == "null":
        return None
    try:
        if kind.endswith("[]") and not given.startswith("["):
            return [one.strip() for one in given.split(",") if one.strip()]
        if kind == "boolean":
            return {"true": True, "false": False, "on": True, "off": False}[given.lower()]
        if kind == "integer":
            return int(given)
        if kind == "numeric":
            return float(given)
        return given if kind == "text" else json.loads(given)
    except (ValueError, KeyError) as error:
        raise CommandError(f"{setting['name']} cannot be that; {_wanted(setting)}") from error


_KINDS = {
    "boolean": "true or false",
    "integer": "a whole number",
    "numeric": "a number",
    "text": "a text",
    "text[]": "a list, such as a,b",
    "jsonb": "JSON",
}


def _wanted(setting: Mapping[str, Any]) -> str:
    kind = _KINDS.get(setting["type"], setting["type"])
    rules = "".join(f", and it is checked that {rule}" for rule in setting["rules"])
    return f"it is {kind}{rules}"


def _said(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "null" if value is None else json.dumps(value, ensure_ascii=False)
