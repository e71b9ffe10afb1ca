"""Editions of the schema beside one another: this one, and folders of older ones."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from romashka._installation import install
from romashka._migrations import apply_migrations
from romashka_local.bootstrap import bootstrap_database
from romashka_local.postgres import Cluster, run_cluster


@contextmanager
def server_with(folder: Path) -> Iterator[Cluster]:
    """Run a durable server with the edition in a `supabase` folder; its cron does nothing."""
    with TemporaryDirectory(prefix="romashka-bench-", ignore_cleanup_errors=True) as home:
        Path(home).chmod(0o755)
        with run_cluster(Path(home) / "postgres") as cluster:
            bootstrap_database(cluster.url(), exposes_new_tables=True)
            if (folder / "repeatable").is_dir():
                install(cluster.url("postgres"), folder)
            else:  # of before it had repeatable files
                apply_migrations(cluster.url("postgres"), folder)
            with psycopg.connect(cluster.url(), autocommit=True) as database:
                database.execute("select cron.unschedule(jobname) from cron.job")
            yield cluster
