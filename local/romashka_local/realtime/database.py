"""The pool of connections as `supabase_admin`, and the functions that each of them carries."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

Connection = AsyncConnection[tuple[Any, ...]]
Pool = AsyncConnectionPool[Connection]

# The text forms that the WAL's values have and that `to_jsonb` gives, whatever the database's own.
SESSION_OPTIONS = "-c timezone=UTC -c datestyle=ISO -c intervalstyle=postgres -c bytea_output=hex"

# Temporary, so that the database holds nothing of this server's.
#
# `visible_to` answers, for pairs of a row's key and a subscriber's claims, which pairs row-level
# security lets through now. Like the original it prepares the check once and executes it under
# each claims; a policy that raises hides the row. The WAL shows a transaction a moment before
# other sessions see it committed, so the function first waits until they do.
_FUNCTIONS = """
create function pg_temp.await_commit(xids bigint[]) returns void language plpgsql as $$
declare
  v_next bigint := pg_snapshot_xmax(pg_current_snapshot())::text::bigint;
  v_xid bigint;
begin
  foreach v_xid in array xids loop
    v_xid := ((v_next >> 32) << 32) | v_xid;  -- the WAL has the lower 32 bits only
    v_xid := v_xid + case
      when v_xid - v_next > 2147483648 then -4294967296
      when v_next - v_xid > 2147483648 then 4294967296
      else 0
    end;
    while pg_xact_status(v_xid::text::xid8) = 'in progress' loop
      perform pg_sleep(0.0005);
    end loop;
  end loop;
end $$;

create function pg_temp.visible_to(
  xids bigint[], query text,
  keys text[], key_numbers int[], roles text[], claims text[], claim_numbers int[]
) returns setof int language plpgsql as $$
declare
  v_role text;
  v_is_visible boolean;
begin
  perform pg_temp.await_commit(xids);
  if exists (select from pg_prepared_statements where name = 'realtime_visible') then
    deallocate realtime_visible;
  end if;
  execute 'prepare realtime_visible(text[]) as ' || query;
  for i in 1..cardinality(key_numbers) loop
    begin
      v_role := roles[claim_numbers[i]];
      perform set_config('role', v_role, true),
        set_config('request.jwt.claims', claims[claim_numbers[i]], true);
      execute format('execute realtime_visible(%L)', keys[key_numbers[i]]) into v_is_visible;
      perform set_config('role', 'none', true);
    exception when others then
      v_is_visible := false;
    end;
    if v_is_visible then
      return next i;
    end if;
  end loop;
end $$;
"""


async def _configure(connection: Connection) -> None:
    await connection.execute(_FUNCTIONS)


@asynccontextmanager
async def open_pool(url: str, max_size: int) -> AsyncIterator[Pool]:
    """Open a pool whose connections commit by themselves; closed when the block is left."""
    pool = AsyncConnectionPool(
        url,
        connection_class=AsyncConnection[tuple[Any, ...]],
        kwargs={
            "autocommit": True,
            "application_name": "realtime",
            "options": f"{SESSION_OPTIONS} -c statement_timeout=10s -c lock_timeout=5s",
        },
        min_size=1,
        max_size=max_size,
        timeout=10,
        open=False,
        configure=_configure,
        check=AsyncConnectionPool.check_connection,  # after a restart of Postgres, all are dead
        name="realtime",
    )
    async with pool:
        yield pool
