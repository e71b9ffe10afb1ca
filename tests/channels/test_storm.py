"""What WhatsApp's customers wrote is stored, answered and delivered, whatever dies."""

import logging
from collections.abc import Iterator

import pytest

from tests.channels.storm import open_storm
from tests.support.stacks import RunningStack, run_stack


@pytest.fixture
def own_stack() -> Iterator[RunningStack]:
    """A stack whose database may die."""
    with run_stack("--ephemeral") as running:
        yield running


@pytest.mark.parametrize(
    ("customers", "messages", "hurries"),
    [
        (20, 3, True),
        pytest.param(200, 5, False, marks=[pytest.mark.storm, pytest.mark.timeout(1800)]),
    ],
)
async def test_every_message_is_stored_answered_and_delivered(
    own_stack: RunningStack, customers: int, messages: int, hurries: bool
) -> None:
    """Promise 4, on a day on which everything fails at once."""
    async with open_storm(
        own_stack, customers=customers, messages=messages, seed=7, hurries=hurries
    ) as storm:
        await storm.blow()
        report = await storm.report()

    logging.getLogger(__name__).info("%s", report)  # shown with --log-cli-level=info
    assert report.stored == report.sent == customers * messages
    assert report.gaps == 0
    assert report.unanswered == 0
    assert report.delivered == report.answers > 0
    assert report.in_order
