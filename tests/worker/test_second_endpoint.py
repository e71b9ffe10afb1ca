"""A second endpoint, and the circuit breakers of both."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from romashka_worker.responders.openai.breaker import Breaker
from romashka_worker.settings import Settings

from tests.worker.provider import (
    Provider,
    analysis,
    answers,
    beginning,
    fails,
    hangs,
    open_provider,
    streams,
    token,
)
from tests.worker.turns import ROW, job, open_answerer

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[tuple[Provider, Provider]]:
    async with open_provider() as first, open_provider() as second:
        yield first, second


@pytest.fixture
def providers(running: tuple[Provider, Provider]) -> tuple[Provider, Provider]:
    for provider, reply in zip(running, ("the first", "the second"), strict=True):
        provider.requests.clear()
        provider.will(answers(analysis(reply=reply)))
    return running


async def test_the_second_is_asked_only_when_the_first_fails(
    providers: tuple[Provider, Provider],
) -> None:
    """A model costs money each time."""
    first, second = providers
    async with open_answerer(first, second) as turns:
        assert (await turns.answer(job())).text == "the first"
        assert not second.requests
        first.will(fails(401))
        assert (await turns.answer(job())).text == "the second"


async def test_a_first_one_that_hangs_leaves_the_second_its_part_of_the_time(
    providers: tuple[Provider, Provider],
) -> None:
    """A model that does not begin must not use up the time of one that would."""
    first, second = providers
    first.will(hangs())
    async with open_answerer(first, second) as turns:
        answer = await turns.answer(job(seconds=4))

    assert answer.text == "the second"


async def test_a_reply_that_breaks_off_is_written_anew_by_the_second(
    providers: tuple[Provider, Provider],
) -> None:
    """The customer is not left with half of it."""
    first, second = providers
    first.will(streams(token(beginning("Half a reply, and th")), is_whole=False))
    async with open_answerer(first, second) as turns:
        assert (await turns.answer(job())).text == "the second"


async def test_an_endpoint_that_keeps_failing_is_left_alone(
    providers: tuple[Provider, Provider],
) -> None:
    """With a provider down, turns do not wait for it, one after the other."""
    first, second = providers
    first.will(fails(401))
    second.will(fails(401))
    async with open_answerer(first, second, failures_to_open=2) as turns:
        for _ in range(4):
            assert (await turns.answer(job())).text == ROW["content"]

    assert (len(first.requests), len(second.requests)) == (2, 2)


async def test_who_asks_for_a_minute_gets_it(providers: tuple[Provider, Provider]) -> None:
    """A provider that is asked again during its Retry-After counts that against us."""
    first, second = providers
    first.will(fails(429, retry_after="60"), answers(analysis()))
    async with open_answerer(first, second) as turns:
        for _ in range(2):
            assert (await turns.answer(job())).text == "the second"

    assert len(first.requests) == 1


@pytest.mark.parametrize("status", [400, 422])
async def test_a_prompt_that_is_refused_is_not_the_endpoints_failure(
    providers: tuple[Provider, Provider], status: int
) -> None:
    """One customer's endless message must not take the model from all the others."""
    first, _ = providers
    first.will(fails(status))
    async with open_answerer(first, failures_to_open=1) as turns:
        assert (await turns.answer(job())).text == ROW["content"]
        first.will(answers(analysis()))
        assert (await turns.answer(job())).text == "It is an inbox."


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_an_open_circuit_lets_one_call_pass_after_a_while() -> None:
    """A provider that comes back is not met by everybody at once."""
    clock = Clock()
    breaker = Breaker(failures_to_open=2, seconds_open=15, clock=clock)
    breaker.failed()
    breaker.succeeded()
    breaker.failed()
    assert breaker.lets_pass  # two failures, but not in a row
    breaker.failed()
    assert not breaker.lets_pass
    clock.now = 15
    assert breaker.lets_pass
    breaker.called()
    assert not breaker.lets_pass  # the others wait for what becomes of it
    breaker.failed()
    clock.now = 29
    assert not breaker.lets_pass
    clock.now = 30
    breaker.called()
    breaker.succeeded()

    assert breaker.lets_pass


async def test_a_probe_of_which_nothing_is_heard_is_followed_by_another() -> None:
    """A turn that is taken over in the middle must not leave the circuit open for ever."""
    clock = Clock()
    breaker = Breaker(failures_to_open=1, seconds_open=15, clock=clock)
    breaker.failed()
    clock.now = 15
    breaker.called()
    clock.now = 30

    assert breaker.lets_pass


@pytest.mark.parametrize(
    ("fallback", "expected"),
    [
        ({}, []),
        ({"MODEL": "small"}, [("http://one/v1", "first-key", "small")]),
        ({"BASE_URL": "http://two/v1"}, [("http://two/v1", None, "big")]),
        (
            {"BASE_URL": "http://two/v1", "API_KEY": "second-key", "MODEL": "small"},
            [("http://two/v1", "second-key", "small")],
        ),
    ],
    ids=["none", "another model", "another server", "all"],
)
async def test_the_second_endpoint_is_what_the_environment_says(
    monkeypatch: pytest.MonkeyPatch,
    fallback: dict[str, str],
    expected: list[tuple[str, str | None, str]],
) -> None:
    """The key of one provider is never sent to another."""
    environment = {
        "SUPABASE_URL": "http://project",
        "SUPABASE_SERVICE_ROLE_KEY": "key",
        "OPENAI_BASE_URL": "http://one/v1",
        "OPENAI_API_KEY": "first-key",
        "OPENAI_MODEL": "big",
    } | {f"OPENAI_FALLBACK_{name}": value for name, value in fallback.items()}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    first, *others = Settings.from_environment().models

    assert (first.base_url, first.model) == ("http://one/v1", "big")
    assert [
        (other.base_url, other.api_key and other.api_key.get_secret_value(), other.model)
        for other in others
    ] == expected
