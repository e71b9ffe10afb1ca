"""A bad day of WhatsApp: webhooks come twice and in no order, the database and a worker die in the
middle, and the Graph API fails at random.

    async with open_storm(stack, customers=25, messages=4, seed=1) as storm:
        await storm.blow()
        print(await storm.report())
"""

import asyncio
import json
import os
import random
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import psycopg
from psycopg.rows import dict_row

from tests.channels.graph import (
    Accepted,
    Behaviour,
    Graph,
    accepts,
    accepts_and,
    open_graph,
    refuses,
    resets,
    shows,
)
from tests.channels.meta import message, messages, new_id, signed, whatsapp
from tests.support.stacks import CHANNEL_SECRETS, RunningStack
from tests.support.waiting import becomes
from tests.worker.worker_process import run_worker

_SENDERS = 12
"""So many webhooks are on their way at a time."""


@dataclass(frozen=True, slots=True)
class Report:
    """What the database and the customers have in the end."""

    sent: int
    """Messages that customers sent."""
    stored: int
    gaps: int
    """Conversations whose positions have a gap."""
    unanswered: int
    """Customers' messages that no answer follows."""
    answers: int
    delivered: int
    """Answers that their customers have, and that say so."""
    in_order: bool
    """Did every customer get the answers in the order of the conversation?"""
    repeated: int
    """Answers that a customer has more than once."""
    retries: int
    """Webhooks that Meta had to send again, since they were not answered with 200."""


