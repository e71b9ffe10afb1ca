"""The gateway routes by prefix, answers preflights, and turns API keys into tokens."""

import json
from typing import Any

import httpx
import pytest
from romashka_local.gateway import Gateway
from romashka_local.keys import Keys

KEYS = Keys()
ANON = f"Bearer {KEYS.anon_key}"
SERVICE = f"Bearer {KEYS.service_role_key}"


async def _echo(scope: Any, receive: Any, send: Any) -> None:
    """Answer with what the server saw."""
    headers = [(name.decode(), value.decode()) for name, value in scope["headers"]]
    seen = {
        "path": scope["path"],
        "raw_path": scope["raw_path"].decode(),
        "query": scope["query_string"].decode(),
        "headers": dict(headers),
        "authorizations": [value for name, value in headers if name == "authorization"],
    }
    response = [(b"content-type", b"application/json"), (b"x-own", b"1")]
    await send({"type": "http.response.start", "status": 200, "headers": response})
    await send({"type": "http.response.body", "body": json.dumps(seen).encode()})


@pytest.fixture
def client() -> httpx.AsyncClient:
    names = ("rest", "auth", "realtime", "functions")
    gateway = Gateway(KEYS, dict.fromkeys(names, _echo))
    return httpx.AsyncClient(transport=httpx.ASGITransport(gateway), base_url="http://stack")


@pytest.mark.parametrize(
    ("external", "internal"),
    [
        ("/rest/v1/", "/"),
        ("/rest/v1", "/"),
        ("/rest/v1/todos", "/todos"),
        ("/auth/v1/admin/users/1", "/admin/users/1"),
        ("/realtime/v1/api/broadcast", "/api/broadcast"),
        ("/functions/v1/hello/rest/v1", "/hello/rest/v1"),
        ("/graphql/v1", "/rpc/graphql"),
    ],
)
async def test_a_server_sees_its_own_path(
    client: httpx.AsyncClient, external: str, internal: str
) -> None:
    """The servers know nothing of the prefix that clients put in front."""
    seen = (await client.get(external)).json()

    assert (seen["path"], seen["raw_path"]) == (internal, internal)


async def test_an_encoded_path_stays_encoded(client: httpx.AsyncClient) -> None:
    """A topic or an object's name may contain a slash, or letters of any language."""
    seen = (await client.get("/rest/v1/a%2Fb/%D1%8F?select=%2A")).json()

    assert seen["raw_path"].partition("?")[0] == "/a%2Fb/%D1%8F"
    assert seen["path"] == "/a/b/я"
    assert seen["query"] == "select=%2A"


@pytest.mark.parametrize("path", ["/", "/rest", "/rest/v2/x", "/restless/v1/x", "/nothing/v1"])
async def test_an_unknown_path_is_not_found(client: httpx.AsyncClient, path: str) -> None:
    """As JSON, since that is what clients parse, and readable for a browser."""
    response = await client.get(path)

    assert response.status_code == 404
    assert response.json() == {"message": "no Route matched with those values"}
    assert response.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(
    ("headers", "authorizations"),
    [
        ({}, []),
        ({"apikey": KEYS.publishable_key}, [ANON]),
        ({"apikey": KEYS.secret_key}, [SERVICE]),
        ({"apikey": KEYS.anon_key}, [ANON]),
        ({"apikey": ANON}, [ANON]),
        ({"apikey": "nonsense"}, ["Bearer nonsense"]),
        ({"apikey": KEYS.anon_key, "authorization": "Bearer session"}, ["Bearer session"]),
        ({"apikey": KEYS.secret_key, "authorization": f"Bearer {KEYS.secret_key}"}, [SERVICE]),
        ({"apikey": KEYS.secret_key, "authorization": f"Bearer {KEYS.publishable_key}"}, [SERVICE]),
        ({"authorization": f"Bearer {KEYS.secret_key}"}, []),
        ({"apikey": "sb_secret_of_another_project"}, ["Bearer sb_secret_of_another_project"]),
    ],
)
async def test_keys_become_tokens(
    client: httpx.AsyncClient, headers: dict[str, str], authorizations: list[str]
) -> None:
    """Both forms of key work with each server, which knows tokens alone."""
    seen = (await client.get("/rest/v1/x", headers=headers)).json()

    assert seen["authorizations"] == authorizations


