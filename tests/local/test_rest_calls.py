"""Calling functions over REST: arguments, overloads, shapes of results, what a call may do."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx
import pytest
from romashka_local.rest import execute

from tests.support.rest import Rest, listening
from tests.support.waiting import becomes

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize(
    ("function", "arguments", "expected"),
    [
        ("add", {"a": 1}, 2),
        ("add", {"a": 1, "b": 5}, 6),
        ("echo", {"value": {"deep": [1, None]}}, {"deep": [1, None]}),
        ("whole_body", {"any": "thing"}, {"any": "thing"}),
        ("whole_body", [{"n": 1}, {"n": 2}], [{"n": 1}, {"n": 2}]),
        ("titles", {}, ["Engines", "Fjords of the north", "Ferries"]),
        ("stats", {}, {"books": 3, "pages": 730}),
        ("table_of", {"n": 2}, [{"number": 1, "square": 1}, {"number": 2, "square": 4}]),
        ("total", {"numbers": [1, 2, 3]}, 6),
        ("over", {"a": 1}, "one"),
        ("over", {"a": 1, "b": 2}, "two"),
    ],
)
async def test_a_call_by_post_gives_the_functions_result(
    rest: Rest, function: str, arguments: Any, expected: Any
) -> None:
    """Named arguments find the overload, and the result keeps its shape."""
    answer = await rest.http.post(f"/rpc/{function}", json=arguments)

    assert (answer.status_code, answer.json()) == (200, expected)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("add?a=2&b=3", 5),
        ("add?a=2", 3),
        ("total?numbers=1&numbers=2", 3),
        ("titles", ["Engines", "Fjords of the north", "Ferries"]),
        ("table_of?n=3&square=gt.1&select=square", [{"square": 4}, {"square": 9}]),
        ("echo?value=%5B1%5D", [1]),
    ],
)
async def test_a_call_by_get_takes_its_arguments_from_the_address(
    rest: Rest, query: str, expected: Any
) -> None:
    """What is an operator filters the result; all else is an argument."""
    answer = await rest.http.get(f"/rpc/{query}")

    assert (answer.status_code, answer.json()) == (200, expected)


async def test_rows_from_a_function_are_read_like_a_table(rest: Rest) -> None:
    """select, filters, order, limit and embeds work on a function's rows."""
    client = rest.client()
    answer = (
        await client.rpc("books_of", {"author": "Bo"})
        .select("title", "authors(name)")
        .gt("pages", 300)
        .execute()
    )
    page = await rest.http.post(
        "/rpc/books_of?select=id&order=id.desc&limit=1",
        json={"author": "Bo"},
        headers={"Prefer": "count=exact"},
    )
    one = await rest.http.get("/rpc/book_by_id?wanted=1&select=title,covers(colour)")

    assert answer.data == [{"title": "Ferries", "authors": {"name": "Bo"}}]
    assert (page.status_code, page.json()) == (206, [{"id": 3}])
    assert page.headers["content-range"] == "0-0/2"
    assert one.json() == {"title": "Engines", "covers": {"colour": "red"}}


async def test_a_void_function_answers_without_a_body(rest: Rest) -> None:
    """A call for its effect alone is 204, and its effect stays."""
    answer = await rest.http.post("/rpc/bump", json={"counter": "void"})

    assert (answer.status_code, answer.content) == (204, b"")
    assert await rest.execute("select value from counters where name = 'void'") == [(1,)]


async def test_a_call_by_get_may_not_write(rest: Rest) -> None:
    """GET is a read: a function that writes is refused with 405, by POST it works."""
    answer = await rest.http.get("/rpc/bump?counter=get")

    assert (answer.status_code, answer.json()["code"]) == (405, "25006")
    assert await rest.execute("select from counters where name = 'get'") == []


async def test_a_stable_function_runs_read_only(rest: Rest) -> None:
    """What a function promises not to do is not possible by POST either."""
    stable = await rest.http.post("/rpc/context")
    await rest.execute(
        "create or replace function volatile_mode() returns text language sql"
        " as $$select current_setting('transaction_read_only')$$"
    )
    volatile = await rest.http.post("/rpc/volatile_mode")

    assert (stable.json()["read_only"], volatile.json()) == ("on", "off")
    assert stable.json()["isolation"] == "read committed"


async def test_raw_bodies_reach_a_function_with_one_unnamed_parameter(rest: Rest) -> None:
    """Text and bytes can be passed as they are."""
    await rest.execute(
        "create function raw_text(text) returns text language sql immutable as 'select $1';"
        "create function raw_size(bytea) returns int language sql immutable as 'select length($1)'"
    )
    text = await rest.http.post(
        "/rpc/raw_text", content="a, b", headers={"Content-Type": "text/plain"}
    )
    data = await rest.http.post(
        "/rpc/raw_size", content=b"\0\xff", headers={"Content-Type": "application/octet-stream"}
    )

    assert (text.json(), data.json()) == ("a, b", 2)


