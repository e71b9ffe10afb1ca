"""Extensions as the hosted platform has them, where the server's own installation differs.

Two things differ. The wheel lacks some, for which this folder has stand-ins written in SQL. And the
hosted platform lets `postgres`, no superuser, create extensions that are not marked as trusted.
PostgreSQL 18 looks for extensions in `extension_control_path` first, which serves for both; older
servers have only what is installed.
"""

import re
import shutil
from pathlib import Path

from romashka_local.server_account import ServerAccount

# Of the extensions that hosted projects offer, those that PostgreSQL reserves for superusers.
_TRUSTED_WHEN_HOSTED = (
    "autoinc",
    "bloom",
    "dblink",
    "earthdistance",
    "insert_username",
    "moddatetime",
    "pg_prewarm",
    "pg_stat_statements",
    "pg_walinspect",
    "pgrowlocks",
    "pgstattuple",
    "postgres_fdw",
    "refint",
    "vector",
)


def stand_in(name: str) -> str:
    """Return the script of one stand-in, for a server that cannot find it by itself."""
    [script] = Path(__file__).parent.glob(f"{name}--*.sql")
    return script.read_text(encoding="utf-8")


def extension_control_path(binaries: Path, cluster: Path, account: ServerAccount) -> str:
    """Write beside `cluster` what the server there shall find first, and return its search path."""
    folder = cluster.with_name(cluster.name + ".extensions")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(
        Path(__file__).parent,
        folder / "extension",
        ignore=shutil.ignore_patterns("*.py", "__pycache__"),
    )
    installed = binaries.parent / "share" / "extension"
    for name in _TRUSTED_WHEN_HOSTED:
        control = installed / f"{name}.control"
        if control.exists():
            text = re.sub(r"(?m)^(trusted|directory)\b.*\n", "", control.read_text())
            text += f"\ntrusted = true\ndirectory = '{installed}'\n"
            (folder / "extension" / control.name).write_text(text)
    account.own(folder)
    return f"{folder}:$system"
