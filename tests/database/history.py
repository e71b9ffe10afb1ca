"""What happened to each conversation, in commit order, and what the promises say about that."""

from datetime import datetime, timedelta
from typing import Any

import psycopg

Row = dict[str, Any]

_RECORDING = """
create table private.test_history (
  id bigint generated always as identity primary key, transaction xid8 default pg_current_xact_id(),
  conversation_id uuid, kind text, old jsonb, new jsonb
);
create function private.test_record() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_new jsonb := to_jsonb(new);
begin
  insert into private.test_history (conversation_id, kind, old, new)
  values (coalesce(v_new ->> 'conversation_id', v_new ->> 'id')::uuid, tg_argv[0],
    to_jsonb(old), v_new);
  return null;
end $$;
-- Triggers fire in the order of their names: what happened comes before what follows from it.
create trigger a_record after insert on public.messages
  for each row execute function private.test_record('message');
create trigger a_record after insert or update on public.conversations
  for each row execute function private.test_record('conversation');
create trigger a_record after insert or update on public.ai_response_queue
  for each row execute function private.test_record('job');
"""

# docs/job-states.md
_TRANSITIONS = {
    ("pending", "pending"),
    ("pending", "processing"),
    ("pending", "failed"),
    ("processing", "processing"),
    ("processing", "completed"),
    ("processing", "failed"),
}
_REPEAT_AFTER = timedelta(minutes=15)
_DOUBTS = ("low_confidence", "ai_failure", "overdue", "out_of_scope", "ungrounded")
"""After a hand-over for one of these the AI goes on with what it is sure of."""


def record_history(connection: psycopg.Connection[Any]) -> None:
    """Let the database note every change of a conversation, its messages and its jobs."""
    connection.execute(_RECORDING)


def check_history(connection: psycopg.Connection[Any]) -> None:
    """Read what was noted, conversation by conversation.

    Raises:
        AssertionError: a promise was broken.
    """
    replays: dict[str, Replay] = {}
    for row in connection.execute("select * from private.test_history order by id"):
        replay = replays.setdefault(row["conversation_id"], Replay())
        replay.enter(row["transaction"])
        getattr(replay, row["kind"])(row["old"], row["new"])
    for replay in replays.values():
        replay.end()


