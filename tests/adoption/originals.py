"""The original's databases, as their owners have them today, and what became of them."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from romashka._installation import install
from romashka_local.postgres import Cluster

from tests.support import databases

_HERE = Path(__file__).parent
_FULL = [f"family_a/{name}.sql" for name in ("tables", "rows", "code", "access")]
_WHOLE = ("messaging", "team", "integrations", "access", "rows", "triggers")

ORIGINALS = {
    "full product": _FULL,
    "full product with unique phones": [*_FULL, "family_a/unique_phones.sql"],
    "full product wide open": [*_FULL, "family_a/wide_open.sql"],
    "chat widget": ["family_b.sql"],
    "whole product": [*_FULL, *(f"whole/{name}.sql" for name in _WHOLE)],
}

Rows = dict[str, dict[str, dict[str, Any]]]
"""Every row by its table and id."""


@dataclass(frozen=True, slots=True)
class Adopted:
    """A database of the original that Romashka's migrations were applied to."""

    template: str
    before: Rows
    notices: list[str]


def install_original(url: str, original: str) -> None:
    """Make a bare Supabase database one of the original's."""
    with psycopg.connect(url) as connection:
        for name in ORIGINALS[original]:
            connection.execute((_HERE / name).read_bytes())


@cache  # pytest makes a parametrised fixture anew for each module
def adopt(cluster: Cluster, original: str) -> Adopted:
    """Make a database of the original, and apply the migrations to it; once for each cluster."""
    # Their projects have the default privileges of then.
    name = databases.make_template(cluster, original.replace(" ", "_"), exposes_new_tables=True)
    url = cluster.url("postgres", name)
    install_original(url, original)
    before = read_rows(url)
    with notices_of("romashka.migrations") as notices:
        install(url)
    return Adopted(name, before, notices)


def read_rows(url: str) -> Rows:
    """Return what is in the tables of the schema `public`."""
    with psycopg.connect(url) as connection:
        tables = [
            name
            for (name,) in connection.execute(
                "select relname from pg_class"
                " where relnamespace = 'public'::regnamespace and relkind = 'r'"
            )
        ]
        read = sql.SQL("select to_jsonb(t) from {} as t")
        return {
            table: {
                row["id"]: row
                for (row,) in connection.execute(read.format(sql.Identifier("public", table)))
            }
            for table in tables
        }


@contextmanager
def notices_of(logger: str) -> Iterator[list[str]]:
    """Collect what a logger is told within the block."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]  # this one only
    logging.getLogger(logger).addHandler(handler)
    try:
        yield lines
    finally:
        logging.getLogger(logger).removeHandler(handler)
