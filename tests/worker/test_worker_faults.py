"""What nobody thought of: it costs the turn that it happens in, and nobody else's answer."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from prometheus_client import REGISTRY
from romashka import Broadcast, Resync
from romashka_worker import faults
from romashka_worker.faults import beside
from romashka_worker.health import Health
from romashka_worker.indexer import Indexer
from romashka_worker.job import Answer, Job
from romashka_worker.queue import JobQueue
from romashka_worker.streams import open_streams
from romashka_worker.wake import Wake

from tests.support.waiting import becomes
from tests.worker.queues import Announcements, Backlog, Traces, answer_at_once, raises, working
from tests.worker.turns import job

ODD = KeyError("what nobody thought of")


def crashes(part: str) -> float:
    """Return what the metric says."""
    return REGISTRY.get_sample_value("romashka_crashes_total", {"part": part}) or 0.0


async def answer_but_poison(job: Job) -> Answer:
    if job.user_message.startswith("poison"):
        raise ODD
    return await answer_at_once(job)


async def test_a_turn_that_crashes_is_handed_over_and_the_others_are_answered() -> None:
    """One odd message would silence a whole worker's customers, and again after each restart."""
    before = crashes("turn")
    backlog = Backlog("one", "poison", "two")
    async with working(backlog, Wake(Announcements()), Traces(), answer_but_poison):
        await becomes(lambda: len(backlog.settled) == 3)
        backlog.waiting.append(job(id="later"))
        await becomes(lambda: "later" in backlog.settled)

    assert backlog.settled["poison"] == Answer(action="escalate", reason="ai_failure")
    assert {backlog.settled[name].action for name in ("one", "two", "later")} == {"reply"}
    assert crashes("turn") == before + 1


async def test_a_fault_that_every_turn_has_makes_the_worker_unready() -> None:
    """Everybody is handed over, in time: whoever watches the worker must see that it is broken."""
    health = Health()
    backlog = Backlog(*(f"poison {number}" for number in range(5)))
    async with working(backlog, Wake(Announcements()), Traces(), answer_but_poison, health=health):
        await becomes(lambda: health.can_claim)
        await becomes(lambda: len(backlog.settled) == 5)
        was_ready = health.is_ready
        backlog.waiting.append(job(id="good"))
        await becomes(lambda: health.is_ready)

    assert not was_ready


class Unreadable(Announcements):
    """A subscription with a fault, once."""

    def __init__(self) -> None:
        super().__init__()
        self.has_failed = False

    async def __anext__(self) -> Broadcast | Resync:
        if not self.has_failed:
            self.has_failed = True
            raise ODD
        return await super().__anext__()


class Untraceable(Traces):
    """A database whose client has a fault where traces are written."""

    async def call(self, function: str, **arguments: object) -> None:
        raise ODD


@pytest.mark.parametrize("call", ["claim", "renew", "settle"])
async def test_a_call_that_crashes_ends_nothing(call: str) -> None:
    """A client's bug, an answer that is no JSON: the next call may go well."""
    backlog = Backlog("one")
    backlog.first[call] = [raises(ODD), raises(ODD)]
    goes_on = asyncio.Event()

    async def answer(job: Job) -> Answer:
        await goes_on.wait()
        return await answer_at_once(job)

    async with working(backlog, Wake(Announcements()), Traces(), answer):
        await becomes(lambda: backlog.count("renew") > 2)
        goes_on.set()
        await becomes(lambda: backlog.count("settle"))
        backlog.waiting.append(job(id="later"))
        await becomes(lambda: "later" in backlog.settled)


async def test_a_wake_up_that_crashes_is_listened_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without wake-ups each customer would wait for the timer."""
    monkeypatch.setattr("romashka_worker.queue.POLL_SECONDS", 3600)
    announcements = Unreadable()
    backlog = Backlog()
    async with working(backlog, Wake(announcements), Traces()):
        await becomes(lambda: backlog.count("claim"))
        backlog.waiting.append(job(id="one"))
        announcements.announce("one")
        await becomes(lambda: backlog.settled)


async def test_a_service_that_crashes_begins_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Traces, streams, sweeps, vectors: the first fault would be the last thing they did."""
    monkeypatch.setattr(faults, "_TROUBLE_SECONDS", 0)
    began = 0

    async def service() -> None:
        nonlocal began
        began += 1
        raise ODD

    async with beside(service=service):
        await becomes(lambda: began > 2)


async def test_traces_that_crash_are_lost_and_the_next_are_written() -> None:
    """The same ones again and again would keep all later ones from being written."""
    from romashka_worker.recorder import Recorder

    client: Any = Untraceable()
    recorder = Recorder(client, "worker-in-a-test", keeps_prompts=False)
    with recorder.turn(job()):
        pass
    await recorder.write()
    client = recorder._client = _Written()
    with recorder.turn(job(id="next")):
        pass
    await recorder.write()

    assert [trace["job_id"] for trace in client.traces] == ["next"]


class _Written:
    def __init__(self) -> None:
        self.traces: list[Mapping[str, Any]] = []

    async def call(self, function: str, **arguments: Any) -> None:
        self.traces += arguments["traces"]


async def test_a_stream_that_crashes_costs_only_itself() -> None:
    """Everybody else still sees their replies being written."""
    sent: list[str] = []

    async def send(events: Any) -> None:
        if "poison" in str(events):
            raise ODD
        sent.extend(event["topic"] for event in events)

    async with open_streams(send) as streams:
        with streams.open(job(conversation_id="one")) as show:
            show("poison")
            await asyncio.sleep(0)
        for number in range(5):  # more than may be under way
            with streams.open(job(conversation_id=str(number))) as show:
                show("poison")
                await becomes(lambda: not streams._due)
        with streams.open(job(conversation_id="two")) as show:
            show("text")
            await becomes(lambda: sent)

    assert set(sent) == {"conversation:two"}


async def test_a_row_that_cannot_be_read_does_not_cost_the_others_of_its_claim() -> None:
    """They would be claimed with it again and again, until all are handed over."""

    class Client:
        async def _call_counted(
            self, function: str, **arguments: Any
        ) -> tuple[list[dict[str, Any]], None]:
            good = {
                "job_id": "good",
                "conversation_id": "c",
                "attempt": 1,
                "turn_id": "t",
                "user_message": "Hi",
                "conversation_context": None,
                "customer_profile": None,
                "settings": None,
                "budget_ms": 5000,
            }
            return [good | {"job_id": "odd", "budget_ms": None}, good], None

    client: Any = Client()
    assert [job.id for job in await JobQueue(client, "worker").claim(2)] == ["good"]


async def test_an_item_that_cannot_be_embedded_does_not_cost_the_others() -> None:
    """One odd item would keep the whole knowledge base from being found by its meaning."""

    class Client:
        def __init__(self) -> None:
            self.stored: list[str] = []

        async def call(self, function: str, **arguments: Any) -> Any:
            if function == "get_knowledge_to_embed":
                names = ("poison", "good")
                return [{"item_id": n, "hash": n, "title": n, "content": n} for n in names]
            self.stored += [row["item_id"] for row in arguments["embeddings"]]
            return 1

    class Embedder:
        model = "odd"

        async def embed_passages(self, texts: list[str]) -> list[tuple[float, ...]]:
            if "poison" in texts:
                raise ODD
            return [(1.0,) for _ in texts]

    client: Any = Client()
    embedder: Any = Embedder()
    assert await Indexer(client, embedder).embed_some() == 1
    assert client.stored == ["good"]
