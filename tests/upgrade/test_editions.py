"""An installed project comes to this edition with all that it has, and to nothing in between."""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from uuid import UUID

import psycopg
import pytest
from romashka._edition import read_edition
from romashka._installation import install
from romashka._migration_files import product_folder
from romashka._migrations import MigrationError
from romashka_local.postgres import Cluster

from tests.adoption.originals import Rows, notices_of, read_rows
from tests.database.inbox import Inbox
from tests.support import databases
from tests.upgrade.catalog import read_catalog
from tests.upgrade.editions import EDITIONS, TOO_OLD, OldEdition, install_old

_CHANGED = "0500_settings.sql"


@dataclass(frozen=True, slots=True)
class Upgraded:
    """A database of an old edition, with rows, that was brought to this one."""

    template: str
    before: Rows
    waiting: UUID
    """A conversation whose turn nobody had answered by then."""
    notices: list[str]


@pytest.fixture(scope="module", params=EDITIONS, ids=lambda edition: edition.name)
def upgraded(
    cluster: Cluster, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Upgraded:
    edition: OldEdition = request.param
    name = databases.make_template(cluster, f"edition_{edition.commit}")
    url = cluster.url("postgres", name)
    install_old(url, edition, tmp_path_factory.mktemp("edition"))
    waiting = _work(url)
    before = read_rows(url)
    with notices_of("romashka.migrations") as notices:
        install(url)
    return Upgraded(name, before, waiting, notices)


def _work(url: str) -> UUID:
    """Let a team work: answered, handed over, read, noted, resolved; and one turn that waits."""
    with Inbox(url) as inbox:
        agent, customers = inbox.user("agent"), [inbox.user() for _ in range(3)]
        answered, handed_over, waiting = (inbox.open(who, "Hello?") for who in customers)
        jobs = {job["conversation_id"]: job for job in inbox.claim()}
        inbox.settle(jobs[answered], "Hello!")
        inbox.settle(jobs[handed_over], None, action="escalate", reason="human_requested")
        inbox.run("select public.mark_conversation_read(%s, 1)", answered, by=customers[0])
        inbox.say(handed_over, "I am here.", by=agent, sender="agent")
        inbox.run("select public.resolve_conversation(%s)", answered, by=agent)
        inbox.run(
            "insert into public.conversation_notes (conversation_id, content) values (%s, 'vip')",
            handed_over,
            by=agent,
        )
        inbox.run(
            "insert into public.knowledge_items (title, content) values ('Hours', 'From 9 to 5.')"
        )
        inbox.run("update public.ai_settings set persona = 'You are Ada.'")
        return waiting


@pytest.fixture
def upgraded_db(cluster: Cluster, upgraded: Upgraded) -> Iterator[str]:
    with databases.clone(cluster, upgraded.template) as url:
        yield url


def test_it_ends_in_the_catalog_of_a_new_database(
    cluster: Cluster, upgraded: Upgraded, template_db: str
) -> None:
    """What an upgrade forgets is a fault that only old customers see."""
    found = read_catalog(cluster.url("postgres", upgraded.template))
    wanted = read_catalog(cluster.url("postgres", template_db))

    assert sorted(found - wanted) == []
    assert sorted(wanted - found) == []


def test_no_row_changes_and_nobody_is_told_anything(cluster: Cluster, upgraded: Upgraded) -> None:
    """Not a position, not a read mark, not a time: an upgrade is no event of a conversation."""
    after = read_rows(cluster.url("postgres", upgraded.template))

    assert {
        (table, row_id, column)
        for table, rows in upgraded.before.items()
        for row_id, row in rows.items()
        for column, value in row.items()
        if (table, column) != ("ai_response_queue", "leased_by")  # a number since 0.2
        and after[table][row_id][column] != value
    } == set()
    assert after["messages"].keys() == upgraded.before["messages"].keys()
    assert upgraded.notices == []


def test_a_turn_that_waited_is_answered(upgraded: Upgraded, upgraded_db: str) -> None:
    """The workers go on in the middle of a customer's turn."""
    with Inbox(upgraded_db) as inbox:
        inbox.run(
            "update public.ai_response_queue set deadline = now() + interval '5 seconds'"
            " where status = 'pending' or status = 'processing'"
        )
        inbox.run(
            "update public.ai_response_queue set leased_until = now() where status = 'processing'"
        )
        [job] = inbox.claim()
        inbox.settle(job, "Hello again!")
        said = [message["content"] for message in inbox.messages(upgraded.waiting)]

    assert said == ["Hello?", "Hello again!"]


def test_a_second_run_changes_nothing(upgraded_db: str) -> None:
    """Deployments run it each time."""
    assert install(upgraded_db) == []


def test_what_cannot_be_upgraded_is_refused_in_one_line(bare_db: str, tmp_path: Path) -> None:
    """Half of this edition over a very old one would be neither."""
    install_old(bare_db, TOO_OLD, tmp_path)
    before = read_rows(bare_db)
    with pytest.raises(
        MigrationError, match=r"^this database has an edition .* cannot be upgraded;"
    ):
        install(bare_db)

    assert read_rows(bare_db) == before
    with psycopg.connect(bare_db) as connection:
        assert connection.execute("select to_regclass('private.applied_files')").fetchone() == (
            None,
        )


def test_an_older_edition_never_goes_over_a_newer_one(fresh_db: str) -> None:
    """A forgotten terminal with last month's package would take functions back."""
    with psycopg.connect(fresh_db) as connection:
        connection.execute(
            "insert into private.applied_files (name, digest)"
            " values ('29990101000000_next.sql', 'once')"
        )
    with pytest.raises(MigrationError, match=r"newer edition .*29990101000000_next\.sql"):
        install(fresh_db)


def test_nor_over_one_whose_functions_alone_are_newer(fresh_db: str) -> None:
    """The usual new edition has no new table."""
    with psycopg.connect(fresh_db) as connection:
        connection.execute(
            "create or replace function public.get_romashka_installation() returns jsonb"
            " language sql stable set search_path = ''"
            """ as $$ select '{"schema_version": 99}'::jsonb $$"""
        )
    with pytest.raises(MigrationError, match=r"newer edition .*schema version 99"):
        install(fresh_db)


@pytest.fixture
def edition(tmp_path: Path) -> Path:
    """A copy of this edition, to be changed."""
    return shutil.copytree(product_folder(), tmp_path / "supabase")


def _change_a_comment(edition: Path) -> None:
    path = edition / "repeatable" / _CHANGED
    text = path.read_text()
    assert "when a human takes over." in text
    path.write_text(text.replace("when a human takes over.", "at a hand-over."))


def test_a_changed_repeatable_file_is_applied_again(fresh_db: str, edition: Path) -> None:
    """It was once called up to date, and a half-old schema was what resulted."""
    _change_a_comment(edition)

    assert install(fresh_db, edition) == [_CHANGED]
    assert install(fresh_db, edition) == []
    with psycopg.connect(fresh_db) as connection:
        said = connection.execute(
            "select obj_description('private.handover_text'::regproc, 'pg_proc')"
        ).fetchone()
    assert said == ("What a customer of this language is told at a hand-over.",)
    assert install(fresh_db) == [_CHANGED], "and back, where an edition is taken back"


def test_line_ends_and_byte_order_marks_are_no_change(fresh_db: str, edition: Path) -> None:
    """A checkout on Windows has other bytes, and the same edition."""
    for path in edition.glob("*/*.sql"):
        text = path.read_text().replace("\n", "\r\n")
        path.write_bytes(b"\xef\xbb\xbf" + text.encode())

    assert install(fresh_db, edition) == []


def test_a_failing_file_changes_nothing(fresh_db: str, edition: Path) -> None:
    """A new table without its policies, or new policies beside old functions, would be a hole."""
    before = read_catalog(fresh_db)
    (edition / "migrations" / "29990101000000_next.sql").write_text("create table public.next ();")
    _change_a_comment(edition)
    (edition / "repeatable" / "1800_bad.sql").write_text("select 1;\n\nselect nothing;")
    with pytest.raises(MigrationError) as caught:
        install(fresh_db, edition)

    assert str(caught.value) == '1800_bad.sql, line 3: column "nothing" does not exist'
    assert read_catalog(fresh_db) == before


def test_two_runs_at_once_apply_each_file_once(bare_db: str) -> None:
    """Two workers that are deployed together both migrate."""
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(install, bare_db) for _ in range(2)]
        applied = [name for run in runs for name in run.result()]

    assert sorted(applied) == sorted(read_edition().records())


