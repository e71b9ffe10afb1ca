"""What the REST server knows of the database, and how soon it hears of changes."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import psycopg

from tests.support.rest import Rest
from tests.support.waiting import becomes

OpenRest = Callable[..., AbstractAsyncContextManager[Rest]]


async def test_what_was_just_created_is_there(rest_on_library: OpenRest) -> None:
    """A new table, column, relationship and function serve the very next request."""
    async with rest_on_library() as rest:
        await rest.execute("create table fresh (id int primary key)")
        table = await rest.http.get("/fresh")
        await rest.execute("alter table fresh add column author bigint references authors")
        column = await rest.http.post("/fresh", json={"id": 1, "author": 1})
        embed = await rest.http.get("/fresh?select=authors(name)")
        await rest.execute("create function fresh_one() returns int language sql as 'select 1'")
        function = await rest.http.post("/rpc/fresh_one")

    assert (table.status_code, column.status_code, function.json()) == (200, 201, 1)
    assert embed.json() == [{"authors": {"name": "Ada"}}]


async def test_a_change_is_heard_without_being_missed(rest_on_library: OpenRest) -> None:
    """A replaced function runs in its new mode within a moment, as a notification tells."""
    async with rest_on_library() as rest:
        await rest.execute(
            "create function mode() returns text stable language sql"
            " as $$select current_setting('transaction_read_only')$$"
        )
        before = await rest.http.post("/rpc/mode")
        await rest.execute("alter function mode() volatile")

        async def is_off() -> bool:
            return bool((await rest.http.post("/rpc/mode")).json() == "off")

        assert before.json() == "on"
        assert await becomes(is_off)


async def test_the_listener_survives_a_lost_connection(rest_on_library: OpenRest) -> None:
    """After Postgres dropped every connection, requests work and changes are heard again."""
    async with rest_on_library() as rest:
        pids = "select pid from pg_stat_activity where usename = 'authenticator'"
        lost = set(await rest.execute(f"{pids} and datname = current_database()"))
        await rest.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where usename = 'authenticator' and datname = current_database()"
        )

        async def answers() -> bool:
            return (await rest.http.get("/books")).status_code == 200

        async def listens() -> bool:
            listening = await rest.execute(
                f"{pids} and datname = current_database() and query ilike 'listen%'"
            )
            return bool(set(listening) - lost)

        assert await becomes(answers)
        assert await becomes(listens)


async def test_only_exposed_schemas_are_served(rest_on_library: OpenRest) -> None:
    """A schema is chosen by its profile header; one that is not exposed stays closed."""
    async with rest_on_library(schemas=["public", "shelf"]) as rest:
        await rest.execute(
            "create schema shelf; grant usage on schema shelf to anon;"
            "create table shelf.books (id int primary key);"
            "grant all on shelf.books to anon; insert into shelf.books values (7)"
        )
        default = await rest.http.get("/books?select=id&limit=1")
        chosen = await rest.http.get("/books", headers={"Accept-Profile": "shelf"})
        written = await rest.http.post(
            "/books", json={"id": 8}, headers={"Content-Profile": "shelf"}
        )
        closed = await rest.http.get("/users", headers={"Accept-Profile": "auth"})

    assert default.headers["content-profile"] == "public"
    assert chosen.json() == [{"id": 7}]
    assert chosen.headers["content-profile"] == "shelf"
    assert written.status_code == 201
    assert closed.status_code == 406
    assert closed.json() == {
        "code": "PGRST106",
        "message": "Invalid schema: auth",
        "details": None,
        "hint": "Only the following schemas are exposed: public, shelf",
    }


async def test_one_schema_needs_no_profile(rest_on_library: OpenRest) -> None:
    """With a single exposed schema the answer does not name it."""
    async with rest_on_library(schemas=["public"]) as rest:
        answer = await rest.http.get("/books")

    assert "content-profile" not in answer.headers


async def test_a_function_can_guard_every_request(rest_on_library: OpenRest) -> None:
    """`pgrst.db_pre_request` runs first, in the request's transaction, and may refuse it."""
    async with rest_on_library() as rest:
        await rest.execute(
            "create function guard() returns void language plpgsql as $$ begin"
            " if current_setting('request.headers')::json->>'x-blocked' is not null then"
            "   raise sqlstate 'PT429' using message = 'slow down'; end if; end $$"
        )
        await rest.execute("alter role authenticator set pgrst.db_pre_request = 'public.guard'")
        try:
            await rest.execute("notify pgrst, 'reload config'")

            async def refused() -> bool:
                answer = await rest.http.get("/books", headers={"X-Blocked": "1"})
                return answer.status_code == 429

            assert await becomes(refused)
            assert (await rest.http.get("/books")).status_code == 200
        finally:
            await rest.execute("alter role authenticator reset pgrst.db_pre_request")


