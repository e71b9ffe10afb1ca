"""Embedding related rows over REST: cardinalities, hints, inner joins, nested parameters."""

from typing import Any

import pytest

from tests.support.rest import Rest
from tests.support.waiting import becomes

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def read(rest: Rest, address: str) -> Any:
    answer = await rest.http.get(address)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (
            "/books?id=eq.1&select=title,authors(name)",
            {"title": "Engines", "authors": {"name": "Ada"}},
        ),
        ("/books?id=eq.1&select=by:authors(name)", {"by": {"name": "Ada"}}),
        ("/books?id=eq.1&select=author_id(name)", {"author_id": {"name": "Ada"}}),
        (
            "/books?id=eq.1&select=books_author_id_fkey(name)",
            {"books_author_id_fkey": {"name": "Ada"}},
        ),
        ("/books?id=eq.1&select=authors!author_id(name)", {"authors": {"name": "Ada"}}),
        ("/books?id=eq.1&select=covers(colour)", {"covers": {"colour": "red"}}),
        ("/books?id=eq.2&select=covers(colour)", {"covers": None}),
        ("/covers?select=books(title)", {"books": {"title": "Engines"}}),
        ("/authors?id=eq.2&select=books(id)&books.order=id", {"books": [{"id": 2}, {"id": 3}]}),
        ("/authors?id=eq.3&select=books(id)", {"books": []}),
        (
            "/books?id=eq.3&select=genres(label)&genres.order=label",
            {"genres": [{"label": "science"}, {"label": "travel"}]},
        ),
        ("/books?id=eq.1&select=genres!book_genres(id)", {"genres": [{"id": 1}]}),
        ("/genres?id=eq.3&select=books(id)", {"books": []}),
        (
            "/loans?id=eq.1&select=lender:authors!lender_id(name),borrower:authors!borrower_id(name)",
            {"lender": {"name": "Ada"}, "borrower": {"name": "Bo"}},
        ),
        (
            "/loans?id=eq.1&select=authors!loans_lender_id_fkey(name)",
            {"authors": {"name": "Ada"}},
        ),
        (
            "/authors?id=eq.1&select=authors(id)&authors.order=id",
            {"authors": [{"id": 2}, {"id": 3}]},
        ),
        (
            "/authors?id=eq.1&select=pupils:authors!mentor_id(id)&pupils.order=id",
            {"pupils": [{"id": 2}, {"id": 3}]},
        ),
        ("/authors?id=eq.2&select=mentor:mentor_id(name)", {"mentor": {"name": "Ada"}}),
        (
            "/authors?id=eq.1&select=name,books(title,covers(colour),genres(label))",
            {
                "name": "Ada",
                "books": [
                    {
                        "title": "Engines",
                        "covers": {"colour": "red"},
                        "genres": [{"label": "science"}],
                    }
                ],
            },
        ),
        ("/books?id=eq.1&select=id,authors()", {"id": 1}),
    ],
)
async def test_related_rows_come_with_their_parent(
    rest: Rest, address: str, expected: dict[str, Any]
) -> None:
    """To-one gives an object or null, to-many a list, however the relation is named."""
    assert await read(rest, address) == [expected]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("/authors?select=id,books(id)&books.title=eq.Ferries&order=id", [[], [3], []]),
        ("/authors?select=id,books!inner(id)&books.title=eq.Ferries&order=id", [[3]]),
        ("/authors?select=id,books(id)&books.order=id.desc&books.limit=1&order=id", [[1], [3], []]),
        ("/authors?select=id,books(id)&books.order=id&books.offset=1&order=id", [[], [3], []]),
        ("/authors?select=id,books(id)&books.or=(id.eq.1,id.eq.2)&order=id", [[1], [2], []]),
        ("/authors?select=id,books(id)&books.not.or=(id.eq.1,id.eq.2)&order=id", [[], [3], []]),
        ("/authors?select=id,b:books(id)&b.id=eq.3&order=id", [[], [3], []]),
        ("/authors?select=id,b:books(id)&books.id=eq.3&order=id", [[], [3], []]),
        ("/authors?select=id,books(id)&books=is.null", [[]]),
        ("/authors?select=id,books(id)&books=not.is.null&books.order=id&order=id", [[1], [2, 3]]),
        ("/authors?select=id,books(id)&or=(books.is.null,id.eq.1)&order=id", [[1], []]),
    ],
)
async def test_parameters_of_an_embed_change_the_nested_rows(
    rest: Rest, address: str, expected: list[list[int]]
) -> None:
    """Filters on an embed leave the parents, unless it is inner or asked for by null."""
    rows = await read(rest, address)

    assert [[book["id"] for book in row.get("books", row.get("b"))] for row in rows] == expected


async def test_counts_follow_inner_joins(rest: Rest) -> None:
    """The total of a page counts only parents that an inner embed leaves."""
    answer = await rest.http.get(
        "/authors?select=id,books!inner(id)&books.pages=gte.300&limit=1",
        headers={"Prefer": "count=exact"},
    )

    assert answer.headers["content-range"] == "0-0/1"


