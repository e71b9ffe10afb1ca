"""A worker that cannot work says why in one line, and ends."""

import pytest

from tests.support.stacks import RunningStack
from tests.worker.worker_process import start_worker


async def said_by(environment: dict[str, str]) -> tuple[int | None, str]:
    """Return the exit code and what was said."""
    process = await start_worker(environment)
    output, errors = await process.communicate()
    assert output == b""
    return process.returncode, errors.decode()


async def test_a_missing_setting_is_named() -> None:
    """An operator reads the name of the variable, not of a class."""
    code, said = await said_by({"SUPABASE_URL": "http://127.0.0.1:9"})

    assert code == 2
    assert said == "unable to start the worker; SUPABASE_SERVICE_ROLE_KEY is not set\n"


async def test_a_setting_that_makes_no_sense_is_named(stack: RunningStack) -> None:
    """So is a typing error in a number."""
    code, said = await said_by(
        {"SUPABASE_URL": stack.api_url, "SUPABASE_SECRET_KEY": "k", "ROMASHKA_CONCURRENCY": "many"}
    )

    assert code == 2
    assert said.startswith("unable to start the worker; ROMASHKA_CONCURRENCY: ")
    assert said.count("\n") == 1


@pytest.mark.parametrize("kind", ["anon", "no.such.key"])
async def test_a_key_that_may_not_work_the_queue_is_refused(stack: RunningStack, kind: str) -> None:
    """The anon key in the wrong variable is the likeliest mistake of all."""
    key = stack.anon_key if kind == "anon" else kind
    code, said = await said_by({"SUPABASE_URL": stack.api_url, "SUPABASE_SECRET_KEY": key})

    assert code == 2
    assert "SUPABASE_SERVICE_ROLE_KEY is not the project's service role key" in said
    assert said.count("\n") == 1


async def test_nobody_at_the_url_is_said_with_the_url() -> None:
    """A supervisor tries again: the exit code is another than for a wrong setting."""
    code, said = await said_by(
        {"SUPABASE_URL": "http://127.0.0.1:9", "SUPABASE_SERVICE_ROLE_KEY": "key"}
    )

    assert code == 1
    assert "http://127.0.0.1:9" in said
    assert said.count("\n") == 1


async def test_a_url_that_is_none_is_said(stack: RunningStack) -> None:
    """`localhost:54321` without a scheme."""
    code, said = await said_by({"SUPABASE_URL": "localhost:54321", "SUPABASE_SECRET_KEY": "key"})

    assert code == 2
    assert "SUPABASE_URL" in said
    assert said.count("\n") == 1


async def test_a_project_without_the_migrations_is_said(bare_stack: RunningStack) -> None:
    """The next step of an installation is named."""
    code, said = await said_by(
        {
            "SUPABASE_URL": bare_stack.api_url,
            "SUPABASE_SERVICE_ROLE_KEY": bare_stack.service_role_key,
        }
    )

    assert code == 2
    assert "romashka migrate" in said
    assert said.count("\n") == 1
