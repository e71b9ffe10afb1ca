"""Media types: what a client accepts, and which form of the result that means."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from romashka_local.rest import errors

Form = Literal["array", "object", "csv", "geojson", "openapi"]

_TYPE = re.compile(r"\s*([A-Za-z0-9.*]+/[A-Za-z0-9.*+-]+)")
_PARAMETER = re.compile(r"""\s*;\s*([A-Za-z0-9-]+)\s*=\s*("[^"]*"|[A-Za-z0-9|.-]+)""")
_PLAN_OPTIONS = ("analyze", "verbose", "settings", "buffers", "wal")


@dataclass(frozen=True, slots=True)
class Plan:
    """An execution plan in place of the result."""

    as_json: bool
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Media:
    name: str
    """As the response's `Content-Type` says it."""
    form: Form
    strips_nulls: bool = False
    plan: Plan | None = None


def negotiate(accept: str | None, *, plan_enabled: bool) -> Media:
    """Return the first acceptable media type that can be served.

    Raises:
        RestError: PGRST107, none can.
    """
    wanted = _by_quality(accept) if accept is not None else ["*/*"]
    for each in wanted:
        media = _media(each)
        if media is not None and (media.plan is None or plan_enabled):
            return media
    raise errors.not_acceptable(_canonical(each) for each in wanted)


def accepts_openapi(accept: str | None) -> None:
    """Check that the description of the API can be served.

    Raises:
        RestError: PGRST107, it cannot.
    """
    wanted = _by_quality(accept) if accept is not None else ["*/*"]
    names = [_canonical(each) for each in wanted]
    if not {"application/openapi+json", "application/json", "*/*"} & set(names):
        raise errors.not_acceptable(names)


def split(text: str) -> tuple[str, dict[str, str]]:
    """Return the lower-cased type and the parameters of one media type."""
    found = _TYPE.match(text)
    if found is None:
        return text.strip().lower(), {}
    parameters = dict(_PARAMETER.findall(text, found.end()))
    return found[1].lower(), {name.lower(): value.strip('"') for name, value in parameters.items()}


def _by_quality(accept: str) -> list[str]:
    """Return the entries of an `Accept` header, best first; equal ones in their order."""
    # A comma within quotes belongs to a parameter.
    entries = re.findall(r'(?:"[^"]*"|[^,"])+', accept)
    return sorted((entry.strip() for entry in entries), key=_quality, reverse=True)


def _quality(entry: str) -> float:
    try:
        return float(split(entry)[1].get("q", "1"))
    except ValueError:
        return 0.0


def _canonical(entry: str) -> str:
    media = _media(entry)
    if media is None or entry.startswith("*/*"):
        return re.sub(r"\s*;\s*q=[0-9.]+\s*$", "", entry)
    return media.name


def _media(entry: str) -> Media | None:
    name, parameters = split(entry)
    strips_nulls = parameters.get("nulls") == "stripped"
    suffix = ";nulls=stripped" if strips_nulls else ""
    match name:
        case "*/*" | "application/json":
            return Media("application/json", "array")
        case "application/vnd.pgrst.object+json" | "application/vnd.pgrst.object":
            return Media(f"application/vnd.pgrst.object+json{suffix}", "object", strips_nulls)
        case "application/vnd.pgrst.array+json" | "application/vnd.pgrst.array":
            mime = f"application/vnd.pgrst.array+json{suffix}" if suffix else "application/json"
            return Media(mime, "array", strips_nulls)
        case "text/csv":
            return Media("text/csv", "csv")
        case "application/geo+json":
            return Media("application/geo+json", "geojson")
        case "application/vnd.pgrst.plan" | "application/vnd.pgrst.plan+text":
            return _plan(parameters, as_json=False)
        case "application/vnd.pgrst.plan+json":
            return _plan(parameters, as_json=True)
    return None


def _plan(parameters: dict[str, str], *, as_json: bool) -> Media | None:
    inner = _media(parameters.get("for", "application/json"))
    if inner is None or inner.plan is not None:
        return None
    asked = parameters.get("options", "").split("|")
    options = tuple(option for option in _PLAN_OPTIONS if option in asked)
    name = f'application/vnd.pgrst.plan+{"json" if as_json else "text"}; for="{inner.name}"'
    if options:
        name += f"; options={'|'.join(options)}"
    return Media(name, inner.form, inner.strips_nulls, Plan(as_json, options))


def joined(entries: Iterable[str]) -> str | None:
    """Join repeated headers into one list; None when there is none."""
    listed = list(entries)
    return ", ".join(listed) if listed else None
