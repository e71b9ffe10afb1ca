"""The database's types in TypeScript, as the Supabase CLI gives them: `make types` writes them."""

import os
import subprocess
import tempfile
from pathlib import Path

from romashka._installation import install

from tests.support.databases import clone, make_template, temporary_cluster
from tests.support.javascript import BIN, WORKSPACE, install_packages

_ROOT = Path(__file__).parents[2]
_CLI = _ROOT / "tests" / "cli"
SDK = _ROOT / "sdk" / "typescript"
FILE = SDK / "src" / "database.ts"
_HEADER = "/** The database's types. `make types` writes this file: do not edit it. */\n"


def generate_types(database_url: str) -> str:
    """Return what belongs into `FILE` for a database."""
    install_packages(_CLI)
    install_packages(WORKSPACE)
    with tempfile.TemporaryDirectory() as empty:  # no project, and no settings of this user
        supabase = [_CLI / "node_modules/.bin/supabase", "gen", "types", "--schema", "public"]
        said = _run([*supabase, f"--remote={database_url}", "--workdir", empty], home=empty)
    # Before the types it greets; after them come aliases that nobody here needs.
    types = said[said.index("export type Json") : said.index("type DatabaseWithoutInternals")]
    prettier = [BIN / "prettier", "--stdin-filepath", "types.ts"]
    return _run(prettier, stdin=_HEADER + types)


def _run(command: list[str | Path], *, stdin: str = "", home: str | None = None) -> str:
    done = subprocess.run(
        command,
        cwd=SDK,
        env=os.environ | ({"HOME": home} if home else {}),
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def main() -> None:
    """Write the types of the migrations as they are."""
    with temporary_cluster() as cluster, clone(cluster, make_template(cluster, "types")) as url:
        install(url)
        FILE.write_text(generate_types(url))


if __name__ == "__main__":
    main()
