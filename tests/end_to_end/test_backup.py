"""docs/backup.md, command by command: from a project that is used into an empty one."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from romashka import AsyncRomashka
from romashka_local.postgres import find_binaries

from tests.support.customers import customer_of, new_agent, new_identifier
from tests.support.stacks import ROOT, RunningStack, run_stack
from tests.support.waiting import eventually

PAGE = (ROOT / "docs" / "backup.md").read_text()
BACKUP, RESTORE = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
PROGRAMS = find_binaries().folder
OF_AN_INSTALLATION = set(re.findall(r"--exclude-table=private\.(\w+)", BACKUP))


def run(command: str, folder: Path, **variables: str) -> None:
    path = os.pathsep.join([str(PROGRAMS), os.path.dirname(sys.executable), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=folder,
        env=os.environ | {"PATH": path} | variables,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def contents(stack: RunningStack) -> dict[str, list[Any]]:
    """Return every row of the tables that are Romashka's, and the accounts."""
    with psycopg.connect(stack.admin_url()) as database:
        names = database.execute(
            "select schemaname, tablename from pg_tables where schemaname in ('public', 'private')"
            " union select 'auth', unnest(array['users', 'identities'])"
        ).fetchall()
        return {
            f"{schema}.{table}": sorted(
                str(row)
                for (row,) in database.execute(
                    sql.SQL("select t::text from {} as t").format(sql.Identifier(schema, table))
                )
            )
            for schema, table in names
            if table not in OF_AN_INSTALLATION
        }


def count_jobs(stack: RunningStack, which: str) -> int:
    with psycopg.connect(stack.db_url) as database:
        row = database.execute(
            f"select count(*) from ai_response_queue where {which}".encode()
        ).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.timeout(240)
async def test_a_project_is_moved_by_the_page(stack: RunningStack, tmp_path: Path) -> None:
    """Every row, every account; what triggers would do twice is not done, and then they work."""
    identifier = new_identifier()
    email, password = new_agent(stack)
    async with customer_of(stack) as customer:
        conversation = await customer.conversations.create(identifier)
        await conversation.send("Where is my order?")
        session = await customer.supabase.auth.get_session()
        assert session is not None
    with psycopg.connect(stack.db_url) as database:
        database.execute("update ai_settings set persona = persona || ' You are Rosa.'")
    eventually(lambda: count_jobs(stack, "outcome is null") == 0)  # nothing changes any more
    try:
        run(BACKUP, tmp_path, DATABASE_URL=stack.db_url)
        before = contents(stack)
    finally:
        with psycopg.connect(stack.db_url) as database:
            database.execute(
                "update ai_settings set persona = replace(persona, ' You are Rosa.', '')"
            )
    with run_stack("--ephemeral", "--no-migrate") as new:
        run(RESTORE, tmp_path, NEW_DATABASE_URL=new.db_url)
        after = contents(new)

        assert before.keys() == after.keys()
        for table, rows in before.items():
            assert after[table] == rows, table
        assert any("You are Rosa." in row for row in after["public.ai_settings"])
        async with AsyncRomashka.connect(new.api_url, new.anon_key) as customer:
            await customer.supabase.auth.refresh_session(session.refresh_token)
            again = await customer.conversations.get(conversation.id)
            first = next(iter(await again.messages()))
            assert first.content == "Where is my order?"
            await again.send("Hello?")
        async with AsyncRomashka.connect(new.api_url, new.anon_key) as agent:
            await agent.sign_in(email, password)
            assert (await agent.conversations.get(conversation.id)).id == conversation.id
        ours = f"conversation_id = '{conversation.id}'"
        assert count_jobs(new, ours) == count_jobs(stack, ours) + 1
