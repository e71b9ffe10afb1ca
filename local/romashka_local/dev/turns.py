"""A line for each turn that ends: who asked, what became of it, how long it took.

Read from the queue, so that a turn which the database ended, no worker being there, is told too.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import psycopg
from psycopg.rows import dict_row

from romashka_local.dev.parts import Stack
from romashka_local.dev.stream import Stream, Tone

_LOOK_SECONDS = 0.25
_PROMISED_SECONDS = 6.0
_NOW = "select clock_timestamp() as now"
# A commit may come after one whose time is later: what is a little older is looked at again.
_ENDED = """
select jobs.id, jobs.outcome, jobs.completed_at, conversations.channel_type, conversations.language,
  coalesce(nullif(customers.name, ''), 'a visitor') as name,
  extract(epoch from jobs.completed_at - jobs.turn_started_at)::float as seconds, (
    select answers.metadata ->> 'reason' from public.messages as answers
    where answers.turn_id = jobs.turn_id and answers.sender_type = 'ai'
  ) as reason
from public.ai_response_queue as jobs
join public.conversations as conversations on conversations.id = jobs.conversation_id
left join public.customer_profiles as customers on customers.id = conversations.customer_id
where jobs.completed_at > %(since)s and jobs.completed_at > %(newest)s - interval '3 s'
  and jobs.outcome <> 'superseded'
order by jobs.completed_at
"""
_OUTCOMES: dict[str, tuple[str, Tone]] = {
    "replied": ("replied", "good"),
    "escalated": ("handed over", "warning"),
    "not_needed": ("needed no answer", "plain"),
    "taken_over": ("left to a human", "plain"),
}


async def tell_turns(stack: Stack, stream: Stream) -> None:
    """Tell of the turns that end from now on, until cancelled; the stack may go and come back."""
    while True:
        with suppress(psycopg.Error):
            async with await psycopg.AsyncConnection.connect(
                stack.said["DB_URL"], autocommit=True, row_factory=dict_row
            ) as database:
                await _follow(database, stream)
        await asyncio.sleep(_LOOK_SECONDS)


async def _follow(database: psycopg.AsyncConnection[dict[str, Any]], stream: Stream) -> None:
    since = newest = (await (await database.execute(_NOW)).fetchall())[0]["now"]
    told: dict[Any, None] = {}
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        ended = await database.execute(_ENDED, {"since": since, "newest": newest})
        for turn in await ended.fetchall():
            if turn["id"] not in told:
                stream.say("turn", *describe(turn))
                told[turn["id"]] = None
                newest = max(newest, turn["completed_at"])
        for old in list(told)[:-1000]:
            del told[old]


def describe(turn: Mapping[str, Any]) -> tuple[str, Tone]:
    """Return the line of a turn, and in which colour; nothing in it is what anybody wrote."""
    outcome, tone = _OUTCOMES.get(turn["outcome"], (turn["outcome"], "plain"))
    reason = f" ({turn['reason']})" if turn["reason"] else ""
    is_late = turn["seconds"] > _PROMISED_SECONDS
    who = ", ".join(filter(None, (turn["name"], turn["channel_type"], turn["language"])))
    return f"{who}: {outcome}{reason}, {turn['seconds']:.2f} s", "error" if is_late else tone
