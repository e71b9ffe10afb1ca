"""Who may read and write a private channel: what the policies on `realtime.messages` say.

Rows are tried and rolled back, as the original does, so any policy works: those that look at the
row (`messages.extension`) and those that look at the settings (`realtime.topic()`).
"""

import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from uuid import uuid4

import psycopg
from psycopg import errors
from psycopg_pool import PoolTimeout

from romashka_local.realtime.database import Connection, Pool
from romashka_local.realtime.tokens import Token

_log = logging.getLogger("romashka.local.realtime")

EXTENSIONS = ("broadcast", "presence")

_SET_CONTEXT = """
select set_config('role', %(role)s, true),
  set_config('realtime.topic', %(topic)s, true),
  set_config('request.jwt.claims', %(claims)s, true),
  set_config('request.jwt.claim.sub', %(sub)s, true),
  set_config('request.jwt.claim.role', %(role)s, true),
  set_config('request.headers', %(headers)s, true)
"""
_INSERT_PROBE = """
insert into realtime.messages (topic, extension, inserted_at, updated_at, id)
values (%s, %s, now() at time zone 'utc', now() at time zone 'utc', %s)
"""


class DatabaseUnavailable(Exception):
    """The policies cannot be asked."""


class PartitionMissing(DatabaseUnavailable):
    """There is no partition of `realtime.messages` for today."""


class PolicyFailed(Exception):
    """A policy raised an error, or the role does not exist: nothing is allowed."""


@dataclass(frozen=True, slots=True)
class Policies:
    """What a member may do; None is not asked yet."""

    reads_broadcast: bool | None = None
    reads_presence: bool | None = None
    writes_broadcast: bool | None = None
    writes_presence: bool | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """On whose behalf the policies are asked, and about which channel."""

    topic: str
    """The channel's name without `realtime:`."""
    token: Token
    headers: Mapping[str, str]

    def settings(self) -> dict[str, str | None]:
        """Return the parameters of the settings that policies see."""
        sub = self.token.claims.get("sub")
        return {
            "role": self.token.role,
            "topic": self.topic,
            "claims": json.dumps(self.token.claims),
            "sub": None if sub is None else str(sub),
            "headers": json.dumps(dict(self.headers)),
        }


async def read_policies(
    pool: Pool, context: Context, known: Policies, *, with_presence: bool
) -> Policies:
    """Return `known` with what `context` may read.

    Raises:
        PolicyFailed: a policy raised an error.
        DatabaseUnavailable: Postgres does not answer.
    """
    extensions = EXTENSIONS if with_presence else EXTENSIONS[:1]
    async with _rolled_back(pool) as transaction:
        seen = await _probe_reads(transaction, context, extensions)
    policies = replace(known, reads_broadcast="broadcast" in seen)
    return replace(policies, reads_presence="presence" in seen) if with_presence else policies


async def write_policies(pool: Pool, context: Context, known: Policies) -> Policies:
    """Return `known` with what `context` may write.

    Raises:
        PolicyFailed: a policy raised an error.
        DatabaseUnavailable: Postgres does not answer.
    """
    async with _rolled_back(pool) as connection:
        await connection.execute(_SET_CONTEXT, context.settings())
        allowed = [await _may_insert(connection, context, name) for name in EXTENSIONS]
    return replace(known, writes_broadcast=allowed[0], writes_presence=allowed[1])


async def _probe_reads(
    connection: Connection, context: Context, extensions: tuple[str, ...]
) -> set[str]:
    probes = {uuid4(): extension for extension in extensions}
    async with connection.pipeline():
        for probe, extension in probes.items():
            await connection.execute(_INSERT_PROBE, (context.topic, extension, probe))
        await connection.execute(_SET_CONTEXT, context.settings())
        rows = await connection.execute(
            "select id from realtime.messages where id = any(%s)", (list(probes),)
        )
        return {probes[row[0]] for row in await rows.fetchall()}


async def _may_insert(connection: Connection, context: Context, extension: str) -> bool:
    try:
        async with connection.transaction():  # a savepoint
            await connection.execute(_INSERT_PROBE, (context.topic, extension, uuid4()))
    except errors.InsufficientPrivilege:
        return False
    return True


@asynccontextmanager
async def _rolled_back(pool: Pool) -> AsyncIterator[Connection]:
    """A transaction whose work is always undone, and whose errors are this module's."""
    try:
        async with pool.connection() as connection, connection.transaction(force_rollback=True):
            yield connection
    except errors.CheckViolation as error:
        if error.diag.table_name == "messages":
            raise PartitionMissing from error
        raise PolicyFailed from error
    except PoolTimeout as error:
        raise DatabaseUnavailable from error
    except psycopg.Error as error:
        if isinstance(error, psycopg.OperationalError) and error.sqlstate is None:
            raise DatabaseUnavailable from error
        _log.warning("policy.failed", extra={"sqlstate": error.sqlstate})
        raise PolicyFailed from error