async def test_a_transaction_can_be_rolled_back_where_that_is_allowed(
    rest_on_library: OpenRest,
) -> None:
    """`Prefer: tx=rollback` shows a write without making it, and is ignored by default."""
    async with rest_on_library() as rest:
        headers = {"Prefer": "tx=rollback, return=representation"}
        kept = await rest.http.post("/counters", json={"name": "kept"}, headers=headers)
        await rest.execute("alter role authenticator set pgrst.db_tx_end = 'commit-allow-override'")
        try:
            await rest.execute("notify pgrst, 'reload config'")

            async def is_heard() -> bool:
                answer = await rest.http.get("/counters", headers=headers)
                return "tx=rollback" in answer.headers.get("preference-applied", "")

            assert await becomes(is_heard)
            undone = await rest.http.post("/counters", json={"name": "undone"}, headers=headers)
        finally:
            await rest.execute("alter role authenticator reset pgrst.db_tx_end")
        rows = await rest.execute("select name from counters")

    assert kept.headers["preference-applied"] == "return=representation"
    assert undone.json() == [{"name": "undone", "value": 0}]
    assert rows == [("kept",)]


async def test_a_deferred_constraint_fails_the_request(rest_on_library: OpenRest) -> None:
    """What a commit refuses is an error of the request, and the next one is not affected."""
    async with rest_on_library() as rest:
        await rest.execute(
            "create table parts (id int primary key, next int references parts"
            " deferrable initially deferred)"
        )
        broken = await rest.http.post("/parts", json={"id": 1, "next": 2})
        whole = await rest.http.post("/parts", json=[{"id": 1, "next": 2}, {"id": 2, "next": 1}])

    assert (broken.status_code, broken.json()["code"]) == (409, "23503")
    assert whole.status_code == 201


async def test_nothing_is_left_open_when_the_server_is_left(
    rest_on_library: OpenRest, bare_db: str
) -> None:
    """Leaving the block ends every connection, that of the listener too."""
    async with rest_on_library() as rest:
        assert (await rest.http.get("/books")).status_code == 200
        name = rest.config.database

    async def is_gone() -> bool:
        async with await psycopg.AsyncConnection.connect(bare_db) as connection:
            cursor = await connection.execute(
                "select from pg_stat_activity where datname = %s and usename = 'authenticator'",
                [name],
            )
            return await cursor.fetchone() is None

    assert await becomes(is_gone)


async def test_a_project_may_allow_writes_of_whole_tables(rest_on_library: OpenRest) -> None:
    """`alter role authenticator set safeupdate.enabled = 0`, as on hosted projects."""
    async with rest_on_library() as rest:
        await rest.execute("alter role authenticator set safeupdate.enabled = 0")
        try:
            await rest.execute("notify pgrst, 'reload config'")

            async def is_heard() -> bool:
                return (await rest.http.patch("/counters", json={"value": 5})).status_code == 204

            assert await becomes(is_heard)
        finally:
            await rest.execute("alter role authenticator reset safeupdate.enabled")
