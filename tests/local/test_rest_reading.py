"""Reading tables over REST: filters, JSON paths, order, pages, counts."""

from typing import Any

import pytest
from postgrest import APIError
from postgrest.types import CountMethod

from tests.support.rest import Rest

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def ids(rest: Rest, parameters: str) -> list[int]:
    """Return the ids that a query string finds, in order."""
    joined = f"select=id&order=id&{parameters}"
    answer = await rest.http.get(f"/books?{joined}")
    assert answer.status_code in (200, 206), answer.text
    return [row["id"] for row in answer.json()]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ("id=eq.2", [2]),
        ("id=neq.2", [1, 3]),
        ("pages=gt.120&pages=lt.310", [2]),
        ("pages=gte.300", [2, 3]),
        ("pages=lte.120", [1]),
        ("title=like.F*", [2, 3]),
        ("title=like.F%25north", [2]),
        ("title=ilike.*RI*", [3]),
        ("title=match.^[EF]e?n", [1]),
        ("title=imatch.^e", [1]),
        ("title=ilike(any).{e*,*north}", [1, 2]),
        ("title=ilike(all).{f*,*north}", [2]),
        ("id=eq(any).{1,3}", [1, 3]),
        ("id=in.(1,3)", [1, 3]),
        ("id=in.()", []),
        ('title=in.("Engines","a,b\\"c")', [1]),
        ("id=not.in.(1,3)", [2]),
        ("mood=is.null", [3]),
        ("mood=is.not_null", [1, 2]),
        ("mood=not.is.NULL", [1, 2]),
        ("mood=isdistinct.calm", [2, 3]),
        ("mood=not.isdistinct.calm", [1]),
        ("tags=cs.{travel}", [2, 3]),
        ("tags=cd.{travel,math}", [2]),
        ("tags=ov.{math,steam}", [1, 3]),
        ("printed_in=sl.[1900,1950)", [1]),
        ("printed_in=sr.[1900,1950)", [2]),
        ("printed_in=nxr.[1840,1860)", [1]),
        ("printed_in=nxl.[1860,1870)", [2]),
        ("printed_in=adj.[1850,1900)", [1]),
        ("printed_in=ov.[1995,1996]", [2]),
        ("summary=fts.fjord", [2]),
        ("summary=fts(english).ferry|engine", [1, 3]),
        ("title=plfts.north fjords", [2]),
        ("title=phfts(english).the north", [2]),
        ("title=wfts(english).ferries or engines", [1, 3]),
        ("or=(id.eq.1,id.eq.3)", [1, 3]),
        ("or=( id.eq.1 , and(pages.gte.300,not.or(id.eq.3,mood.is.null)) )", [1, 2]),
        ("not.and=(id.gt.1,id.lt.3)", [1, 3]),
        ("or=(id.in.(1,2),title.eq.Ferries)", [1, 2, 3]),
        ("or=(tags.cs.{math,steam},id.not.lt.3)", [1, 3]),
        ('or=(title.eq."Fjords of the north",title.eq."x,y)")', [2]),
        ("and=(tags.ov.{steam},pages.not.is.null)&id=gt.1", [3]),
    ],
)
async def test_a_filter_finds_what_its_operator_says(
    rest: Rest, parameters: str, expected: list[int]
) -> None:
    """Every operator that clients offer finds the same rows as on the real server."""
    assert await ids(rest, parameters) == expected


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ("profile->>home=like.*Oslo*", [2]),
        ("profile->home->>city=eq.London", [1]),
        ("profile->langs->>0=eq.en", [1]),
        ("profile->langs->>-1=eq.fr", [1]),
        ("profile->age=gt.36", [2]),
        ('profile=cs.{"age":36}', [1]),
        ("or=(profile->>age.eq.36,profile->>age.eq.40)", [1, 2]),
    ],
)
async def test_json_paths_work_in_filters(rest: Rest, parameters: str, expected: list[int]) -> None:
    """A client can filter by what is inside a JSON column."""
    answer = await rest.http.get(f"/authors?select=id&order=id&{parameters}")

    assert [row["id"] for row in answer.json()] == expected


async def test_selected_columns_keep_their_order_names_and_types(rest: Rest) -> None:
    """Aliases, casts and JSON paths give what a client reads by name."""
    wanted = "price,tags,no:id::text,printed_in,mood,published_at"
    books = await rest.client().from_("books").select(wanted).eq("id", 1).execute()
    authors = await rest.http.get(
        "/authors?id=eq.1&select=born,profile->home->>city,profile->langs->0,year:profile->age"
    )

    assert books.data == [
        {
            "price": 9.50,
            "tags": ["math", "steam"],
            "no": "1",
            "printed_in": "[1843,1850)",
            "mood": "calm",
            "published_at": "2024-01-02T01:04:05.678+00:00",
        }
    ]
    assert list(books.data[0]) == wanted.replace("no:id::text", "no").split(",")
    assert authors.text == '[{"born":"1815-12-10","city":"London","langs":"en","year":36}]'


async def test_numbers_keep_their_scale(rest: Rest) -> None:
    """A price of 9.50 is not 9.5 in the text of the answer."""
    answer = await rest.http.get("/books?id=eq.1&select=price")

    assert answer.text == '[{"price":9.50}]'


