"""The whole system: the project, its workers, the model, and what is at the channels' other end."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from romashka import AsyncRomashka

from bench.faults.crew import Worker, at_work
from bench.faults.history import History
from bench.faults.network import Network, open_network
from bench.faults.project import Project, open_project
from tests.channels.graph import Behaviour, Graph, accepts, open_graph
from tests.channels.mail_server import MailServer, open_mail_server
from tests.channels.meta import new_id, signed
from tests.support.stacks import CHANNEL_SECRETS
from tests.support.waiting import becomes
from tests.worker import provider

_WORKERS = 2
_PATIENCE_SECONDS = 120


@dataclass(slots=True, eq=False)
class System:
    """Everything that a run drives and breaks."""

    history: History
    chance: random.Random
    project: Project
    workers: list[Worker]
    customers: Network
    """What customers on the website come by."""
    model: provider.Provider
    graph: Graph
    mail: MailServer
    http: httpx.AsyncClient
    service: AsyncRomashka
    """Staff's and servers' view; it is never cut."""
    whatsapp_account: str = field(default_factory=new_id)
    graph_mood: Behaviour = accepts
    told: int = 0
    """So many of the messages that WhatsApp accepted were reported back."""

    async def post(self, path: str, content: bytes, headers: dict[str, str]) -> None:
        """Post a webhook until it is taken, as its senders do.

        Raises:
            AssertionError: a good webhook was refused, or nobody took it.
        """

        async def is_taken() -> bool:
            try:
                url = f"{self.project.stack.api_url}/functions/v1/{path}"
                answer = await self.http.post(url, content=content, headers=headers)
            except httpx.TransportError:
                await asyncio.sleep(0.5)
                return False
            if answer.status_code >= 500 or answer.status_code == 429:
                await asyncio.sleep(0.5)
                return False
            assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
            return True

        await becomes(is_taken, _PATIENCE_SECONDS)

    async def post_whatsapp(self, webhook: object) -> None:
        """Post a webhook of Meta's, signed."""
        content = json.dumps(webhook).encode()
        await self.post(
            "whatsapp", content, dict(signed(content, CHANNEL_SECRETS["WHATSAPP_APP_SECRET"]))
        )

    def usual_mood(self) -> provider.Behaviour:
        """Return what a healthy model does."""
        seconds = self.chance.uniform(0.05, 1.2)
        return provider.answers_after(seconds, provider.analysis())

    async def watch_channels(self) -> None:
        """Note what reaches customers on channels, and report back to WhatsApp's webhook."""
        mails = 0
        telling: set[asyncio.Task[None]] = set()
        while True:
            for accepted in self.graph.accepted[self.told :]:
                self.told += 1
                delivery, _, part = accepted.reference.partition(":")
                self.history.add("got", channel="whatsapp", delivery=delivery, part=part)
                status = self.graph.status(accepted, "delivered")
                telling.add(asyncio.create_task(self.post_whatsapp(status)))
            for received in self.mail.received[mails:]:
                mails += 1
                delivery = str(received.mail["Message-ID"]).strip("<>").partition("@")[0]
                self.history.add("got", channel="email", delivery=delivery, part="0")
            telling = {task for task in telling if not task.done()}
            await asyncio.sleep(0.05)

    def _graph_moods(self) -> Iterator[Behaviour]:
        while True:
            yield self.graph_mood


@asynccontextmanager
async def open_system(folder: Path, history: History, seed: int) -> AsyncIterator[System]:
    """Start everything in `folder`, and stop it when the block is left."""
    async with AsyncExitStack() as parts:
        enter = parts.enter_async_context
        project = await enter(open_project(folder, history))
        graph = await enter(open_graph())
        mail = await enter(open_mail_server())
        model = await enter(provider.open_provider())
        stack = project.stack
        environment = graph.environment | {
            "SUPABASE_SERVICE_ROLE_KEY": stack.service_role_key,
            "OPENAI_BASE_URL": model.url,
            "OPENAI_API_KEY": "key-of-the-faults",
            "OPENAI_MODEL": "scripted",
            "EMAIL_SMTP_URL": mail.url,
        }
        workers = [
            Worker(
                f"worker-{number}",
                await enter(open_network(stack.api_url)),
                folder,
                environment,
                history,
            )
            for number in range(_WORKERS)
        ]
        system = System(
            history,
            random.Random(seed),
            project,
            workers,
            await enter(open_network(stack.api_url)),
            model,
            graph,
            mail,
            await enter(httpx.AsyncClient(timeout=30)),
            await enter(AsyncRomashka.connect(stack.api_url, stack.service_role_key)),
        )
        graph.behaviours = system._graph_moods()
        set_model(system, system.usual_mood)
        await enter(at_work(workers))
        watching = asyncio.create_task(system.watch_channels())
        try:
            await becomes(lambda: is_ready(system), 90)
            yield system
        finally:
            watching.cancel()
            await asyncio.wait([watching])


def set_model(system: System, mood: Callable[[], provider.Behaviour]) -> None:
    """Let each request to the model get what `mood` returns then."""
    system.model.is_like(lambda _: mood())


async def is_ready(system: System) -> bool:
    """Tell whether all workers have said that they began."""
    logs = [worker.folder / f"{worker.name}.log" for worker in system.workers]
    return all(log.exists() and b"worker.started" in log.read_bytes() for log in logs)
