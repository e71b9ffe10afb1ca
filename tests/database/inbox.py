"""One database seen as its users see it: customers, agents, workers, each under their own role."""

import json
from types import TracebackType
from typing import Any, Self
from uuid import UUID, uuid4

import psycopg
from psycopg.rows import dict_row

from tests.database.clock import let_pass
from tests.support.databases import as_user

Row = dict[str, Any]


class Inbox:
    """A connection to a database with the migrations, and what people do there."""

    def __init__(self, url: str) -> None:
        self.connection = psycopg.connect(url, autocommit=True, row_factory=dict_row)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.connection.close()

    def run(self, statement: str, *values: Any, by: str | None = None) -> list[Row]:
        """Run one statement in a transaction of its own, as `postgres` or as somebody."""
        with self.connection.transaction():
            as_user(self.connection, by)
            cursor = self.connection.execute(statement, values)  # type: ignore[arg-type]  # tests compose SQL
            return cursor.fetchall() if cursor.description else []

    def one(self, statement: str, *values: Any, by: str | None = None) -> Row:
        rows = self.run(statement, *values, by=by)
        assert len(rows) == 1, rows
        return rows[0]

    def user(self, role: str = "user") -> str:
        """Sign somebody up; return their id."""
        user_id = str(uuid4())
        self.run(
            "insert into auth.users (id, email) values (%s, %s)", user_id, f"{user_id}@example.com"
        )
        if role != "user":
            self.run("update public.profiles set role = %s where id = %s", role, user_id)
        return user_id

    def open(self, customer: str, message: str | None = None) -> UUID:
        """Open the customer's conversation on the website."""
        row = self.one(
            "select public.create_conversation('', 'website', %s) as id", message, by=customer
        )
        return UUID(str(row["id"]))

    def say(self, conversation: UUID, text: str, *, by: str, sender: str = "user") -> Row:
        return self.one(
            "insert into public.messages (conversation_id, sender_type, content)"
            " values (%s, %s, %s) returning *",
            conversation,
            sender,
            text,
            by=by,
        )

    def claim(
        self, worker: str | None = "worker", max_jobs: int = 10, lease: float = 2
    ) -> list[Row]:
        return self.run(
            "select * from public.get_next_ai_response_job(%s, %s, %s)",
            worker,
            max_jobs,
            str(lease),
            by="service_role",
        )

    def settle(self, job: Row, text: str | None = "An answer.", **result: Any) -> Row:
        """Settle one claimed job: a reply, or with `action="escalate"` a hand-over."""
        item = {"job_id": str(job["job_id"]), "attempt": job["attempt"], "action": "reply"}
        if text is not None:
            item["ai_response"] = text
        return self.one(
            "select * from public.complete_ai_response_jobs(%s)",
            json.dumps([item | result]),
            by="service_role",
        )

    def sweep(self) -> int:
        row = self.one(
            "select public.settle_overdue_ai_response_jobs() as swept", by="service_role"
        )
        return int(row["swept"])

    def let_pass(self, seconds: float) -> None:
        """Move the clock of the database."""
        let_pass(self.connection, seconds)

    def jobs(self, conversation: UUID) -> list[Row]:
        return self.run(
            "select * from public.ai_response_queue where conversation_id = %s"
            " order by turn_started_at, created_at",
            conversation,
        )

    def messages(self, conversation: UUID) -> list[Row]:
        return self.run(
            "select * from public.messages where conversation_id = %s order by position",
            conversation,
        )

    def conversation(self, conversation: UUID) -> Row:
        return self.one("select * from public.conversations where id = %s", conversation)

    def events(self, topic: str) -> list[Row]:
        return self.run(
            "select event, payload from realtime.messages where topic = %s order by inserted_at",
            topic,
        )