async def test_odd_names_are_reached_with_quotes(rest: Rest) -> None:
    """Columns with commas, dots or quotes in their names can be selected and filtered."""
    await rest.execute("insert into \"odd name\" values (1, 'a', 'b')")
    answer = await rest.http.get(
        '/odd%20name?select=select,"co,l.umn","quo\\"te"&"co,l.umn"=eq.a&order="quo\\"te".desc'
    )

    assert answer.json() == [{"select": 1, "co,l.umn": "a", 'quo"te': "b"}]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("id.desc", [3, 2, 1]),
        ("mood.nullsfirst,id", [3, 1, 2]),
        ("mood.desc.nullslast,id.asc", [2, 1, 3]),
        ("price, id", [3, 1, 2]),
        ("authors(name).desc,id", [2, 3, 1]),
    ],
)
async def test_rows_come_in_the_order_asked_for(
    rest: Rest, order: str, expected: list[int]
) -> None:
    """Sorting by several columns, with nulls where asked, and by a parent's column."""
    answer = await rest.http.get(f"/books?select=id,authors(name)&order={order}")

    assert [row["id"] for row in answer.json()] == expected


async def test_order_by_a_json_path(rest: Rest) -> None:
    """Sorting by a value within JSON compares it as JSON."""
    answer = await rest.http.get("/authors?select=id&order=profile->age.desc.nullslast")

    assert [row["id"] for row in answer.json()] == [2, 1, 3]


@pytest.mark.parametrize(
    ("parameters", "headers", "status", "rows", "content_range"),
    [
        ("", {}, 200, 3, "0-2/*"),
        ("", {"Prefer": "count=exact"}, 200, 3, "0-2/3"),
        ("limit=2", {"Prefer": "count=exact"}, 206, 2, "0-1/3"),
        ("limit=2&offset=2", {"Prefer": "count=exact"}, 206, 1, "2-2/3"),
        ("offset=3", {"Prefer": "count=exact"}, 206, 0, "*/3"),
        ("limit=0", {}, 200, 0, "*/*"),
        ("id=eq.9", {"Prefer": "count=exact"}, 200, 0, "*/0"),
        ("", {"Range": "1-1"}, 200, 1, "1-1/*"),
        ("limit=1", {"Range": "1-9", "Range-Unit": "items"}, 416, 0, None),
        ("limit=3", {"Range": "1-9", "Prefer": "count=exact"}, 206, 2, "1-2/3"),
        ("limit=nonsense", {}, 200, 3, "0-2/*"),
    ],
)
async def test_pages_and_counts(
    rest: Rest,
    parameters: str,
    headers: dict[str, str],
    status: int,
    rows: int,
    content_range: str | None,
) -> None:
    """Clients page with limit, offset and Range, and read the total from Content-Range."""
    answer = await rest.http.get(f"/books?select=id&order=id&{parameters}", headers=headers)

    assert answer.status_code == status, answer.text
    assert answer.headers.get("content-range") == content_range
    if status < 400:
        assert len(answer.json()) == rows


@pytest.mark.parametrize(
    ("parameters", "headers", "details"),
    [
        ("limit=-1", {}, "Limit should be greater than or equal to zero."),
        (
            "",
            {"Range": "5-2"},
            "The lower boundary must be lower than or equal to the upper boundary in the Range"
            " header.",
        ),
        (
            "offset=7",
            {"Prefer": "count=exact"},
            "An offset of 7 was requested, but there are only 3 rows.",
        ),
    ],
)
async def test_a_page_that_cannot_be_is_refused(
    rest: Rest, parameters: str, headers: dict[str, str], details: str
) -> None:
    """A range that makes no sense is 416 with the reason, not an empty page."""
    answer = await rest.http.get(f"/books?{parameters}", headers=headers)

    assert answer.status_code == 416
    assert answer.json() == {
        "code": "PGRST103",
        "message": "Requested range not satisfiable",
        "details": details,
        "hint": None,
    }


async def test_at_most_max_rows_come_at_once(
    rest_on_library: Any,
) -> None:
    """`api.max_rows` bounds every level, and estimated counts stay right below it."""
    async with rest_on_library(max_rows=2) as rest:
        rows = await rest.http.get(
            "/authors?select=id,books(id)&order=id", headers={"Prefer": "count=exact"}
        )
        estimated = await rest.http.get("/books", headers={"Prefer": "count=estimated"})
        planned = await rest.http.get("/covers", headers={"Prefer": "count=planned"})

    assert [row["id"] for row in rows.json()] == [1, 2]
    assert rows.headers["content-range"] == "0-1/3"
    assert int(estimated.headers["content-range"].split("/")[1]) >= 3
    assert int(planned.headers["content-range"].split("/")[1]) >= 1


async def test_a_head_request_counts_without_a_body(rest: Rest) -> None:
    """`head=True` gives the count alone, as clients use it."""
    answer = (
        await rest.client()
        .from_("books")
        .select("*", count=CountMethod.exact, head=True)
        .gte("pages", 300)
        .execute()
    )

    assert answer.count == 2


async def test_the_location_repeats_the_query_sorted(rest: Rest) -> None:
    """Content-Location is the canonical address of what was read."""
    answer = await rest.http.get("/books?select=id&id=eq.1")

    assert answer.headers["content-location"] == "/books?id=eq.1&select=id"


async def test_an_unknown_column_is_named(rest: Rest) -> None:
    """A typing error in a column is a 400 with Postgres' own words."""
    with pytest.raises(APIError) as caught:
        await rest.client().from_("books").select("titel").execute()

    assert caught.value.code == "42703"
    assert caught.value.message == "column books.titel does not exist"


async def test_a_bad_value_is_the_clients_fault(rest: Rest) -> None:
    """Text where a number belongs is a 400, as the value reaches Postgres untouched."""
    answer = await rest.http.get("/books?id=eq.one")

    assert answer.status_code == 400
    assert answer.json()["code"] == "22P02"
    assert answer.json()["message"] == 'invalid input syntax for type bigint: "one"'
