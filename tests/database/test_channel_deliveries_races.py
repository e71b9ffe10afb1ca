"""Deliveries while everybody is at it at once, and workers that die at any point."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.database.outbox import Outbox, Row

MESSAGES = 12
CUSTOMERS = [f"1555010{number}" for number in range(4)]


def test_everybody_at_once_and_each_message_goes_out_once_in_order(
    outbox: Outbox, fresh_db: str
) -> None:
    """Agents write, workers claim and settle, Meta's statuses come: no deadlock, nothing twice."""
    conversations = {outbox.hear(who=who): who for who in CUSTOMERS}
    outbox.run(
        "update public.communication_channels set configuration = '{\"messages_per_second\": 1000}'"
    )
    sent: list[tuple[UUID, str]] = []
    total, is_done = MESSAGES * len(conversations), threading.Event()

    def write(share: list[UUID]) -> None:
        with Outbox(fresh_db) as own:
            for number in range(MESSAGES):
                for conversation in share:
                    own.reply(conversation, f"{number:02}")

    def work(worker: int) -> None:
        with Outbox(fresh_db) as own:
            while not is_done.is_set():
                results = []
                for row in own.take(3, worker=f"worker {worker}"):
                    sent.append((row["conversation_id"], row["content"]))
                    external_id = f"wamid.{row['message_id']}"
                    reference = f"{row['delivery_id']}:0"
                    own.status(external_id, "sent", reference=reference)
                    results.append((row, {"outcome": "sent", "external_ids": [external_id]}))
                _tell_until_told(own, results)
                for _, result in results:
                    own.status(result["external_ids"][0], "delivered")
                if len(sent) >= total:
                    is_done.set()

    try:
        with ThreadPoolExecutor(5) as pool:
            names = list(conversations)
            tasks = [pool.submit(write, share) for share in (names[:2], names[2:])]
            tasks += [pool.submit(work, worker) for worker in range(3)]
            for task in tasks:
                task.add_done_callback(lambda done: done.exception() and is_done.set())
    finally:
        is_done.set()

    for task in tasks:
        task.result()
    for conversation in conversations:
        said = [text for where, text in sent if where == conversation]
        assert said == [f"{number:02}" for number in range(MESSAGES)]
        assert {row["status"] for row in outbox.deliveries(conversation)} == {"delivered"}
    assert outbox.account()["sent_count"] == total


def _tell_until_told(outbox: Outbox, results: list[tuple[Row, dict[str, Any]]]) -> None:
    """Settle as a worker does: what is locked just now, again."""
    while results:
        told = {row["delivery_id"]: row["status"] for row in outbox.tell_all(results)}
        results = [pair for pair in results if told[pair[0]["delivery_id"]] == "not_now"]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["write", "write", "claim", "claim", "sent", "dies", "died", "retry", "unknown", "fail"]
        ),
        st.integers(0, 3),
    ),
    max_size=30,
)


class Story:
    """A worker that may die before or after it sent; what the customers got."""

    def __init__(self, outbox: Outbox) -> None:
        self.outbox = outbox
        self.who = f"155502{outbox.one('select count(*) from public.conversations')['count']:05}"
        self.conversations = [outbox.hear(who=f"{self.who}{number}") for number in range(2)]
        self.held: list[Row] = []
        self.got: list[Row] = []
        self.doubtful: set[str] = set()
        """Messages that a worker may have sent without saying so."""
        self.failed: set[str] = set()
        self.written: Counter[UUID] = Counter()

    def step(self, name: str, number: int) -> None:
        if name == "write":
            conversation = self.conversations[number % 2]
            self.outbox.reply(conversation, f"{self.written[conversation]:03}")
            self.written[conversation] += 1
        elif name == "claim":
            self.claim()
        elif self.held:
            delivery = self.held.pop(number % len(self.held))
            if name in ("sent", "died", "unknown"):
                self.got.append(delivery)
            if name in ("died", "dies", "unknown"):
                self.doubtful.add(str(delivery["message_id"]))
            if name == "fail":
                self.failed.add(str(delivery["message_id"]))
            outcome = {"sent": "sent", "retry": "retry", "unknown": "unknown", "fail": "failed"}
            if name in outcome:
                assert self.outbox.tell(delivery, outcome[name])["settled"]
            else:
                self.outbox.let_pass(51)  # its lease, and the time to tell
                self.held.clear()  # the others had not sent anything

    def claim(self) -> None:
        claimed = self.outbox.take(4)
        busy = [row["conversation_id"] for row in [*self.held, *claimed]]
        assert len(busy) == len(set(busy)), "two messages of a conversation under way at once"
        self.held += claimed

    def end(self) -> None:
        """Everything that is still open goes out."""
        for delivery in self.held:
            self.got.append(delivery)
            self.outbox.tell(delivery)
        self.held.clear()
        self.outbox.let_pass(2000)
        while claimed := self.outbox.take(4):
            for delivery in claimed:
                self.got.append(delivery)
                self.outbox.tell(delivery)
            self.outbox.let_pass(1)

    def check(self) -> None:
        for conversation in self.conversations:
            got = [row["content"] for row in self.got if row["conversation_id"] == conversation]
            assert got == sorted(got), "out of order"
            for delivery in self.outbox.deliveries(conversation):
                message = str(delivery["message_id"])
                copies = [str(row["message_id"]) for row in self.got].count(message)
                assert delivery["status"] == ("failed" if message in self.failed else "sent")
                assert copies >= (message not in self.failed), "lost"
                assert copies <= 1 or message in self.doubtful, "twice, though all was said"


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
def test_whatever_dies_nothing_is_lost_or_out_of_order(
    outbox: Outbox, steps: list[tuple[str, int]]
) -> None:
    """A worker may die before it sends, or after, without a word: each message still ends."""
    story = Story(outbox)
    outbox.run(
        "update public.communication_channels set configuration = '{\"messages_per_second\": 1000}'"
    )
    for name, number in steps:
        story.step(name, number)
    story.end()
    story.check()
