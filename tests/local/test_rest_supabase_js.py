"""supabase-js works against the REST server, behind the gateway, unchanged."""

import asyncio
import json

import pytest

from tests.support.javascript import SCRIPTS, find_node
from tests.support.rest import Rest, listening

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_supabase_js_reads_writes_and_calls(rest: Rest) -> None:
    """Every frontend is built on this client, with a publishable key and no session."""
    node = await asyncio.to_thread(find_node)
    async with listening(rest.config) as url:
        process = await asyncio.create_subprocess_exec(
            node, SCRIPTS / "rest.mjs", url, rest.config.keys.publishable_key,
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        output, _ = await asyncio.wait_for(process.communicate(), 50)

    assert json.loads(output) == {
        "embedded": {
            "status": 200,
            "data": {
                "title": "Engines",
                "authors": {"name": "Ada"},
                "genres": [{"label": "science"}],
            },
        },
        "counted": {"status": 206, "data": [{"id": 2}], "count": 2},
        "head": {"status": 200, "data": None, "count": 2},
        "or": {"status": 200, "data": [{"id": 1}, {"id": 3}]},
        "nested or": {"status": 200, "data": [{"id": 2, "books": [{"id": 3}]}]},
        "containing": {"status": 200, "data": [{"id": 3}]},
        "within": {"status": 200, "data": [{"id": 2}]},
        "searched": {"status": 200, "data": [{"id": 2}]},
        "json": {"status": 200, "data": [{"city": "London"}]},
        "maybe": {"status": 200, "data": None},
        "inserted": {
            "status": 201,
            "data": [{"name": "js-1", "value": 0}, {"name": "js-2", "value": 2}],
        },
        "upserted": {"status": 200, "data": {"value": 9}},
        "ignored": {"status": 201, "data": []},
        "updated": {
            "status": 200,
            "data": [{"name": "js-1", "value": 3}, {"name": "js-2", "value": 3}],
        },
        "too many": {"status": 400, "code": "PGRST124", "hint": None},
        "deleted": {"status": 204, "data": None},
        "called": {"status": 200, "data": 5},
        "called by get": {"status": 200, "data": 3},
        "rows of a call": {"status": 200, "data": [{"id": 2, "authors": {"name": "Bo"}}]},
        "csv": {"status": 200, "data": "id,title\n1,Engines"},
        "missing table": {
            "status": 404,
            "code": "PGRST205",
            "hint": "Perhaps you meant the table 'public.books'",
        },
        "duplicate": {"status": 409, "code": "23505", "hint": None},
    }
