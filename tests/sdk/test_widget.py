"""What everybody may know of the widget, through the SDK and as a browser asks for it."""

from collections.abc import Iterator

import httpx
import psycopg
import pytest
from psycopg.rows import dict_row
from romashka import AsyncRomashka, InvalidRequest, PermissionDenied

from tests.support.customers import service_of, staff_of
from tests.support.stacks import RunningStack


@pytest.fixture(autouse=True)
def _as_before(stack: RunningStack) -> Iterator[None]:
    yield
    with psycopg.connect(stack.db_url, row_factory=dict_row) as database:
        database.execute(
            "update public.widget_settings set color = default, texts = default,"
            " logo_url = default, languages = default"
        )


async def test_everybody_reads_the_settings_and_admins_change_them(stack: RunningStack) -> None:
    """A visitor has no session yet when the launcher is painted."""
    async with (
        service_of(stack) as operator,
        staff_of(stack) as agent,
        AsyncRomashka.connect(stack.api_url, stack.anon_key) as visitor,
    ):
        await operator.widget.update(
            color="#00aa55", languages=["de", "en"], texts={"de": {"title": "Fragen"}},
            logo_url="https://example.com/logo.png",
        )  # fmt: skip
        with pytest.raises(PermissionDenied):
            await agent.widget.update(color="#000000")
        with pytest.raises(PermissionDenied):
            await visitor.widget.update(color="#000000")
        with pytest.raises(InvalidRequest):
            await operator.widget.update(color="red")
        told = await visitor.widget.settings()
        await operator.widget.update(logo_url="")
        without = await agent.widget.settings()

    assert (told.color, told.languages) == ("#00aa55", ("de", "en"))
    assert told.texts == {"de": {"title": "Fragen"}}
    assert (told.logo_url, without.logo_url) == ("https://example.com/logo.png", None)


def test_a_browser_keeps_them_for_a_minute(stack: RunningStack) -> None:
    """Each page of each visitor asks."""
    answer = httpx.get(
        f"{stack.api_url}/rest/v1/rpc/get_widget_settings", headers={"apikey": stack.anon_key}
    ).raise_for_status()

    assert answer.headers["cache-control"] == "public, max-age=60"
    assert set(answer.json()) == {
        "texts", "color", "text_color", "logo_url", "languages", "is_team_there", "back_at", "team",
    }  # fmt: skip
