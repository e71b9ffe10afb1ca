"""One replication connection: the WAL's committed changes as `pgoutput` bytes; knows no meaning.

psycopg has no replication API, but libpq's, which it wraps, is enough: after START_REPLICATION the
connection copies in both directions. The slot is temporary: it dies with the connection.
"""

import asyncio
import struct
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final
from uuid import uuid4

import psycopg
from psycopg import pq

from romashka_local.realtime.database import SESSION_OPTIONS

_STATUS_SECONDS: Final = 10  # well within wal_sender_timeout, which is a minute
_DATA_HEADER: Final = struct.Struct("!cqqq")
_KEEPALIVE: Final = struct.Struct("!cqqB")
_STATUS: Final = struct.Struct("!cqqqqB")
_EPOCH_SECONDS: Final = 946_684_800  # 2000-01-01


class WalStream:
    """The messages of one slot, from the moment it was made."""

    def __init__(self, connection: psycopg.pq.abc.PGconn) -> None:
        self._connection = connection
        self._received_lsn = 0

    async def read(self) -> bytes:
        """Return the next `pgoutput` message; waits for it.

        Raises:
            psycopg.Error: the stream ended.
        """
        while True:
            size, data = self._connection.get_copy_data(1)
            if size == 0:
                await self.wait_readable()
                self._connection.consume_input()
            elif size < 0:
                raise psycopg.OperationalError(self._end_reason())
            elif (message := self._unwrap(bytes(data))) is not None:
                return message

    async def confirm_regularly(self) -> None:
        """Tell the server how far we are, for ever: it keeps no WAL, and knows that we live."""
        while True:
            await asyncio.sleep(_STATUS_SECONDS)
            self._confirm()

    def _confirm(self) -> None:
        lsn, now = self._received_lsn, int((time.time() - _EPOCH_SECONDS) * 1_000_000)
        self._connection.put_copy_data(_STATUS.pack(b"r", lsn, lsn, lsn, now, 0))
        self._connection.flush()

    def _unwrap(self, data: bytes) -> bytes | None:
        if data[:1] == b"w":
            _, start_lsn, _, _ = _DATA_HEADER.unpack_from(data)
            self._received_lsn = max(self._received_lsn, start_lsn)
            return data[_DATA_HEADER.size :]
        _, end_lsn, _, wants_reply = _KEEPALIVE.unpack_from(data)
        self._received_lsn = max(self._received_lsn, end_lsn)
        if wants_reply:
            self._confirm()
        return None

    async def wait_readable(self) -> None:
        """Wait until the server has sent something."""
        loop, socket = asyncio.get_running_loop(), self._connection.socket
        readable = loop.create_future()
        loop.add_reader(socket, _resolve, readable)
        try:
            await readable
        finally:
            loop.remove_reader(socket)

    def _end_reason(self) -> str:
        result = self._connection.get_result()
        reason = result.error_message if result is not None else b""
        return reason.decode(errors="replace").strip() or "the replication stream ended"


def _resolve(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)


@asynccontextmanager
async def open_stream(url: str, publications: Sequence[str]) -> AsyncIterator[WalStream]:
    """Make a temporary slot and stream from it; every commit after the block's start is in it.

    Raises:
        psycopg.Error: no connection, no free slot, or `wal_level` is not `logical`.
    """
    connection = await psycopg.AsyncConnection.connect(
        url,
        autocommit=True,
        replication="database",
        application_name="realtime_replication_connection",
        options=SESSION_OPTIONS,
    )
    try:
        slot = f"supabase_realtime_replication_slot_{uuid4().hex[:12]}"
        await connection.execute(
            f"CREATE_REPLICATION_SLOT {slot} TEMPORARY LOGICAL pgoutput (SNAPSHOT 'nothing')"
        )
        stream = WalStream(connection.pgconn)
        await _start(connection, stream, slot, publications)
        yield stream
    finally:
        await connection.close()


async def _start(
    connection: psycopg.AsyncConnection, stream: WalStream, slot: str, publications: Sequence[str]
) -> None:
    names = ",".join(publications)
    pgconn = connection.pgconn
    pgconn.send_query(
        f"START_REPLICATION SLOT {slot} LOGICAL 0/0"
        f" (proto_version '1', publication_names '{names}')".encode()
    )
    pgconn.flush()
    while pgconn.is_busy():
        await stream.wait_readable()
        pgconn.consume_input()
    result = pgconn.get_result()
    if result is None or result.status != pq.ExecStatus.COPY_BOTH:
        reason = result.error_message if result is not None else b""
        raise psycopg.OperationalError(reason.decode(errors="replace").strip())
