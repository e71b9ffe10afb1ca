"""`romashka dev`: one command, in which everything runs, runs anew, and ends."""

import asyncio
import io
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import aclosing
from pathlib import Path

import httpx
import psycopg
import pytest
from romashka import RomashkaError
from romashka.sync import Romashka
from romashka_local.dev.changes import Kind, Sources
from romashka_local.dev.session import built_page
from romashka_local.dev.stream import Stream

from tests.cli.dev_session import Session, developing, make_checkout, programs_of, start
from tests.support.commands import Command
from tests.support.customers import new_identifier
from tests.support.folders import make_folder
from tests.support.stacks import ROMASHKA
from tests.support.waiting import eventually

pytestmark = pytest.mark.timeout(400)

_STAFF = re.compile(r"(\S+), password: (\S+)")


@pytest.fixture(scope="module")
def checkout() -> Iterator[Path]:
    folder = make_folder()
    folder.chmod(0o711)  # under root, Postgres runs as another account, inside of it
    try:
        make_checkout(folder / "checkout")
        yield folder / "checkout"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def dev(checkout: Path) -> Iterator[Session]:
    """One session for all that happens while it runs: without the demo data."""
    with developing(checkout, "--empty", SUPABASE_URL="https://elsewhere.supabase.co") as session:
        session.hears(r"runs anew\n")
        yield session


def keys(dev: Session) -> dict[str, str]:
    """Return what `romashka status` says there."""
    said = subprocess.run(
        [ROMASHKA, "status", "-o", "env"],
        cwd=dev.folder,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return dict(re.findall(r'^(\w+)="(.*)"$', said, re.MULTILINE))


def ask(dev: Session, text: str) -> str:
    """Write as a new customer; return what is answered."""
    said = keys(dev)
    with Romashka.connect(said["API_URL"], said["ANON_KEY"]) as client:
        client.sign_in_anonymously()
        conversation = client.conversations.create(new_identifier())
        return conversation.ask(text, timeout_seconds=30).content


def test_it_says_where_all_is(dev: Session) -> None:
    """Every address answers, and the sign-in works."""
    said = keys(dev)
    pages = httpx.get(dev.address("inbox")).json()
    functions = dev.address("functions")
    staff = _STAFF.search(dev.address("staff"))
    assert staff
    with Romashka.connect(said["API_URL"], said["ANON_KEY"]) as client:
        client.sign_in(staff[1], staff[2])
        waiting = client.conversations.list()

    assert pages == {"url": said["API_URL"], "anonKey": said["ANON_KEY"]}
    assert httpx.get(dev.address("widget")).text == "A shop that was just built"
    assert dev.address("API") == said["API_URL"]
    assert functions == f"{said['API_URL']}/functions/v1/{{email,instagram,whatsapp}}"
    assert waiting == []  # --empty
    assert "warning: a warning of the pages" in dev.said()
    assert "VITE" not in dev.said()


@pytest.mark.parametrize(
    ("is_terminal", "no_color", "is_coloured"),
    [(True, "", True), (True, "1", False), (False, "", False)],
)
def test_colours_are_for_terminals(
    monkeypatch: pytest.MonkeyPatch, is_terminal: bool, no_color: str, is_coloured: bool
) -> None:
    """Unless nobody wants them; what is said has nothing for a terminal to obey."""
    screen = io.StringIO()
    monkeypatch.setattr(screen, "isatty", lambda: is_terminal)
    monkeypatch.setattr("sys.stdout", screen)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", no_color)
    Stream().say("turn", "before \x1b]0;owned\x07 after\nforged", "error")

    assert ("\x1b[" in screen.getvalue()) is is_coloured
    assert "\x1b]" not in screen.getvalue()
    assert screen.getvalue().count("\n") == 1


def test_a_stream_that_nobody_reads_ends_the_session() -> None:
    """As `romashka dev | head` does: in order, and without a word."""
    says = (
        "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(7));"
        "from romashka_local.dev.stream import Stream; Stream().say('dev', 'a'); sys.exit(1)"
    )
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-c", says], stdout=writing, stderr=subprocess.PIPE, check=False
    )
    os.close(writing)

    assert (done.returncode, done.stderr) == (7, b"")


def _in_place(path: Path) -> None:
    path.write_text("in place")


def _replaced(path: Path) -> None:
    path.with_suffix(".new").write_text("replaced")
    path.with_suffix(".new").replace(path)


def _put_aside(path: Path) -> None:
    path.rename(f"{path}~")
    path.write_text("new")


