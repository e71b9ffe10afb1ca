"""The reply worker: `romashka worker`, or `python -m romashka_worker`."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from romashka import (
    AsyncRomashka,
    InvalidRequest,
    NotFound,
    NotSignedIn,
    PermissionDenied,
    Unreachable,
)

from romashka_worker.knowledge import KnowledgeBase
from romashka_worker.language import LanguageDetector
from romashka_worker.logs import configure_logs
from romashka_worker.loop import Worker
from romashka_worker.queue import Queue
from romashka_worker.responders import Responder
from romashka_worker.responders.knowledge import KnowledgeResponder
from romashka_worker.settings import Settings, SettingsError
from romashka_worker.turn import TurnAnswerer
from romashka_worker.wake import TOPIC, Wake

log = structlog.get_logger()


def main() -> int:
    """Run a worker until SIGINT or SIGTERM; return the exit code."""
    configure_logs()
    try:
        settings = Settings.from_environment()
    except SettingsError as error:
        return _fail(str(error), 2)
    try:
        asyncio.run(_run(settings))
    except InvalidRequest as error:
        return _fail(f"SUPABASE_URL, SUPABASE_SERVICE_ROLE_KEY: {error}", 2)
    except (NotSignedIn, PermissionDenied):
        return _fail("SUPABASE_SERVICE_ROLE_KEY is not the project's service role key", 2)
    except NotFound:
        return _fail("the project has no Romashka tables; run romashka migrate first", 2)
    except (Unreachable, TimeoutError) as error:
        return _fail(f"{settings.supabase_url}: {error or 'the project does not answer'}", 1)
    return 0


def _fail(problem: str, exit_code: int) -> int:
    print(f"unable to start the worker; {problem}", file=sys.stderr)  # noqa: T201 -- for whoever started it
    return exit_code


async def _run(settings: Settings) -> None:
    key = settings.supabase_key.get_secret_value()
    async with AsyncRomashka.connect(settings.supabase_url, key) as client:
        queue = Queue(client, settings.worker_id)
        await queue.check()
        async with (
            _open_responder(settings) as responder,
            client.topics.listen(TOPIC) as announcements,
        ):
            turns = TurnAnswerer(KnowledgeBase(client), responder, LanguageDetector())
            worker = Worker(
                queue,
                Wake(announcements),
                turns.answer,
                concurrency=settings.concurrency,
                grace_seconds=settings.grace_seconds,
            )
            _stop_on_signals(worker)
            log.info("worker.started", worker_id=settings.worker_id, responder=responder.name)
            await worker.run()
            log.info("worker.stopped", worker_id=settings.worker_id)


def _stop_on_signals(worker: Worker) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, worker.stop)


@asynccontextmanager
async def _open_responder(settings: Settings) -> AsyncIterator[Responder]:
    if not settings.has_llm:
        yield KnowledgeResponder()
        return
    from openai import AsyncOpenAI  # half of the start-up time, and not needed without a model

    from romashka_worker.responders.openai import OpenAIResponder

    key = settings.openai_api_key.get_secret_value() if settings.openai_api_key else "none"
    async with AsyncOpenAI(
        api_key=key, base_url=settings.openai_base_url, max_retries=0
    ) as provider:
        yield OpenAIResponder(provider, settings.openai_model)


if __name__ == "__main__":
    sys.exit(main())
