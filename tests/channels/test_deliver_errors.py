"""What becomes of a delivery when Meta refuses, fails or falls silent: later, never, or a doubt."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from romashka_worker.channels import Channel, ChannelError

from tests.channels.deliveries import channels_of, delivery
from tests.channels.graph import (
    TOKEN,
    Behaviour,
    Graph,
    accepts_and,
    answers,
    hangs,
    open_graph,
    refuses,
    resets,
    shows,
)

HOURS = 3600.0


async def trouble(channel: Channel, channel_type: str = "whatsapp", **changes: Any) -> ChannelError:
    """Send a message that cannot be sent; return why."""
    sending = delivery(channel_type, **changes)
    with pytest.raises(ChannelError) as raised:
        await channel.send(sending, channel.split(sending)[0], TOKEN)
    return raised.value


def usage(minutes: int) -> str:
    """Return the header that tells when an account may call again."""
    limits = '[{"type": "whatsapp", "call_count": 100, "estimated_time_to_regain_access": %d}]'
    return '{"100000000000001": ' + limits % minutes + "}"


REFUSED: list[tuple[str, Behaviour, str, str]] = [
    ("whatsapp", refuses(0, status=401), "retry", "unauthorized"),
    ("whatsapp", refuses(190, 463, status=401), "retry", "unauthorized"),
    ("whatsapp", refuses(10), "retry", "unauthorized"),
    ("whatsapp", refuses(200, status=403), "retry", "unauthorized"),
    ("whatsapp", shows("<html>", 401), "retry", "unauthorized"),
    ("whatsapp", refuses(131047), "failed", "window_closed"),
    ("whatsapp", refuses(470), "failed", "window_closed"),
    ("instagram", refuses(10, 2534022), "failed", "window_closed"),
    ("instagram", refuses(10, 2018278), "failed", "window_closed"),
    ("whatsapp", refuses(131026), "failed", "undeliverable"),
    ("whatsapp", refuses(131049), "failed", "undeliverable"),
    ("instagram", refuses(551, 1545041), "failed", "undeliverable"),
    ("instagram", refuses(100, 2534014), "failed", "undeliverable"),
    ("whatsapp", refuses(100), "failed", "bad_request"),
    ("whatsapp", refuses(131009), "failed", "bad_request"),
    ("whatsapp", refuses(131051), "failed", "bad_request"),
    ("whatsapp", refuses(987654), "failed", "bad_request"),
    ("whatsapp", shows("<html>", 404), "failed", "bad_request"),
    ("whatsapp", refuses(131053), "failed", "bad_media"),
    ("whatsapp", refuses(132001, status=404), "failed", "bad_template"),
    ("whatsapp", refuses(131042), "failed", "unpaid"),
    ("whatsapp", refuses(133010), "failed", "unregistered"),
    ("whatsapp", refuses(131031, status=403), "failed", "blocked"),
    ("whatsapp", refuses(1), "retry", "unavailable"),
    ("whatsapp", refuses(2, status=503), "retry", "unavailable"),
    ("whatsapp", refuses(131000, status=500), "retry", "unavailable"),
    ("whatsapp", refuses(131016, status=503), "retry", "unavailable"),
    ("whatsapp", refuses(133004, status=503), "retry", "unavailable"),
    ("whatsapp", refuses(987654, status=500), "retry", "unavailable"),
    (
        "whatsapp",
        answers({"error": {"code": 9, "is_transient": True}}, 400),
        "retry",
        "unavailable",
    ),
    ("whatsapp", answers({"error": {"code": 2}}), "retry", "unavailable"),
    ("whatsapp", shows("<html>", 503), "retry", "unavailable"),
    ("instagram", accepts_and(refuses(1, 1357046)), "unknown", "no_answer"),
    ("whatsapp", accepts_and(shows("<html>", 502)), "unknown", "no_answer"),
    ("whatsapp", accepts_and(shows("<html>", 504)), "unknown", "no_answer"),
    ("whatsapp", resets, "unknown", "no_answer"),
    ("whatsapp", accepts_and(resets), "unknown", "no_answer"),
    ("whatsapp", accepts_and(shows("{}" * 99, 200, whole=False)), "unknown", "no_answer"),
    ("whatsapp", accepts_and(shows('{"messages"', 200)), "unknown", "bad_answer"),
    ("whatsapp", accepts_and(shows("<html>", 200)), "unknown", "bad_answer"),
    ("whatsapp", answers({}), "unknown", "bad_answer"),
    ("whatsapp", answers({"messages": []}), "unknown", "bad_answer"),
    ("instagram", answers({"recipient_id": "1"}), "unknown", "bad_answer"),
]


@pytest.mark.parametrize(
    ("channel_type", "behaviour", "expected", "code"),
    REFUSED,
    ids=[f"{code}-{number}" for number, (_, _, _, code) in enumerate(REFUSED)],
)
async def test_an_error_is_what_its_code_says(
    graph: Graph,
    channels: dict[str, Channel],
    channel_type: str,
    behaviour: Behaviour,
    expected: str,
    code: str,
) -> None:
    """To repeat what Meta never takes costs its trust; to give up what it would take, an answer."""
    graph.will(behaviour)
    error = await trouble(channels[channel_type], channel_type)

    assert (error.trouble, error.code) == (expected, code)
    assert error.pause_seconds is None
    assert "555" not in str(error)  # Meta's own words quote


@pytest.mark.parametrize(
    ("behaviour", "retry_after_seconds", "pause_seconds"),
    [
        (refuses(131056), 6, None),  # this customer alone
        (refuses(131056, Retry_After="20"), 20, None),
        (refuses(130429, status=429), 5, 5),
        (refuses(4), 60, 60),
        (refuses(613), 60, 60),
        (refuses(80007, status=429, Retry_After="90"), 90, 90),
        (refuses(80007, X_Business_Use_Case_Usage=usage(7)), 420, 420),
        (refuses(80007, X_Business_Use_Case_Usage=usage(0)), 60, 60),
        (refuses(80007, X_Business_Use_Case_Usage="[]", Retry_After="soon"), 60, 60),
        (refuses(80007, Retry_After="9" * 9), 6 * HOURS, 6 * HOURS),
        (refuses(131048), HOURS, HOURS),
        (refuses(368, status=403), HOURS, HOURS),
        (shows("<html>", 429), 60, 60),
        (shows("<html>", 429, Retry_After="30"), 30, 30),
    ],
)
async def test_a_rate_limit_is_waited_out_by_whom_it_is_about(
    graph: Graph,
    channels: dict[str, Channel],
    behaviour: Behaviour,
    retry_after_seconds: float,
    pause_seconds: float | None,
) -> None:
    """An account that goes on is blocked for longer; one customer's limit holds up no other's."""
    graph.will(behaviour)
    error = await trouble(channels["whatsapp"])

    assert error.trouble == "retry"
    assert error.retry_after_seconds == retry_after_seconds
    assert error.pause_seconds == pause_seconds


async def test_retry_after_may_be_a_date(graph: Graph, channels: dict[str, Channel]) -> None:
    """HTTP allows both forms."""
    date = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    graph.will(refuses(4, Retry_After=date))
    error = await trouble(channels["whatsapp"])

    assert error.pause_seconds is not None
    assert 3000 < error.pause_seconds <= 3600


async def test_a_token_that_is_not_valid_is_told_apart(
    graph: Graph, channels: dict[str, Channel]
) -> None:
    """The account shows it, and whoever renews the token need not look for the reason."""
    graph.tokens = {"another"}

    assert (await trouble(channels["whatsapp"])).code == "unauthorized"


@pytest.mark.parametrize("token", ["two\nlines", "kõva"])
async def test_a_token_that_cannot_be_one_is_a_fault_of_the_settings(
    channels: dict[str, Channel], token: str
) -> None:
    """It would be tried again for a day."""
    sending = delivery()
    with pytest.raises(ChannelError) as raised:
        await channels["whatsapp"].send(sending, channels["whatsapp"].split(sending)[0], token)

    assert (raised.value.trouble, raised.value.code) == ("failed", "misconfigured")
    assert token not in str(raised.value)


async def test_what_cannot_be_connected_was_not_sent() -> None:
    """Nothing is in doubt: it may be tried again at once."""
    async with open_graph() as graph:
        pass
    async with channels_of(graph) as channels:
        error = await trouble(channels["whatsapp"])

    assert (error.trouble, error.code) == ("retry", "unreachable")


@pytest.mark.parametrize("is_deaf", [True, False])
async def test_silence_leaves_a_message_in_doubt(graph: Graph, is_deaf: bool) -> None:
    """Whether it was read before the silence nobody knows."""
    graph.is_deaf = is_deaf
    graph.will(hangs)
    async with channels_of(graph, answer_seconds=0.2) as channels:
        error = await trouble(channels["whatsapp"])

    assert (error.trouble, error.code) == ("unknown", "no_answer")