@dataclass(slots=True, eq=False)
class Storm:
    """What blows, and on whom."""

    stack: RunningStack
    graph: Graph
    http: httpx.AsyncClient
    account: str
    webhooks: list[bytes]
    sent: int
    chance: random.Random
    hurries: bool
    """Is nobody to wait for leases, and for what a channel may still tell?"""
    taken: int = 0
    """So many webhooks were answered with 200."""
    retries: int = 0
    told: int = 0
    """So many of the accepted messages were called back."""
    _quiet: asyncio.Event = field(default_factory=asyncio.Event)

    async def blow(self) -> None:
        """Send everything, and wait until nothing is left to do."""
        self.graph.behaviours = self._moods()
        telling = asyncio.create_task(self._tell())
        half = len(self.webhooks) // 2
        async with run_worker(self.stack, **self.graph.environment) as worker:
            sending = asyncio.create_task(self._send(self.webhooks[:half]))
            await becomes(lambda: self.taken > half // 2, 300)
            self._crash_database()
            await sending
            await becomes(self._answers, 60)
            await worker.end(signal.SIGKILL)
            killed = f"%:{worker.process.pid}"
        if self.hurries:
            self._rows(_END_LEASES, killed=killed)
        async with run_worker(self.stack, **self.graph.environment):
            await self._send(self.webhooks[half:])
            await becomes(self._is_over, 600)
        self._quiet.set()
        await telling

    async def report(self) -> Report:
        """Count."""
        [found] = self._rows(_REPORT, account=self.account)
        positions = self._positions()
        first: dict[str, None] = dict.fromkeys(
            accepted.reference.partition(":")[0] for accepted in self.graph.accepted
        )
        had: dict[str, list[int]] = {}
        for delivery in first:
            conversation, position = positions[delivery]
            had.setdefault(conversation, []).append(position)
        return Report(
            sent=self.sent,
            **found,
            in_order=all(places == sorted(places) for places in had.values()),
            repeated=len(self.graph.repeated()),
            retries=self.retries,
        )

    # ---- Meta

    def _moods(self) -> Iterator[Behaviour]:
        """One call in five fails, in one way or another."""
        bad: tuple[Behaviour, ...] = (
            shows("<h1>Sorry</h1>", 500),
            refuses(131000, status=500),
            refuses(131016, status=503, Retry_After="1"),
            refuses(133004, status=503),
            accepts_and(resets),
        )
        while True:
            yield self.chance.choice(bad) if self.chance.random() < 0.2 else accepts

    async def _send(self, webhooks: list[bytes]) -> None:
        waiting = iter(webhooks)

        async def send_some() -> None:
            for webhook in waiting:
                await self._post(webhook)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(_SENDERS):
                tasks.create_task(send_some())

    async def _post(self, webhook: bytes) -> None:
        """Post until it is taken, as Meta does."""
        headers = signed(webhook, CHANNEL_SECRETS["WHATSAPP_APP_SECRET"])
        url = f"{self.stack.api_url}/functions/v1/whatsapp"

        async def is_taken() -> bool:
            try:
                status = (await self.http.post(url, content=webhook, headers=headers)).status_code
            except httpx.TransportError:
                status = 503
            assert status == 200 or status >= 500, f"a good webhook was refused with {status}"
            self.taken += status == 200
            self.retries += status != 200
            return status == 200

        await becomes(is_taken, 120)

    async def _tell(self) -> None:
        """Call back what became of each message, in no good order."""
        while not self._quiet.is_set() or self.told < len(self.graph.accepted):
            new = self.graph.accepted[self.told :]
            self.told += len(new)
            await self._send(list(self._statuses(new)))
            await asyncio.sleep(0.05)

    def _statuses(self, accepted: list[Accepted]) -> Iterator[bytes]:
        for one in accepted:
            for status in self.chance.sample(("sent", "delivered"), 2):
                yield json.dumps(self.graph.status(one, status)).encode()

    # ---- the database

    def _crash_database(self) -> None:
        """Kill a process of the server: it ends all others, recovers, and starts anew."""
        with psycopg.connect(self.stack.admin_url(), autocommit=True) as database:
            row = database.execute("select pg_backend_pid()").fetchone()
            assert row is not None
            os.kill(row[0], signal.SIGKILL)

    async def _answers(self) -> bool:
        """Does the project answer again? A worker that starts while it does not ends at once."""
        headers = {"apikey": self.stack.service_role_key}
        url = f"{self.stack.api_url}/rest/v1/ai_settings"
        return (await self.http.get(url, headers=headers)).status_code == 200

    def _is_over(self) -> bool:
        if self.hurries and self.told == len(self.graph.accepted):
            self._rows(_LET_TIME_PASS)
        [found] = self._rows(_OPEN, account=self.account)
        return found["open"] == 0 and self.told == len(self.graph.accepted)

    def _positions(self) -> dict[str, tuple[str, int]]:
        rows = self._rows("select id, conversation_id, position from public.channel_deliveries")
        return {str(row["id"]): (str(row["conversation_id"]), row["position"]) for row in rows}

    def _rows(self, query: str, **values: str) -> list[dict[str, Any]]:
        with psycopg.connect(
            self.stack.admin_url(), autocommit=True, row_factory=dict_row
        ) as database:
            return database.execute(query.encode(), values).fetchall()


_END_LEASES = """
update public.channel_deliveries set error_code = 'killed'
where settled_at is null and status = 'sending' and leased_by like %(killed)s returning id
"""

_LET_TIME_PASS = """
update public.channel_deliveries set process_after = clock_timestamp()
where settled_at is null and status = 'sending' and error_code is not null
  and process_after > clock_timestamp() returning id
"""

_OPEN = """
select (
  select count(*) from public.ai_response_queue where status in ('pending', 'processing')
) + (
  select count(*) from public.channel_deliveries where settled_at is null and kind = 'message'
) + (
  select count(*) from public.messages where sender_type = 'ai' and channel_type = 'whatsapp'
    and delivery_status in ('pending', 'sent')
) as open, %(account)s as account
"""

_REPORT = """
with mine as (
  select messages.* from public.messages as messages
  join public.conversations as conversations on conversations.id = messages.conversation_id
  join public.communication_channels as channels on channels.id = conversations.channel_id
  where channels.external_account_id = %(account)s
), answers as (
  select * from mine where sender_type = 'ai'
)
select (select count(*) from mine where sender_type = 'user') as stored,
  (
    select count(*) from (
      select from mine group by conversation_id having max(position) <> count(*)
    ) as broken
  ) as gaps,
  (
    select count(*) from mine as asked where asked.sender_type = 'user' and not exists (
      select from answers where answers.conversation_id = asked.conversation_id
        and (answers.position > asked.position or answers.metadata ->> 'kind' = 'handover')
    )
  ) as unanswered,
  (select count(*) from answers) as answers,
  (select count(*) from answers where delivery_status in ('delivered', 'read')) as delivered
"""


def make_webhooks(
    account: str, customers: int, messages_each: int, chance: random.Random
) -> list[bytes]:
    """Return signed-to-be webhooks of one message each, some of them twice, in no order."""
    webhooks = []
    for customer in range(customers):
        phone = f"120255501{customer:04}"
        for _ in range(messages_each):
            sent = message("text", {"body": "What is Romashka?"})
            sent["from"] = phone
            change = messages(sent)
            change["value"]["contacts"] = [{"profile": {"name": "Guest"}, "wa_id": phone}]
            webhooks.append(json.dumps(whatsapp(account, change)).encode())
    webhooks += chance.sample(webhooks, len(webhooks) // 3)
    chance.shuffle(webhooks)
    return webhooks


@asynccontextmanager
async def open_storm(
    stack: RunningStack, *, customers: int, messages: int, seed: int, hurries: bool = False
) -> AsyncIterator[Storm]:
    """Let customers write to one account of a stack that nobody else uses."""
    chance = random.Random(seed)  # noqa: S311 -- no secret
    account = new_id()
    webhooks = make_webhooks(account, customers, messages, chance)
    async with open_graph() as graph, httpx.AsyncClient(timeout=60) as http:
        sent = customers * messages
        yield Storm(stack, graph, http, account, webhooks, sent, chance, hurries)
