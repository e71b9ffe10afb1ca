"""The body of a write or a call: JSON text, which Postgres parses, and the keys in it."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from romashka_local.rest import errors, media


@dataclass(frozen=True, slots=True)
class Payload:
    """What was sent: `text` is JSON unless it is raw."""

    text: str | bytes
    keys: tuple[str, ...] = ()
    content_type: str = "application/json"
    pairs: tuple[tuple[str, str], ...] | None = None
    """Of a form: its fields, which a function takes as single values."""

    @property
    def is_object(self) -> bool:
        return isinstance(self.text, str) and self.text.lstrip(" \t\r\n").startswith("{")


RAW_TYPES = ("text/plain", "text/xml", "application/octet-stream")
"""What a function with one unnamed parameter takes as it is."""


def parse_payload(
    body: bytes, content_type: str | None, columns: Sequence[str] | None, *, is_call: bool
) -> Payload:
    """Parse the body of a request.

    Raises:
        RestError: PGRST102, it is not what it is said to be.
    """
    kind = "application/json" if content_type is None else media.split(content_type)[0]
    if kind == "application/json":
        return _from_json(body, columns, is_call=is_call)
    if kind == "text/csv":
        rows = _from_csv(_text(body))
        return _with_keys(json.dumps(rows), rows)
    if kind == "application/x-www-form-urlencoded":
        pairs = tuple(parse_qsl(_text(body), keep_blank_values=True))
        text = json.dumps(dict(pairs))
        return Payload(text, tuple(dict(pairs)), kind, pairs if is_call else None)
    if kind in RAW_TYPES and is_call:
        return Payload(body if kind == "application/octet-stream" else _text(body), (), kind)
    raise errors.bad_body(f"Content-Type not acceptable: {content_type}")


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise errors.bad_body("Empty or invalid json") from error


def _from_json(body: bytes, columns: Sequence[str] | None, *, is_call: bool) -> Payload:
    text = _text(body)
    if columns is not None:  # Postgres alone parses it: that saves a pass over a long list
        return Payload(text, tuple(columns))
    if not body and is_call:
        return Payload("{}")
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise errors.bad_body("Empty or invalid json") from error
    return _with_keys(text, value)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _with_keys(text: str, value: Any) -> Payload:
    if isinstance(value, dict):
        return Payload(text, tuple(value))
    if not isinstance(value, list) or not value:
        return Payload("[]")
    keys = value[0].keys() if isinstance(value[0], dict) else None
    if keys is None or any(not isinstance(row, dict) or row.keys() != keys for row in value):
        raise errors.bad_body("All object keys must match")
    return Payload(text, tuple(keys))


def _from_csv(text: str) -> list[dict[str, str | None]]:
    try:
        names, *lines = [line for line in csv.reader(io.StringIO(text), strict=True) if line]
    except (csv.Error, ValueError) as error:
        raise errors.bad_body("not enough input") from error
    if any(len(line) != len(names) for line in lines):
        raise errors.bad_body("All lines must have same number of fields")
    rows = (dict(zip(names, line, strict=True)) for line in lines)
    return [
        {name: None if value == "NULL" else value for name, value in row.items()} for row in rows
    ]