@pytest.mark.parametrize(
    ("path", "key", "status"),
    [
        ("/auth/v1/signup", "abc", 401),
        ("/auth/v1/signup", "", 401),
        ("/auth/v1/settings", "sb_secret_of_another_project", 401),
        ("/auth/v1/token", f"{KEYS.anon_key}x", 401),
        ("/auth/v1/signup", KEYS.anon_key, 200),
        ("/auth/v1/signup", KEYS.publishable_key, 200),
        ("/auth/v1/signup", ANON, 200),
        ("/auth/v1/verify", "abc", 200),
        ("/rest/v1/x", "abc", 200),  # it says so itself
    ],
)
async def test_auth_is_reached_with_a_key_of_the_project_alone(
    client: httpx.AsyncClient, path: str, key: str, status: int
) -> None:
    """A wrong key in a frontend would work here, and nowhere else."""
    response = await client.post(path, headers={"apikey": key})

    assert response.status_code == status
    if status == 401:
        assert response.json()["message"] == "Invalid API key"
        assert response.headers["access-control-allow-origin"] == "*"


async def test_other_headers_reach_the_server_untouched(client: httpx.AsyncClient) -> None:
    """SQL reads them from `request.headers`."""
    headers = {"prefer": "count=exact", "x-client-info": "test", "traceparent": "00-1"}
    seen = (await client.get("/rest/v1/x", headers=headers)).json()

    assert headers.items() <= seen["headers"].items()


async def test_a_preflight_is_answered_by_the_gateway(client: httpx.AsyncClient) -> None:
    """A browser asks before each request with a key; no server need know."""
    response = await client.options(
        "/rest/v1/todos",
        headers={
            "origin": "http://localhost:3000",
            "access-control-request-method": "PATCH",
            "access-control-request-headers": "apikey,x-client-info",
        },
    )

    assert response.status_code == 200
    assert response.text == ""
    assert response.headers["access-control-allow-origin"] == "*"
    assert "PATCH" in response.headers["access-control-allow-methods"]
    assert response.headers["access-control-allow-headers"] == "apikey,x-client-info"


async def test_other_options_requests_reach_the_server(client: httpx.AsyncClient) -> None:
    """A function may answer OPTIONS itself."""
    assert (await client.options("/functions/v1/hello")).json()["path"] == "/hello"


async def test_a_browser_may_read_the_headers_that_clients_need(client: httpx.AsyncClient) -> None:
    """Counts and error codes come in headers."""
    response = await client.get("/rest/v1/x")

    assert response.headers["access-control-allow-origin"] == "*"
    assert "Content-Range" in response.headers["access-control-expose-headers"]
    assert "x-sb-error-code" in response.headers["access-control-expose-headers"]
    assert response.headers["x-own"] == "1"


@pytest.mark.parametrize(
    ("key", "token"),
    [
        (KEYS.publishable_key, KEYS.anon_key),
        (KEYS.secret_key, KEYS.service_role_key),
        (KEYS.anon_key, KEYS.anon_key),
    ],
)
async def test_a_socket_has_its_key_translated(key: str, token: str) -> None:
    """Realtime reads the key from the query, where browsers have to put it."""
    seen: dict[str, Any] = {}

    async def remember(scope: Any, receive: Any, send: Any) -> None:
        seen.update(scope)

    scope = {
        "type": "websocket",
        "path": "/realtime/v1/websocket",
        "raw_path": b"/realtime/v1/websocket",
        "query_string": f"apikey={key}&vsn=2.0.0&x=".encode(),
        "headers": [],
    }
    await Gateway(KEYS, {"realtime": remember})(scope, None, None)  # type: ignore[arg-type]

    assert seen["path"] == "/socket/websocket"
    assert seen["query_string"].decode() == f"apikey={token}&vsn=2.0.0&x="
