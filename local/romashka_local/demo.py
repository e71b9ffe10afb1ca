"""The demo: a fresh stack, a worker, and customers who write to it as any client would.

With a local model the worker asks that one. Whether it replies or hands over is then the model's
luck; that everybody is answered in time is not.
"""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text
from romashka import AsyncRomashka, Message, RomashkaError
from romashka._migration_files import product_folder
from romashka._terminal import clean_line, open_console

from romashka_local.programs import Line, running, temporary_folder

PROMISED_SECONDS = 6.0
_STACK_READY_SECONDS = 90.0
_WORKER_READY_SECONDS = 30.0
_MODEL_READY_SECONDS = 120.0
_KNOWLEDGE_READY_SECONDS = 15.0
_LOOK_SECONDS = 0.2
_MODEL = "from romashka_local.model import main; main()"
_INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Customer:
    """Somebody who writes one turn."""

    name: str
    texts: tuple[str, ...]
    replied_language: str | None = None
    """The language in which this customer must get a reply."""


CUSTOMERS = (
    Customer("English", ("What is Romashka?",), "en"),
    Customer("Deutsch", ("Wie schnell bekommt der Kunde eine Antwort?",), "de"),
    Customer("español", ("¿Puede un cliente leer las conversaciones de otros?",), "es"),
    Customer("русский", ("Нужен ли Docker или аккаунт, чтобы попробовать?",), "ru"),
    Customer("in a hurry", ("Which channels are supported?", "E-mail?", "And WhatsApp too?")),
    Customer("off topic", ("Which wine goes well with grilled octopus?",)),
    Customer("wants a human", ("Ich möchte bitte mit einem Menschen sprechen.",)),
)


@dataclass(frozen=True, slots=True)
class Turn:
    """What became of a customer's turn."""

    customer: Customer
    answer: Message | None
    seconds: float

    @property
    def is_in_time(self) -> bool:
        return self.answer is not None and self.seconds <= PROMISED_SECONDS

    @property
    def kind(self) -> str:
        return self.answer.kind if self.answer else "none"


def run_demo(*, with_model: bool = False) -> int:
    """Run the demo and return the exit code: 0 when every promise was kept.

    Raises:
        ProgramError: the stack, the model or the worker did not start.
    """
    return asyncio.run(_until_interrupted(with_model))


async def _until_interrupted(with_model: bool) -> int:
    console = open_console(soft_wrap=True)
    demo = asyncio.create_task(_run_with_model(console) if with_model else _run(console))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Once: what stops the programs must not be interrupted itself.
        loop.add_signal_handler(number, lambda: None if demo.cancelling() else demo.cancel())
    try:
        return await demo
    except asyncio.CancelledError:
        return _INTERRUPTED


async def _run(console: Console) -> int:
    console.print("Starting Postgres, REST, Auth and Realtime on free ports ...", style="dim")
    with temporary_folder() as folder:
        async with _stack(folder) as stack, _worker(stack) as worker:
            await wait_for_knowledge(stack, worker, console)
            console.print("The stack and the worker are ready. Customers write:\n", style="dim")
            talks = [_talk(customer, stack, console) for customer in CUSTOMERS]
            turns = await asyncio.gather(*talks)
    return _report(turns, console, is_sure=True)


async def _run_with_model(console: Console) -> int:
    console.print("Starting a model, Postgres, REST, Auth and Realtime ...", style="dim")
    with temporary_folder() as folder:
        async with (
            _model(folder) as model,
            _stack(folder) as stack,
            _worker(stack, model) as worker,
        ):
            await wait_for_knowledge(stack, worker, console)
            console.print("All are ready. Customers write, one at a time:\n", style="dim")
            turns = [await _talk(customer, stack, console) for customer in CUSTOMERS]
    return _report(turns, console, is_sure=False)


@asynccontextmanager
async def _stack(temporary: Path) -> AsyncIterator[Line]:
    async with running(
        *("start", "--ephemeral", "--port", "0", "--db-port", "0", "--json"),
        is_ready=lambda line: "API_URL" in line,
        ready_seconds=_STACK_READY_SECONDS,
        folder=product_folder().parent,
        environment={"TMPDIR": str(temporary)},
    ) as keys:
        yield keys


