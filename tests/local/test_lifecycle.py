"""`romashka start` as a process: it starts, survives, says what is wrong, leaves nothing behind."""

import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest
from romashka_local.postgres import find_binaries
from websockets.sync.client import connect

from tests.support.folders import make_folder
from tests.support.stacks import (
    ROMASHKA,
    run_stack,
    said,
    start_stack,
    stop_stack,
    wait_until_ready,
)

Eventually = Callable[..., Any]


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A folder that is not there yet."""
    folder = make_folder()
    yield folder / "data"
    shutil.rmtree(folder)


def _postgres_of(data_dir: Path) -> psutil.Process:
    pid = int((data_dir / "postgres" / "postmaster.pid").read_text().partition("\n")[0])
    return psutil.Process(pid)


def _is_alive(process: psutil.Process) -> bool:
    """Say whether it runs; in a container nobody may have reaped what has ended."""
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def _command(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROMASHKA, *arguments], cwd=cwd, capture_output=True, text=True, timeout=50
    )


def test_a_stack_stops_at_once_even_with_an_open_websocket(data_dir: Path) -> None:
    """Ctrl-C must give the terminal back, with a browser still connected."""
    process = start_stack("--no-migrate", "--data-dir", str(data_dir))
    running = wait_until_ready(process)
    postgres = _postgres_of(data_dir)
    address = running.api_url.replace("http", "ws") + "/realtime/v1/websocket"
    with connect(f"{address}?apikey={running.anon_key}") as websocket:
        websocket.send('{"topic":"phoenix","event":"heartbeat","payload":{},"ref":"1"}')
        assert json.loads(websocket.recv(5))["payload"]["status"] == "ok"
        exit_code = stop_stack(process, seconds=6)

    assert exit_code == 0
    assert not _is_alive(postgres)


def test_sigterm_while_starting_leaves_nothing_behind(
    data_dir: Path, eventually: Eventually
) -> None:
    """A supervisor may stop the stack before it is ready."""
    process = start_stack("--data-dir", str(data_dir))
    pid_file = data_dir / "postgres" / "postmaster.pid"
    eventually(lambda: pid_file.exists() and pid_file.read_text())  # made first, then written
    postgres = _postgres_of(data_dir)
    process.send_signal(signal.SIGTERM)

    assert process.wait(10) == 0
    assert not _is_alive(postgres)
    stop_stack(process)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGHUP])
def test_after_a_sudden_end_the_next_start_has_all_that_was_committed(
    data_dir: Path, eventually: Eventually, how: signal.Signals
) -> None:
    """A crash, or a closed terminal, must cost nobody their data, nor leave a Postgres behind."""
    process = start_stack("--no-migrate", "--data-dir", str(data_dir))
    running = wait_until_ready(process)
    with psycopg.connect(running.db_url, autocommit=True) as connection:
        connection.execute("create table kept as select 'still here' as value")
    postgres = _postgres_of(data_dir)
    process.send_signal(how)
    process.wait(15)
    stop_stack(process)
    eventually(lambda: not _is_alive(postgres))

    with (
        run_stack("--no-migrate", "--data-dir", str(data_dir)) as again,
        psycopg.connect(again.db_url) as connection,
    ):
        assert connection.execute("select value from kept").fetchone() == ("still here",)


def test_a_postgres_that_outlived_its_stack_is_stopped_by_the_next_start(data_dir: Path) -> None:
    """Where the kernel does not end it with its parent, it would keep the folder for itself."""
    process = start_stack("--no-migrate", "--data-dir", str(data_dir))
    wait_until_ready(process)
    leftover = _postgres_of(data_dir)
    leftover.suspend()  # so that it cannot follow its parent
    process.kill()
    stop_stack(process)
    assert _is_alive(leftover)

    with run_stack("--no-migrate", "--data-dir", str(data_dir)):
        assert not _is_alive(leftover)


def test_a_stack_whose_postgres_dies_ends_and_says_so(data_dir: Path) -> None:
    """Half a stack would answer some requests and hang on others."""
    process = start_stack("--no-migrate", "--data-dir", str(data_dir))
    wait_until_ready(process)
    _postgres_of(data_dir).send_signal(signal.SIGQUIT)

    assert process.wait(15) == 1
    assert f"romashka: Postgres ended by itself; see {data_dir}" in said(process)
    stop_stack(process)


def test_two_stacks_run_side_by_side() -> None:
    """Two checkouts of a team, or two test runs, must not meet."""
    with (
        run_stack("--ephemeral", "--no-migrate") as one,
        run_stack("--ephemeral", "--no-migrate") as two,
    ):
        with psycopg.connect(one.db_url, autocommit=True) as connection:
            connection.execute("create table only_here ()")
        with psycopg.connect(two.db_url) as connection:
            found = connection.execute("select to_regclass('only_here')").fetchone()

    assert found == (None,)
    assert one.api_url != two.api_url


def test_an_ephemeral_stack_leaves_no_folder(tmp_path: Path) -> None:
    """Tests start hundreds of them."""
    process = start_stack("--ephemeral", "--no-migrate", cwd=tmp_path)
    wait_until_ready(process)
    [postgres] = psutil.Process(process.pid).children()
    folder = Path(postgres.cwd())
    stop_stack(process)

    assert not folder.parent.exists()
    assert list(tmp_path.iterdir()) == []


def test_a_second_start_in_the_same_folder_is_refused(data_dir: Path) -> None:
    """Two servers on one set of files would destroy them."""
    with run_stack("--no-migrate", "--data-dir", str(data_dir)):
        second = _command("start", "--port", "0", "--db-port", "0", "--data-dir", str(data_dir))

    assert second.returncode == 1
    assert second.stderr == (
        f"romashka: another stack runs in {data_dir}; stop it, or choose another --data-dir\n"
    )


@pytest.mark.parametrize("option", ["--port", "--db-port"])
def test_a_taken_port_is_named(option: str) -> None:
    """The usual mistake: another stack, or `supabase start`, already runs."""
    free = {"--port": "0", "--db-port": "0"}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        chosen = [part for pair in (free | {option: port}).items() for part in pair]
        done = _command("start", "--ephemeral", *chosen)

    assert done.returncode == 1
    assert done.stderr == f"romashka: port {port} is taken; choose another one with {option}\n"


def test_a_folder_of_another_postgres_version_is_left_alone(data_dir: Path) -> None:
    """Starting a newer server on it must not be tried, let alone overwrite it."""
    (data_dir / "postgres").mkdir(parents=True)
    (data_dir / "postgres" / "PG_VERSION").write_text("15\n")
    done = _command("start", "--port", "0", "--db-port", "0", "--data-dir", str(data_dir))

    assert done.returncode == 1
    assert "belongs to PostgreSQL 15, not 18." in done.stderr
    assert "--postgres-bin" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert os.listdir(data_dir / "postgres") == ["PG_VERSION"]


def test_a_data_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    """No trace for a mistyped option."""
    (tmp_path / "file").touch()
    done = _command("start", "--port", "0", "--db-port", "0", "--data-dir", str(tmp_path / "file"))

    assert done.returncode == 1
    assert done.stderr.startswith(f"romashka: unable to use {tmp_path / 'file'}; ")
    assert len(done.stderr.splitlines()) == 1


def test_a_folder_without_postgres_is_refused(tmp_path: Path) -> None:
    """No trace for a mistyped option."""
    done = _command("start", "--ephemeral", "--postgres-bin", str(tmp_path))

    assert done.returncode == 1
    assert done.stderr.startswith(f"romashka: no Postgres server in {tmp_path}; ")


def test_a_failed_initdb_tells_its_cause() -> None:
    """Its last line says only which folder it removes again."""
    real = find_binaries().folder
    folder = Path(tempfile.mkdtemp(prefix="romashka-test-"))
    folder.chmod(0o755)
    try:
        (folder / "postgres").symlink_to(real / "postgres")
        initdb = folder / "initdb"
        broken = "-c shared_preload_libraries=nothing"
        initdb.write_text(f'#!/bin/sh\nexec "{real}/initdb" "$@" {broken}\n')
        initdb.chmod(0o755)
        done = _command("start", "--ephemeral", "--postgres-bin", str(folder))
    finally:
        shutil.rmtree(folder)

    assert done.returncode == 1
    assert 'could not access file "nothing"' in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.applies_if(psutil.LINUX)  # it alone tells another process's limits
def test_a_low_limit_of_open_files_is_raised() -> None:
    """Each customer's socket is one: 256, a shell's on macOS, is too few for a hundred of them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        with run_stack("--ephemeral", "--no-migrate") as stack:
            raised, _ = psutil.Process(stack.process.pid).rlimit(psutil.RLIMIT_NOFILE)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert raised > 256


