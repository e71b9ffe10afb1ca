"""Promise 3 under fire: an agent and a worker at the same conversation at the same moment."""

import json
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
from psycopg.rows import dict_row

from tests.database.inbox import Inbox, Row

TRIES = 1_200
SECONDS = 15
"""A slow machine makes as many tries as it can in this time."""

_OPEN_MANY = """
with opened as (
  insert into public.conversations (channel_type) select 'website' from generate_series(1, %s)
  returning id
)
insert into public.messages (conversation_id, sender_type, content)
select id, 'user', 'question' from opened
"""
_TAKE_OVER = (
    "insert into public.messages (conversation_id, sender_type, content)"
    " values (%s, 'agent', 'mine')",
    "select public.take_over_conversation(%s)",
    "update public.conversations set requires_human = true where id = %s",
)
_AUTOMATIC_ANSWERS = """
select position from public.messages where conversation_id = %s and sender_type = 'ai'
"""


def test_no_answer_has_a_later_position_than_a_takeover_that_raced_it(
    inbox: Inbox, fresh_db: str
) -> None:
    """The agent presses the button while the reply is being stored."""
    agent = inbox.user("agent")
    inbox.run(_OPEN_MANY, TRIES)
    inbox.run("update public.ai_response_queue set deadline = deadline + interval '1 hour'")
    jobs = [job for _ in range(TRIES // 100) for job in inbox.claim(max_jobs=100, lease=60)]
    assert len(jobs) == TRIES
    give_up_at = time.monotonic() + SECONDS

    def race(own: list[Row]) -> Counter[str]:
        with Race(fresh_db, agent) as race:
            return Counter(
                race.run(job, _TAKE_OVER[number % 3])
                for number, job in enumerate(own)
                if time.monotonic() < give_up_at
            )

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(race, (jobs[::2], jobs[1::2]))
    outcomes = first + second

    assert outcomes["replied"] > 10
    assert outcomes["taken_over"] > 10
    assert outcomes.keys() == {"replied", "taken_over"}


class Race:
    """One agent and one worker, each with a connection and a thread that starts at the signal."""

    def __init__(self, url: str, agent: str) -> None:
        self._worker = _connect(url, "service_role")
        self._agent = _connect(url, "authenticated", sub=agent)
        self._thread = ThreadPoolExecutor(1)
        self._start = threading.Barrier(2)

    def __enter__(self) -> "Race":
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown()
        self._worker.close()
        self._agent.close()

    def run(self, job: Row, take_over: str) -> str:
        """Let both go; return what became of the job."""
        settling = self._thread.submit(self._settle, job)
        taken_at = self._take_over(job, take_over)
        settlement = settling.result()
        answers = self._agent.execute(_AUTOMATIC_ANSWERS, [job["conversation_id"]]).fetchall()

        assert [row for row in answers if row["position"] > taken_at] == []
        assert len(answers) == (settlement["outcome"] == "replied") == settlement["settled"]
        return str(settlement["outcome"])

    def _settle(self, job: Row) -> Row:
        result = {"job_id": str(job["job_id"]), "attempt": job["attempt"], "action": "reply"}
        results = json.dumps([result | {"ai_response": "An answer."}])
        self._start.wait()
        statement = "select * from public.complete_ai_response_jobs(%s)"
        while True:  # as a worker: what the agent has locked just now is tried again
            row = self._worker.execute(statement, [results]).fetchone()
            assert row is not None
            if row["outcome"] != "not_now":
                return row

    def _take_over(self, job: Row, statement: str) -> int:
        """Return the last position that the takeover left behind it."""
        self._start.wait()
        with self._agent.transaction():
            self._agent.execute(statement, [job["conversation_id"]])
            row = self._agent.execute(
                "select max(position) as position from public.messages where conversation_id = %s",
                [job["conversation_id"]],
            ).fetchone()
        assert row is not None
        return int(row["position"])


def _connect(url: str, role: str, **claims: str) -> psycopg.Connection[dict[str, Any]]:
    connection = psycopg.connect(url, autocommit=True, row_factory=dict_row)
    token = json.dumps(claims | {"role": role})
    connection.execute("select set_config('request.jwt.claims', %s, false)", [token])
    connection.execute("select set_config('role', %s, false)", [role])
    return connection
