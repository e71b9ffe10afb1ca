"""What a worker does with a notification that it has claimed: it sends, settles and counts it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

import structlog
from romashka import AsyncRomashka
from romashka._client import tls_context

from romashka_worker.channels import ChannelError
from romashka_worker.channels.graph import Graph
from romashka_worker.channels.smtp import MailServers
from romashka_worker.faults import contained, report
from romashka_worker.leases import Settle
from romashka_worker.loop import Loop
from romashka_worker.metrics import NOTIFICATIONS
from romashka_worker.notifications import SEND_SECONDS, Notification, Outcome, Result
from romashka_worker.notifications.mails import Mails
from romashka_worker.notifications.posts import Posts
from romashka_worker.notifications.queue import NotificationQueue
from romashka_worker.notifications.settings import NotificationSettings
from romashka_worker.wake import TOPIC, Wake

_CONCURRENCY = 16
"""More than the database gives of one rule at a time: one that hangs leaves room for others."""

log = structlog.get_logger()

Send = Callable[[Notification], Awaitable[None]]


@asynccontextmanager
async def open_notifications(
    settings: NotificationSettings, client: AsyncRomashka, worker_id: str, grace_seconds: float
) -> AsyncIterator[Loop[Notification, Result, bool]]:
    """Give the loop that tells; nothing is connected before it must."""
    servers = MailServers(tls_context())
    async with Graph.open_http() as http, client.topics.listen(TOPIC) as announcements:
        posts = Posts(http)
        sends = {
            "email": Mails(settings, servers).send,
            "slack": posts.send_to_slack,
            "webhook": posts.send_webhook,
        }
        try:
            yield Loop(
                NotificationQueue(client, worker_id),
                Wake(announcements, lambda _: None),
                Notifier(sends).work,
                concurrency=_CONCURRENCY,
                grace_seconds=grace_seconds,
            )
        finally:
            await servers.close()


class Notifier:
    """Works on notifications with what sends each kind."""

    def __init__(self, sends: Mapping[str, Send]) -> None:
        self._sends = sends

    async def work(self, notification: Notification, settle: Settle[Result, bool]) -> None:
        """Send a notification and settle it."""
        result = await self._try(notification)
        NOTIFICATIONS.labels(notification.kind, result.outcome).inc()
        told = {"notification_id": notification.id, "rule_id": notification.rule_id}
        if result.error_code is None:
            log.info("notification.sent", **told)
        else:
            log.warning("notification.failed", error_code=result.error_code, **told)
        try:
            await settle(result)
        except Exception as error:  # noqa: BLE001 -- it is claimed again, when its lease is over
            report("settle", error)

    async def _try(self, notification: Notification) -> Result:
        with contained("notification"):
            try:
                async with asyncio.timeout(SEND_SECONDS):
                    await self._sends[notification.kind](notification)
            except ChannelError as error:
                outcome: Outcome = "failed" if error.trouble == "failed" else "retry"
                return Result(outcome, error.code, str(error), error.retry_after_seconds)
            except TimeoutError:
                return Result("retry", "no_answer", "there was no answer in time")
            return Result("sent")
        return Result("failed", "internal", "the worker has a fault")
