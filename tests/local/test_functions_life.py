"""How functions start, fail, change and end."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from romashka_local.config import StackConfig
from romashka_local.functions import open_functions
from romashka_local.keys import Keys

from tests.local.function_files import HELLO, deno_processes, write_functions
from tests.support.servers import config_for, serving

ANON = {"Authorization": f"Bearer {Keys().anon_key}"}
BOOT_ERROR = {"code": "BOOT_ERROR", "message": "Worker failed to boot (please check logs)"}
STREAM = """
const { promise, resolve } = Promise.withResolvers();
const encoder = new TextEncoder();
Deno.serve((request) => {
  if (request.url.endsWith("/go")) { resolve(); return new Response("gone"); }
  return new Response(new ReadableStream({ async start(controller) {
    controller.enqueue(encoder.encode("one "));
    await promise;
    controller.enqueue(encoder.encode("two"));
    controller.close();
  }}));
});
"""
# A stack in miniature that tells the id of its function's process and then waits to be killed.
PARENT = """
import asyncio, sys
from pathlib import Path
import httpx, psutil
from romashka_local.functions import open_functions
from tests.support.servers import config_for, serving

async def main():
    config = config_for("postgresql://postgres@127.0.0.1:1/postgres", Path(sys.argv[1]))
    async with serving(open_functions, config) as http:
        await http.get("/hello", headers={"Authorization": sys.argv[2]})
        print(psutil.Process().children()[0].pid, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture
def config(tmp_path: Path) -> StackConfig:
    return config_for("postgresql://postgres@127.0.0.1:1/postgres", tmp_path)


async def test_an_edited_function_runs_its_new_code(config: StackConfig) -> None:
    """Save, reload, see: also when the edit is in shared code or in `.env`."""
    sources = {
        "hello": """import { text } from "../_shared/text.ts";
          Deno.serve(() => new Response(`${text} ${Deno.env.get("WHO")}`));""",
        "_shared/text.ts": "export const text = 'hello';",
        ".env": "WHO=Ada",
    }
    write_functions(config.project_dir, sources)
    texts = []
    async with serving(open_functions, config) as http:
        for change in ({}, {"_shared/text.ts": "export const text = 'bye';"}, {".env": "WHO=Eve "}):
            write_functions(config.project_dir, change)
            texts.append((await http.get("/hello", headers=ANON)).text)

    assert texts == ["hello Ada", "bye Ada", "bye Eve"]


async def test_a_request_that_is_running_survives_an_edit(config: StackConfig) -> None:
    """The old process answers what it has begun; the new one takes what comes after."""
    source = """const { promise, resolve } = Promise.withResolvers();
    Deno.serve(async (request) => {
      if (request.url.endsWith("/begun")) await promise;
      if (request.url.endsWith("/slow")) {
        resolve();
        await new Promise((wake) => setTimeout(wake, 500));
      }
      return new Response("old");
    });"""
    write_functions(config.project_dir, {"hello": source})
    async with serving(open_functions, config) as http:
        slow = asyncio.create_task(http.get("/hello/slow", headers=ANON))
        await http.get("/hello/begun", headers=ANON)
        write_functions(config.project_dir, {"hello": HELLO})
        new = await http.get("/hello", headers=ANON)

        assert (await slow).text == "old"
        assert new.text == "hello"


@pytest.mark.parametrize(
    "source",
    ["throw new Error('no')", "not TypeScript", "import 'npm_missing';", "import './missing.ts';"],
)
async def test_a_function_that_cannot_boot_says_so_and_recovers_when_mended(
    config: StackConfig, source: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """The caller gets the platform's 503, the developer the reason on stderr."""
    write_functions(config.project_dir, {"hello": source})
    async with serving(open_functions, config) as http:
        broken = await http.get("/hello", headers=ANON)
        write_functions(config.project_dir, {"hello": HELLO})
        mended = await http.get("/hello", headers=ANON)

    assert (broken.status_code, broken.json()) == (503, BOOT_ERROR)
    assert "[hello]" in capfd.readouterr().err
    assert mended.text == "hello"


async def test_a_crash_is_a_500_and_the_next_request_starts_anew(config: StackConfig) -> None:
    """One bad request does not take the function away."""
    source = """Deno.serve((request) => {
      if (request.url.endsWith("/crash")) Deno.exit(1);
      return new Response("hello");
    });"""
    write_functions(config.project_dir, {"hello": source})
    async with serving(open_functions, config) as http:
        crashed = await http.get("/hello/crash", headers=ANON)
        next_one = await http.get("/hello", headers=ANON)

    assert crashed.status_code == 500
    assert crashed.json()["code"] == "WORKER_ERROR"
    assert next_one.text == "hello"


async def test_an_error_in_the_handler_is_a_500_and_is_logged(
    config: StackConfig, capfd: pytest.CaptureFixture[str]
) -> None:
    """The function stays up, and its developer sees the error and the function's own prints."""
    source = """Deno.serve(() => {
      console.log("x".repeat(200_000));
      throw new Error("told to the developer");
    });"""
    write_functions(config.project_dir, {"hello": source})
    async with serving(open_functions, config) as http:
        answer = await http.get("/hello", headers=ANON)
    logged = capfd.readouterr().err

    assert answer.status_code == 500
    assert "told to the developer" not in answer.text
    assert "[hello] Error: told to the developer" in logged
    assert logged.count("x") >= 200_000


async def test_an_answer_streams_while_the_function_still_writes(config: StackConfig) -> None:
    """A streamed LLM reply is seen word by word."""
    write_functions(config.project_dir, {"stream": STREAM})
    seen: asyncio.Queue[bytes] = asyncio.Queue()
    headers = [(name.lower().encode(), value.encode()) for name, value in ANON.items()]

    async def receive() -> dict[str, Any]:
        return await asyncio.Future()

    async def send(message: Any) -> None:
        if message.get("body"):
            await seen.put(message["body"])

    def scope(path: str) -> dict[str, Any]:
        return {
            "type": "http",
            "method": "GET",
            "path": path,
            "query_string": b"",
            "headers": headers,
        }

    async with open_functions(config) as app:
        task = asyncio.create_task(app(scope("/stream"), receive, send))
        first = await asyncio.wait_for(seen.get(), 10)
        still_open = not task.done()
        go = asyncio.create_task(app(scope("/stream/go"), receive, send))
        rest = {await asyncio.wait_for(seen.get(), 10) for _ in range(2)}
        await asyncio.wait_for(asyncio.gather(task, go), 10)

    assert first == b"one "
    assert still_open
    assert rest == {b"gone", b"two"}


async def test_a_stuck_function_ends_with_the_stack(
    config: StackConfig, eventually: Callable[..., Any]
) -> None:
    """An endless loop cannot keep `romashka start` from stopping."""
    source = """Deno.serve((request) => {
      while (request.url.endsWith("/stuck"));
      return new Response("hello");
    });"""
    write_functions(config.project_dir, {"hello": source})
    async with serving(open_functions, config) as http:
        await http.get("/hello", headers=ANON)
        (process,) = deno_processes()
        stuck = asyncio.create_task(http.get("/hello/stuck", headers=ANON))
        busy = process.cpu_times().user + 0.2
        await asyncio.to_thread(eventually, lambda: process.cpu_times().user > busy)
    answer = await stuck

    assert answer.status_code == 500
    assert not process.is_running()


def test_functions_end_with_a_stack_that_was_killed(
    tmp_path: Path, eventually: Callable[..., Any]
) -> None:
    """After `kill -9` of the stack nothing of it is left running."""
    write_functions(tmp_path, {"hello": HELLO})
    command = [sys.executable, "-c", PARENT, str(tmp_path), ANON["Authorization"]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        os.kill(parent.pid, signal.SIGKILL)

    assert eventually(lambda: not child.is_running())
