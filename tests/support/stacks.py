"""A local stack as its users start it: the command, in a process of its own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from romashka_local.data_folder import open_data_folder

from tests.support.folders import DATABASES

ROMASHKA = Path(sys.executable).with_name("romashka")
ROOT = Path(__file__).resolve().parents[2]
CHANNEL_SECRETS = {
    "WHATSAPP_APP_SECRET": "whatsapp-app-secret-of-the-tests",
    "WHATSAPP_VERIFY_TOKEN": "whatsapp-verify-token-of-the-tests",
    "INSTAGRAM_APP_SECRET": "instagram-app-secret-of-the-tests",
    "INSTAGRAM_VERIFY_TOKEN": "instagram-verify-token-of-the-tests",
    "EMAIL_WEBHOOK_TOKEN": "email-webhook-token-of-the-tests",
}
"""What the stack's functions know channels by."""
AS_PASTED = {
    "WHATSAPP_APP_SECRET": "{}\n",
    "WHATSAPP_VERIFY_TOKEN": " '{}'",
    "INSTAGRAM_APP_SECRET": "\ufeff“{}”",
    "INSTAGRAM_VERIFY_TOKEN": "{}\\n",
    "EMAIL_WEBHOOK_TOKEN": 'export EMAIL_WEBHOOK_TOKEN="{}"',
}
"""And how they get there: as people paste them."""


@dataclass(frozen=True, slots=True)
class RunningStack:
    """What `romashka start --json` printed, and its process."""

    process: subprocess.Popen[str]
    api_url: str
    db_url: str
    anon_key: str
    service_role_key: str
    jwt_secret: str
    publishable_key: str
    secret_key: str

    def admin_url(self) -> str:
        """Return the database's URL as its superuser."""
        return self.db_url.replace("//postgres:", "//supabase_admin:")


@contextmanager
def run_stack(*options: str, cwd: Path = ROOT) -> Iterator[RunningStack]:
    """Run `romashka start` on free ports until the block is left, whatever happens in it."""
    process = start_stack(*options, cwd=cwd)
    try:
        yield wait_until_ready(process)
    finally:
        stop_stack(process)


def unhurried_project(folder: Path) -> Path:
    """Make a project like this one in a folder, whose Realtime limits nobody.

    Many tests share its stack: together they would be too many, and what is told then is lost.
    """
    shutil.copytree(ROOT / "supabase", folder / "supabase")
    config = folder / "supabase" / "config.toml"
    realtime = "[realtime]\n"
    settings = config.read_text()
    assert realtime in settings
    config.write_text(settings.replace(realtime, f"{realtime}max_events_per_second = 1000000\n"))
    return folder


@contextmanager
def running_in(folder: Path, stack: RunningStack) -> Iterator[None]:
    """Let `folder` be the one that `stack` was started in, for commands that look for it there."""
    names = ("api_url", "db_url", "anon_key", "service_role_key", "jwt_secret", "publishable_key")
    said = {name.upper(): getattr(stack, name) for name in (*names, "secret_key")}
    with open_data_folder(folder / ".romashka") as data:
        data.say(said | {"PID": str(stack.process.pid), "STARTED_AT": "2026-11-30T12:00:00+00:00"})
        yield


def be_patient(stack: RunningStack) -> None:
    """Give turns a deadline that no slow machine misses."""
    with psycopg.connect(stack.admin_url()) as database:
        database.execute(
            "alter table public.ai_settings drop constraint ai_settings_deadline_ms_check"
        )
        database.execute("update public.ai_settings set deadline_ms = 60000")


@contextmanager
def undisturbed(stack: RunningStack) -> Iterator[None]:
    """Let no turn be handed over by itself while the block runs, and leave none that waits.

    Each would move rows, counts and sounds on the screens of the tests that follow.
    """
    with psycopg.connect(stack.admin_url(), autocommit=True) as database:
        database.execute("update public.ai_settings set deadline_ms = 3600000")
        try:
            yield
        finally:
            database.execute("update public.ai_settings set deadline_ms = 60000")
            database.execute(
                "delete from public.conversations where id in (select conversation_id"
                " from public.ai_response_queue where status in ('pending', 'processing'))"
            )


def start_stack(*options: str, cwd: Path = ROOT) -> subprocess.Popen[str]:
    """Start `romashka start` on free ports and return at once."""
    command = [str(ROMASHKA), "start", "--json", "--port", "0", "--db-port", "0", *options]
    errors = tempfile.TemporaryFile("w+", prefix="romashka-stack-")
    process = subprocess.Popen(
        command,
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        env={name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"}
        | {name: AS_PASTED[name].format(value) for name, value in CHANNEL_SECRETS.items()}
        | {"TMPDIR": str(DATABASES)},
    )
    process.stderr = errors
    return process


def wait_until_ready(process: subprocess.Popen[str]) -> RunningStack:
    """Return what the stack prints when it is ready.

    Raises:
        AssertionError: it ended instead; the message is what it said.
    """
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        process.wait(10)
        raise AssertionError(f"the stack did not start: {said(process)}")
    return RunningStack(
        process, **{name.lower(): value for name, value in json.loads(line).items()}
    )


def said(process: subprocess.Popen[str]) -> str:
    """Return what a stack has written to stderr."""
    assert process.stderr is not None
    # Not by reading it: the stack writes where the file's position is.
    return os.pread(process.stderr.fileno(), 1_000_000, 0).decode()


def stop_stack(process: subprocess.Popen[str], seconds: float = 15) -> int:
    """Stop a stack as Ctrl-C does, and return its exit code."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise
    finally:
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
