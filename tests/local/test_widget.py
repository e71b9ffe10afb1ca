"""The stack serves the built widget to pages of any origin, and a shop that has it."""

from pathlib import Path

import httpx
import pytest
from romashka_local.gateway import Gateway
from romashka_local.keys import Keys
from romashka_local.widget import widget_app

KEYS = Keys()


@pytest.fixture
def client(tmp_path: Path) -> httpx.AsyncClient:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "index.html").write_text(
        '<i data-project="{{project}}" data-key="{{key}}">'
    )
    for name in ("romashka-widget.js", "romashka-window-1a2b.js", "demo/shop.css"):
        (tmp_path / name).write_text("0")
    gateway = Gateway(KEYS, {}, {"widget": widget_app(tmp_path, KEYS.anon_key)})
    return httpx.AsyncClient(transport=httpx.ASGITransport(gateway), base_url="http://stack:1")


async def test_the_shop_is_a_page_of_this_project_under_a_strict_policy(
    client: httpx.AsyncClient,
) -> None:
    """It is what a newcomer looks at, and copies."""
    shop = await client.get("/widget/")

    assert shop.text == f'<i data-project="http://stack:1" data-key="{KEYS.anon_key}">'
    assert "trusted-types 'none'" in shop.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("path", "cached"),
    [
        ("romashka-widget.js", "no-cache"),
        ("demo/shop.css", "no-cache"),
        ("romashka-window-1a2b.js", "immutable"),
    ],
)
async def test_any_page_may_load_it(client: httpx.AsyncClient, path: str, cached: str) -> None:
    """The window is a module, which a browser asks for as for anybody's data."""
    script = await client.get(f"/widget/{path}")

    assert script.headers["access-control-allow-origin"] == "*"
    assert cached in script.headers["cache-control"]
