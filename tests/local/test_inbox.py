"""The stack serves the built inbox: as files, under a strict policy, told of this project."""

from pathlib import Path

import httpx
import pytest
from romashka_local.gateway import Gateway
from romashka_local.inbox import inbox_app
from romashka_local.keys import Keys
from romashka_local.pages import find_pages

KEYS = Keys()


@pytest.fixture
def client(tmp_path: Path) -> httpx.AsyncClient:
    (tmp_path / "index.html").write_text("<!doctype html><title>Inbox</title>")
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "index-1234.js").write_text("0")
    gateway = Gateway(KEYS, {}, {"inbox": inbox_app(tmp_path, KEYS.anon_key)})
    return httpx.AsyncClient(transport=httpx.ASGITransport(gateway), base_url="http://stack:1")


async def test_the_page_is_there_and_may_run_only_what_is_beside_it(
    client: httpx.AsyncClient,
) -> None:
    """A script that somebody slips in would act with the token of whoever is signed in."""
    page = await client.get("/inbox/")
    policy = page.headers["content-security-policy"]

    assert "<title>Inbox" in page.text
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["cache-control"] == "no-cache"


async def test_what_a_page_loads_is_kept_for_ever_by_its_name(client: httpx.AsyncClient) -> None:
    """The name has the hash of what is in it."""
    script = await client.get("/inbox/assets/index-1234.js")

    assert script.headers["content-type"].startswith("text/javascript")
    assert "immutable" in script.headers["cache-control"]


async def test_it_is_told_of_the_project_by_the_address_that_was_asked(
    client: httpx.AsyncClient,
) -> None:
    """`localhost` and `127.0.0.1` are two origins, and the policy allows one."""
    told = (await client.get("/inbox/config.json")).json()

    assert told == {"url": "http://stack:1", "anonKey": KEYS.anon_key}


@pytest.mark.parametrize("path", ["/inbox/../secret", "/inbox/none.js", "/inboxes/", "/"])
async def test_nothing_else_is_there(client: httpx.AsyncClient, path: str) -> None:
    """Only what was built."""
    assert (await client.get(path)).status_code == 404


async def test_the_folder_is_led_to(client: httpx.AsyncClient) -> None:
    """People type it without the slash."""
    answer = await client.get("/inbox")

    assert (answer.status_code, answer.headers["location"]) == (307, "/inbox/")


def test_the_inbox_of_a_checkout_is_its_dist() -> None:
    """Built, it is found; else there is none."""
    found = find_pages("inbox", "index.html")

    assert found is None or found.parts[-2:] == ("inbox", "dist")