async def test_spread_embeds_merge_into_their_parent(rest: Rest) -> None:
    """`...rel(col)` gives a parent's column, and a list per column of many rows."""
    assert await read(rest, "/books?id=eq.1&select=title,...authors(by:name)") == [
        {"title": "Engines", "by": "Ada"}
    ]
    assert await read(
        rest, "/authors?id=eq.2&select=name,...books(titles:title,id)&books.order=id.desc"
    ) == [{"name": "Bo", "titles": ["Ferries", "Fjords of the north"], "id": [3, 2]}]


async def test_computed_columns_and_relationships_are_selected_like_others(rest: Rest) -> None:
    """Functions of a row extend the table, as they do on the real server."""
    assert await read(rest, "/books?id=eq.2&select=shout,sequels(id)") == [
        {"shout": "FJORDS OF THE NORTH", "sequels": [{"id": 3}]}
    ]
    assert await read(rest, "/authors?id=eq.1&select=best_friend(name)") == [
        {"best_friend": {"name": "Bo"}}
    ]


async def test_views_are_embedded_through_the_columns_they_show(rest: Rest) -> None:
    """A view of a table has its relationships, and a view of a view too."""
    assert await read(rest, "/long_books?id=eq.2&select=id,authors(name)") == [
        {"id": 2, "authors": {"name": "Bo"}}
    ]
    assert await read(rest, "/authors?id=eq.2&select=long_books(id)&long_books.order=id") == [
        {"long_books": [{"id": 2}, {"id": 3}]}
    ]
    assert await read(rest, '/odd_view?"the {id} :resno"=eq.1&select="by whom",authors(name)') == [
        {"by whom": 1, "authors": {"name": "Ada"}}
    ]
    assert await read(rest, "/nested_cards?number=eq.1&select=books(title)") == [
        {"books": [{"title": "Engines"}]}
    ]


async def test_two_possible_relationships_are_listed(rest: Rest) -> None:
    """An ambiguous embed is a 300 that says how to ask for one of them."""
    answer = await rest.http.get("/loans?select=authors(name)")

    assert answer.status_code == 300
    assert answer.json() == {
        "code": "PGRST201",
        "message": "Could not embed because more than one relationship was found for 'loans'"
        " and 'authors'",
        "details": [
            {
                "cardinality": "many-to-one",
                "embedding": "loans with authors",
                "relationship": "loans_borrower_id_fkey using loans(borrower_id) and authors(id)",
            },
            {
                "cardinality": "many-to-one",
                "embedding": "loans with authors",
                "relationship": "loans_lender_id_fkey using loans(lender_id) and authors(id)",
            },
        ],
        "hint": "Try changing 'authors' to one of the following:"
        " 'authors!loans_borrower_id_fkey', 'authors!loans_lender_id_fkey'. Find the desired"
        " relationship in the 'details' key.",
    }


async def test_a_missing_relationship_is_said_with_a_guess(rest: Rest) -> None:
    """A misspelt embed is a 400 that names what was probably meant."""
    answer = await rest.http.get("/books?select=author(name)")

    assert answer.status_code == 400
    assert answer.json() == {
        "code": "PGRST200",
        "message": "Could not find a relationship between 'books' and 'author' in the schema cache",
        "details": "Searched for a foreign key relationship between 'books' and 'author' in the"
        " schema 'public', but no matches were found.",
        "hint": "Perhaps you meant 'authors' instead of 'author'.",
    }


@pytest.mark.parametrize(
    ("address", "code", "message"),
    [
        (
            "/books?covers.colour=eq.red",
            "PGRST108",
            "'covers' is not an embedded resource in this request",
        ),
        (
            "/authors?select=id,books(id)&order=books(title)",
            "PGRST118",
            "A related order on 'books' is not possible",
        ),
        ("/books?select=pages.sum()", "PGRST123", "Use of aggregate functions is not allowed"),
    ],
)
async def test_what_an_embed_cannot_do_is_refused(
    rest: Rest, address: str, code: str, message: str
) -> None:
    """The refusals carry PostgREST's codes, which clients switch on."""
    answer = await rest.http.get(address)

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert answer.json()["message"] == message


async def test_aggregates_work_where_the_database_allows_them(rest: Rest) -> None:
    """`alter role authenticator set pgrst.db_aggregates_enabled` is heard without a restart."""
    address = "/books?select=author_id,pages.sum(),count()&order=author_id"

    async def sums() -> Any:
        answer = await rest.http.get(address)
        return answer.json() if answer.status_code == 200 else None

    await rest.execute("alter role authenticator set pgrst.db_aggregates_enabled = 'true'")
    try:
        await rest.execute("notify pgrst, 'reload config'")
        summed = await becomes(sums)
        spread = await read(rest, "/books?select=...authors(name),pages.max()&order=authors(name)")
    finally:
        await rest.execute("alter role authenticator reset pgrst.db_aggregates_enabled")
        await rest.execute("notify pgrst, 'reload config'")

    assert summed == [
        {"author_id": 1, "sum": 120, "count": 1},
        {"author_id": 2, "sum": 610, "count": 2},
    ]
    assert {"name": "Bo", "max": 310} in spread
