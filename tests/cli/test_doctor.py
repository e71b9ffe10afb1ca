"""`romashka doctor`: it finds what is wrong, and names the command that mends it."""

import asyncio
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from romashka_worker.doctor.project import look_at_installation, look_at_key
from romashka_worker.settings import Settings

from tests.cli.accounts import without_accounts
from tests.support.customers import new_agent, service_of
from tests.support.stacks import ROMASHKA, RunningStack
from tests.worker.provider import MODEL, open_provider

_OURS = ("SUPABASE_", "OPENAI_", "ROMASHKA_", "DATABASE_URL")


def romashka(*command: str, **settings: str) -> tuple[int, str]:
    """Return the exit code of a command, and what it printed."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    done = subprocess.run(
        [ROMASHKA, *command],
        env=inherited | {"ROMASHKA_EMBEDDINGS": "off"} | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


async def test_a_good_configuration_is_found_good_piece_by_piece(stack: RunningStack) -> None:
    """What is not looked at here is found by a customer."""
    new_agent(stack)
    with without_accounts(stack):
        async with open_provider() as provider:
            code, said = await asyncio.to_thread(
                romashka,
                "doctor",
                "--json",
                SUPABASE_URL=stack.api_url,
                SUPABASE_SERVICE_ROLE_KEY=stack.service_role_key,
                OPENAI_BASE_URL=provider.url,
                OPENAI_MODEL=MODEL,
            )
    findings = json.loads(said)

    assert [(finding["name"], finding["state"]) for finding in findings] == [
        ("settings", "ok"),
        ("key", "ok"),
        ("schema", "ok"),
        ("migrations", "ok"),
        ("extensions", "ok"),
        ("pg_cron", "ok"),
        ("queue", "ok"),
        ("grants", "ok"),
        ("triggers", "ok"),
        ("row security", "ok"),
        ("publication", "ok"),
        ("functions", "ok"),
        ("sign-up", "warning"),  # the local stack sends no mails
        ("realtime", "ok"),
        ("channels", "ok"),
        ("sign-in", "ok"),
        ("knowledge", "ok"),
        ("staff", "ok"),
        ("notifications", "warning"),  # nobody has made a rule
        ("secrets", "ok"),
        ("primary model", "ok"),
        ("embeddings", "ok"),
    ]
    assert code == 0


async def test_a_wrong_key_and_a_wrong_model_are_found_with_what_mends_them(
    stack: RunningStack,
) -> None:
    """The anon key in the variable of the other one; a model that the endpoint has not."""
    async with open_provider() as provider:
        code, said = await asyncio.to_thread(
            romashka,
            "doctor",
            SUPABASE_URL=stack.api_url,
            SUPABASE_SERVICE_ROLE_KEY=stack.anon_key,
            OPENAI_BASE_URL=provider.url,
            OPENAI_MODEL="another",
        )

    assert "✗ key             SUPABASE_SERVICE_ROLE_KEY is a key of the role anon\n" in said
    assert "→ export SUPABASE_SERVICE_ROLE_KEY=" in said
    assert f"has no another; it has {MODEL}\n" in said
    assert f"→ export OPENAI_MODEL={MODEL}\n" in said
    assert code == 1


def test_an_old_schema_is_found_and_refused_with_the_command(stack: RunningStack) -> None:
    """A worker that began would fail with each turn instead."""
    settings = {
        "SUPABASE_URL": stack.api_url,
        "SUPABASE_SERVICE_ROLE_KEY": stack.service_role_key,
    }
    with schema_version_zero(stack):
        code, said = romashka("doctor", **settings)
        worker_code, worker_said = romashka("worker", **settings)

    assert "✗ schema          the database has schema version 0" in said
    assert '→ romashka migrate --db-url "$DATABASE_URL"' in said
    assert code == 1
    assert "schema version 0" in worker_said
    assert "romashka migrate --db-url" in worker_said
    assert worker_code == 2


@pytest.mark.parametrize(
    ("change", "back", "says"),
    [
        (
            "revoke select on public.knowledge_items from service_role",
            "grant select on public.knowledge_items to service_role",
            "✗ grants          missing: service_role: select on public.knowledge_items\n",
        ),
        (
            "revoke execute on function public.get_romashka_installation from service_role",
            "grant execute on function public.get_romashka_installation to service_role",
            "✗ grants          the service role: permission denied for function",
        ),
        (
            "grant select on public.webhook_events to anon",
            "revoke select on public.webhook_events from anon",
            "! grants          additional: anon: select on public.webhook_events\n",
        ),
    ],
)
def test_a_grant_that_is_not_as_it_should_be_is_named(
    stack: RunningStack, change: str, back: str, says: str
) -> None:
    """It was once taken for a wrong key, and looked for in the dashboard for a morning."""
    settings = {
        "SUPABASE_URL": stack.api_url,
        "SUPABASE_SERVICE_ROLE_KEY": stack.service_role_key,
    }
    with psycopg.connect(stack.db_url, autocommit=True) as database:
        database.execute(change.encode())
        try:
            _, said = romashka("doctor", **settings)
        finally:
            database.execute(back.encode())

    assert says in said
    assert "→ romashka migrate --db-url" in said
    assert "key             the project refuses" not in said


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            "alter table public.messages disable trigger trigger_handle_new_message",
            "✗ triggers        trigger_handle_new_message on public.messages is off\n",
        ),
        (
            "drop trigger messages_guard on public.messages",
            "✗ triggers        messages_guard on public.messages is missing\n",
        ),
        (
            "alter table public.conversation_notes disable row level security",
            "✗ row security    off on public.conversation_notes: everybody reads it\n",
        ),
        (
            'drop policy "staff read the settings" on public.ai_settings',
            '✗ row security    no policy "staff read the settings" on public.ai_settings\n',
        ),
        (
            "alter publication supabase_realtime drop table public.messages",
            "✗ publication     supabase_realtime lacks public.messages\n",
        ),
    ],
)
def test_what_guards_the_rows_is_missed_and_its_command_brings_it_back(
    stack: RunningStack, change: str, says: str
) -> None:
    """A dump without it, a hand in the dashboard: nothing fails, and nothing is answered."""
    settings = {
        "SUPABASE_URL": stack.api_url,
        "SUPABASE_SERVICE_ROLE_KEY": stack.service_role_key,
        "DATABASE_URL": stack.db_url,
    }
    with psycopg.connect(stack.admin_url(), autocommit=True) as database:
        database.execute(change.encode())
    _, said = romashka("doctor", **settings)
    fix = said.split(says)[-1].splitlines()[0].partition("→ ")[2]
    mended = run_fix(fix, DATABASE_URL=stack.db_url)
    _, after = romashka("doctor", **settings)

    assert says in said
    assert fix.startswith("romashka migrate")
    assert "all repeatable files" in mended
    assert all(f"✓ {name:<15} " in after for name in ("triggers", "row security", "publication"))


def run_fix(command: str, **settings: str) -> str:
    """Type in a shell what doctor says; return what it prints."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    path = f"{ROMASHKA.parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-c", command],
        env=inherited | {"PATH": path} | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def schema_version_zero(stack: RunningStack) -> Iterator[None]:
    """Let the database say, within the block, that it is older than it is."""
    function = "public.get_romashka_installation"
    with psycopg.connect(stack.db_url, autocommit=True) as database:
        row = database.execute(f"select pg_get_functiondef('{function}'::regproc)").fetchone()
        assert row is not None
        database.execute(
            f"create or replace function {function}() returns jsonb"
            " language sql stable security definer set search_path = ''"
            """ as $$ select '{"schema_version": 0}'::jsonb $$"""
        )
        try:
            yield
        finally:
            database.execute(row[0])


async def test_what_the_database_lacks_is_told_apart(stack: RunningStack) -> None:
    """Each of these is a morning's search without a name for it."""
    async with service_of(stack) as service:
        good = await service.call("get_romashka_installation")
    oldest = min(good["files"])
    sweep = good["cron"]["romashka-sweep"]
    without_one = {name: digest for name, digest in good["files"].items() if name != oldest}

    assert problems(good) == {}
    for name, changed, says, fix in [
        ("migrations", {"files": without_one}, f"1 not applied: {oldest}", "romashka migrate"),
        ("migrations", {"files": good["files"] | {oldest: "0"}}, "another edition", "migrate"),
        ("extensions", {"extensions": {}}, "not found by its meaning", "create extension"),
        ("extensions", {"extensions": {}, "available": []}, "vector is not", "install pgvector on"),
        ("pg_cron", {"cron": None, "available": []}, "not there", "shared_preload_libraries"),
        ("extensions", {"extensions": {"vector": "1"}}, "pg_trgm is not there", "pg_trgm schema"),
        (
            "extensions",
            {"files": good["files"] | {"extensions": "vector in extensions"}},
            "pg_trgm came later",
            "romashka migrate",
        ),
        ("queue", {"set_aside": 3}, "3 turns cannot be settled", "set_aside_reasons"),
        ("pg_cron", {"cron": None}, "not there", "private.schedule_jobs()"),
        ("pg_cron", {"cron": {}}, "nothing is scheduled", "private.schedule_jobs()"),
        ("pg_cron", {"cron": {"romashka-sweep": sweep | {"active": False}}}, "off", "alter_job"),
        (
            "pg_cron",
            {"cron": {"romashka-sweep": sweep | {"fails": True}}},
            "fails",
            "job_run_details",
        ),
    ]:
        found = problems(good | changed)

        assert list(found) == [name]
        assert says in found[name][0]
        assert fix in found[name][1]


def problems(installed: dict[str, Any]) -> dict[str, tuple[str, str]]:
    settings = Settings.model_validate(
        {"SUPABASE_URL": "https://abc.supabase.co", "SUPABASE_SECRET_KEY": "key"}
    )
    return {
        finding.name: (finding.says, str(finding.fix))
        for finding in look_at_installation(installed, settings)
        if finding.state != "ok"
    }


@pytest.mark.parametrize(
    ("key", "is_wrong"),
    [
        ("sb_secret_abc", False),
        ("sb_publishable_abc", True),
        ("e30.eyJyb2xlIjoiYW5vbiJ9.x", True),
        ("e30.eyJyb2xlIjoic2VydmljZV9yb2xlIn0.x", False),
        ("no key at all", False),
    ],
)
def test_a_key_that_tells_its_role_is_believed_when_it_is_wrong(key: str, is_wrong: bool) -> None:
    """Of the others the project itself says whether it takes them."""
    assert (look_at_key(key) is not None) == is_wrong