@pytest.mark.parametrize("save", [_in_place, _replaced, _put_aside])
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("supabase/repeatable/one.sql", Kind.DATABASE),
        ("supabase/functions/_shared/a.ts", Kind.FUNCTIONS),
        ("supabase/config.toml", Kind.STACK),
        ("programs/turn.py", Kind.WORKER),
    ],
)
async def test_a_save_is_seen_however_an_editor_does_it(
    tmp_path: Path, save: Callable[[Path], None], name: str, kind: Kind
) -> None:
    """In place, by a new file that takes the old one's name, or with the old one put aside."""
    file = tmp_path / name
    for folder in (file.parent, tmp_path / "supabase", tmp_path / "programs"):
        folder.mkdir(parents=True, exist_ok=True)
    file.write_text("before")
    async with aclosing(Sources(tmp_path / "supabase", [tmp_path / "programs"]).changes()) as seen:
        change = asyncio.create_task(anext(seen))
        while not change.done():  # nothing tells from when on it watches
            save(file)
            await asyncio.wait({change}, timeout=0.5)

    assert (await change).keys() == {kind}
    assert file in (await change)[kind]


@pytest.mark.parametrize("status", [200, 404, 0])
async def test_built_pages_are_found_where_the_stack_serves_them(status: int) -> None:
    """As in what is installed: there are no sources of pages to serve."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readline()
        found = status if asked == b"GET /inbox/ HTTP/1.1\r\n" else 404
        if found:
            writer.write(b"HTTP/1.1 %d X\r\ncontent-length: 0\r\n\r\n" % found)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        url = "http://{}:{}".format(*server.sockets[0].getsockname())
        found = await built_page(url, "inbox")

    assert found == (f"{url}/inbox/" if status == 200 else None)


@pytest.mark.parametrize("command", ["dev", "start --port 0 --db-port 0"])
def test_a_second_one_says_that_one_runs(
    romashka: Command, dev: Session, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """In one line, and touches nothing."""
    monkeypatch.chdir(dev.folder)
    done = romashka(*command.split())

    assert done.exit_code == 1
    assert done.errors.count("\n") == 1
    assert re.match("romashka: (romashka dev runs here already|another stack runs in)", done.errors)


def test_each_turn_is_a_line(dev: Session) -> None:
    """Who asked, what became of it, how long it took; not what anybody wrote."""
    answer = ask(dev, "Do I need Docker or an account to try it?")
    replied = dev.hears(r"turn +a visitor, website, en: replied, (\d\.\d\d) s$")
    ask(dev, "I want to speak to a human, please: zanzibar")
    dev.hears(r"turn +a visitor, website, en: handed over \(human_requested\), \d\.\d\d s$")

    assert float(replied[1]) < 6
    assert answer not in dev.said()
    assert "zanzibar" not in dev.said()
    assert "worker.started" not in dev.said()  # the parts' own noise


def test_a_worker_that_was_edited_runs_anew(dev: Session) -> None:
    """What is wrong with it is one line, with the place, until it is mended."""
    small_talk = dev.folder / "worker" / "romashka_worker" / "small_talk.py"
    text = small_talk.read_text()
    small_talk.write_text(text + "\nthis is no Python\n")
    dev.hears(r"worker +small_talk.py changed: started anew$")
    told = dev.hears(r"worker +SyntaxError: .*$")
    dev.hears(r"worker +it ended with exit code 1; it is started again in 1 s$")
    dev.hears(r"worker +it ended with exit code 1; it is started again in 2 s$")
    small_talk.write_text(text)
    dev.hears(r"worker +small_talk.py changed: started anew$")

    assert f"({small_talk}:{text.count(chr(10)) + 2})" in told[0]
    assert ask(dev, "What is Romashka?")
    dev.hears(r"turn .*: (?:replied|handed over)")


def test_a_migration_that_was_saved_is_applied(dev: Session) -> None:
    """And one that is wrong is named; a file that has run is not run again."""
    file = dev.folder / "supabase" / "migrations" / "20991231000000_orders.sql"
    file.write_text("create table public.orders (id integer;\n")
    dev.hears(r"stack +not applied: 20991231000000_orders.sql, line 1: syntax error")
    file.write_text(
        "create table public.orders (id integer);\n"
        "grant select on public.orders to service_role;\n"
        "alter table public.orders enable row level security;\n"
    )
    dev.hears(r"stack +applied 20991231000000_orders.sql")
    said = keys(dev)

    def orders() -> bool:
        key = {"apikey": said["SERVICE_ROLE_KEY"]}
        return httpx.get(f"{said['API_URL']}/rest/v1/orders", headers=key).status_code == 200

    assert eventually(orders)
    file.write_text(f"{file.read_text()}create index on public.orders (id);\n")
    dev.hears(r"stack +20991231000000_orders.sql was applied before; begin anew .*: .* db reset$")


def test_a_repeatable_file_that_was_saved_is_applied(dev: Session) -> None:
    """Functions and policies are what one edits most."""
    file = dev.folder / "supabase" / "repeatable" / "0110_durations.sql"
    file.write_text(f"{file.read_text()}-- more\n")

    dev.hears(r"stack +applied 0110_durations.sql$")


def test_a_function_that_was_saved_is_new_from_the_next_request(dev: Session) -> None:
    """The stack looks at its files each time; the developer is told that it does."""
    function = dev.folder / "supabase" / "functions" / "hello" / "index.ts"
    url = f"{dev.address('API')}/functions/v1/hello"
    key = {"apikey": keys(dev)["ANON_KEY"]}
    function.parent.mkdir()
    said = []
    for word in ("one", "two"):
        function.write_text(
            f'Deno.serve(() => {{ console.log("{word} asked"); return new Response("{word}"); }});'
        )
        dev.hears(r"functions +hello: changed, and new from the next request$")
        said.append(httpx.get(url, headers=key, timeout=60).text)
        dev.hears(rf"functions +hello: {word} asked$")

    assert said == ["one", "two"]


@pytest.mark.parametrize(
    ("name", "word"), [("worker", "worker"), ("inbox", "pages.mjs"), ("stack", "start")]
)
def test_a_part_that_dies_is_said_and_started_again(dev: Session, name: str, word: str) -> None:
    """Here it is killed; what it had started does not stay in the way."""
    dev.child(word).send_signal(signal.SIGKILL)
    dev.hears(rf"{name} +it was ended by SIGKILL; it is started again in \d+ s$")

    def is_back() -> bool:
        if name == "inbox":
            return httpx.get(dev.address("inbox")).status_code == 200
        if name == "stack":
            return httpx.get(f"{dev.address('API')}/auth/v1/health").status_code == 200
        return dev.child(word).is_running()

    def is_back_now() -> bool:
        try:
            return is_back()
        except (httpx.HTTPError, AssertionError):
            return False

    eventually(is_back_now)
    if name == "stack":
        dev.hears(r"stack +started anew$")
    assert ask(dev, "What is Romashka?")
    dev.hears(r"turn .*: (?:replied|handed over)")


def test_who_begins_anew_can_sign_in(dev: Session) -> None:
    """`db reset` empties everything; what a session needs is there again."""
    done = subprocess.run(
        [ROMASHKA, "db", "reset"], cwd=dev.folder, capture_output=True, text=True, check=False
    )
    dev.hears(r"stack +started anew$")
    said = keys(dev)

    def mara_is_there() -> bool:
        with Romashka.connect(said["API_URL"], said["ANON_KEY"]) as client:
            client.sign_in(*_STAFF.search(dev.address("staff")).groups())
            return client.conversations.list() == []

    assert done.returncode == 0, done.stderr
    assert eventually(lambda: _is_well(mara_is_there))


def _is_well(check: Callable[[], bool]) -> bool:
    try:
        return check()
    except RomashkaError:
        return False


def test_ctrl_c_ends_all_of_it(dev: Session) -> None:
    """Nothing stays; what is stored does. (The last test of the session.)"""
    dev.interrupt()

    assert dev.process.wait(30) == 0
    assert "stopping; the data is kept" in dev.said()
    assert programs_of(dev.folder) == []


def test_in_a_terminal_with_a_week_of_data(checkout: Path) -> None:
    """In colours; in the folder of before; ended by two Ctrl-C."""
    terminal, theirs = pty.openpty()
    process = start(checkout, stdout=theirs, TERM="xterm-256color")
    os.close(theirs)
    said = ""
    try:
        while "runs anew" not in said:
            said += os.read(terminal, 4096).decode(errors="replace")
        with psycopg.connect(_database_of(said)) as database:
            count = database.execute("select count(*) from public.conversations").fetchone()
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        code = process.wait(30)
    finally:
        process.kill()
        process.wait()
        os.close(terminal)

    assert code == 0
    assert count == (44,)
    assert "\x1b[" in said
    assert "a week of demo data is loaded" in said
    assert programs_of(checkout) == []


@pytest.mark.applies_if(sys.platform == "linux")  # it alone says that a parent is gone
def test_nothing_outlives_it_when_it_is_killed(checkout: Path) -> None:
    """Or the next one would find its ports taken, and its folder in use."""
    with developing(checkout, "--empty") as session:
        session.hears(r"runs anew\n")
        session.process.kill()
        session.process.wait()
        eventually(lambda: not programs_of(checkout))


def _database_of(said: str) -> str:
    found = re.search(r"postgresql://\S+?/postgres", said)
    assert found
    return found[0]


def test_interrupted_while_it_starts_it_ends_too(checkout: Path) -> None:
    """Who has called the wrong command does not wait for it."""
    with developing(checkout, "--empty") as session:
        session.hears(r"dev +starting")
        eventually(lambda: session.child("start"))
        session.interrupt()

        assert session.process.wait(30) == 0
    assert "Traceback" not in session.said()
    assert programs_of(checkout) == []


def test_what_keeps_the_stack_from_starting_is_one_line(checkout: Path, tmp_path: Path) -> None:
    """A port that is taken, a folder that cannot be written."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [ROMASHKA, "dev", "--port", port],
            cwd=checkout,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    assert done.returncode == 1
    assert done.stderr == f"romashka: port {port} is taken; choose another one with --port\n"
    assert "Traceback" not in done.stdout
