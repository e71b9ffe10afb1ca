"""`romashka doctor --try`: Romashka in an empty project for a minute, tried in every role.

Where it is in use, a customer says hello there, and nothing else is done.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
from romashka import AsyncRomashka, NotFound, RomashkaError
from romashka._attachments import BUCKET
from romashka._errors import translated
from romashka._migrations import MigrationError
from romashka._removal import NotEmpty, installed_for_now
from romashka_local.programs import ProgramError, running

from romashka_worker.doctor import examine_project
from romashka_worker.doctor.finding import Finding
from romashka_worker.settings import Settings, SettingsError
from romashka_worker.trial.cast import Project, open_cast
from romashka_worker.trial.in_use import is_in_use, try_in_use
from romashka_worker.trial.settings import TrialSettings
from romashka_worker.trial.steps import (
    ANSWER,
    QUESTION,
    STEPS,
    Differs,
    look_at_rights,
    look_at_traces,
)

Tell = Callable[[Finding], None]

_STEP_SECONDS = 30.0


class DatabaseNeeded(Exception):
    """Where nothing is installed, the database is needed to install it."""


async def try_out(db_url: str | None, tell: Tell) -> None:
    """Install, try, and remove everything again, whatever happens; tell what is found.

    Installing and removing block the loop: who cancels this comes before or after them, and never
    leaves half of it.

    Raises:
        DatabaseNeeded: the project is empty, and nobody said where its database is.
    """
    try:
        settings = TrialSettings.from_environment()
    except SettingsError as error:
        if db_url is None and "SUPABASE_URL" in str(error):
            raise DatabaseNeeded from error
        name = str(error).partition(" ")[0].rstrip(":")
        tell(Finding.problem("settings", str(error), f"export {name}=..."))
        return
    if await is_in_use(settings):
        await try_in_use(settings, tell)
        return
    if db_url is None:
        raise DatabaseNeeded
    try:
        await _install_and_try(settings, db_url, tell)
    except NotEmpty as error:
        tell(Finding.problem("project", str(error), "take one that is empty, made for this"))
    except (RomashkaError, MigrationError, psycopg.Error) as error:
        tell(Finding("project", "problem", str(error).strip().partition("\n")[0]))
    except asyncio.CancelledError:
        tell(Finding("interrupted", "problem", "nothing of it is left in the project"))
        raise


async def _install_and_try(settings: TrialSettings, db_url: str, tell: Tell) -> None:
    url, key = settings.supabase_url, settings.supabase_key.get_secret_value()
    async with AsyncRomashka.connect(url, key) as service, _deleted(service) as users:
        started = time.monotonic()
        with installed_for_now(db_url) as files:
            took = f"{time.monotonic() - started:.1f} s"
            tell(Finding.ok("installation", f"{len(files)} files in {took}"))
            async with _without_bucket(service):
                anon_key = settings.anon_key.get_secret_value()
                project = Project(url, anon_key, db_url, service, users)
                await _try_installed(settings, project, tell)
    tell(Finding.ok("removal", "all that was made is gone again"))


async def _try_installed(settings: Settings, project: Project, tell: Tell) -> None:
    rest = await _tried("rest", _wait_for_rest(project.service))
    tell(rest)
    if rest.state != "ok":
        return
    async for finding in examine_project(settings, is_in_use=False):
        tell(finding)
    tell(look_at_rights(project.db_url))
    try:
        await project.service.knowledge.add(QUESTION, ANSWER)
        async with open_cast(project) as cast, _worker():
            tell(cast.signed_in)
            for name, step in STEPS.items():
                tell(found := await _tried(name, step(cast)))
                if found.state != "ok":
                    return  # what comes after it builds on it
    except (RomashkaError, ProgramError) as error:
        tell(Finding("roles", "problem", str(error)))
    else:
        tell(look_at_traces(project.db_url))


async def _tried(name: str, step: Coroutine[Any, Any, str]) -> Finding:
    try:
        async with asyncio.timeout(_STEP_SECONDS):
            return Finding.ok(name, await step)
    except (RomashkaError, Differs) as error:
        return Finding(name, "problem", str(error))
    except TimeoutError:
        return Finding(name, "problem", f"nothing came of it in {_STEP_SECONDS:.0f} s")


async def _wait_for_rest(service: AsyncRomashka) -> str:
    while True:
        try:
            await service.call("get_romashka_installation")
        except NotFound:  # it reads the schema anew after a change, in its own time
            await asyncio.sleep(0.2)
        else:
            return "sees what was installed"


@asynccontextmanager
async def _worker() -> AsyncIterator[None]:
    """Run a worker that answers from the knowledge base alone: nothing goes to a provider."""
    without_models = {name: "" for name in os.environ if name.startswith("OPENAI_")}
    async with running(
        "worker",
        is_ready=lambda line: line.get("event") == "worker.started",
        ready_seconds=_STEP_SECONDS,
        folder=Path.cwd(),
        environment=without_models | {"ROMASHKA_EMBEDDINGS": "off", "ROMASHKA_HTTP_PORT": ""},
    ):
        yield


@asynccontextmanager
async def _deleted(service: AsyncRomashka) -> AsyncIterator[list[str]]:
    """Give a list for the ids of users; when the block is left, those are deleted."""
    users: list[str] = []
    try:
        yield users
    finally:
        for user_id in users:
            with translated():
                await service.supabase.auth.admin.delete_user(user_id)


@asynccontextmanager
async def _without_bucket(service: AsyncRomashka) -> AsyncIterator[None]:
    """Delete the bucket of attachments when the block is left; SQL may not."""
    try:
        yield
    finally:
        bucket = service.supabase.storage.from_(BUCKET)
        with translated(), suppress(NotFound):
            # By their paths: a hosted project empties a bucket in its own time, within the hour.
            for folder in await bucket.list():
                files = await bucket.list(folder["name"])
                await bucket.remove([f"{folder['name']}/{file['name']}" for file in files])
            await service.supabase.storage.delete_bucket(BUCKET)
