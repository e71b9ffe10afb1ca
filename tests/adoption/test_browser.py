"""In Chromium: the calls of the original's widget, hooks and service, in their order and form."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.adoption.calls import read_calls
from tests.end_to_end.cast import Cast
from tests.support.chromium import chromium_environment
from tests.support.javascript import WORKSPACE, find_node, install_packages
from tests.support.stacks import be_patient

_SAID = [
    ("user", "First question"),
    ("ai", "Answer to: First question"),
    ("user", "Second question"),
    ("ai", "Answer to: Second question"),
    ("user", "Third question"),
    ("ai", "Answer to: Third question"),
    ("agent", "A human here."),
    ("user", "Thank you."),
]

Seen = dict[str, Any]

pytestmark = pytest.mark.timeout(180)  # the tabs' own waits end long before


@pytest.fixture(scope="module")
def visit(pages_cast: Cast) -> Seen:
    """What the tabs of a visitor, an agent, a stranger and somebody without a session saw."""
    browser = chromium_environment()
    node = find_node()
    install_packages(WORKSPACE)
    stack = pages_cast.stack
    be_patient(stack)
    account = pages_cast.run(
        "select email from auth.users where id = %s", [pages_cast.people["agent"].id]
    )[0]["email"]
    script = Path(__file__).parent / "browser" / "visit.mjs"
    keys = [stack.api_url, stack.anon_key, stack.service_role_key]
    ran = subprocess.run(
        [node, script, WORKSPACE, *keys, account, "correct horse"],
        env=os.environ | browser,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    visit: Seen = json.loads(ran.stdout)
    visit["stored"] = pages_cast.run(
        "select id::text, sender_type, content from public.messages"
        " where conversation_id = %s order by position",
        [visit["id"]],
    )
    return visit


def test_each_message_is_stored_once(visit: Seen) -> None:
    """The widget's own answers and the service's copies are not."""
    assert [(row["sender_type"], row["content"]) for row in visit["stored"]] == _SAID


@pytest.mark.parametrize("who", ["visitor", "agent"])
def test_both_see_all_of_it(visit: Seen, who: str) -> None:
    """By postgres_changes: the agent's answer, the AI's, and the visitor's messages."""
    stored = {row["id"]: (row["sender_type"], row["content"]) for row in visit["stored"]}
    shown = {row["id"]: (row["sender"], row["content"]) for row in visit["seen"][who]["shown"]}

    assert shown == stored


def test_nothing_is_shown_as_sent_that_was_not_stored(visit: Seen) -> None:
    """Without a session, or where the conversation is another's, the widget says that it failed."""
    for who, content in (("nobody", "Does anybody read this?"), ("stranger", "Let me in.")):
        shown = visit["seen"][who]["shown"]
        assert [(row["content"], row["status"]) for row in shown] == [(content, "failed")]


def test_one_channel_hears_messages_and_who_types(visit: Seen, pages_cast: Cast) -> None:
    """Realtime refuses all bindings of a channel where one cannot be had."""
    typing = visit["seen"]["visitor"]["typing"]

    assert visit["joined"] == {
        "widget": "ok", "inbox": "ok", "conversation": "ok", "stranger": "ok", "nobody": "error",
    }  # fmt: skip
    assert [each["is"] for each in typing] == [True, True, False, True]
    assert typing[-1]["user"] == pages_cast.people["agent"].id
    assert visit["seen"]["stranger"]["typing"] == []


def test_what_is_refused_is_what_the_original_does_not_look_at(visit: Seen) -> None:
    """Everything else that its frontends call is answered."""
    refused = {
        who: {(each["call"], each["status"]) for each in seen["refused"]}
        for who, seen in visit["seen"].items()
    }

    assert refused == {
        "visitor": {
            ("participants", 404), ("begin figures", 403), ("read figures", 406),
            ("own answer", 403), ("answer's copy", 403),
        },
        "agent": set(),
        "stranger": {("make conversation", 403)},
        "nobody": {("load", 401), ("make conversation", 401)},
    }  # fmt: skip


def test_the_worker_in_the_browser_is_quiet(visit: Seen) -> None:
    """It asks twice a second, and logs each error."""
    for seen in visit["seen"].values():
        assert seen["asked"]["times"] > 0
        assert (seen["asked"]["jobs"], seen["asked"]["errors"]) == (0, 0)


def test_the_service_gets_an_answer_from_the_queue(visit: Seen) -> None:
    """It polls for any completed job of the conversation, so it may be an earlier one's."""
    assert visit["polled"].startswith("Answer to: ")
    [conversation] = [
        each for each in visit["seen"]["agent"]["conversations"] if each["id"] == visit["id"]
    ]
    assert conversation["last_message"] == "Thank you."


def test_the_page_s_calls_are_the_recorded_ones(visit: Seen) -> None:
    """Else it would prove nothing of frontends of then."""
    uuid = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
    recorded = {re.sub(r"\{\w+\}", "*", f"{call.method} {call.path}") for call in read_calls()}
    made = {uuid.sub("*", request) for request in visit["requests"]}

    assert len(made) > 15
    assert made - recorded == set()
