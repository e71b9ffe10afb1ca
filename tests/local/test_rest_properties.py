"""Whatever a client sends, the REST server answers as PostgREST would: no crash, no injection."""

import json
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.support.rest import Rest

pytestmark = pytest.mark.asyncio(loop_scope="module")

# What Postgres itself answers with 500 in the real server too: "57" a cancelled or too long query,
# "54" a statement too complex, "55" an object not ready, "21000" many rows where one belongs.
EXPECTED_500 = ("57014", "54001", "54023", "55000", "21000")

relaxed = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

# Pieces of the grammar, in and out of place, and what attacks are made of.
PIECES = st.sampled_from(
    [
        *"()*,.:!&=->\"'\\{}[]%;$ \t\n\0\r",
        *("->>", "::", "...", "--", "/*", "*/", "';", "$1", "$$", "\\\\", '""', "é", "\U0001f600"),
        *(
            "id",
            "title",
            "tags",
            "mood",
            "authors",
            "genres",
            "books",
            "profile",
            "pages",
            "0",
            "-1",
        ),
        *("eq", "neq", "in", "is", "null", "not", "or", "and", "like", "fts(english)", "cs", "any"),
        *(
            "inner",
            "left",
            "count()",
            "sum()",
            "asc",
            "nullslast",
            "int",
            "text",
            "select",
            "limit",
        ),
        *("drop table books", "union select 1", "pg_sleep(9)", "99999999999999999999", "NaN"),
    ]
)
TEXTS = st.lists(PIECES, max_size=12).map("".join) | st.text(max_size=20)
NAMES = (
    st.sampled_from(["id", "title", "select", "order", "limit", "offset", "or", "not.and"]) | TEXTS
)
QUERIES = st.lists(st.tuples(NAMES, TEXTS), max_size=4)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "title", "tags"]) | st.text(max_size=5), inner)
    ),
    max_leaves=8,
)


def check(answer: httpx.Response) -> None:
    """Assert that an answer is one that PostgREST could give."""
    if answer.status_code >= 500:
        assert answer.json()["code"] in EXPECTED_500, answer.text
    elif answer.status_code >= 300:
        assert set(answer.json()) == {"code", "message", "details", "hint"}
    elif answer.content:
        json.loads(answer.content)


async def untouched(rest: Rest) -> bool:
    """Tell whether the database still is what it was."""
    tables = await rest.execute("select count(*) from pg_tables where schemaname = 'public'")
    return tables == [(9,)] and await rest.execute("select count(*) from authors") == [(3,)]


def encoded(pairs: list[tuple[str, str]]) -> httpx.QueryParams:
    return httpx.QueryParams([(_clean(key), _clean(value)) for key, value in pairs])


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


@relaxed
@given(pairs=QUERIES)
@example([("select", "id,authors(" * 60)])
@example([("or", "(and" * 60)])
@example([("select", "id::text) as x; drop table books; --")])
@example([("order", 'id"; drop table books; --')])
@example([("id", "eq.1'; drop table books; --")])
@example([("select", '"id\\"";drop table books"')])
@example([("limit", "1; drop table books")])
@example([("title", "fts(english'; drop table books).x")])
@example([("title", "like.%s %(x)s {0} $9")])
async def test_no_query_string_breaks_a_read(rest: Rest, pairs: list[tuple[str, str]]) -> None:
    """A strange query string is answered with rows or a client's error, and runs nothing else."""
    check(await rest.http.get("/books", params=encoded(pairs)))
    check(await rest.http.get("/rpc/books_of", params=encoded([("author", "Bo"), *pairs])))

    assert await untouched(rest)


@relaxed
@given(path=TEXTS, headers=st.dictionaries(st.sampled_from(["Prefer", "Accept", "Range"]), TEXTS))
@example("books; drop table books", {})
@example("rpc/add; drop table books", {})
@example("", {"Accept-Profile": 'public"; drop table books; --'})
@example("books", {"Prefer": "timezone=UTC'; drop table books; --"})
@example("books", {"Prefer": "max-affected=" + "9" * 40 + ", handling=strict, count=planned"})
@example("books", {"Range": "9" * 50 + "-"})
async def test_no_path_or_header_breaks_a_request(
    rest: Rest, path: str, headers: dict[str, str]
) -> None:
    """Paths and headers that make no sense are refused, never executed."""
    latin = {name: value.encode("ascii", "ignore") for name, value in headers.items()}
    sendable = {name: bytes(b for b in value if 31 < b < 127) for name, value in latin.items()}
    answer = await rest.http.get("/" + quote(_clean(path), safe=""), headers=sendable)

    if not answer.headers.get("content-type", "").startswith("text/csv"):
        check(answer)
    assert await untouched(rest)


@relaxed
@given(body=JSON, query=QUERIES)
@example({'title"; drop table books; --': 1}, [])
@example([{"id": {"a": "'; drop table books; --"}}], [])
@example({"id": "\ud800", "title": "\0"}, [])
@example({"id": 10**400}, [])
async def test_no_body_breaks_a_write(rest: Rest, body: Any, query: list[tuple[str, str]]) -> None:
    """Any JSON is written or refused; a body that is no JSON is refused."""
    text = json.dumps(body)
    parameters = encoded([pair for pair in query if pair[0] != "id"])
    prefer = {"Prefer": "return=representation, missing=default"}
    for method, path in [("POST", "/loans"), ("PATCH", "/loans?id=eq.-1"), ("POST", "/rpc/echo")]:
        check(await rest.http.request(method, path, content=text, headers=prefer))
    check(
        await rest.http.patch(
            "/loans", content=text, params=[*parameters.multi_items(), ("id", "eq.-1")]
        )
    )
    check(await rest.http.post("/loans", content=text[:-1] + "\\", headers=prefer))

    assert await untouched(rest)


@relaxed
@given(data=st.binary(max_size=40), content_type=TEXTS)
async def test_no_bytes_break_a_write(rest: Rest, data: bytes, content_type: str) -> None:
    """Bytes that are no text at all are refused as such."""
    kinds = ["text/csv", "application/x-www-form-urlencoded", "application/json"]
    typed = "".join(each for each in content_type if 31 < ord(each) < 127)
    for kind in [*kinds, typed]:
        check(await rest.http.post("/loans", content=data, headers={"Content-Type": kind}))
        check(await rest.http.post("/rpc/echo", content=data, headers={"Content-Type": kind}))

    assert await untouched(rest)