@pytest.mark.applies_if(psutil.LINUX)  # it alone sets another process's limits
def test_a_stack_that_runs_out_of_open_files_says_so(eventually: Eventually) -> None:
    """What its clients see ("connection is bad") names no cause; no part may crash of it."""
    with (
        run_stack("--ephemeral", "--no-migrate") as stack,
        psycopg.connect(stack.admin_url(), autocommit=True) as database,
        ExitStack() as opened,
    ):
        process = psutil.Process(stack.process.pid)
        limit = process.num_fds() + 40
        process.rlimit(psutil.RLIMIT_NOFILE, (limit, limit))
        url = httpx.URL(stack.api_url)
        for _ in range(limit):  # not 40: some of what the start had open is closed by now
            opened.enter_context(closing(socket.create_connection((url.host, url.port))))
        eventually(lambda: f"of {limit} open files are in use" in said(stack.process))
        database.execute("create table public.of_then()")
        time.sleep(1)  # the API reads the new schema meanwhile
        opened.close()
        with httpx.Client(base_url=stack.api_url, headers={"apikey": stack.secret_key}) as client:
            eventually(lambda: client.get("/auth/v1/admin/users").status_code == 200)
            assert client.get("/rest/v1/of_then").status_code == 200


def test_a_stack_survives_the_loss_of_all_its_connections(eventually: Eventually) -> None:
    """As when a developer ends every session of the database: no part may stay silently dead."""
    with run_stack("--ephemeral", "--no-migrate") as stack:
        with psycopg.connect(stack.admin_url(), autocommit=True) as connection:
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where pid <> pg_backend_pid() and backend_type in ('client backend', 'walsender')"
            )
        with httpx.Client(base_url=stack.api_url, headers={"apikey": stack.secret_key}) as client:
            for path in ("/rest/v1/", "/auth/v1/admin/users", "/storage/v1/bucket"):
                eventually(lambda path=path: client.get(path).status_code == 200)  # type: ignore[misc]

        assert stack.process.poll() is None
