"""Does the database's cost grow with its history? Each operation on a large and a small database.

    python bench/database_scale.py [--conversations 1000000] [--rounds 300]

The large one has that many conversations, ten messages and five settled jobs each; the small one
has a hundredth. Prints the median time of each operation on both and their ratio (goal: at most
1.5).
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from romashka._installation import install
from romashka_local.bootstrap import bootstrap_database
from romashka_local.postgres import Cluster, run_cluster

AGENT = "00000000-0000-4000-8000-000000000001"
# Of the last hour, in both: what the report reads is as much work.
RECENT_TURNS = 2_000
FILL = f"""
set session_replication_role = replica;
set synchronous_commit = off;
insert into auth.users (id) values ('{AGENT}');
insert into public.profiles (id, role) values ('{AGENT}', 'agent');
insert into public.conversations (id, channel_type, status, message_count, last_message,
  created_at, last_message_at)
select gen_random_uuid(), 'website', 'active', 10, 'Thanks.', now() - interval '90 days',
  now() - interval '2 hours' - n * interval '1 second'
from generate_series(1, {{conversations}}) as n;
insert into public.messages (conversation_id, sender_type, content, position, turn_id, created_at)
select conversations.id, case when n % 2 = 1 then 'user' else 'ai' end, 'Words about a parcel.', n,
  case when n % 2 = 0 then gen_random_uuid() end, conversations.last_message_at
from public.conversations as conversations, generate_series(1, 10) as n;
insert into public.ai_response_queue (conversation_id, message_id, user_message, status, outcome,
  turn_id, turn_started_at, completed_at, deadline, ai_response)
select conversation_id, id, content, 'completed', 'replied', id, created_at,
  created_at + interval '1 second', created_at + interval '5 seconds', 'Here.'
from public.messages where sender_type = 'user';
update public.ai_response_queue set turn_started_at = now() - interval '30 minutes',
  completed_at = now() - interval '30 minutes' + interval '1 second'
where id in (select id from public.ai_response_queue limit {RECENT_TURNS});
set session_replication_role = origin;
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--conversations", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=300)
    options = parser.parse_args()
    small, large = max(options.conversations // 100, 1_000), options.conversations
    with _cluster() as cluster:
        before = _measure(cluster, "small", small, options.rounds)
        after = _measure(cluster, "large", large, options.rounds)
    print(f"{'median ms':18}{small:>14,}{large:>14,}{'ratio':>8}")
    for name, ms in before.items():
        print(f"{name:18}{ms:>14.3f}{after[name]:>14.3f}{after[name] / ms:>8.2f}")


@contextmanager
def _cluster() -> Iterator[Cluster]:
    with tempfile.TemporaryDirectory(
        prefix="romashka-bench-", ignore_cleanup_errors=True
    ) as folder:
        Path(folder).chmod(0o755)
        with run_cluster(Path(folder) / "postgres", ephemeral=True) as cluster:
            bootstrap_database(cluster.url())  # makes the roles
            yield cluster


def _measure(cluster: Cluster, name: LiteralString, size: int, rounds: int) -> dict[str, float]:
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute(f"create database {name} owner postgres")
    bootstrap_database(cluster.url(database=name))
    install(cluster.url("postgres", name))
    # To fill a large database takes longer than a statement of a project may.
    patient = "-c statement_timeout=0"
    with psycopg.connect(
        cluster.url(database=name), autocommit=True, options=patient
    ) as connection:
        connection.execute("select cron.unschedule(jobname) from cron.job")
        began = time.monotonic()
        connection.execute(FILL.format(conversations=size).encode())
        connection.execute("vacuum analyze")
        print(f"filled {size:,} conversations in {time.monotonic() - began:.0f} s", file=sys.stderr)
        return Workload(connection, rounds).run()


class Workload:
    """What happens on a database all day; each round on other conversations."""

    def __init__(self, connection: psycopg.Connection[Any], rounds: int) -> None:
        self._connection = connection
        self._rounds = rounds
        # From all over the table: ids are random.
        pick = "select id from public.conversations order by id limit %s"
        rows = connection.execute(pick, [2 * rounds]).fetchall()
        self._conversations = [row[0] for row in rows]
        self._claimed: list[tuple[Any, int]] = []

    def run(self) -> dict[str, float]:
        """Return the median milliseconds of each operation."""
        operations: dict[str, Callable[[], object]] = {
            "insert": self._insert,
            "claim": self._claim,
            "settle": self._settle,
            "inbox page": self._inbox_page,
            "conversation page": self._conversation_page,
            "SLO, one hour": self._slo,
        }
        return {name: self._median(operation) for name, operation in operations.items()}

    def _median(self, operation: Callable[[], object]) -> float:
        times = []
        for _ in range(self._rounds):
            began = time.perf_counter()
            operation()
            times.append((time.perf_counter() - began) * 1000)
        return statistics.median(times)

    def _insert(self) -> None:
        """A customer writes: the message, its conversation, its job, the events."""
        self._connection.execute(
            "insert into public.messages (conversation_id, sender_type, content)"
            " values (%s, 'user', 'Hi.')",
            [self._conversations.pop()],
        )
        # So that the claims and settles after it find their turns in time.
        self._connection.execute(
            "update public.ai_response_queue set deadline = now() + interval '1 hour'"
            " where status = 'pending' and deadline < now() + interval '30 minutes'"
        )

    def _claim(self) -> None:
        claim = "select job_id, attempt from public.get_next_ai_response_job('bench', 1, 60)"
        self._claimed += self._connection.execute(claim).fetchall()

    def _settle(self) -> None:
        job_id, attempt = self._claimed.pop()
        result = {
            "job_id": str(job_id),
            "attempt": attempt,
            "action": "reply",
            "ai_response": "Hi.",
        }
        settle = "select * from public.complete_ai_response_jobs(%s)"
        self._connection.execute(settle, [json.dumps([result])]).fetchall()

    def _inbox_page(self) -> None:
        """A page of the inbox as an agent's client asks for it: keyset, newest first."""
        self._as_agent(
            "select * from public.conversations where (last_message_at, id) <"
            " (now() - interval '2 hours 5 minutes', 'ffffffff-ffff-ffff-ffff-ffffffffffff')"
            " order by last_message_at desc, id desc limit 50"
        )

    def _conversation_page(self) -> None:
        self._as_agent(
            "select * from public.messages where conversation_id = %s and position < 9"
            " order by position desc limit 50",
            self._conversations.pop(),
        )

    def _slo(self) -> None:
        self._connection.execute("select * from public.get_messaging_slo(60)").fetchall()

    def _as_agent(self, statement: LiteralString, *values: Any) -> None:
        claims = json.dumps({"role": "authenticated", "sub": AGENT})
        with self._connection.transaction():
            self._connection.execute(
                "select set_config('role', 'authenticated', true),"
                " set_config('request.jwt.claims', %s, true)",
                [claims],
            )
            self._connection.execute(statement, values).fetchall()


if __name__ == "__main__":
    main()
