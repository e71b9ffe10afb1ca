"""Everything works on the Postgres of hosted projects too."""

import httpx
import psycopg
import pytest

from tests.support.older_servers import binaries_of
from tests.support.stacks import run_stack


@pytest.mark.parametrize("version", [15, 17])
def test_the_whole_stack_runs_on_an_older_server(version: int) -> None:
    """Hosted projects run 15 and 17, so the migrations must, and `--postgres-bin` lets them try."""
    with run_stack("--ephemeral", "--postgres-bin", str(binaries_of(version))) as stack:
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