class Replay:
    """One conversation's history, replayed; it raises where a promise is broken."""

    def __init__(self) -> None:
        self.transaction = ""
        self.before: Row = {}
        """The conversation when the transaction began that is being replayed."""
        self.row: Row = {}
        self.messages: list[Row] = []
        self.jobs: dict[str, Row] = {}
        self.unplaced: Row | None = None
        """The customer's message of which it is not known yet where it goes."""
        self.answers: dict[str, Row] = {}
        """The automatic answer of each turn."""

    def enter(self, transaction: str) -> None:
        """What follows was done by this transaction."""
        if transaction != self.transaction:
            self.transaction, self.before = transaction, self.row

    def conversation(self, _: Row | None, new: Row) -> None:
        if self.row.get("requires_human") and not new["requires_human"]:
            self.unplaced = None  # it came while a human had the conversation
        self.row = new

    # ---- messages

    def message(self, _: Row | None, new: Row) -> None:
        self._everything_has_its_place()
        self.messages.append(new)
        assert new["position"] == len(self.messages), "positions have gaps, or are out of order"
        if new["sender_type"] == "user":
            self.unplaced = new
        elif new["sender_type"] == "ai":
            self._automatic(new)

    def _automatic(self, new: Row) -> None:
        assert new["turn_id"] not in self.answers, "a turn was answered twice"
        if new["metadata"].get("repeated"):
            self._repeated(new)
        else:
            assert not _is_silent(self.before), "an automatic message while a human had it"
            is_waiting = bool(self.before["requires_human"])
            assert new["metadata"].get("while_waiting", False) == is_waiting
            assert not is_waiting or "kind" not in new["metadata"], "handed over twice"
            jobs = [job for job in self.jobs.values() if job["turn_id"] == new["turn_id"]]
            assert jobs, "an answer to no turn"
            assert jobs[-1]["status"] in ("processing", "completed"), "no job was running"
        self.answers[new["turn_id"]] = new

    def _repeated(self, new: Row) -> None:
        """The one automatic message while a human has it: nobody came, and the customer asks."""
        assert self.row["requires_human"]
        assert new["turn_id"] in [m["id"] for m in self.messages if m["sender_type"] == "user"]
        before = [m for m in self.messages[:-1] if m["sender_type"] != "user"]
        assert before[-1]["sender_type"] == "ai", "an agent had answered"
        told = [m for m in before if m["metadata"].get("kind") == "handover"]
        assert _time(new) - _time(told[-1]) > _REPEAT_AFTER, "the hand-over was repeated too soon"

    def _everything_has_its_place(self) -> None:
        """A message is in a turn, or a human has the conversation: nothing else."""
        if self.unplaced is not None:
            assert _is_silent(self.row), "a customer's message was dropped"
            self.unplaced = None
        if _is_silent(self.row) or self.row["status"] in ("resolved", "closed"):
            assert not self._open(), "a job is open while nobody is due an automatic answer"

    def _open(self) -> list[Row]:
        return [job for job in self.jobs.values() if job["status"] in ("pending", "processing")]

    # ---- jobs

    def job(self, old: Row | None, new: Row) -> None:
        if old is None:
            self._opened(new)
        else:
            assert (old["status"], new["status"]) in _TRANSITIONS, (old["status"], new["status"])
            assert old["turn_id"] == new["turn_id"]
            assert old["deadline"] == new["deadline"]
            assert old["attempt"] <= new["attempt"] <= old["attempt"] + 1
            if old["status"] == "pending" and new["status"] == "processing":
                assert new["attempt"] == old["attempt"] + 1
        before = (old or self._superseded(new) or {"user_message": ""})["user_message"]
        if old is None and new["is_return"] and not before:
            assert new["user_message"] == self._unanswered(), "not what nobody has answered"
            self.unplaced = None
        elif self.unplaced is not None and new["message_id"] == self.unplaced["id"]:
            joined = f"{before}\n{self.unplaced['content']}".strip()
            assert new["user_message"] == joined, "a message was merged away"
            self.unplaced = None
        else:
            assert new["user_message"] == before, "a message was lost on the way"
        self.jobs[new["id"]] = new

    def _unanswered(self) -> str:
        """Return what the customer has written since anybody answered; a hand-over is no answer."""
        answered_by = {job["turn_id"]: job["message_id"] for job in self.jobs.values()
                       if job["outcome"] == "replied"}  # fmt: skip
        places = {message["id"]: message["position"] for message in self.messages}
        last = 0
        for message in self.messages:
            if message["sender_type"] != "user" and message["metadata"].get("kind") != "handover":
                answered = answered_by.get(message["turn_id"])
                last = max(last, places.get(answered, message["position"]))
        texts = [m["content"] for m in self.messages
                 if m["sender_type"] == "user" and m["position"] > last]  # fmt: skip
        return "\n".join(texts[-20:])

    def _superseded(self, new: Row) -> Row | None:
        """Return the job whose turn a new one takes over."""
        return next(
            (j for j in reversed(self.jobs.values()) if j["turn_id"] == new["turn_id"]), None
        )

    def _opened(self, new: Row) -> None:
        assert (new["status"], new["attempt"]) == ("pending", 0)
        assert not _is_silent(self.row), "a job was opened while a human had it"
        assert new["turn_id"] not in self.answers, "an answered turn was opened again"

    # ---- the end

    def end(self) -> None:
        """Everything has been swept: nothing is open, and every job ended as its outcome says."""
        self._everything_has_its_place()
        assert self.row["message_count"] == len(self.messages)
        newest = {job["turn_id"]: job for job in self.jobs.values()}
        for job in self.jobs.values():
            is_last = newest[job["turn_id"]] is job
            assert (job["outcome"] == "superseded") == (not is_last), "a turn was given up"
            self._ended(job)

    def _ended(self, job: Row) -> None:
        answer = self.answers.get(job["turn_id"])
        if job["outcome"] == "replied":
            assert answer is not None
            assert job["ai_response"] == answer["content"]
            if answer["content"].startswith("reply"):  # not from the original's worker
                assert answer["content"].endswith(f"attempt {job['attempt']}"), "a zombie's reply"
        elif job["outcome"] == "escalated":
            assert answer is not None
            assert answer["metadata"]["kind"] == "handover"
        elif job["outcome"] == "not_needed":
            assert answer is None
            assert job["ai_response"] is None
        elif job["outcome"] == "taken_over":
            assert answer is None or answer["metadata"].get("repeated")
        else:
            assert job["outcome"] == "superseded", "a job is still open"


def _is_silent(row: Row) -> bool:
    """Has a human the conversation, so that the AI says nothing?"""
    is_waiting = row.get("handed_over_at") and row["escalation_reason"] in _DOUBTS
    return bool(row.get("requires_human")) and not is_waiting


def _time(row: Row) -> datetime:
    return datetime.fromisoformat(row["created_at"])
