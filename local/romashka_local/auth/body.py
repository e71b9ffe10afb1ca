"""Request bodies: JSON objects, read with the strictness of GoTrue's Go structs."""

import json
from typing import Any

from starlette.requests import Request

from romashka_local.auth.errors import AuthError, bad_request

_MAX_BYTES = 1 << 20


class Body:
    """The fields of a request; absent and null are alike, a wrong type is `bad_json`."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self._fields = fields

    def text(self, name: str) -> str:
        return self.optional_text(name) or ""

    def optional_text(self, name: str) -> str | None:
        value: str | None = self._read(name, str, "string")
        return value

    def flag(self, name: str) -> bool:
        return bool(self._read(name, bool, "bool"))

    def object(self, name: str) -> dict[str, Any] | None:
        value: dict[str, Any] | None = self._read(name, dict, "object")
        return value

    def _read(self, name: str, kind: type, label: str) -> Any:
        value = self._fields.get(name)
        if value is not None and not isinstance(value, kind):
            raise _bad_json(f"field {name} must be of type {label}")
        return value


async def read_body(request: Request, *, optional: bool = False) -> Body:
    """Return the body of `request`; `optional` lets it be empty.

    Raises:
        AuthError: it is too large (413) or no JSON object (400 bad_json).
    """
    content = b""
    async for chunk in request.stream():
        content += chunk
        if len(content) > _MAX_BYTES:
            code, limit = "request_entity_too_large", f"max {_MAX_BYTES} bytes"
            raise AuthError(413, code, f"Request body too large ({limit})")
    if optional and not content:
        return Body({})
    try:
        fields = json.loads(content, parse_constant=_refuse)
        json.dumps(fields, ensure_ascii=False).encode()  # half of a surrogate pair fails here
    except (ValueError, RecursionError) as error:
        raise _bad_json(str(error)) from error
    if fields is not None and not isinstance(fields, dict):
        raise _bad_json("the body must be an object")
    return Body(fields or {})


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _bad_json(reason: str) -> AuthError:
    return bad_request("bad_json", f"Could not parse request body as JSON: {reason}")
