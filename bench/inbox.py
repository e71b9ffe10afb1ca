"""Does the inbox keep its bars in Chromium, with 10,000 conversations and one of 5,000 messages?

    .venv/bin/python -m bench.inbox [--only typing,storm] [--json figures.json]
    .venv/bin/python -m bench.inbox --only none --races 200 --cuts 40

Starts a stack of its own, builds the inbox, and prints each figure with its bar and, beside it,
the same of a blank page in the same browser. `bench/inbox/measure.mjs` drives Chromium. Of what
blocks the page both are told: the time on the wall, and what the processor worked of it; where
other programs have the processor, too, the second is the page's own.

The second line runs two of the tests for longer: takeovers at the moment at which the AI's answer
is stored, and two of the team and a customer who are cut off at random.
"""

import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg

from tests.support.chromium import chromium_environment
from tests.support.javascript import BIN, NODE, WORKSPACE, install_packages
from tests.support.stacks import RunningStack, be_patient, run_stack

PARTS = Path(__file__).parent / "inbox"
Row = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="parts of measure.mjs, with commas between")
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    parser.add_argument("--races", type=int, default=0, help="takeovers against answers")
    parser.add_argument("--cuts", type=int, default=0, help="rounds in which connections are cut")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="romashka-bench-") as folder,
        run_stack("--ephemeral") as stack,
    ):
        be_patient(stack)
        fill(stack)
        site = build(Path(folder), stack)
        with serve(site, stack) as url:
            rows = [*sizes(site), *measure(stack, url, options.only)]
        show(rows)
        if options.races:
            prove("takeOver", stack, site, {"RACES": str(options.races)})
        if options.cuts:
            prove("agreement", stack, site, {"CUTS": str(options.cuts)})
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))
    if any(row["is_missed"] for row in rows):
        sys.exit(1)


def fill(stack: RunningStack) -> None:
    """Write the conversations and messages."""
    with psycopg.connect(stack.admin_url(), autocommit=True) as database:
        database.execute((PARTS / "fill.sql").read_bytes())


def build(folder: Path, stack: RunningStack) -> Path:
    """Build the inbox for the stack, with a blank page beside it."""
    install_packages(WORKSPACE)
    command = [BIN / "vite", "build", "--outDir", folder / "site", "--logLevel", "error"]
    subprocess.run(command, cwd=WORKSPACE / "inbox", check=True)
    site = folder / "site"
    told = {"url": stack.api_url, "anonKey": stack.anon_key}
    (site / "config.json").write_text(json.dumps(told))
    (site / "blank.html").write_text(
        "<!doctype html><title>Blank</title>"
        "<textarea></textarea><main style='height: 1000000px'></main>"
    )
    return site


def sizes(site: Path) -> Iterator[Row]:
    """Yield what is loaded at first: what the page names, and one language."""
    manifest = json.loads((site / ".vite" / "manifest.json").read_text())
    entry = next(chunk for chunk in manifest.values() if chunk.get("isEntry"))
    english = manifest["src/strings/en.ts"]
    files = {entry["file"], english["file"]}
    for chunk in (entry, english):
        files |= {manifest[name]["file"] for name in chunk.get("imports", [])}
    size = sum(len(gzip.compress((site / file).read_bytes())) for file in files)
    yield row("script of the first load, gzipped", size / 1000, 215, "KB")


def row(name: str, value: float, bar: float | None, unit: str, blank: float | None = None) -> Row:
    is_missed = bar is not None and value > bar
    return {"name": name, "value": value, "bar": bar, "unit": unit, "blank": blank} | {
        "is_missed": is_missed
    }


class _Site(SimpleHTTPRequestHandler):
    """The folder's files; a POST lets the conversations change for ten seconds."""

    def __init__(self, stack: RunningStack, *arguments: Any, **options: Any) -> None:
        self._stack = stack
        super().__init__(*arguments, **options)

    def do_POST(self) -> None:
        with psycopg.connect(self._stack.admin_url(), autocommit=True) as database:
            database.execute((PARTS / "storm.sql").read_bytes())
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""


@contextmanager
def serve(site: Path, stack: RunningStack) -> Iterator[str]:
    """Serve the folder until the block is left."""
    handler = partial(_Site, stack, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def project(stack: RunningStack) -> dict[str, str]:
    """Return what the scripts know of the stack, and of Chromium."""
    known = {
        "API_URL": stack.api_url,
        "ANON_KEY": stack.anon_key,
        "SERVICE_ROLE_KEY": stack.service_role_key,
    }
    return os.environ | chromium_environment() | known


def prove(name: str, stack: RunningStack, site: Path, often: dict[str, str]) -> None:
    """Run a part of the tests, as often as asked for."""
    script = WORKSPACE / "tests" / "inbox" / "browser" / f"{name}.test.mjs"
    environment = project(stack) | {"INBOX": str(site)} | often
    subprocess.run([NODE, "--test", script], env=environment, check=True)


def measure(stack: RunningStack, url: str, only: str) -> list[Row]:
    """Return the figures of Chromium."""
    done = subprocess.run(
        [NODE, PARTS / "measure.mjs"],
        env=project(stack) | {"INBOX_URL": url, "ONLY": only},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    told = [json.loads(line) for line in done.stdout.splitlines()]
    return [row(*(each[key] for key in ("name", "value", "bar", "unit", "blank"))) for each in told]


def show(rows: list[Row]) -> None:
    """Print them; what is above its bar has a mark."""
    print(f"{'':64}{'inbox':>10}{'blank':>10}{'bar':>8}")
    for each in rows:
        blank = "" if each["blank"] is None else f"{each['blank']:.1f}"
        bar = "" if each["bar"] is None else f"{each['bar']:g}"
        mark = "  missed" if each["is_missed"] else ""
        name = f"{each['name']}, {each['unit']}"
        print(f"{name:64}{each['value']:>10.1f}{blank:>10}{bar:>8}{mark}")


if __name__ == "__main__":
    main()
