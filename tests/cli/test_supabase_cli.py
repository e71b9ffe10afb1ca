"""The real Supabase CLI: it and `romashka` work on one database, and its advisors find nothing."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from romashka._migration_files import find_migrations, product_folder
from romashka._migrations import apply_migrations
from romashka_local.postgres import Cluster

from tests.adoption.originals import adopt
from tests.support.javascript import install_packages
from tests.support.stacks import ROMASHKA

_HERE = Path(__file__).parent
_NAMES = [migration.path.name for migration in find_migrations(product_folder())]

Cli = Callable[..., str]


@pytest.fixture(scope="session")
def supabase() -> Path:
    """The program `supabase`, installed when it is first needed."""
    install_packages(_HERE)
    return _HERE / "node_modules" / ".bin" / "supabase"


@pytest.fixture
def cli(supabase: Path, tmp_path: Path) -> Cli:
    """Run the CLI on a database with a project folder's files, and return what it says."""

    def run(*command: str, url: str, project: Path = tmp_path) -> str:
        done = subprocess.run(
            [supabase, *command, f"--remote={url}", "--workdir", project, "--yes"],
            cwd=tmp_path,
            env=os.environ | {"HOME": str(tmp_path)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def _project(folder: Path, names: list[str]) -> Path:
    """Make a project folder that holds these migrations of Romashka; return its `supabase`."""
    (folder / "supabase" / "migrations").mkdir(parents=True, exist_ok=True)
    (folder / "supabase" / "config.toml").write_text('project_id = "test"\n')
    for name in names:
        shutil.copy(product_folder() / "migrations" / name, folder / "supabase" / "migrations")
    return folder / "supabase"


def _applied(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "select version || '_' || name || '.sql'"
            " from supabase_migrations.schema_migrations order by version"
        )
        return [name for (name,) in rows]


def test_the_cli_goes_on_where_romashka_stopped(cli: Cli, bare_db: str, tmp_path: Path) -> None:
    """A team may change from one to the other at any time."""
    half = _project(tmp_path / "half", _NAMES[:6])
    apply_migrations(bare_db, half)
    _project(tmp_path, _NAMES)
    first = cli("db", "push", url=bare_db)
    second = cli("db", "push", url=bare_db)

    assert "Finished supabase db push" in first
    assert "up to date" in second
    assert _applied(bare_db) == _NAMES
    assert apply_migrations(bare_db) == []


def test_romashka_goes_on_where_the_cli_stopped(cli: Cli, bare_db: str, tmp_path: Path) -> None:
    """The same the other way round."""
    half = _project(tmp_path / "half", _NAMES[:6])
    cli("db", "push", url=bare_db, project=half.parent)

    assert apply_migrations(bare_db) == _NAMES[6:]
    assert _applied(bare_db) == _NAMES


def test_a_project_with_migrations_of_its_own_takes_them_in(
    cli: Cli, bare_db: str, tmp_path: Path
) -> None:
    """The CLI refuses a history with files that it lacks; the export gives it them."""
    migrations = _project(tmp_path, []) / "migrations"
    (migrations / "20260601000000_shops.sql").write_text("create table public.shops (id int);")
    cli("db", "push", url=bare_db)
    apply_migrations(bare_db)
    (migrations / "20260701000000_more.sql").write_text("create table public.more (id int);")
    with pytest.raises(AssertionError, match="not found in local migrations directory"):
        cli("db", "push", url=bare_db)

    subprocess.run([ROMASHKA, "migrations", "export", migrations], check=True, capture_output=True)
    cli("db", "push", url=bare_db)
    assert _applied(bare_db) == [
        *_NAMES,
        "20260601000000_shops.sql",
        "20260701000000_more.sql",
    ]


def test_exported_files_are_applied_beside_newer_ones(
    cli: Cli, bare_db: str, tmp_path: Path
) -> None:
    """Romashka's versions are older than what a project wrote since: the CLI wants to be told."""
    migrations = _project(tmp_path, []) / "migrations"
    (migrations / "20260601000000_shops.sql").write_text("create table public.shops (id int);")
    cli("db", "push", url=bare_db)
    subprocess.run([ROMASHKA, "migrations", "export", migrations], check=True, capture_output=True)
    cli("db", "push", "--include-all", url=bare_db)

    assert apply_migrations(bare_db) == []


@pytest.mark.parametrize("original", [None, "full product wide open", "chat widget"])
def test_the_advisors_find_nothing(
    cli: Cli, cluster: Cluster, template_db: str, tmp_path: Path, original: str | None
) -> None:
    """They are what an operator's dashboard shows; an index is used once there is traffic."""
    name = adopt(cluster, original).template if original else template_db
    said = cli(
        "db", "advisors", "--level", "info", "--output-format", "json",
        url=cluster.url("postgres", name), project=_project(tmp_path, []).parent,
    )  # fmt: skip
    found = json.loads(said)["results"]

    assert found, "an unused index at least: otherwise nobody looked"
    assert [item["detail"] for item in found if item["name"] != "unused_index"] == []
