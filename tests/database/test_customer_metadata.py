"""What `metadata` says about a message is not the customer's to say."""

import json
import re
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.database.inbox import Inbox

_ROOT = Path(__file__).parents[2]
_THEIRS = {"attachment", "page", "campaign"}
"""A file's description, as the SDKs write it, and what a frontend of the team's may note."""


def _read_by_sql() -> set[str]:
    """The keys of a message's metadata that the database reads or writes; not of a file's."""
    text = "\n".join(path.read_text() for path in (_ROOT / "supabase/repeatable").glob("*.sql"))
    keys = re.findall(r"(?<!objects\.)metadata(?:, '\{\}'\))? *(?:->>?|\?|-) '(\w+)'", text)
    keys += re.findall(r"metadata #>>? '\{(\w+)", text)
    keys += re.findall(r"metadata @> '\{\"(\w+)", text)
    return {*keys, *re.findall(r"'\{\"(kind|repeated)\"", text), "sent_at", "edited_at"}


def _written_by_functions() -> set[str]:
    """The keys that channels' functions give to messages."""
    keys: set[str] = set()
    for path in (_ROOT / "supabase/functions").rglob("*.ts"):
        text = path.read_text()
        for found in re.finditer(r"\bmetadata(?:: present\(| = )\{", text):
            members = _within_braces(text[found.end() :])
            keys.update(re.findall(r"(?:^|,)\s*(\w+)(?=[:,]|\s*$)", members))
    return keys


def _within_braces(text: str) -> str:
    """What stands before the brace that closes an open one, without what is in inner ones."""
    depth, members = 0, ""
    for character in text:
        depth += (character in "{([") - (character in "})]")
        if depth < 0:
            break
        members += character * (depth == 0)
    return members


def _read_by_sdks_and_worker() -> set[str]:
    """The keys that a screen or the worker looks at."""
    keys: set[str] = set()
    for folder in ("sdk/python/romashka", "sdk/typescript/src", "worker/romashka_worker"):
        for path in (_ROOT / folder).rglob("*"):
            if path.suffix in (".py", ".ts"):
                text = path.read_text()
                keys.update(re.findall(r"\bmetadata\??\.get\(\"(\w+)\"", text))
                keys.update(re.findall(r"\bmetadata as \{ (\w+)\?:", text))
    return keys


def _stored(inbox: Inbox, conversation: UUID, metadata: Any, *, by: str) -> Any:
    row = inbox.one(
        "insert into public.messages (conversation_id, sender_type, content, metadata)"
        " values (%s, 'user', 'x', %s) returning metadata",
        conversation,
        json.dumps(metadata),
        by=by,
    )
    return row["metadata"]


def test_keys_that_mean_something_are_found() -> None:
    """The tests below try what these find: finding nothing, they would try nothing."""
    assert {"kind", "reason", "media", "deleted_at", "delivery_error", "template"} <= _read_by_sql()
    assert {"authentication", "not_answered", "story", "postback"} <= _written_by_functions()
    read = {"kind", "attachment", "choices", "choice", "language"}
    assert _read_by_sdks_and_worker() == read


@pytest.mark.parametrize(
    "key",
    sorted(
        {"kind", "reason", "choices", "while_waiting", "is_automatic", "language", "model"}
        | (_read_by_sql() | _written_by_functions() | _read_by_sdks_and_worker()) - _THEIRS
    ),
)
def test_a_customer_writes_no_key_that_means_something(passing_inbox: Inbox, key: str) -> None:
    """A hand-over, a passed DMARC check or a deletion that a visitor wrote would be believed."""
    customer = passing_inbox.user()
    conversation = passing_inbox.open(customer)

    kept = dict.fromkeys(_THEIRS, "theirs")
    assert _stored(passing_inbox, conversation, {key: "forged"} | kept, by=customer) == kept


@pytest.mark.parametrize("metadata", [["deleted_at"], "deleted_at", 5, None, True])
def test_what_is_no_object_says_nothing(passing_inbox: Inbox, metadata: Any) -> None:
    """For Postgres a list of words has keys too."""
    customer = passing_inbox.user()
    conversation = passing_inbox.open(customer)

    assert _stored(passing_inbox, conversation, metadata, by=customer) == {}


def test_a_client_cannot_choose_its_clock(passing_inbox: Inbox) -> None:
    """`sent_at` is what the row said, not what its metadata claims."""
    customer = passing_inbox.user()
    conversation = passing_inbox.open(customer)
    row = passing_inbox.one(
        "insert into public.messages (conversation_id, sender_type, content, metadata, created_at)"
        """ values (%s, 'user', 'x', '{"sent_at": "1999-01-01"}', '2001-02-03 00:00+00')"""
        " returning metadata",
        conversation,
        by=customer,
    )

    assert row["metadata"] == {"sent_at": "2001-02-03T00:00:00+00:00"}


def test_staff_and_channels_keep_theirs(passing_inbox: Inbox) -> None:
    """An agent's template is sent as one; what a channel told is shown."""
    agent = passing_inbox.user("agent")
    conversation = passing_inbox.open(passing_inbox.user())
    told = {"template": {"name": "hello"}, "authentication": {"dmarc": "pass"}}

    for writer in (agent, "service_role"):
        assert _stored(passing_inbox, conversation, told, by=writer) == told


def test_a_blocked_customer_gets_no_answer_on_the_website(inbox: Inbox) -> None:
    """Blocked, they were still answered wherever they wrote by their session."""
    customer = inbox.user()
    conversation = inbox.open(customer, "Hello")
    inbox.settle(inbox.claim()[0])
    inbox.run("update public.customer_profiles set status = 'blocked'")
    inbox.say(conversation, "Still there?", by=customer)
    inbox.run("update public.conversations set status = 'resolved'")
    inbox.say(conversation, "And now?", by=customer)

    assert inbox.claim() == []
    assert [row["sender_type"] for row in inbox.messages(conversation)] == [
        "user",
        "ai",
        "user",
        "user",
    ]
    assert inbox.conversation(conversation)["status"] == "resolved"


def test_a_blocked_customer_is_promised_no_human_again(inbox: Inbox) -> None:
    """The hand-over's repetition is an answer, too."""
    customer = inbox.user()
    conversation = inbox.open(customer, "A human, please")
    inbox.settle(inbox.claim()[0], None, action="escalate", reason="human_requested")
    inbox.run("update public.customer_profiles set status = 'blocked'")
    inbox.let_pass(3600)
    inbox.say(conversation, "Well?", by=customer)

    assert len(inbox.messages(conversation)) == 3
