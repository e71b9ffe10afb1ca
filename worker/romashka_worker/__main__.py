"""The reply worker: `romashka worker`, or `python -m romashka_worker`."""

import asyncio
import signal
import sys

import structlog
from romashka import (
    AsyncRomashka,
    InvalidRequest,
    NotSignedIn,
    PermissionDenied,
    Unreachable,
)

from romashka_worker.answerer import open_answerer
from romashka_worker.broadcasts import Broadcasts
from romashka_worker.channels.adapters import open_deliverer
from romashka_worker.channels.deliverer import Deliverer
from romashka_worker.channels.settings import ChannelSettings
from romashka_worker.embeddings.choice import open_embedder
from romashka_worker.health import Health
from romashka_worker.indexer import kept_embedded
from romashka_worker.logs import configure_logs
from romashka_worker.loop import Worker
from romashka_worker.metrics import REALTIME
from romashka_worker.probes import serve_probes
from romashka_worker.queue import Queue
from romashka_worker.recorder import Recorder
from romashka_worker.schema import SchemaTooOld, check_schema
from romashka_worker.settings import Settings, SettingsError
from romashka_worker.streams import open_streams
from romashka_worker.wake import TOPIC, Wake

log = structlog.get_logger()


def main() -> int:
    """Run a worker until SIGINT or SIGTERM; return the exit code."""
    try:
        settings = Settings.from_environment()
        channels = ChannelSettings.from_environment()
        configure_logs(settings.log_level)
        asyncio.run(_run(settings, channels))
    except (SettingsError, SchemaTooOld) as error:
        return _fail(str(error), 2)
    except InvalidRequest as error:
        return _fail(f"SUPABASE_URL, SUPABASE_SERVICE_ROLE_KEY: {error}", 2)
    except (NotSignedIn, PermissionDenied):
        return _fail("SUPABASE_SERVICE_ROLE_KEY is not the project's service role key", 2)
    except (Unreachable, TimeoutError) as error:
        return _fail(f"{settings.supabase_url}: {error or 'the project does not answer'}", 1)
    return 0


def _fail(problem: str, exit_code: int) -> int:
    print(f"unable to start the worker; {problem}", file=sys.stderr)  # noqa: T201 -- for whoever started it
    return exit_code


async def _run(settings: Settings, channels: ChannelSettings) -> None:
    key = settings.supabase_key.get_secret_value()
    health = Health()
    async with AsyncRomashka.connect(settings.supabase_url, key) as client:
        await check_schema(client)
        queue = Queue(client, settings.worker_id)
        async with (
            open_streams(Broadcasts(client).send) as streams,
            open_embedder(settings) as embedder,
            kept_embedded(client, embedder),
            open_answerer(settings, client, embedder, streams.open) as turns,
            client.topics.listen(TOPIC) as announcements,
            open_deliverer(
                channels, client, settings.worker_id, settings.grace_seconds
            ) as deliverer,
        ):
            wake = Wake(announcements)
            REALTIME.set_function(lambda: wake.is_live)
            worker = Worker(
                queue,
                wake,
                turns.answer,
                Recorder(client, settings.worker_id, keeps_prompts=settings.trace_prompts),
                health,
                concurrency=settings.concurrency,
                grace_seconds=settings.grace_seconds,
            )
            _stop_on_signals(worker, deliverer)
            with serve_probes(settings.http_host, settings.http_port, health) as port:
                log.info(
                    "worker.started",
                    worker_id=settings.worker_id,
                    http_port=port,
                    embeddings=embedder.model if embedder else None,
                )
                async with asyncio.TaskGroup() as parts:
                    parts.create_task(worker.run())
                    parts.create_task(deliverer.run())
            log.info("worker.stopped", worker_id=settings.worker_id)


def _stop_on_signals(*parts: Worker | Deliverer) -> None:
    def stop() -> None:
        for part in parts:
            part.stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)


if __name__ == "__main__":
    sys.exit(main())
