"""Forms of a REST answer: objects, CSV, stripped nulls, plans; the root and OPTIONS."""

from typing import Any

import pytest
from postgrest import APIError

from tests.support.rest import Rest
from tests.support.waiting import becomes

pytestmark = pytest.mark.asyncio(loop_scope="module")

OBJECT = "application/vnd.pgrst.object+json"


async def test_single_gives_an_object_or_an_error(rest: Rest) -> None:
    """supabase-py's `single` fails unless there is exactly one row; `maybe_single` allows none."""
    books = rest.client().from_("books").select("id")
    one = await books.eq("id", 1).single().execute()
    none = await rest.client().from_("books").select("id").eq("id", 999).maybe_single().execute()
    with pytest.raises(APIError) as caught:
        await rest.client().from_("books").select("id").gt("id", 1).single().execute()

    assert one.data == {"id": 1}
    assert none is None
    assert caught.value.code == "PGRST116"


@pytest.mark.parametrize(
    ("accept", "content_type", "body"),
    [
        (None, "application/json", '[{"id":3,"mood":null}]'),
        ("*/*", "application/json", '[{"id":3,"mood":null}]'),
        ("text/html, application/json;q=0.9", "application/json", '[{"id":3,"mood":null}]'),
        (OBJECT, OBJECT, '{"id":3,"mood":null}'),
        ("application/vnd.pgrst.object", OBJECT, '{"id":3,"mood":null}'),
        (f"{OBJECT};nulls=stripped", f"{OBJECT};nulls=stripped", '{"id":3}'),
        (
            "application/vnd.pgrst.array+json;nulls=stripped",
            "application/vnd.pgrst.array+json;nulls=stripped",
            '[{"id":3}]',
        ),
        ("application/vnd.pgrst.array+json", "application/json", '[{"id":3,"mood":null}]'),
        ("text/csv", "text/csv", "id,mood\n3,"),
    ],
)
async def test_the_first_acceptable_form_is_served(
    rest: Rest, accept: str | None, content_type: str, body: str
) -> None:
    """The answer says which of the accepted types it is."""
    headers = {} if accept is None else {"Accept": accept}
    answer = await rest.http.get("/books?id=eq.3&select=id,mood", headers=headers)

    assert answer.headers["content-type"] == f"{content_type}; charset=utf-8"
    assert answer.text == body


async def test_an_unknown_form_is_refused(rest: Rest) -> None:
    """406 names what was asked for."""
    accept = {"Accept": "image/png, application/vnd.pgrst.plan"}
    answer = await rest.http.get("/books", headers=accept)

    assert answer.status_code == 406
    assert answer.json()["code"] == "PGRST107"
    assert answer.json()["message"].startswith(
        "None of these media types are available: image/png, application/vnd.pgrst.plan"
    )


async def test_csv_quotes_what_needs_it(rest: Rest) -> None:
    """A spreadsheet reads names with commas and quotes back as they are."""
    answer = await rest.client().from_("authors").select("id,name").eq("id", 3).csv().execute()

    assert answer.data == 'id,name\n3,"Cy, ""the"" (Elder)"'


async def test_a_plan_is_explained_where_the_database_allows_it(rest: Rest) -> None:
    """`explain` of the clients works after `pgrst.db_plan_enabled`, and runs nothing."""
    accept = {"Accept": 'application/vnd.pgrst.plan+json; for="application/json"'}

    async def plan() -> Any:
        answer = await rest.http.get("/books?id=eq.1", headers=accept)
        return answer.json() if answer.status_code == 200 else None

    await rest.execute("alter role authenticator set pgrst.db_plan_enabled = 'true'")
    try:
        await rest.execute("notify pgrst, 'reload config'")
        explained = await becomes(plan)
        deleted = await rest.http.delete("/books?id=eq.3", headers=accept)
    finally:
        await rest.execute("alter role authenticator reset pgrst.db_plan_enabled")
        await rest.execute("notify pgrst, 'reload config'")

    assert explained[0]["Plan"]["Node Type"] == "Aggregate"
    assert deleted.status_code == 200
    assert await rest.execute("select id from books where id = 3") == [(3,)]


async def test_the_root_describes_tables_and_functions(rest: Rest) -> None:
    """Tools that probe the API find its paths and the columns' types."""
    answer = await rest.http.get("/", headers={"Accept": "application/openapi+json"})
    document = answer.json()

    assert answer.headers["content-type"] == "application/openapi+json; charset=utf-8"
    assert document["swagger"] == "2.0"
    assert {"/books", "/long_books", "/rpc/add"} <= document["paths"].keys()
    assert document["definitions"]["books"]["properties"]["mood"] == {
        "format": "public.mood",
        "type": "string",
        "enum": ["calm", "tense"],
    }
    assert "get" not in document["paths"]["/rpc/bump"]


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/", "OPTIONS,GET,HEAD"),
        ("/books", "OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE"),
        ("/author_cards", "OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE"),
        ("/rpc/titles", "OPTIONS,GET,HEAD,POST"),
        ("/rpc/bump?counter=x", "OPTIONS,POST"),
    ],
)
async def test_options_says_what_a_path_can_do(rest: Rest, path: str, allowed: str) -> None:
    """The methods are those that the table or function really has."""
    answer = await rest.http.request("OPTIONS", path)

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["allow"] == allowed


async def test_a_head_request_has_headers_but_no_body(rest: Rest) -> None:
    """HEAD costs no rows on the wire and claims no length."""
    answer = await rest.http.head("/books", headers={"Prefer": "count=exact"})
    function = await rest.http.head("/rpc/titles")

    assert (answer.content, function.content) == (b"", b"")
    assert "content-length" not in answer.headers
    assert answer.headers["content-range"].endswith("/3")
    assert function.status_code == 200


async def test_strict_handling_refuses_unknown_preferences(rest: Rest) -> None:
    """A preference that would be ignored is an error for those who ask for it."""
    strict = {"Prefer": "handling=strict, anything, count=exact"}
    refused = await rest.http.get("/books", headers=strict)
    lenient = await rest.http.get("/books", headers={"Prefer": "anything, count=exact"})

    assert refused.status_code == 400
    assert refused.json() == {
        "code": "PGRST122",
        "message": "Invalid preferences given with handling=strict",
        "details": "Invalid preferences: anything",
        "hint": None,
    }
    assert lenient.headers["preference-applied"] == "count=exact"
