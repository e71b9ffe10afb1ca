"""`romashka chat`, `send`, `tail`, `inbox` and `metrics`, as scripts and people call them."""

import asyncio
import json
import os
import subprocess
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.support.answering import answering
from tests.support.customers import (
    conversation_with_human,
    customer_of,
    new_agent,
    new_identifier,
)
from tests.support.stacks import ROMASHKA, RunningStack


def environment(stack: RunningStack, **others: str) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"}
    return clean | {
        "SUPABASE_URL": stack.api_url,
        "SUPABASE_ANON_KEY": stack.anon_key,
        "SUPABASE_SERVICE_ROLE_KEY": stack.service_role_key,
        **others,
    }


def call(
    stack: RunningStack, *command: str, typed: str = "", **others: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROMASHKA, *command],
        capture_output=True,
        text=True,
        input=typed,
        env=environment(stack, **others),
        check=False,
    )


def lines(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


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


async def test_an_agent_lists_the_inbox_and_its_figures(stack: RunningStack) -> None:
    """Agents have no service key: they sign in."""
    email, password = new_agent(stack)
    signed_in = {"ROMASHKA_EMAIL": email, "ROMASHKA_PASSWORD": password}
    key = {"SUPABASE_SERVICE_ROLE_KEY": stack.anon_key}
    name = f"[bold]{new_identifier()}"
    async with customer_of(stack) as customer:
        conversation = await customer.conversations.create(name)
    inbox, listed, figures = await asyncio.gather(
        asyncio.to_thread(
            call, stack, "inbox", "--search", name, COLUMNS="120", **signed_in, **key
        ),
        asyncio.to_thread(call, stack, "inbox", "--once", "--json", **signed_in, **key),
        asyncio.to_thread(call, stack, "metrics", "--json", **signed_in, **key),
    )

    assert inbox.returncode == 0, inbox.stderr
    assert "[bold]visitor" in inbox.stdout  # as it is: no markup
    assert conversation.id in [line["conversation"]["id"] for line in lines(listed)]
    assert lines(figures)[-1]["channel_type"] == "all"


@pytest.mark.parametrize(
    ("command", "others", "exit_code", "says"),
    [
        (["tail", str(uuid.uuid4())], {}, 1, "there is no conversation "),
        (
            ["send", "x", "--customer", "y"],
            {"SUPABASE_URL": "http://127.0.0.1:9"},
            1,
            "the project does not answer",
        ),
        (["send", "x"], {}, 2, "--conversation"),
        (["metrics", "--email", "a@b.c"], {}, 1, "ROMASHKA_PASSWORD"),
    ],
    ids=["no conversation", "no project", "no option", "no password"],
)
def test_what_is_wrong_is_one_clear_line(
    stack: RunningStack, command: list[str], others: dict[str, str], exit_code: int, says: str
) -> None:
    """Neither a trace nor a silence."""
    done = call(stack, *command, **others)

    assert done.returncode == exit_code
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_project_it_says_how_to_have_one(stack: RunningStack, tmp_path: Path) -> None:
    """The first try of most people."""
    bare = {
        name: value for name, value in environment(stack).items() if not name.startswith("SUPABASE")
    }
    done = subprocess.run(
        [ROMASHKA, "chat"], capture_output=True, text=True, env=bare, cwd=tmp_path, input=""
    )

    assert done.returncode == 1
    assert done.stderr == (
        "romashka: which project? set SUPABASE_URL and SUPABASE_ANON_KEY,"
        " or start one: romashka start\n"
    )
