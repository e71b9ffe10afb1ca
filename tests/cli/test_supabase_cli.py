"""The real Supabase CLI: it and `romashka` work on one database, and its advisors find nothing."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from romashka._export import export_migrations
from romashka._installation import install
from romashka._migration_files import product_folder
from romashka_local.postgres import Cluster

from tests.adoption.originals import adopt
from tests.support.javascript import install_packages
from tests.support.stacks import ROMASHKA
from tests.upgrade.catalog import read_catalog

_HERE = Path(__file__).parent

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


def _project(folder: Path) -> Path:
    """Make a project folder; return its folder of migrations."""
    (folder / "supabase" / "migrations").mkdir(parents=True, exist_ok=True)
    (folder / "supabase" / "config.toml").write_text('project_id = "test"\n')
    return folder / "supabase" / "migrations"


def _export(migrations: Path) -> None:
    subprocess.run([ROMASHKA, "migrations", "export", migrations], check=True, capture_output=True)


def test_what_is_exported_installs_romashka(
    cli: Cli, bare_db: str, template_db: str, cluster: Cluster, tmp_path: Path
) -> None:
    """Teams that deploy with `db push` get what `romashka migrate` makes, and may change to it."""
    _export(_project(tmp_path))
    first = cli("db", "push", url=bare_db)
    second = cli("db", "push", url=bare_db)

    assert "Finished supabase db push" in first
    assert "up to date" in second
    assert read_catalog(bare_db) == read_catalog(cluster.url("postgres", template_db))
    assert install(bare_db) == []


def test_the_cli_goes_on_where_romashka_stopped(cli: Cli, bare_db: str, tmp_path: Path) -> None:
    """The other way round: the exported files are known, or change nothing."""
    install(bare_db)
    before = read_catalog(bare_db)
    _export(_project(tmp_path))
    cli("db", "push", url=bare_db)

    assert read_catalog(bare_db) == before
    assert install(bare_db) == []


def test_an_upgrade_comes_as_one_more_file(cli: Cli, bare_db: str, tmp_path: Path) -> None:
    """The CLI applies a version once: what is repeatable has to come with a new one."""
    migrations = _project(tmp_path)
    _export(migrations)
    cli("db", "push", url=bare_db)
    edition = shutil.copytree(product_folder(), tmp_path / "edition")
    settings = edition / "repeatable" / "0500_settings.sql"
    settings.write_text(settings.read_text().replace("a human takes over.", "it is handed over."))
    (edition / "migrations" / "29990101000000_next.sql").write_text("select 1;")
    copied, _ = export_migrations(migrations, edition)
    again, _ = export_migrations(migrations, edition)
    cli("db", "push", url=bare_db)

    assert copied[0] == "29990101000000_next.sql"
    assert copied[1] > copied[0], "functions after the tables that they use"
    assert (len(copied), again) == (2, [])
    assert install(bare_db, edition) == []
    with psycopg.connect(bare_db) as connection:
        said = connection.execute(
            "select obj_description('private.handover_text'::regproc, 'pg_proc')"
        ).fetchone()
    assert said == ("What a customer of this language is told when it is handed over.",)


def test_a_project_with_migrations_of_its_own_takes_them_in(
    cli: Cli, bare_db: str, tmp_path: Path
) -> None:
    """The CLI refuses a history with files that it lacks; the export gives it them."""
    migrations = _project(tmp_path)
    (migrations / "20260601000000_shops.sql").write_text("create table public.shops (id int);")
    cli("db", "push", url=bare_db)
    install(bare_db)
    (migrations / "20991231000000_more.sql").write_text("create table public.more (id int);")
    with pytest.raises(AssertionError, match="not found in local migrations directory"):
        cli("db", "push", url=bare_db)

    _export(migrations)
    cli("db", "push", url=bare_db)
    with psycopg.connect(bare_db) as connection:
        applied = connection.execute(
            "select version from supabase_migrations.schema_migrations order by version"
        ).fetchall()
    assert [version for (version,) in applied] == sorted(
        path.name.partition("_")[0] for path in migrations.iterdir()
    )


def test_exported_files_are_applied_beside_newer_ones(
    cli: Cli, bare_db: str, tmp_path: Path
) -> None:
    """Romashka's versions are older than what a project wrote since: the CLI wants to be told."""
    migrations = _project(tmp_path)
    (migrations / "20991231000000_shops.sql").write_text("create table public.shops (id int);")
    cli("db", "push", url=bare_db)
    _export(migrations)
    cli("db", "push", "--include-all", url=bare_db)

    assert install(bare_db) == []


@pytest.mark.parametrize("original", [None, "full product wide open", "chat widget"])
def test_the_advisors_find_nothing(
    cli: Cli, cluster: Cluster, template_db: str, tmp_path: Path, original: str | None
) -> None:
    """They are what an operator's dashboard shows; an index is used once there is traffic."""
    name = adopt(cluster, original).template if original else template_db
    said = cli(
        "db", "advisors", "--level", "info", "--output-format", "json",
        url=cluster.url("postgres", name), project=_project(tmp_path).parents[1],
    )  # fmt: skip
    found = json.loads(said)["results"]

    assert found, "an unused index at least: otherwise nobody looked"
    assert [item["detail"] for item in found if item["name"] != "unused_index"] == []
