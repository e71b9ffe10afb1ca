"""`romashka chat`, `send`, `tail`, `inbox` and `metrics`, as scripts and people call them."""

import asyncio
import json
import os
import subprocess
import uuid
from pathlib import Path

import pytest
from romashka import Romashka

from tests.support.answering import answering
from tests.support.commands import Command
from tests.support.customers import (
    conversation_with_human,
    customer_of,
    new_agent,
    new_identifier,
)
from tests.support.stacks import ROMASHKA, RunningStack

DOWN = {"SUPABASE_URL": "http://127.0.0.1:9"}


def settings_of(stack: RunningStack) -> dict[str, str]:
    return {
        "SUPABASE_URL": stack.api_url,
        "SUPABASE_ANON_KEY": stack.anon_key,
        "SUPABASE_SERVICE_ROLE_KEY": stack.service_role_key,
    }


def environment(stack: RunningStack) -> dict[str, str]:
    """Return the settings of a process of its own, and what else it needs."""
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"}
    return clean | settings_of(stack)


def call(stack: RunningStack, *command: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROMASHKA, *command],
        capture_output=True,
        text=True,
        input=typed,
        env=environment(stack),
        check=False,
    )


async def test_a_script_asks_and_reads_the_answer(stack: RunningStack) -> None:
    """An exit code and one line of JSON: all that a monitoring script needs."""
    async with answering(stack):
        done = await asyncio.to_thread(
            call, stack, "send", "-", "--customer", new_identifier(), "--wait", "30", "--json",
            typed="What is Romashka?\n",
        )  # fmt: skip

    line = json.loads(done.stdout)
    assert line["event"] == "message.created"
    # On a machine that is too slow for the deadline, a human is promised.
    assert done.returncode == {"reply": 0, "handover": 3}[line["message"]["kind"]]


async def test_a_customer_in_a_pipe_is_handed_over(stack: RunningStack) -> None:
    """Exit code 3: a human was promised, so the script need not ask again."""
    async with answering(stack, "", action="escalate", reason="human_requested"):
        done = await asyncio.to_thread(call, stack, "chat", typed="I want a human\n")

    assert done.returncode == 3, done.stderr
    assert done.stdout.startswith("Romashka: ")


async def test_a_conversation_is_followed(stack: RunningStack) -> None:
    """What was said, then what is said, a line each; Ctrl-C is how it ends, not an error."""
    async with customer_of(stack) as customer:
        conversation = await conversation_with_human(customer, stack, "first")
        tail = await asyncio.create_subprocess_exec(
            ROMASHKA, "tail", conversation.id, "--json",
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(stack),
        )  # fmt: skip
        assert tail.stdout is not None
        seen = [json.loads(await tail.stdout.readline())]
        await conversation.send("second")
        seen.append(json.loads(await tail.stdout.readline()))
        tail.send_signal(2)
        _, errors = await tail.communicate()

    assert [line["message"]["content"] for line in seen] == ["first", "second"]
    assert (tail.returncode, errors) == (0, b"")


def test_an_agent_lists_the_inbox_and_its_figures(stack: RunningStack, romashka: Command) -> None:
    """Agents have no service key: they sign in."""
    email, password = new_agent(stack)
    signed_in = settings_of(stack) | {
        "ROMASHKA_EMAIL": email,
        "ROMASHKA_PASSWORD": password,
        "SUPABASE_SERVICE_ROLE_KEY": stack.anon_key,
    }
    name = f"[bold]{new_identifier()}"
    with Romashka.connect(stack.api_url, stack.anon_key) as customer:
        customer.sign_in_anonymously()
        conversation = customer.conversations.create(name)
    found = romashka("inbox", "--search", name, **signed_in)
    listed = romashka("inbox", "--once", "--json", **signed_in)
    levels = [romashka("metrics", *json, **signed_in) for json in ((), ("--json",))]
    one = romashka("metrics", "--conversation", conversation.id, **signed_in)

    assert {each.exit_code for each in (found, listed, *levels, one)} == {0}
    assert "[bold]visitor" in found.output  # as it is: no markup
    assert conversation.id in found.output  # for `romashka tail`
    ids = [json.loads(line)["conversation"]["id"] for line in listed.output.splitlines()]
    assert conversation.id in ids
    assert levels[0].output.splitlines()[-1].startswith("all ")
    assert json.loads(levels[1].output.splitlines()[-1])["channel_type"] == "all"
    assert one.output.splitlines()[0].split() == ["total", "messages", "0"]


@pytest.mark.parametrize(
    ("command", "others", "exit_code", "says"),
    [
        (["tail", str(uuid.uuid4())], {}, 1, "there is no conversation "),
        (["tail", "no-id", "--json"], {}, 1, "there is no conversation no-id"),
        (["metrics", "--conversation", "no-id"], {}, 1, "there is no conversation no-id"),
        (["send", "x", "--conversation", "no-id"], {}, 1, "there is no conversation no-id"),
        (["send", " ", "--customer", "y"], {}, 1, "the message is empty"),
        (["send", "x", "--customer", ""], {}, 1, "the customer identifier is empty"),
        (["metrics", "--key", "bad"], {}, 1, "does not take the key"),
        (["inbox", "--once", "--url", "no-url"], {}, 2, "SUPABASE_URL does not begin"),
        (["send", "x", "--customer", "y"], DOWN, 1, "the project does not answer"),
        (["chat"], DOWN, 1, "does not answer"),
        (["send", "x"], {}, 2, "--conversation"),
        (["send", "x", "--customer", "y", "--wait", "1", "--as-agent"], {}, 2, "--wait"),
        (["metrics", "--minutes", "0"], {}, 2, "--minutes"),
        (["metrics", "--email", "a@b.c"], {}, 1, "ROMASHKA_PASSWORD"),
        (["inbox", "--email", "a@b.c"], {"ROMASHKA_PASSWORD": "x"}, 1, "unable to sign in"),
    ],
)
def test_what_is_wrong_is_one_clear_line(
    stack: RunningStack,
    romashka: Command,
    command: list[str],
    others: dict[str, str],
    exit_code: int,
    says: str,
) -> None:
    """Neither a trace nor a silence."""
    done = romashka(*command, **settings_of(stack) | others)

    assert done.exit_code == exit_code
    assert says in done.errors
    assert done.output == ""
    if exit_code == 1:
        assert done.errors.count("\n") == 1


def test_without_a_project_it_says_how_to_have_one(
    romashka: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first try of most people."""
    monkeypatch.chdir(tmp_path)
    done = romashka("chat")

    assert done.exit_code == 1
    assert done.errors == (
        "romashka: which project? set SUPABASE_URL and SUPABASE_ANON_KEY,"
        " or start one: romashka start\n"
    )
