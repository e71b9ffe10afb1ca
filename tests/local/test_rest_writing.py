"""Writing over REST: inserts, upserts, updates, deletes, and what they return."""

import json
from typing import Any

import pytest
from postgrest import APIError
from postgrest.types import ReturnMethod

from tests.support.rest import Rest

pytestmark = pytest.mark.asyncio(loop_scope="module")

REPRESENTATION = {"Prefer": "return=representation"}


async def rows(rest: Rest, query: str) -> Any:
    return await rest.execute(query)


async def test_an_insert_returns_its_rows_on_request(rest: Rest) -> None:
    """supabase-py's insert gives the row with its defaults and its generated id."""
    answer = (
        await rest.client()
        .from_("books")
        .insert({"title": "New", "author_id": 1, "tags": ["a", "b"], "printed_in": "[1,2)"})
        .execute()
    )

    (book,) = answer.data
    assert book["id"] > 100
    assert (book["price"], book["mood"], book["tags"]) == (10.0, "calm", ["a", "b"])


async def test_a_minimal_insert_has_no_body(rest: Rest) -> None:
    """Without `return=representation` only the status tells; the row needs no read right."""
    answer = await rest.http.post("/counters", json={"name": "minimal"})

    assert (answer.status_code, answer.content) == (201, b"")
    assert answer.headers["content-range"] == "*/*"
    assert await rows(rest, "select value from counters where name = 'minimal'") == [(0,)]


async def test_headers_only_says_where_the_row_is(rest: Rest) -> None:
    """`return=headers-only` gives a Location with the primary key."""
    answer = await rest.http.post(
        "/counters", json={"name": "here & there"}, headers={"Prefer": "return=headers-only"}
    )

    assert answer.status_code == 201
    assert answer.headers["location"] == "/counters?name=eq.here+%26+there"


async def test_an_inserted_row_comes_with_its_relations(rest: Rest) -> None:
    """`select` on a write can embed, as after any read."""
    answer = await rest.http.post(
        "/books?select=title,authors(name),genres(id)",
        json={"title": "Embedded", "author_id": 2},
        headers=REPRESENTATION,
    )

    assert answer.json() == [{"title": "Embedded", "authors": {"name": "Bo"}, "genres": []}]


async def test_many_rows_are_inserted_at_once(rest: Rest) -> None:
    """The client names the columns of a list; missing keys become null, or the default."""
    listed = [{"name": "bulk-1", "value": 5}, {"name": "bulk-2"}]
    client = rest.client()
    with pytest.raises(APIError) as caught:
        await client.from_("counters").insert(listed, default_to_null=True).execute()
    answer = await client.from_("counters").insert(listed, default_to_null=False).execute()

    assert caught.value.code == "23502"
    assert [row["value"] for row in answer.data] == [5, 0]


@pytest.mark.parametrize(
    ("body", "inserted"),
    [("{}", 1), ("[]", 0), ("[{},{}]", 2), ("null", 0), ("3", 0)],
)
async def test_empty_payloads_insert_defaults_or_nothing(
    rest: Rest, body: str, inserted: int
) -> None:
    """`{}` is a row of defaults, `[]` is no row, and neither is an error."""
    await rest.execute("create table if not exists blanks (id int generated always as identity)")
    await rest.execute("notify pgrst")
    answer = await rest.http.post("/blanks", content=body, headers=REPRESENTATION)

    assert answer.status_code == 201, answer.text
    assert len(answer.json()) == inserted