def test_a_table_that_is_in_use_is_waited_for(fresh_db: str, edition: Path) -> None:
    """A report that runs for a second must not make an upgrade fail, nor be ended by it."""
    _change_a_comment(edition)
    with psycopg.connect(fresh_db) as report:
        report.execute("select count(*) from public.conversations")
        Timer(1.5, report.rollback).start()

        assert install(fresh_db, edition) == [_CHANGED]


def test_an_open_report_does_not_disturb_what_is_up_to_date(fresh_db: str) -> None:
    """Each deployment migrates; a dump runs for an hour: nobody must wait behind the two."""
    with psycopg.connect(fresh_db) as report:
        report.execute("lock table public.messages in access share mode")

        assert install(fresh_db) == []


@pytest.mark.parametrize(
    "function", ["private.is_admin()", "private.is_staff(id uuid)", "public.prune(what text)"]
)
def test_a_function_of_the_projects_own_by_a_name_of_ours_is_named(
    bare_db: str, function: str
) -> None:
    """It would be replaced without a word, or make each bare call of the name ambiguous."""
    with psycopg.connect(bare_db) as connection:
        connection.execute("create schema private")
        connection.execute(
            f"create function {function} returns boolean language sql as 'select true'".encode()
        )
    with pytest.raises(MigrationError, match=r"names of Romashka's: (private|public)\.\w+\("):
        install(bare_db)

    with psycopg.connect(bare_db) as connection:
        assert connection.execute("select to_regclass('public.messages')").fetchone() == (None,)


