"""A worker from its first call to its last: whether it can work here, and the parts that do."""

import asyncio
import signal
from collections.abc import Callable
from functools import partial

import structlog
from romashka import (
    AsyncRomashka,
    InvalidRequest,
    NotSignedIn,
    PermissionDenied,
    RomashkaError,
)
from romashka._pasted import BadSetting, read_project_key

from romashka_worker.answerer import open_answerer
from romashka_worker.broadcasts import Broadcasts
from romashka_worker.calls import repeated
from romashka_worker.channels.adapters import open_deliveries
from romashka_worker.channels.settings import ChannelSettings
from romashka_worker.embeddings.choice import open_embedder
from romashka_worker.faults import beside
from romashka_worker.health import Health
from romashka_worker.indexer import kept_embedded
from romashka_worker.logs import first_of
from romashka_worker.loop import Loop
from romashka_worker.metrics import HELD, REALTIME, SLOTS
from romashka_worker.notifications.notifier import open_notifications
from romashka_worker.notifications.settings import NotificationSettings
from romashka_worker.probes import serve_probes
from romashka_worker.queue import JobQueue
from romashka_worker.recorder import Recorder
from romashka_worker.retention import prune_regularly
from romashka_worker.schema import SchemaTooOld, check_schema
from romashka_worker.settings import Settings
from romashka_worker.streams import open_streams
from romashka_worker.turns import Turns, sweep_regularly
from romashka_worker.wake import TOPIC, Wake

_START_SECONDS = 5.0
"""So long a project may be away, or refuse a key, when a worker starts; then it ends."""

log = structlog.get_logger()


class CannotWork(Exception):
    """A worker cannot start, or had to end; the message is for its operator."""

    def __init__(self, problem: str, exit_code: int) -> None:
        super().__init__(problem)
        self.exit_code = exit_code


def work(
    settings: Settings, channels: ChannelSettings, notifications: NotificationSettings
) -> None:
    """Work until SIGINT or SIGTERM.

    Raises:
        CannotWork: where its operator can mend that.
    """
    try:
        asyncio.run(_run(settings, channels, notifications))
    except Exception as error:
        if (told := _told(first_of(error), settings)) is None:
            raise
        raise CannotWork(*told) from error


def _told(error: BaseException, settings: Settings) -> tuple[str, int] | None:
    """Return what to say of an error that ended the worker, and the exit code; None: a fault."""
    match error:
        case BadSetting() | SchemaTooOld():
            return str(error), 2
        case InvalidRequest(name="bad_environment"):
            return str(error), 2
        case InvalidRequest():
            return f"SUPABASE_URL, SUPABASE_SERVICE_ROLE_KEY: {error}", 2
        case NotSignedIn():
            return "SUPABASE_SERVICE_ROLE_KEY is not the project's service role key", 2
        case PermissionDenied():
            return (
                "SUPABASE_SERVICE_ROLE_KEY is not the project's service role key, or that role"
                f" lacks a right that `romashka migrate` gives it ({error})"
            ), 2
        case RomashkaError() | TimeoutError():
            return f"{settings.supabase_url}: {error or 'the project does not answer'}", 1
    return None


async def _run(
    settings: Settings, channels: ChannelSettings, notifications: NotificationSettings
) -> None:
    key = read_project_key(
        settings.supabase_key.get_secret_value(), "SUPABASE_SERVICE_ROLE_KEY", "service_role"
    )
    health = Health()
    with serve_probes(settings.http_host, settings.http_port, health) as port:
        async with AsyncRomashka.connect(settings.supabase_url, key) as client:
            await repeated(partial(check_schema, client), _START_SECONDS)
            await _work(settings, channels, notifications, client, health, port)


async def _work(
    settings: Settings,
    channels: ChannelSettings,
    notifications: NotificationSettings,
    client: AsyncRomashka,
    health: Health,
    port: int | None,
) -> None:
    queue = JobQueue(client, settings.worker_id)
    recorder = Recorder(client, settings.worker_id, keeps_prompts=settings.trace_prompts)
    async with (
        open_streams(Broadcasts(client).send) as streams,
        open_embedder(settings) as embedder,
        kept_embedded(client, embedder),
        open_answerer(settings, client, embedder, streams.open) as answerer,
        client.topics.listen(TOPIC) as announcements,
        open_deliveries(channels, client, settings.worker_id, settings.grace_seconds) as deliveries,
        open_notifications(
            notifications, client, settings.worker_id, settings.grace_seconds
        ) as notifier,
    ):
        wake = Wake(announcements)
        turns = Loop(
            queue,
            wake,
            Turns(answerer.answer, recorder, health).work,
            concurrency=settings.concurrency,
            grace_seconds=settings.grace_seconds,
            health=health,
        )
        REALTIME.set_function(lambda: wake.is_live)
        SLOTS.set(settings.concurrency)
        HELD.set_function(lambda: turns.held)
        _stop_on_signals(turns.stop, deliveries.stop, notifier.stop)
        log.info(
            "worker.started",
            project=settings.supabase_url,
            worker_id=settings.worker_id,
            http_port=port,
            model=", ".join(model.model for model in settings.models) or None,
            embeddings=embedder.model if embedder else None,
        )
        async with beside(
            health=health.run,
            sweep=partial(sweep_regularly, queue),
            prune=partial(prune_regularly, client),
            traces=recorder.run,
        ):
            async with asyncio.TaskGroup() as loops:
                loops.create_task(turns.run())
                loops.create_task(deliveries.run())
                loops.create_task(notifier.run())
        await recorder.write()
        log.info("worker.stopped", worker_id=settings.worker_id)


def _stop_on_signals(*parts: Callable[[], None]) -> None:
    def stop() -> None:
        for part in parts:
            part()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)