@pytest.mark.parametrize(
    ("body", "content_type", "message"),
    [
        ("{", "application/json", "Empty or invalid json"),
        ("", "application/json", "Empty or invalid json"),
        ('{"value": NaN}', "application/json", "Empty or invalid json"),
        ('[{"name": "a"}, {"value": 1}]', "application/json", "All object keys must match"),
        ("[1]", "application/json", "All object keys must match"),
        ("name", "application/toml", "Content-Type not acceptable: application/toml"),
        ("name,value\nx", "text/csv", "All lines must have same number of fields"),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(
    rest: Rest, body: str, content_type: str, message: str
) -> None:
    """A broken body is a 400 with PostgREST's text, not a failed statement."""
    answer = await rest.http.post("/counters", content=body, headers={"Content-Type": content_type})

    assert answer.status_code == 400
    assert (answer.json()["code"], answer.json()["message"]) == ("PGRST102", message)


async def test_forms_and_csv_are_bodies_too(rest: Rest) -> None:
    """HTML forms and spreadsheets can be posted as they are."""
    form = await rest.http.post(
        "/counters", data={"name": "form", "value": "3"}, headers=REPRESENTATION
    )
    csv = await rest.http.post(
        "/counters",
        content='name,value\n"csv, one",1\ncsv-2,2\n',
        headers={"Content-Type": "text/csv", **REPRESENTATION},
    )

    assert form.json() == [{"name": "form", "value": 3}]
    assert csv.json() == [{"name": "csv, one", "value": 1}, {"name": "csv-2", "value": 2}]


async def test_an_upsert_merges_or_ignores_duplicates(rest: Rest) -> None:
    """The status tells whether anything was new; ignored rows are not returned."""
    first = {"name": "upsert", "value": 1}
    merge = {"Prefer": "resolution=merge-duplicates,return=representation"}
    ignore = {"Prefer": "resolution=ignore-duplicates,return=representation"}
    created = await rest.http.post("/counters", json=first, headers=merge)
    merged = await rest.http.post("/counters", json={**first, "value": 2}, headers=merge)
    ignored = await rest.http.post(
        "/counters", json=[{**first, "value": 3}, {"name": "upsert-2", "value": 3}], headers=ignore
    )

    assert (created.status_code, merged.status_code, ignored.status_code) == (201, 200, 201)
    assert merged.json() == [{"name": "upsert", "value": 2}]
    assert ignored.json() == [{"name": "upsert-2", "value": 3}]
    assert merged.headers["preference-applied"] == (
        "resolution=merge-duplicates, return=representation"
    )


async def test_an_upsert_can_name_its_conflict_columns(rest: Rest) -> None:
    """`on_conflict` picks a unique key other than the primary one."""
    client = rest.client()
    await client.from_("genres").insert({"id": 50, "label": "unique"}).execute()
    answer = (
        await client.from_("genres")
        .upsert({"id": 51, "label": "unique"}, on_conflict="label")
        .execute()
    )

    assert answer.data == [{"id": 51, "label": "unique"}]


async def test_an_update_changes_the_rows_that_the_filters_find(rest: Rest) -> None:
    """PATCH gives the rows or their number; `{}` changes nothing."""
    await rest.execute("insert into counters values ('update-1', 1), ('update-2', 2)")
    patch = rest.http.patch
    minimal = await patch("/counters?name=like.update*", json={"value": 7})
    returned = await patch("/counters?name=eq.update-1", json={"value": 8}, headers=REPRESENTATION)
    counted = await patch(
        "/counters?or=(name.eq.update-1,name.eq.update-2)",
        json={"value": 9},
        headers={"Prefer": "count=exact"},
    )
    nothing = await patch("/counters?name=eq.update-1", json={}, headers=REPRESENTATION)

    assert (minimal.status_code, minimal.headers["content-range"]) == (204, "0-1/*")
    assert (returned.status_code, returned.json()) == (200, [{"name": "update-1", "value": 8}])
    assert counted.headers["content-range"] == "0-1/2"
    assert (nothing.json(), nothing.headers["content-range"]) == ([], "*/*")


async def test_a_delete_returns_what_is_gone(rest: Rest) -> None:
    """DELETE gives the deleted rows on request, with the columns asked for."""
    await rest.execute("insert into counters values ('d1', 1), ('d2', 2)")
    client = rest.client()
    first = await client.from_("counters").delete().eq("name", "d1").execute()
    second = (
        await client.from_("counters")
        .delete(returning=ReturnMethod.minimal)
        .eq("name", "d2")
        .execute()
    )

    assert first.data == [{"name": "d1", "value": 1}]
    assert second.data == []
    assert await rows(rest, "select from counters where name in ('d1', 'd2')") == []


@pytest.mark.parametrize(
    ("method", "path", "command"),
    [
        ("PATCH", "/counters", "UPDATE"),
        ("PATCH", "/counters?select=name&order=name", "UPDATE"),
        ("DELETE", "/counters", "DELETE"),
        ("DELETE", "/books?genres.id=eq.1&select=id,genres(id)", "DELETE"),
    ],
)
async def test_a_whole_table_is_not_written_by_mistake(
    rest: Rest, method: str, path: str, command: str
) -> None:
    """A forgotten filter is refused, as by pg-safeupdate; `id=gt.0` says that all are meant."""
    await rest.execute("insert into counters values ('safe', 1) on conflict do nothing")
    body = {"value": 0} if method == "PATCH" else None
    refused = await rest.http.request(method, path, json=body)
    empty = await rest.http.patch("/counters", json={})

    assert refused.status_code == 400
    assert refused.json() == {
        "code": "21000",
        "message": f"{command} requires a WHERE clause",
        "details": None,
        "hint": None,
    }
    assert await rows(rest, "select value from counters where name = 'safe'") == [(1,)]
    assert empty.status_code == 204


async def test_too_many_affected_rows_undo_the_write(rest: Rest) -> None:
    """`max-affected` with strict handling protects from a filter that is too wide."""
    await rest.execute("insert into counters values ('max-1', 1), ('max-2', 1)")
    prefer = "handling=strict, max-affected=1"
    refused = await rest.http.patch(
        "/counters?name=like.max*", json={"value": 2}, headers={"Prefer": prefer}
    )
    allowed = await rest.http.patch(
        "/counters?name=eq.max-1", json={"value": 2}, headers={"Prefer": prefer}
    )

    assert refused.status_code == 400
    assert refused.json()["code"] == "PGRST124"
    assert refused.json()["details"] == "The query affects 2 rows"
    assert allowed.headers["preference-applied"] == "handling=strict, max-affected=1"
    assert await rows(rest, "select value from counters where name = 'max-2'") == [(1,)]


async def test_a_singular_write_of_many_rows_is_undone(rest: Rest) -> None:
    """Asking for one object and writing two is an error that leaves nothing behind."""
    answer = await rest.http.post(
        "/counters",
        json=[{"name": "s1"}, {"name": "s2"}],
        headers={"Accept": "application/vnd.pgrst.object+json", **REPRESENTATION},
    )

    assert answer.status_code == 406
    assert answer.json() == {
        "code": "PGRST116",
        "message": "Cannot coerce the result to a single JSON object",
        "details": "The result contains 2 rows",
        "hint": None,
    }
    assert await rows(rest, "select from counters where name in ('s1', 's2')") == []


async def test_put_replaces_the_row_of_its_address(rest: Rest) -> None:
    """PUT inserts or replaces exactly the row that its filters name."""
    url = "/counters?name=eq.put"
    created = await rest.http.put(url, json={"name": "put", "value": 1}, headers=REPRESENTATION)
    replaced = await rest.http.put(url, json={"name": "put", "value": 2}, headers=REPRESENTATION)
    silent = await rest.http.put(url, json={"name": "put", "value": 3})
    other = await rest.http.put(url, json={"name": "other", "value": 2})
    vague = await rest.http.put("/counters?value=eq.1", json={"name": "put", "value": 2})
    paged = await rest.http.put(url + "&limit=1", json={"name": "put", "value": 2})

    assert (created.status_code, replaced.status_code, silent.status_code) == (201, 200, 204)
    assert replaced.json() == [{"name": "put", "value": 2}]
    assert (other.status_code, other.json()["code"]) == (400, "PGRST115")
    assert (vague.status_code, vague.json()["code"]) == (405, "PGRST105")
    assert (paged.status_code, paged.json()["code"]) == (400, "PGRST114")


async def test_unknown_columns_are_named_before_anything_runs(rest: Rest) -> None:
    """A key that is no column is PGRST204, with the table's name."""
    answer = await rest.http.post("/counters", json={"nmae": "x"})

    assert answer.status_code == 400
    assert answer.json() == {
        "code": "PGRST204",
        "message": "Could not find the 'nmae' column of 'counters' in the schema cache",
        "details": None,
        "hint": None,
    }


@pytest.mark.parametrize(
    ("method", "address", "body", "status", "code"),
    [
        ("POST", "/genres", {"id": 1, "label": "again"}, 409, "23505"),
        ("POST", "/books", {"title": "x", "author_id": 99}, 409, "23503"),
        ("POST", "/books", {"title": None, "author_id": 1}, 400, "23502"),
        ("POST", "/books", {"title": "x", "author_id": 1, "pages": -1}, 400, "23514"),
        ("POST", "/books", {"title": "x", "author_id": 1, "mood": "odd"}, 400, "22P02"),
        ("DELETE", "/authors?id=eq.2", None, 409, "23503"),
        ("PATCH", "/books?id=eq.1", {"summary": "'x'"}, 400, "428C9"),
    ],
)
async def test_constraints_answer_with_their_sqlstate(
    rest: Rest, method: str, address: str, body: Any, status: int, code: str
) -> None:
    """Clients tell duplicates from bad values by the code and the status."""
    answer = await rest.http.request(method, address, content=json.dumps(body))

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["proxy-status"] == f"PostgREST; error={code}"
