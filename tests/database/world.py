"""The database that random stories play in, the people in it, and what can be asked about both."""

from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from tests.database.history import record_history
from tests.database.inbox import Inbox
from tests.database.sessions import Row, Session

_SESSIONS = 4
_CONVERSATION_STATES = """
select conversations.message_count, conversations.requires_human
    and not private.answers_while_waiting(conversations) as is_silent,
  array(select position from public.messages where conversation_id = conversations.id
    order by position) as positions,
  array(select status from public.ai_response_queue where conversation_id = conversations.id
    and status in ('pending', 'processing') order by status) as open
from public.conversations as conversations
"""
_LEFT_BY_A_SWEEP = """
select jobs.* from public.ai_response_queue as jobs
join public.conversations as conversations on conversations.id = jobs.conversation_id
where jobs.status in ('pending', 'processing') and jobs.deadline <= %(moment)s
and not exists (  -- one that waited behind another is next
  select from public.ai_response_queue as ended
  where ended.conversation_id = jobs.conversation_id and ended.completed_at >= %(moment)s
)
for update of conversations, jobs skip locked
"""
_HELD_UP_BY_A_SLEEPER = """
select waiting.pid from pg_stat_activity as waiting
cross join lateral unnest(pg_blocking_pids(waiting.pid)) as blocking
join pg_stat_activity as sleeper on sleeper.pid = blocking and sleeper.wait_event = 'PgSleep'
where waiting.pid = any(%s)
"""


class World:
    """The database that all stories play in, and the people who take part."""

    def __init__(self, url: str, superuser_url: str) -> None:
        self.admin = psycopg.connect(superuser_url, autocommit=True, row_factory=dict_row)
        self.admin.execute(
            "do $$ begin execute format("
            "'alter database %I set deadlock_timeout = ''100ms''', current_database()); end $$"
        )
        record_history(self.admin)
        with Inbox(url) as inbox:
            self.agent = inbox.user("agent")
            self.customers = [inbox.user(), inbox.user()]
            inbox.run(
                "update public.ai_settings"
                " set max_messages_per_minute = 1000000, max_conversations_per_hour = 1000000"
            )
        self.sessions = [Session(url) for _ in range(_SESSIONS)]

    def clear(self) -> None:
        """Forget the last story."""
        self.admin.execute(
            "truncate public.customer_profiles, public.realtime_metrics,"
            " private.test_history cascade"
        )

    def close(self) -> None:
        for session in self.sessions:
            session.close()
        self.admin.close()

    def now(self) -> datetime:
        """Read the clock."""
        return self._rows("select private.test_clock() as now")[0]["now"]  # type: ignore[no-any-return]  # a timestamptz

    def conversations(self) -> list[Row]:
        """Return what is committed of each conversation."""
        return self._rows(_CONVERSATION_STATES)

    def overdue(self, moment: datetime) -> list[Row]:
        """Return the open jobs past their deadline, in conversations that nobody holds."""
        with self.admin.transaction():
            return self.admin.execute(_LEFT_BY_A_SWEEP, {"moment": moment}).fetchall()

    def held_up_by_a_sleeper(self, pids: list[int]) -> list[Row]:
        """Return which of these backends wait for one that only lets time pass."""
        return self._rows(_HELD_UP_BY_A_SLEEPER, pids)

    def _rows(self, statement: str, *values: Any) -> list[Row]:
        return self.admin.execute(statement, values).fetchall()
