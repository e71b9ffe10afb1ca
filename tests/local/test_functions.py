"""Edge functions: real Deno processes behind the functions server."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from romashka_local.functions import open_functions
from romashka_local.keys import Keys
from supabase_functions import AsyncFunctionsClient

from tests.local.function_files import HELLO, deno_processes, write_functions
from tests.support.servers import URL, config_for, serving

ANON = {"Authorization": f"Bearer {Keys().anon_key}"}
ECHO = """
Deno.serve(async (request) => Response.json({
  method: request.method,
  url: request.url,
  headers: Object.fromEntries(request.headers),
  body: await request.text(),
}, { status: 201, headers: { "x-answer": "yes" } }));
"""
ENVIRONMENT = "Deno.serve(() => Response.json(Deno.env.toObject()));"
OLD_STYLE = """
import { serve } from "../_shared/old_server.ts";
serve((request: Request) => new Response(`old ${new URL(request.url).pathname}`));
"""
# What std/http's serve() does: Deno.listen on port 8000, then Deno.serveHttp for each connection.
OLD_SERVER = """
export async function serve(handler: (request: Request) => Response | Promise<Response>) {
  const listener = Deno.listen({ port: 8000, hostname: "0.0.0.0" });
  while (true) {
    const connection = await listener.accept();
    (async () => {
      const http = (Deno as any).serveHttp(connection);
      for (let event; event = await http.nextRequest();) {
        await event.respondWith(await handler(event.request));
      }
    })();
  }
}
"""
SHAPES = {
    "handler": "Deno.serve(() => new Response('served'));",
    "options": "Deno.serve({ port: 8000 }, () => new Response('served'));",
    "member": "Deno.serve({ port: 8000, handler: () => new Response('served') });",
    "exported": "export default { fetch: () => new Response('served') };",
    "finished": "await Deno.serve(() => new Response('served')).finished;",
    "later": "setTimeout(() => Deno.serve(() => new Response('served')), 20);",
}

Serve = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """Serve functions of the test's own project: `async with serve({slug: source}) as http`."""

    def serve_functions(
        sources: dict[str, str], **settings: Any
    ) -> AbstractAsyncContextManager[httpx.AsyncClient]:
        write_functions(tmp_path, sources)
        config = config_for("postgresql://postgres@127.0.0.1:1/postgres", tmp_path, **settings)
        return serving(open_functions, config)

    return serve_functions


async def test_a_function_sees_the_request_as_it_was_sent(serve: Serve) -> None:
    """Method, sub-path, query, headers and body arrive, and so does the answer."""
    async with serve({"echo": ECHO}) as http:
        headers = ANON | {"x-own": "1", "content-type": "text/plain", "host": "127.0.0.1:54321"}
        answer = await http.put("/echo/a%20b/c?x=1&y=%2F", content="text", headers=headers)
    seen = answer.json()

    assert answer.status_code == 201
    assert answer.headers["x-answer"] == "yes"
    assert seen["method"] == "PUT"
    assert seen["url"] == "http://127.0.0.1:54321/echo/a%20b/c?x=1&y=%2F"
    assert seen["headers"]["x-own"] == "1"
    assert seen["headers"]["authorization"] == ANON["Authorization"]
    assert seen["body"] == "text"


async def test_supabase_py_invokes_a_function(serve: Serve) -> None:
    """The official client's call, with a JSON body and a JSON answer."""
    source = "Deno.serve(async (r) => Response.json({ hello: (await r.json()).name }));"
    async with serve({"hello": source}) as http:
        client = AsyncFunctionsClient(URL, ANON, http_client=http)
        options = {"body": {"name": "Ada"}, "responseType": "json"}
        answer = await client.invoke("hello", options)

    assert answer == {"hello": "Ada"}


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({}, "Error: Missing authorization header"),
        ({"Authorization": "Basic abc"}, "Error: Auth header is not 'Bearer {token}'"),
        ({"Authorization": "Bearer nonsense"}, "Invalid JWT"),
        ({"Authorization": f"Bearer {Keys().sign({'exp': 1})}"}, "Invalid JWT"),
        ({"Authorization": f"Bearer {Keys('x' * 40).anon_key}"}, "Invalid JWT"),
    ],
)
async def test_a_call_without_a_valid_token_does_not_reach_the_function(
    serve: Serve, headers: dict[str, str], message: str
) -> None:
    """Nothing is even started for a stranger."""
    async with serve({"hello": HELLO}) as http:
        answer = await http.get("/hello", headers=headers)

        assert (answer.status_code, answer.json()) == (401, {"msg": message})
        assert deno_processes() == []


async def test_verify_jwt_false_lets_webhooks_in(serve: Serve) -> None:
    """A channel's webhook has a signature of its own and no token of ours."""
    settings = {"functions": {"hook": {"verify_jwt": False}}}
    async with serve({"hook": HELLO}, **settings) as http:
        answer = await http.post("/hook")

    assert answer.text == "hello"


async def test_options_reaches_the_function_without_a_token(serve: Serve) -> None:
    """CORS is the function's business."""
    async with serve({"hello": HELLO}) as http:
        assert (await http.options("/hello")).status_code == 200


