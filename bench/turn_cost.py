"""What a turn costs a project: events, WAL, statements, updates; and turns by a plan's limit.

    python bench/turn_cost.py [--turns 200] [--edition FOLDER ...]

Hosted projects count the events that Realtime is sent, and lose those above their limit. Counted is
what the database sends; streamed words are the worker's, within a budget of their own. Each further
edition, a `supabase` folder, is measured beside this one, on a server of its own in the same run.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from operator import sub
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from editions import server_with
from romashka._migration_files import product_folder

PLANS = {"Free": 100, "Pro": 500}
"""Events a second, in all: docs/speed.md says where that is from."""
Database = psycopg.Connection[Any]
_statements = 0


def website(database: Database, number: int) -> Iterator[str]:
    """A customer asks, a worker claims and answers. What comes before `begin` is not counted."""
    conversation = _one(
        database, "insert into public.conversations (channel_type) values ('website') returning id"
    )
    yield "begin"
    _one(
        database,
        "insert into public.messages (conversation_id, sender_type, content)"
        " values (%s, 'user', 'What does it cost?') returning id",
        conversation,
    )
    _answer(database)


def whatsapp(database: Database, number: int) -> Iterator[str]:
    """The same by a webhook; the answer goes out, and Meta tells of it three times."""
    customer = f"49151{number:08}"
    event = {"kind": "message", "account": "account", "id": f"in.{number}", "content": "How much?",
             "customer": {"id": customer, "phone": customer, "name": "Ada"}}  # fmt: skip
    yield "begin"
    _receive(database, event)
    _answer(database)
    for kind, attempt, delivery in _all(
        database,
        "select kind, attempt, delivery_id::text"
        " from public.claim_channel_deliveries('bench', 10, 30)",
    ):
        sent = {"delivery_id": delivery, "attempt": attempt, "outcome": "sent", "parts_sent": 1,
                "external_ids": [f"out.{number}"] if kind == "message" else []}  # fmt: skip
        _all(database, "select * from public.settle_channel_deliveries(%s)", json.dumps([sent]))
    for status in ("sent", "delivered", "read"):
        _receive(database, {"kind": "status", "account": "account", "id": f"out.{number}",
                            "status": status})  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=200)
    parser.add_argument("--edition", type=Path, action="append", default=[])
    options = parser.parse_args()
    plans = "".join(f"{f'turns/s, {name}':>15}" for name in PLANS)
    print(
        f"{'':32}{'events':>8}{'of bytes':>10}{'WAL, bytes':>12}{'statements':>12}"
        f"{'updates':>9}{'of them HOT':>13}{plans}"
    )
    for folder in (product_folder(), *options.edition):
        for turn in (website, whatsapp):
            spent = _measure(folder, turn, options.turns)
            rates = "".join(f"{limit / spent.events:>15.0f}" for limit in PLANS.values())
            name = f"{turn.__name__}, {folder.parent.name}"
            print(
                f"{name:32}{spent.events:>8.1f}{spent.event_bytes:>10,.0f}{spent.wal:>12,.0f}"
                f"{spent.statements:>12.1f}{spent.updates:>9.1f}{spent.hot:>13.1f}{rates}"
            )


class Cost(NamedTuple):
    """What was spent so far, or by a turn."""

    events: float
    event_bytes: float
    wal: float
    statements: float
    updates: float
    hot: float


def _measure(folder: Path, turn: Callable[[Database, int], Iterator[str]], turns: int) -> Cost:
    """Return what a turn costs."""
    with (
        server_with(folder) as cluster,
        psycopg.connect(cluster.url(), autocommit=True) as database,
    ):
        list(turn(database, 0))  # plans, catalogs, the account
        database.execute("checkpoint")
        sums = [0.0] * len(Cost._fields)
        for number in range(1, turns + 1):
            for _ in (steps := turn(database, number)):
                before = _state(database)
                list(steps)
                spent = map(sub, _state(database), before)
                sums = [total + one for total, one in zip(sums, spent, strict=True)]
    return Cost(*(total / turns for total in sums))


def _state(database: Database) -> Cost:
    """Return what was spent so far, but for this statement."""
    global _statements
    counted = _statements
    _all(database, "select pg_stat_force_next_flush()")
    events, event_bytes, wal, updates, hot = _all(
        database,
        "select count(*), coalesce(sum(octet_length(payload::text)), 0),"
        " (select pg_current_wal_insert_lsn() - '0/0'), tables.* from realtime.messages, ("
        " select sum(n_tup_upd), sum(n_tup_hot_upd) from pg_stat_user_tables"
        " where schemaname in ('public', 'private')) as tables group by 4, 5",
    )[0]
    _statements = counted
    return Cost(*map(float, (events, event_bytes, wal, counted, updates, hot)))


def _answer(database: Database) -> None:
    [(job, attempt)] = _all(
        database,
        "select job_id::text, attempt from public.get_next_ai_response_job('bench', 10, 30)",
    )
    answer = {"job_id": job, "attempt": attempt, "action": "reply", "ai_response": "It is free."}
    _all(database, "select * from public.complete_ai_response_jobs(%s)", json.dumps([answer]))


def _receive(database: Database, event: dict[str, Any]) -> None:
    body = json.dumps([event])
    _all(
        database,
        "select public.receive_channel_webhook('whatsapp', %s, %s::jsonb)",
        f"{body} {event.get('status')}",
        body,
    )


def _one(database: Database, statement: str, *values: Any) -> Any:
    return _all(database, statement, *values)[0][0]


def _all(database: Database, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    global _statements
    _statements += 1
    return database.execute(statement.encode(), values or None).fetchall()


if __name__ == "__main__":
    main()
