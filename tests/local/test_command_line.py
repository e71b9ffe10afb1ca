"""What a user did wrong, or has not installed, is one clear line and exit code 1 or 2."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.stacks import ROMASHKA


def _without(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line as it is where `module` is not installed."""
    program = (
        f"import sys; sys.modules[{module!r}] = None; sys.argv = {['romashka', *arguments]!r};"
        "from romashka._cli import main; main()"
    )
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)


@pytest.mark.parametrize(
    ("module", "arguments", "extra"),
    [
        ("typer", ["start"], "local"),
        ("uvloop", ["start", "--ephemeral"], "local"),
        ("psycopg", ["migrate", "--db-url", "postgresql://localhost"], "migrate"),
        ("structlog", ["worker"], "worker"),
    ],
)
def test_a_missing_extra_is_named(module: str, arguments: list[str], extra: str) -> None:
    """`pip install romashka` brings the SDK alone; the rest is asked for when it is needed."""
    done = _without(module, *arguments)

    assert done.returncode == 1
    assert done.stderr == (
        f"romashka: {module} is not installed; pip install 'romashka[{extra}]'\n"
    )


def test_a_script_that_wants_the_sdk_loads_nothing_else() -> None:
    """Neither the command line's libraries nor a database driver nor a server."""
    program = (
        "import sys, romashka;"
        "print([m for m in ('typer', 'psycopg', 'uvicorn', 'starlette') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert done.stdout == "[]\n", done.stderr


@pytest.mark.parametrize(
    "arguments",
    [["start", "--port", "70000"], ["start", "--port", "no"], ["nothing"], ["status", "-o", "xml"]],
)
def test_a_wrong_option_is_a_usage_error(arguments: list[str]) -> None:
    """Exit code 2, as any command line has it."""
    done = subprocess.run([ROMASHKA, *arguments], capture_output=True, text=True)

    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def _start_in(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [ROMASHKA, "start", "--ephemeral", "--port", "0", "--db-port", "0"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=50)


def test_a_broken_config_is_named_with_its_line(tmp_path: Path) -> None:
    """The file that a user edits most."""
    (tmp_path / "supabase").mkdir()
    (tmp_path / "supabase" / "config.toml").write_text("[auth]\nenabled = maybe\n")
    done = _start_in(tmp_path)

    assert done.returncode == 1
    assert done.stderr.startswith("romashka: unable to read ")
    assert "line 2" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_broken_migration_is_named_with_its_line(tmp_path: Path) -> None:
    """The stack does not start with half a schema."""
    (tmp_path / "supabase" / "migrations").mkdir(parents=True)
    (tmp_path / "supabase" / "migrations" / "1_bad.sql").write_text("select 1;\nselect nothing;\n")
    done = _start_in(tmp_path)

    assert done.returncode == 1
    assert done.stderr == (
        "romashka: unable to apply the migrations; "
        '1_bad.sql, line 2: column "nothing" does not exist\n'
    )
