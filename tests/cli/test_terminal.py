"""What others write is shown in a terminal, and never obeyed by it."""

import ast
import asyncio
import io
import json
import logging
import subprocess
import unicodedata
from pathlib import Path

import pytest
import romashka
from romashka._terminal import (
    CleanFormatter,
    clean,
    clean_line,
    escape_json,
    open_console,
    say_fields,
)
from romashka_local.demo import CUSTOMERS, _say
from romashka_worker.doctor.finding import Finding

from tests.cli.test_talking import call, environment, settings_of
from tests.support.answering import answering
from tests.support.commands import Command
from tests.support.customers import customer_of, new_identifier
from tests.support.stacks import ROMASHKA, RunningStack

ATTACKS = {
    "a window's title": "\x1b]0;owned\x07",
    "the clipboard": "\x1b]52;c;b3duZWQ=\x1b\\",
    "a hidden link": "\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "a cleared screen": "\x1b[2J\x1b[H",
    "a line above": "\x1b[1A\x1b[2K",
    "one byte for CSI": "\x9b31m",
    "one byte for OSC": "\x9d0;owned\x9c",
    "a device control string": "\x1bP1$r\x1b\\",
    "a reset": "\x1bc",
    "a bell": "\x07",
    "what was erased": "fee 100\b\b\b0",
    "a line begun anew": "paid\runpaid",
    "an order turned around": "\u202eexe.gpj\u202c",
    "an isolate": "\u2066a\u2069",
    "marks of direction": "\u200e\u200f\u061c",
    "nothing to see": "a\u200bb\u2060c\ufeffd\u00ad",
    "letters that nobody sees": "\U000e0041\U000e0042",
    "half a character": "\ud83d",
    "delete": "\x7f",
}
EVERYTHING = "".join(attack for name, attack in ATTACKS.items() if name != "half a character")


def obeyed(text: str) -> set[str]:
    """The characters of an output that a terminal acts on, but for the colours that we choose."""
    return {
        hex(ord(character))
        for character in text
        if character not in "\n\t\u200c\u200d"
        and unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    }


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_nothing_is_left_to_obey(attack: str) -> None:
    """Each of these does something in a terminal that is in use."""
    written = json.dumps({"said": attack}, ensure_ascii=False)

    assert obeyed(clean(f"before {attack} after")) == set()
    assert clean_line(attack).count("\n") == 0
    assert obeyed(escape_json(written)) == set()
    assert json.loads(escape_json(written)) == {"said": attack}  # for a program it is all there


@pytest.mark.parametrize(
    "text",
    [
        "Grüße, 你好, مرحبا, שלום, नमस्ते",
        "👩‍👩‍👧 👍🏽 ❤️ 🇩🇪",
        "می‌خواهم",  # Persian, with a joiner that keeps letters apart
        "two\nlines\tand a tab",
    ],
)
def test_what_people_write_stays(text: str) -> None:
    """Cleaned too well, a language cannot be read."""
    assert clean(text) == text


@pytest.mark.parametrize(
    "break_", ["\n", "\r\n", "\r", "\x0b", "\x0c", "\x85", "\u2028", "\u2029", "\t"]
)
def test_nobody_ends_a_line_early(break_: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A title that ends the line writes the next one itself."""
    say_fields(("id", f"title{break_}forged", "url"))
    printed = capsys.readouterr().out

    assert printed == "id\ttitle forged\turl\n"


def test_logs_that_people_read_are_clean() -> None:
    """The database's notices, which `migrate` shows, quote what they are about."""
    record = logging.LogRecord("romashka", logging.INFO, "", 1, "%s", (EVERYTHING,), None)

    assert obeyed(CleanFormatter("%(message)s").format(record)) == set()


def test_a_console_keeps_its_own_colours_alone() -> None:
    """The text is the customer's; the codes around it are ours."""
    screen = io.StringIO()
    console = open_console(file=screen, force_terminal=True, color_system="standard")
    console.print(f"before {EVERYTHING}", style="red", markup=False)
    colour, _, rest = screen.getvalue().partition("before")

    assert (colour, rest.rstrip("\n")[-4:]) == ("\x1b[31m", "\x1b[0m")
    assert obeyed(rest.replace("\x1b[31m", "").replace("\x1b[0m", "")) == set()


def test_the_demo_shows_what_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """A model's answer is as little to be trusted as a customer's question."""
    _say(open_console(soft_wrap=True), CUSTOMERS[0], f"{EVERYTHING}\u2028forged")
    printed = capsys.readouterr().out

    assert obeyed(printed) == set()
    assert printed.count("\n") == 1


async def test_doctor_shows_what_servers_say(capsys: pytest.CaptureFixture[str]) -> None:
    """The names of an endpoint's models are the endpoint's words."""
    from romashka._cli.doctor import _show

    _show(Finding.problem("model", f"it has {EVERYTHING}", f"export X={EVERYTHING}"))

    assert obeyed(capsys.readouterr().out) == set()


async def test_no_command_passes_on_what_a_customer_wrote(
    stack: RunningStack, romashka: Command
) -> None:
    """By name, by message and by answer, through every command that shows conversations."""
    name = f"{new_identifier()} {EVERYTHING}"
    async with customer_of(stack) as customer:
        async with answering(stack, f"An answer. {EVERYTHING}"):
            conversation = await customer.conversations.create(name)
            await conversation.ask(f"What is it? {EVERYTHING}", timeout_seconds=30)
            printed = await asyncio.to_thread(
                call, stack, "chat", "--name", "someone", typed=f"Hello {EVERYTHING}\n"
            )
        job = await _job_of(stack, conversation.id)
        tail = await _tailed(stack, conversation.id)
    shown = {
        "chat": printed.stdout + printed.stderr,
        "tail": tail,
        **{
            " ".join(command): await asyncio.to_thread(_output, romashka, command, stack)
            for command in (
                ("inbox", "--once"),
                ("inbox", "--once", "--json"),
                ("replay", job),
                (
                    "send",
                    f"as an agent {EVERYTHING}",
                    "--conversation",
                    conversation.id,
                    "--as-agent",
                ),
                ("send", "x", "--conversation", EVERYTHING),
            )
        },
    }

    assert {command: obeyed(text) for command, text in shown.items()} == {
        command: set() for command in shown
    }
    assert "An answer." in shown["chat"]
    assert "What is it?" in shown["tail"]
    assert conversation.id in shown["inbox --once"]


def _output(command: Command, arguments: tuple[str, ...], stack: RunningStack) -> str:
    done = command(*arguments, **settings_of(stack), COLUMNS="300", ROMASHKA_EMBEDDINGS="off")
    return done.output + done.errors


async def _tailed(stack: RunningStack, conversation_id: str) -> str:
    """The first lines that `tail` prints of a conversation."""
    tail = await asyncio.create_subprocess_exec(
        ROMASHKA, "tail", conversation_id,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(stack),
    )  # fmt: skip
    assert tail.stdout is not None
    first = await tail.stdout.readuntil(b"An answer.")
    tail.send_signal(2)
    rest, errors = await tail.communicate()
    return (first + rest + errors).decode()


async def _job_of(stack: RunningStack, conversation_id: str) -> str:
    import psycopg

    async with await psycopg.AsyncConnection.connect(stack.db_url) as database:
        cursor = await database.execute(
            "select id::text from public.ai_response_queue where conversation_id = %s",
            [conversation_id],
        )
        row = await cursor.fetchone()
    assert row is not None
    return str(row[0])


def test_everything_goes_through_the_one_place() -> None:
    """A command that prints by itself prints whatever it was given."""
    folder = Path(romashka.__file__).parent / "_cli"
    local = Path("local/romashka_local")
    files = [*folder.glob("*.py"), local / "demo.py", *(local / "dev").glob("*.py")]
    found = [
        f"{file.name}:{node.lineno}"
        for file in files
        for node in ast.walk(ast.parse((Path.cwd() / file).read_text()))
        if isinstance(node, ast.Call) and _prints(node.func)
    ]

    assert len(files) > 20
    assert found == []


def _prints(called: ast.expr) -> bool:
    name = ast.unparse(called)
    return name in ("print", "typer.echo", "Console", "sys.stdout.write", "sys.stderr.write")
