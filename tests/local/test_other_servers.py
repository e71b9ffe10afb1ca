"""Everything works on the Postgres of hosted projects too, where this machine has one."""

from pathlib import Path

import httpx
import psycopg
import pytest

from tests.support.stacks import run_stack

_DEBIAN = Path("/usr/lib/postgresql")


@pytest.mark.parametrize("version", [15, 17])
def test_the_whole_stack_runs_on_an_older_server(version: int) -> None:
    """Hosted projects run 15 and 17, so the migrations must, and `--postgres-bin` lets them try."""
    binaries = _DEBIAN / str(version) / "bin"
    if not (binaries / "postgres").exists():
        pytest.skip(f"no PostgreSQL {version} in {_DEBIAN}")
    with run_stack("--ephemeral", "--postgres-bin", str(binaries)) as stack:
        with psycopg.connect(stack.db_url) as connection:
            found = connection.execute(
                "select current_setting('server_version_num')::int / 10000,"
                " to_regprocedure('cron.schedule(text,text,text)') is not null"
            ).fetchone()
        answer = httpx.get(
            f"{stack.api_url}/rest/v1/conversations", headers={"apikey": stack.secret_key}
        )

    assert found == (version, True)
    assert (answer.status_code, answer.json()) == (200, [])