async def test_an_unknown_function_is_said_with_a_guess(rest: Rest) -> None:
    """A typing error in a name or an argument is a 404 that helps."""
    name = await rest.http.post("/rpc/title", json={})
    argument = await rest.http.post("/rpc/add", json={"a": 1, "c": 2})

    assert name.status_code == 404
    assert name.json() == {
        "code": "PGRST202",
        "message": "Could not find the function public.title without parameters in the schema"
        " cache",
        "details": "Searched for the function public.title without parameters or with a single"
        " unnamed json/jsonb parameter, but no matches were found in the schema cache.",
        "hint": "Perhaps you meant to call the function public.titles",
    }
    assert argument.json()["message"] == (
        "Could not find the function public.add(a, c) in the schema cache"
    )
    assert argument.json()["hint"] == "Perhaps you meant to call the function public.add(a, b)"


async def test_overloads_that_differ_in_type_alone_are_ambiguous(rest: Rest) -> None:
    """300, and both candidates are named."""
    answer = await rest.http.post("/rpc/described", json={"value": 1})

    assert (answer.status_code, answer.json()["code"]) == (300, "PGRST203")
    assert answer.json()["message"] == (
        "Could not choose the best candidate function between:"
        " public.described(value => integer), public.described(value => text)"
    )


async def test_other_methods_on_functions_are_refused(rest: Rest) -> None:
    """A function is called by GET, HEAD or POST."""
    answer = await rest.http.patch("/rpc/add", json={"a": 1})

    assert answer.status_code == 405
    assert answer.json()["code"] == "PGRST101"
    assert answer.json()["message"] == "Cannot use the PATCH method on RPC"


async def test_max_affected_bounds_a_function_that_returns_rows(rest: Rest) -> None:
    """More rows than allowed undo the call; a function without rows cannot be bounded."""
    await rest.execute("insert into counters values ('bound-1', 1), ('bound-2', 1)")
    prefer = {"Prefer": "handling=strict, max-affected=1"}
    rows = await rest.http.post("/rpc/bump_all", headers=prefer)
    single = await rest.http.post("/rpc/add", json={"a": 1}, headers=prefer)

    assert (rows.status_code, rows.json()["code"]) == (400, "PGRST124")
    assert (single.status_code, single.json()["code"]) == (400, "PGRST128")
    assert await rest.execute("select value from counters where name = 'bound-1'") == [(1,)]


async def test_a_function_may_outlive_the_roles_timeout(rest: Rest) -> None:
    """A long poll with `set statement_timeout` is not cut off at the role's limit."""
    await rest.execute("alter role anon set statement_timeout = '200ms'")
    try:
        await rest.execute("notify pgrst, 'reload config'")
        cut = await rest.http.post("/rpc/slow", json={"seconds": 5})
        while cut.status_code == 200:  # not yet heard of the new limit
            cut = await rest.http.post("/rpc/slow", json={"seconds": 5})
        whole = await rest.http.post("/rpc/patient", json={"seconds": 0.5})
    finally:
        await rest.execute("alter role anon set statement_timeout = '3s'")
        await rest.execute("notify pgrst, 'reload config'")

    assert (cut.status_code, cut.json()["code"]) == (500, "57014")
    assert (whole.status_code, whole.json()) == (200, "30s")


async def test_a_waiting_call_holds_up_no_other(rest: Rest) -> None:
    """A long poll has a connection of its own: others answer at once meanwhile."""
    waiting = [
        asyncio.create_task(rest.http.post("/rpc/patient", json={"seconds": 20})) for _ in range(6)
    ]
    answers = [await rest.http.get("/books?id=eq.1&select=id") for _ in range(5)]
    finished = [task for task in waiting if task.done()]
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)

    assert [answer.status_code for answer in answers] == [200] * 5
    assert finished == []


async def is_waiting(rest: Rest, calls: int) -> bool:
    """Tell whether that many calls wait within Postgres."""
    waiting = await rest.execute(
        "select count(*) from pg_stat_activity where wait_event = 'PgSleep'"
        " and datname = current_database()"
    )
    return bool(waiting == [(calls,)])


async def test_a_call_outlives_the_client_that_made_it(rest: Rest) -> None:
    """As in PostgREST a statement runs to its end, and what it did is kept; nobody need wait."""
    call = {"name": "abandoned", "seconds": 1}
    async with listening(rest.config) as url, httpx.AsyncClient(timeout=20) as http:
        asked = asyncio.create_task(http.post(f"{url}/rest/v1/rpc/count_patiently", json=call))
        await becomes(lambda: is_waiting(rest, 1))
        asked.cancel()
        await asyncio.wait([asked])

        async def is_done() -> bool:
            rows = await rest.execute("select value from counters where name = 'abandoned'")
            return bool(rows == [(1,)])

        assert await becomes(is_done)


async def test_a_full_pool_is_said(
    rest_on_library: Callable[..., AbstractAsyncContextManager[Rest]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A request that gets no connection in time is told so with 504, and the next may work."""
    monkeypatch.setattr(execute, "POOL_SIZE", 2)
    monkeypatch.setattr(execute, "POOL_TIMEOUT_SECONDS", 3.0)
    async with rest_on_library() as rest:
        waiting = [
            asyncio.create_task(rest.http.post("/rpc/patient", json={"seconds": 30}))
            for _ in range(2)
        ]
        await becomes(lambda: is_waiting(rest, 2))
        refused = await rest.http.get("/books")
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)
        after = await rest.http.get("/books")

    assert refused.status_code == 504
    assert refused.json()["code"] == "PGRST003"
    assert after.status_code == 200
