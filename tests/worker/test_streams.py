"""Replies on their way to screens: their order, the budget that they share, what is not sent."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

from romashka import Unreachable
from romashka_worker.streams import open_streams

from tests.support.waiting import becomes
from tests.worker.turns import job

RICH = {"stream_budget_per_second": 10_000}


class Wire:
    """Takes events, call by call, and keeps each call until it is let go."""

    def __init__(self) -> None:
        self.calls: list[list[dict[str, Any]]] = []
        self.flows = asyncio.Event()
        self.flows.set()

    async def send(self, events: Sequence[dict[str, Any]]) -> None:
        self.calls.append(list(events))
        await self.flows.wait()

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for call in self.calls for event in call]

    def text(self, turn_id: str = "turn") -> str:
        deltas = [event["payload"] for event in self.events if event["event"] == "reply.delta"]
        mine = [delta for delta in deltas if delta["turn_id"] == turn_id]
        assert [delta["sequence"] for delta in mine] == list(range(1, len(mine) + 1))
        return "".join(delta["text"] for delta in mine)


async def test_a_reply_is_announced_and_then_shown_in_pieces() -> None:
    """A screen puts the pieces together by their numbers."""
    wire = Wire()
    async with open_streams(wire.send) as streams:
        with streams.open(job(settings=RICH)) as show:
            show("It is ")
            await becomes(lambda: wire.text() == "It is ")
            show("an inbox.")
            await becomes(lambda: wire.text() == "It is an inbox.")

    draft_id = wire.events[0]["payload"]["draft_id"]
    names = {"turn_id": "turn", "draft_id": draft_id}
    assert wire.events == [
        {"topic": "conversation:conversation", "event": "reply.started", "payload": names},
        *(
            {
                "topic": "conversation:conversation",
                "event": "reply.delta",
                "payload": names | {"sequence": sequence, "text": text},
            }
            for sequence, text in ((1, "It is "), (2, "an inbox."))
        ),
    ]


async def test_pieces_merge_while_a_call_is_on_its_way() -> None:
    """A slow connection makes the pieces longer, not the reply late, and never mixes them up."""
    wire = Wire()
    wire.flows.clear()
    async with open_streams(wire.send) as streams:
        with streams.open(job(settings=RICH)) as show:
            show("It ")
            await becomes(lambda: wire.calls)
            for piece in ("is ", "an ", "inbox."):
                show(piece)
                await asyncio.sleep(0)
            wire.flows.set()
            await becomes(lambda: wire.text() == "It is an inbox.")

    assert len(wire.calls) == 2


async def test_all_replies_together_stay_within_the_budget() -> None:
    """A hosted project closes the channels of a worker that broadcasts too much."""
    wire = Wire()
    per_second = 20
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with open_streams(wire.send) as streams, AsyncExitStack() as replies:
        shows = [
            replies.enter_context(
                streams.open(
                    job(turn_id=str(number), settings={"stream_budget_per_second": per_second})
                )
            )
            for number in range(5)
        ]

        def everything_is_shown() -> bool:
            for show in shows:
                show("x")
            return all(wire.text(str(number)) for number in range(5))

        await becomes(everything_is_shown)
        took = loop.time() - began

    burst = per_second * 0.2 + 1
    assert len(wire.events) <= burst + took * per_second


async def test_what_a_reply_still_has_when_it_ends_is_not_sent() -> None:
    """The row is there by then; after a takeover nothing more may be seen."""
    wire = Wire()
    wire.flows.clear()
    async with open_streams(wire.send) as streams:
        with streams.open(job(settings=RICH)) as show:
            show("It is ")
            await becomes(lambda: wire.calls)
            show("an inbox.")
        wire.flows.set()
        with streams.open(job(turn_id="next", settings=RICH)) as show:
            show("Yes.")
            await becomes(lambda: wire.text("next"))

    assert wire.text("turn") == "It is "


async def test_a_reply_of_one_piece_is_not_shown_before_its_row() -> None:
    """The knowledge base's answers are whole at once: a preview would only cost broadcasts."""
    wire = Wire()
    async with open_streams(wire.send) as streams:
        with streams.open(job(settings=RICH)) as show:
            show("It is an inbox.")
        with streams.open(job(turn_id="next", settings=RICH)) as show:
            show("Yes.")
            await becomes(lambda: wire.calls)

    assert {event["payload"]["turn_id"] for event in wire.events} == {"next"}


async def test_a_reply_whose_pieces_got_lost_is_shown_no_further() -> None:
    """With a gap in it the text could say something else; the turn goes on without a preview."""
    failures = []

    async def fail(events: Sequence[dict[str, Any]]) -> None:
        failures.append(events)
        raise Unreachable("Realtime is down")

    async with open_streams(fail) as streams, AsyncExitStack() as replies:
        show = replies.enter_context(streams.open(job(settings=RICH)))
        show("It is ")
        await becomes(lambda: len(failures) == 1)
        show("an inbox.")
        replies.enter_context(streams.open(job(turn_id="next", settings=RICH)))("Yes.")
        await becomes(lambda: len(failures) == 2)

    assert failures[1][0]["payload"]["turn_id"] == "next"