@pytest.mark.parametrize("path", ["/nobody", "/_shared", "/", "/..%2Fhello", "/off", "/.hidden"])
async def test_what_is_no_function_is_not_found(serve: Serve, path: str) -> None:
    """Shared code, disabled functions and paths out of the folder are not served."""
    sources = {"hello": HELLO, "_shared": HELLO, "off": HELLO, ".hidden/index.ts": HELLO}
    async with serve(sources, functions={"off": {"enabled": False}}) as http:
        answer = await http.get(path, headers=ANON)

    assert (answer.status_code, answer.text) == (404, "Function not found")


async def test_a_function_gets_supabases_environment_and_the_projects_own(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Code that reads SUPABASE_URL works; nothing of the machine leaks into it."""
    monkeypatch.setenv("SECRET_OF_THE_SHELL", "shell")
    sources = {"env": ENVIRONMENT, ".env": "OWN=from file\nSUPABASE_URL=http://elsewhere\n"}
    secrets = {"secrets": {"GIVEN": "env(SECRET_OF_THE_SHELL)", "PLAIN": "text"}}
    async with serve(sources, edge_runtime=secrets) as http:
        seen = (await http.get("/env", headers=ANON)).json()

    keys = Keys()
    assert seen.pop("SUPABASE_DB_URL").startswith("postgresql://postgres:")
    assert json.loads(seen.pop("SUPABASE_JWKS"))["keys"]
    assert seen == {
        "OWN": "from file",
        "GIVEN": "shell",
        "PLAIN": "text",
        "SUPABASE_URL": "http://127.0.0.1:54321",
        "SUPABASE_ANON_KEY": keys.anon_key,
        "SUPABASE_SERVICE_ROLE_KEY": keys.service_role_key,
        "SUPABASE_PUBLISHABLE_KEYS": json.dumps({"default": keys.publishable_key}),
        "SUPABASE_SECRET_KEYS": json.dumps({"default": keys.secret_key}),
    }


@pytest.mark.parametrize("shape", SHAPES)
async def test_every_way_to_serve_ends_at_the_stack(serve: Serve, shape: str) -> None:
    """Functions name port 8000 or none; two of them must not meet there."""
    async with serve({shape: SHAPES[shape]}) as http:
        answer = await http.get(f"/{shape}", headers=ANON)
        ports = {c.laddr.port for child in deno_processes() for c in child.net_connections()}

    assert answer.text == "served"
    assert 8000 not in ports


async def test_the_old_serve_of_std_works(serve: Serve) -> None:
    """Functions written for `serve()` of std/http run unchanged, many requests at once."""
    async with serve({"old": OLD_STYLE, "_shared/old_server.ts": OLD_SERVER}) as http:
        get = partial(http.get, headers=ANON)
        answers = await asyncio.gather(*(get(f"/old/{number}") for number in range(5)))

    assert [answer.text for answer in answers] == [f"old /old/{number}" for number in range(5)]


async def test_import_maps_and_entrypoints_of_the_project_are_used(serve: Serve) -> None:
    """`deno.json` beside the function, and what config.toml names instead."""
    uses_map = 'import { text } from "text"; Deno.serve(() => new Response(text));'
    sources = {
        "beside": uses_map,
        "beside/deno.json": '{"imports": {"text": "../_shared/text.ts"}}',
        "named/main.ts": uses_map,
        "maps/own.json": '{"imports": {"text": "../_shared/text.ts"}}',
        "_shared/text.ts": "export const text = 'mapped';",
    }
    named = {"entrypoint": "functions/named/main.ts", "import_map": "functions/maps/own.json"}
    async with serve(sources, functions={"named": named}) as http:
        answers = [await http.get(path, headers=ANON) for path in ("/beside", "/named")]

    assert [answer.text for answer in answers] == ["mapped", "mapped"]


async def test_a_function_may_read_its_files_and_nothing_else(serve: Serve, tmp_path: Path) -> None:
    """A function that is tricked into reading a path gives away nothing of the machine."""
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    source = """Deno.serve(async (r) => {
      const path = new URL(r.url).searchParams.get("path")!;
      try { return new Response(await Deno.readTextFile(path)); }
      catch (error) { return new Response(error.name); }
    });"""
    own = tmp_path / "functions" / "read" / "text.txt"
    async with serve({"read": source, "read/text.txt": "own"}) as http:
        answers = [
            await http.get("/read", params={"path": str(path)}, headers=ANON)
            for path in (own, secret)
        ]

    assert [answer.text for answer in answers] == ["own", "NotCapable"]


@pytest.fixture
async def hello(serve: Serve) -> AsyncIterator[httpx.AsyncClient]:
    async with serve({"hello": HELLO}) as http:
        yield http


async def test_a_burst_starts_one_process(hello: httpx.AsyncClient) -> None:
    """Ten first requests at once wait for one start instead of starting ten."""
    answers = await asyncio.gather(*(hello.get("/hello", headers=ANON) for _ in range(10)))

    assert {answer.text for answer in answers} == {"hello"}
    assert len(deno_processes()) == 1


async def test_leaving_the_stack_leaves_no_process(serve: Serve) -> None:
    """`romashka start` ends with everything that it started."""
    async with serve({"hello": HELLO}) as http:
        await http.get("/hello", headers=ANON)
        started = deno_processes()

    assert started
    assert not any(process.is_running() for process in started)