@asynccontextmanager
async def _model(temporary: Path) -> AsyncIterator[Line]:
    async with running(
        "model",
        is_ready=lambda line: "OPENAI_BASE_URL" in line,
        ready_seconds=_MODEL_READY_SECONDS,
        folder=product_folder().parent,
        environment={"TMPDIR": str(temporary)},
        program=_MODEL,
    ) as address:
        yield address


@asynccontextmanager
async def _worker(stack: Line, model: Mapping[str, str] | None = None) -> AsyncIterator[Line]:
    async with running(
        "worker",
        is_ready=lambda line: line.get("event") == "worker.started",
        ready_seconds=_WORKER_READY_SECONDS,
        folder=product_folder().parent,
        environment={
            "SUPABASE_URL": stack["API_URL"],
            "SUPABASE_SERVICE_ROLE_KEY": stack["SERVICE_ROLE_KEY"],
            **(model or {}),
        },
    ) as started:
        yield started


async def wait_for_knowledge(stack: Line, worker: Line, console: Console) -> None:
    """Wait until the worker has given every item its vectors, if it makes any.

    Customers would be answered all the same, by the words of what it knows.
    """
    if not (model := worker["embeddings"]):
        return
    try:
        async with (
            asyncio.timeout(_KNOWLEDGE_READY_SECONDS),
            AsyncRomashka.connect(stack["API_URL"], stack["SERVICE_ROLE_KEY"]) as client,
        ):
            while await client.call("get_knowledge_to_embed", model=model, max_items=1):  # noqa: ASYNC110 -- it tells in no other way
                await asyncio.sleep(_LOOK_SECONDS)
    except (RomashkaError, TimeoutError) as error:
        reason = str(error) or f"not within {_KNOWLEDGE_READY_SECONDS:.0f} s"
        console.print(
            f"The knowledge base did not get its vectors ({reason}): answers go by its words.",
            style="yellow",
        )


async def _talk(customer: Customer, stack: Line, console: Console) -> Turn:
    """Let one customer write; the clock runs from the first message to the sight of the answer."""
    started = time.monotonic()
    answer: Message | None = None
    try:
        async with AsyncRomashka.connect(stack["API_URL"], stack["ANON_KEY"]) as client:
            await client.sign_in_anonymously()
            conversation = await client.conversations.create(f"demo: {customer.name}")
            started = time.monotonic()
            for text in customer.texts[:-1]:
                _say(console, customer, text)
                await conversation.send(text)
            _say(console, customer, customer.texts[-1])
            answer = await conversation.ask(customer.texts[-1])
    except RomashkaError as error:
        _say(console, customer, str(error), "no answer", "red")
    turn = Turn(customer, answer, time.monotonic() - started)
    if answer is not None:
        _say_answer(console, turn, answer)
    return turn


def _say_answer(console: Console, turn: Turn, answer: Message) -> None:
    style = "green" if answer.kind == "reply" else "yellow"
    _say(console, turn.customer, answer.content, f"{answer.kind}, {turn.seconds:.2f} s", style)


def _say(
    console: Console, customer: Customer, text: str, how: str = "writes", style: str = "cyan"
) -> None:
    head = f"{customer.name:<15}{how:<18}"
    console.print(Text.assemble((head, style), clean_line(text)))


def _report(turns: Sequence[Turn], console: Console, *, is_sure: bool) -> int:
    """Print the summary; return 0 if all were answered in time.

    Where the answers are sure, each language must have had a reply, too.
    """
    in_time = sum(turn.is_in_time for turn in turns)
    unreplied = [
        turn.customer.name
        for turn in turns
        if is_sure and turn.customer.replied_language is not None and turn.kind != "reply"
    ]
    if unreplied:
        console.print(f"\nno reply for: {', '.join(unreplied)}", style="red")
    replied = sum(turn.kind == "reply" for turn in turns)
    handed_over = sum(turn.kind == "handover" for turn in turns)
    slowest = max(turn.seconds for turn in turns)
    console.print(
        f"\nanswered {in_time}/{len(turns)} turns "
        f"({replied} replied, {handed_over} handed over), slowest {slowest:.2f} s"
    )
    return 0 if in_time == len(turns) and not unreplied else 1
