"""Errors of the REST server: routes, what functions raise, texts of the parser."""

import pytest

from tests.support.rest import Rest

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize(
    ("method", "path", "status", "code", "message"),
    [
        ("GET", "/a/b", 404, "PGRST125", "Invalid path specified in request URL"),
        ("GET", "/rpc/a/b", 404, "PGRST125", "Invalid path specified in request URL"),
        ("TRACE", "/books", 405, "PGRST117", "Unsupported HTTP method: TRACE"),
        ("POST", "/", 405, "PGRST117", "Unsupported HTTP method: POST"),
        (
            "GET",
            "/book",
            404,
            "PGRST205",
            "Could not find the table 'public.book' in the schema cache",
        ),
    ],
)
async def test_a_path_that_leads_nowhere_is_said(
    rest: Rest, method: str, path: str, status: int, code: str, message: str
) -> None:
    """Each wrong address has its own code, in the body and in Proxy-Status."""
    answer = await rest.http.request(method, path)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["message"] == message
    assert answer.headers["proxy-status"] == f"PostgREST; error={code}"


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("P0001", 400),
        ("PT404", 404),
        ("PT429", 429),
        ("PT999", 500),
        ("23505", 409),
        ("42501", 401),
        ("28000", 403),
        ("40001", 500),
        ("53400", 500),
        ("57014", 500),
        ("08000", 503),
        ("22012", 400),
        ("XX000", 500),
        ("RA123", 400),
    ],
)
async def test_what_a_function_raises_has_its_status(rest: Rest, state: str, status: int) -> None:
    """Code, message, detail and hint arrive as raised; the status follows from the code."""
    answer = await rest.http.post("/rpc/fail", json={"state": state, "why": "because"})

    assert answer.status_code == status
    assert answer.json() == {
        "code": state,
        "message": "because",
        "details": "the detail",
        "hint": "the hint",
    }


async def test_a_function_can_compose_its_whole_refusal(rest: Rest) -> None:
    """`raise sqlstate 'PGRST'` sets body, status and headers."""
    answer = await rest.http.post("/rpc/teapot")
    await rest.execute(
        "create function bad_teapot() returns void language plpgsql as"
        " $$begin raise sqlstate 'PGRST' using message = 'no json'; end$$"
    )
    bad = await rest.http.post("/rpc/bad_teapot")

    assert (answer.status_code, answer.headers["x-pot"]) == (418, "tea")
    assert answer.json() == {
        "code": "TEA",
        "message": "short and stout",
        "details": "d",
        "hint": "h",
    }
    assert (bad.status_code, bad.json()["code"]) == (500, "PGRST121")
    assert bad.json()["details"] == "Invalid JSON value for MESSAGE: 'no json'"


async def test_a_function_can_set_status_and_headers(rest: Rest) -> None:
    """`response.status` and `response.headers` shape a success too, once."""
    answer = await rest.http.post("/rpc/respond")
    after = await rest.http.post("/rpc/add", json={"a": 1})

    assert (answer.status_code, answer.json()) == (202, {"ok": True})
    assert (answer.headers["x-note"], answer.headers["cache-control"]) == ("made", "no-store")
    assert after.status_code == 200
    assert "x-note" not in after.headers


async def test_a_header_that_sql_sets_cannot_smuggle_another(rest: Rest) -> None:
    """Line breaks in a value would end the header: they are left out."""
    await rest.execute(
        "create function smuggle() returns void language sql as $$ select set_config("
        "'response.headers', json_build_array(json_build_object('X-A', E'a\\r\\nX-B: b'))::text,"
        " true) $$"
    )
    answer = await rest.http.post("/rpc/smuggle")

    assert answer.headers["x-a"] == "aX-B: b"
    assert "x-b" not in answer.headers


@pytest.mark.parametrize(
    ("query", "message", "details"),
    [
        (
            "id=noop.0",
            '"failed to parse filter (noop.0)" (line 1, column 1)',
            'unexpected "o" expecting "not" or operator (eq, gt, ...)',
        ),
        (
            "id=1",
            '"failed to parse filter (1)" (line 1, column 1)',
            'unexpected "1" expecting "not" or operator (eq, gt, ...)',
        ),
        (
            "id=",
            '"failed to parse filter ()" (line 1, column 1)',
            'unexpected end of input expecting "not" or operator (eq, gt, ...)',
        ),
        (
            "id=is.maybe",
            '"failed to parse filter (is.maybe)" (line 1, column 4)',
            'unexpected "m" expecting isVal: (null, not_null, true, false, unknown)',
        ),
        (
            "id=in.1,2",
            '"failed to parse filter (in.1,2)" (line 1, column 4)',
            'unexpected "1" expecting "("',
        ),
        (
            "id=eq().1",
            '"failed to parse filter (eq().1)" (line 1, column 4)',
            'unexpected ")" expecting operator (eq, gt, ...)',
        ),
        (
            "or=()",
            '"failed to parse logic tree (())" (line 1, column 4)',
            'unexpected ")" expecting field name (* or [a..z0..9_$]), negation operator (not) or'
            " logic operator (and, or)",
        ),
        (
            "or=)(",
            '"failed to parse logic tree ()()" (line 1, column 3)',
            'unexpected ")" expecting "("',
        ),
        (
            "order=id.ac",
            '"failed to parse order (id.ac)" (line 1, column 4)',
            'unexpected "c" expecting "asc", "desc", "nullsfirst" or "nullslast"',
        ),
        (
            "order=id.asc.smth34",
            '"failed to parse order (id.asc.smth34)" (line 1, column 8)',
            'unexpected "s" expecting "nullsfirst" or "nullslast"',
        ),
        (
            "select=id::",
            '"failed to parse select parameter (id::)" (line 1, column 5)',
            "unexpected end of input expecting letter or digit",
        ),
        (
            "select=id!hint",
            '"failed to parse select parameter (id!hint)" (line 1, column 3)',
            'unexpected "!" expecting letter, digit, "-", "->>", "->", "::", ".", ")", "," or end'
            " of input",
        ),
        (
            "columns=a,,b",
            '"failed to parse columns parameter (a,,b)" (line 1, column 3)',
            'unexpected "," expecting field name (* or [a..z0..9_$])',
        ),
    ],
)
async def test_a_query_that_does_not_parse_is_quoted_with_its_position(
    rest: Rest, query: str, message: str, details: str
) -> None:
    """The parser's refusals read as PostgREST's own, so that its documentation helps."""
    answer = await rest.http.get(f"/books?{query}")

    assert answer.status_code == 400
    assert answer.json() == {
        "code": "PGRST100",
        "message": message,
        "details": details,
        "hint": None,
    }


async def test_a_nul_character_is_a_bad_value(rest: Rest) -> None:
    """What no text can hold is a 400, wherever it stands."""
    value = await rest.http.get("/books?title=eq.%00")
    name = await rest.http.get("/books?select=%22a%00b%22")
    body = await rest.http.post("/counters", json={"name": "\0"})

    assert (value.status_code, value.json()["code"]) == (400, "22021")
    assert name.status_code == 400
    assert (body.status_code, body.json()["code"]) == (400, "22P05")


async def test_a_restarted_database_costs_one_request(rest: Rest) -> None:
    """Whoever tries once more is served, however many connections the server had."""
    await rest.execute(
        "select pg_terminate_backend(pid, 10000) from pg_stat_activity"
        " where usename = 'authenticator' and datname = current_database()"
    )

    first = await rest.http.get("/books?limit=1")
    others = [await rest.http.get("/books?limit=1") for _ in range(6)]

    assert first.status_code == 503
    assert {answer.status_code for answer in others} == {200}
