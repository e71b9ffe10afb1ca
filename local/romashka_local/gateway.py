"""Kong's part: one address for all servers, CORS, and API keys turned into tokens."""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from hmac import compare_digest
from typing import Any
from urllib.parse import parse_qsl, urlencode

import jwt

from romashka_local.keys import Keys

# ASGI's own shapes; plain ones, since each request passes through here.
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Any, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

_EXPOSED = (
    b"Content-Range, Content-Location, Location, Content-Type, Content-Encoding, "
    b"Preference-Applied, X-Total-Count, Link, x-sb-error-code, X-Supabase-Api-Version"
)
_CORS = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", _EXPOSED),
]
_JSON = [(b"content-type", b"application/json; charset=utf-8")]
_LOOKS_AT_KEYS = re.compile(r"/auth/v1/(?!(?:verify|callback|authorize|\.well-known)\b)")
"""Where nothing behind the gateway looks at the API key; who follows a link in a mail has none."""
_BAD_KEY = json.dumps(
    {
        "message": "Invalid API key",
        "hint": "Double check your Supabase `anon` or `service_role` API key.",
    }
).encode()
_METHODS = b"GET, HEAD, PUT, PATCH, POST, DELETE, OPTIONS, TRACE, CONNECT"


class Gateway:
    """The ASGI application that the stack serves."""

    def __init__(
        self, keys: Keys, servers: Mapping[str, App], pages: Mapping[str, App] | None = None
    ) -> None:
        """Serve each of `servers` (`rest`, `auth`, ...) under `/<name>/v1`, and pages."""
        self._servers = {f"/{name}/v1": app for name, app in servers.items()}
        self._pages = {f"/{name}": app for name, app in (pages or {}).items()}
        self._verify = keys.verify
        self._tokens = [
            (keys.secret_key.encode(), keys.service_role_key),
            (keys.publishable_key.encode(), keys.anon_key),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._request(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._socket(scope, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: Headers = scope["headers"]
        if scope["method"] == "OPTIONS" and (preflight := _preflight(headers)) is not None:
            await _respond(send, 200, b"", preflight)
            return
        page, path = self._find_page(scope["path"])
        if page is not None and path == "":
            # What the page loads is beside it.
            await _respond(send, 307, b"", [(b"location", scope["path"].encode() + b"/")])
            return
        if page is not None:
            await page(_moved(scope, path), receive, send)
            return
        send = _with_cors(send)
        app, path = self._find(scope["path"])
        if app is None:
            await _not_found(send)
            return
        if _LOOKS_AT_KEYS.match(scope["path"]) and not self._knows_key(headers):
            await _respond(send, 401, _BAD_KEY, _JSON)
            return
        scope["headers"] = self._translate(headers)
        if path == "/graphql/v1":
            path = "/rpc/graphql"
            scope["headers"].append((b"content-profile", b"graphql_public"))
        await app(_moved(scope, path), receive, send)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        app, path = self._find(scope["path"])
        if app is None:
            await send({"type": "websocket.close", "code": 1000})
            return
        if scope["path"].startswith("/realtime/v1/"):
            path = f"/socket{path}"
        scope["headers"] = self._translate(scope["headers"])
        scope["query_string"] = self._translate_query(scope["query_string"])
        await app(_moved(scope, path), receive, send)

    def _find_page(self, path: str) -> tuple[App | None, str]:
        """Return what serves a page for browsers, and the path as that knows it."""
        name, slash, rest = path[1:].partition("/")
        return self._pages.get(f"/{name}"), slash + rest

    def _find(self, path: str) -> tuple[App | None, str]:
        """Return the server that `path` belongs to, and the path as that server knows it."""
        if path == "/graphql/v1":
            return self._servers.get("/rest/v1"), path
        end = path.find("/", path.find("/", 1) + 1)
        prefix = path if end == -1 else path[:end]
        return self._servers.get(prefix), path[len(prefix) :] or "/"

    def _knows_key(self, headers: Headers) -> bool:
        """Is there no API key, or one of this project's? REST and Realtime judge it themselves."""
        api_key = dict(headers).get(b"apikey")
        if api_key is None:
            return True
        token = self._authorization(api_key).decode("latin-1").partition(" ")[2]
        try:
            self._verify(token)
        except jwt.InvalidTokenError:
            return False
        return True

    def _translate(self, headers: Headers) -> Headers:
        """Return `headers` with the `Authorization` that the servers understand."""
        authorization = api_key = None
        for name, value in headers:
            if name == b"authorization":
                authorization = value
            elif name == b"apikey":
                api_key = value
        if authorization is not None and not authorization.lower().startswith(b"bearer sb_"):
            return headers
        others = [header for header in headers if header[0] != b"authorization"]
        if api_key is not None:
            others.append((b"authorization", self._authorization(api_key)))
        return others

    def _authorization(self, api_key: bytes) -> bytes:
        token = self._token(api_key)
        if token is None and api_key.lower().startswith(b"bearer "):
            return api_key
        return b"Bearer " + (token.encode() if token else api_key)

    def _translate_query(self, query: bytes) -> bytes:
        parameters = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
        translated = [
            (name, (self._token(value.encode()) if name == "apikey" else None) or value)
            for name, value in parameters
        ]
        return query if translated == parameters else urlencode(translated).encode()

    def _token(self, api_key: bytes) -> str | None:
        """Return the token that stands for one of the new, opaque keys."""
        for key, token in self._tokens:
            if compare_digest(key, api_key):
                return token
        return None


def _moved(scope: Scope, path: str) -> Scope:
    """Return `scope` as a server sees it that knows nothing of the gateway's prefix."""
    raw: bytes = scope.get("raw_path") or b""
    prefix = len(scope["path"]) - len(path)
    # The prefix is plain ASCII, so it is as long in the encoded path.
    scope["raw_path"] = (
        raw[prefix:] if prefix > 0 and scope["path"].endswith(path) else path.encode()
    )
    scope["path"] = path
    return scope


def _preflight(headers: Headers) -> Headers | None:
    """Return the headers that answer a preflight, or None when the request is not one."""
    asked = dict(headers)
    if b"origin" not in asked or b"access-control-request-method" not in asked:
        return None
    return [
        (b"access-control-allow-origin", b"*"),
        (b"access-control-allow-methods", _METHODS),
        (b"access-control-allow-headers", asked.get(b"access-control-request-headers", b"*")),
        (b"access-control-max-age", b"3600"),
    ]


def _with_cors(send: Send) -> Send:
    async def send_with_cors(message: Any) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", ()))
            known = {name.lower() for name, _ in headers}
            headers += [header for header in _CORS if header[0] not in known]
            message["headers"] = headers
        await send(message)

    return send_with_cors


async def _not_found(send: Send) -> None:
    body = json.dumps({"message": "no Route matched with those values"}).encode()
    await _respond(send, 404, body, _JSON)


async def _respond(send: Send, status: int, body: bytes, headers: Headers) -> None:
    headers = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
