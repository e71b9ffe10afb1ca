"""What the handlers of one auth server share: its rules, its keys and its database pool."""

import ipaddress
from dataclasses import dataclass
from typing import Any, cast

from psycopg import AsyncConnection
from psycopg.rows import DictRow
from psycopg_pool import AsyncConnectionPool
from starlette.requests import Request

from romashka_local.auth.settings import Settings
from romashka_local.keys import Keys

Connection = AsyncConnection[DictRow]
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class AuthServer:
    """One running auth server."""

    settings: Settings
    keys: Keys
    pool: AsyncConnectionPool[Connection]


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks for a session, as `auth.sessions` remembers it."""

    user_agent: str | None
    ip: str | None


def server_of(request: Request) -> AuthServer:
    return cast(AuthServer, request.app.state.server)


def client_of(request: Request) -> Client:
    forwarded = request.headers.get("x-forwarded-for", "").split(",")[0].strip()
    address = forwarded or (request.client.host if request.client else "")
    try:
        ip = str(ipaddress.ip_address(address))
    except ValueError:
        ip = None
    return Client(request.headers.get("user-agent") or None, ip)
