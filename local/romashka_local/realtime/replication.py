"""Follow one publication in the WAL for as long as the server runs, and hand on what commits.

When the stream ends (Postgres restarted, the publication vanished) a new one is opened. What
commits in between is seen by nobody, so whoever must know is told that a new one began.
"""

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable
from typing import Final

import psycopg

from romashka_local.realtime.change import Change, change_of
from romashka_local.realtime.pgoutput import Begin, Delete, Insert, Relation, Update, decode
from romashka_local.realtime.wal import WalStream, open_stream

_log = logging.getLogger("romashka.local.realtime")

_FIRST_RETRY_SECONDS: Final = 0.05
_LONGEST_RETRY_SECONDS: Final = 2.0
_MESSAGES_A_TURN: Final = 64


class Replication:
    """The committed changes of one publication, in commit order."""

    def __init__(
        self,
        url: str,
        publication: str,
        *,
        is_wanted: Callable[[Relation], bool],
        hand_on: Callable[[Change], Awaitable[None]],
        announce: Callable[[], None],
    ) -> None:
        """`hand_on` gets the changes of wanted tables; `announce` is called when a stream began."""
        self._url = url
        self._publication = publication
        self._is_wanted = is_wanted
        self._hand_on = hand_on
        self._announce = announce
        self.is_live = asyncio.Event()
        """Set while a commit from now on is seen."""

    async def run(self) -> None:
        """Stream for ever."""
        retry_seconds = _FIRST_RETRY_SECONDS
        while True:
            started_at = asyncio.get_running_loop().time()
            try:
                await self._stream()
            except* psycopg.Error as group:
                _log.warning("wal.interrupted: %s", str(group.exceptions[0]).partition("\n")[0])
            finally:
                self.is_live.clear()
            has_lasted = asyncio.get_running_loop().time() - started_at > _LONGEST_RETRY_SECONDS
            retry_seconds = _FIRST_RETRY_SECONDS if has_lasted else retry_seconds * 2
            await asyncio.sleep(min(retry_seconds, _LONGEST_RETRY_SECONDS))

    async def _stream(self) -> None:
        async with (
            open_stream(self._url, [self._publication]) as stream,
            asyncio.TaskGroup() as tasks,
        ):
            tasks.create_task(stream.confirm_regularly())
            tasks.create_task(self._consume(stream))
            self.is_live.set()
            self._announce()

    async def _consume(self, stream: WalStream) -> None:
        relations: dict[int, Relation] = {}
        begin: Begin | None = None
        for count in itertools.count(1):
            data = await stream.read()
            match message := decode(data):
                case Begin():
                    begin = message
                case Relation():
                    relations[message.oid] = message
                case Insert() | Update() | Delete() if begin is not None:
                    relation = relations[message.relation]
                    if self._is_wanted(relation):
                        await self._hand_on(change_of(message, relation, begin, len(data)))
            if count % _MESSAGES_A_TURN == 0:
                await asyncio.sleep(0)  # a huge transaction must not keep the others waiting