def test_a_history_that_belongs_to_another_role_is_used(bare_db: str) -> None:
    """A restored project's is the role's that restored it."""
    admin = bare_db.replace("//postgres:", "//supabase_admin:")
    install(bare_db)
    with psycopg.connect(admin) as connection:
        connection.execute(
            "alter table supabase_migrations.schema_migrations owner to supabase_admin"
        )
        connection.execute("grant all on supabase_migrations.schema_migrations to postgres")

    assert install(bare_db) == []


def test_a_profiles_table_of_a_starter_gets_what_it_lacks(bare_db: str) -> None:
    """Half of all projects have one, with other columns."""
    with psycopg.connect(bare_db) as connection:
        connection.execute(
            "create table public.profiles (id uuid primary key references auth.users, name text)"
        )
    install(bare_db)

    with Inbox(bare_db) as inbox:
        assert inbox.open(inbox.user(), "Hello?")


def test_what_a_project_built_on_ours_survives_an_upgrade(fresh_db: str, edition: Path) -> None:
    """A view on a function of ours, and a right that the team gave to a role of its own."""
    with psycopg.connect(fresh_db) as connection:
        connection.execute("create view public.slo as select * from public.get_messaging_slo(60)")
    _change_a_comment(edition)

    assert install(fresh_db, edition) == [_CHANGED]


def test_extensions_that_come_later_are_put_to_use(cluster: Cluster, bare_db: str) -> None:
    """`create extension vector` alone changes no function."""
    admin = bare_db.replace("//postgres:", "//supabase_admin:")
    with psycopg.connect(admin, autocommit=True) as connection:
        install(bare_db)
        connection.execute("drop extension if exists pg_trgm cascade")
        without = install(bare_db)
        connection.execute("create extension pg_trgm schema extensions")
        found = install(bare_db)

    assert without == found == ["all repeatable files: grants, guards or records had changed"]
    with psycopg.connect(bare_db) as connection:
        index = "select to_regclass('private.knowledge_vocabulary_lexeme_idx') is not null"
        assert connection.execute(index).fetchone() == (True,)


@pytest.mark.parametrize(
    "change",
    [
        "revoke select on public.knowledge_items from service_role",
        "revoke execute on function public.search_knowledge from service_role",
        "revoke usage on schema private from authenticated",
        "grant select on public.webhook_events to authenticated",
        "grant execute on function private.settle_jobs to public",
        "grant update (role) on public.profiles to authenticated",
    ],
)
def test_grants_that_somebody_changed_are_set_right(fresh_db: str, change: str) -> None:
    """A restored dump, a hand in the dashboard: the next run gives each role what is its own."""
    before = read_catalog(fresh_db)
    with psycopg.connect(fresh_db) as connection:
        connection.execute(change.encode())

    assert install(fresh_db) == ["all repeatable files: grants, guards or records had changed"]
    assert read_catalog(fresh_db) == before


def test_a_restored_dump_without_the_history_is_taken_as_it_is(fresh_db: str) -> None:
    """`supabase db dump` leaves the CLI's own schema out."""
    before = read_catalog(fresh_db)
    with psycopg.connect(fresh_db) as connection:
        connection.execute("drop schema supabase_migrations cascade")
    install(fresh_db)

    assert read_catalog(fresh_db) == before
