"""What happens to messages after they were sent: in any order, any number of times."""

import itertools
import json
from typing import Any
from uuid import UUID

import psycopg
import pytest

from tests.database.channels import ACCOUNT, Channel, about, at, message
from tests.database.inbox import Inbox, Row

ERROR = {"code": "131026", "message": "It cannot be delivered."}


@pytest.fixture
def channel(passing_inbox: Inbox) -> Channel:
    return Channel(passing_inbox)


def answered(channel: Channel, *parts: str) -> Row:
    """Let the AI answer a customer; return the answer, of which these ids are the parts."""
    conversation = channel.store(message(1))["conversation_id"]
    channel.inbox.settle(channel.inbox.claim()[0])
    answer = channel.inbox.messages(conversation)[-1]
    for part in parts:
        link(channel, part, answer["id"])
    return answer


def link(channel: Channel, external_id: str, message_id: UUID) -> None:
    """Do what the settling of a delivery does when a part of it is out."""
    channel.inbox.run(
        "select private.link_channel_message(%s, %s, %s)",
        *(channel.account()["id"], external_id, message_id),
    )


def status(name: str, part: str = "wamid.a", **fields: Any) -> Row:
    event = {"kind": "status", "account": ACCOUNT, "id": part, "status": name, "at": at(50)}
    return event | ({"error": ERROR} if name == "failed" else {}) | fields


def test_a_status_is_only_raised(channel: Channel) -> None:
    """`read` comes before `sent` as often as not; a message that was read has not failed."""
    highest = {("sent",): "sent", ("sent", "failed"): "failed"}
    stories = [
        story
        for names in (["sent"], ["sent", "failed"], ["sent", "failed", "delivered", "read"])
        for story in itertools.permutations(names)
    ]
    for number, story in enumerate(stories):
        part = f"part {number}"
        answer = answered_again(channel, number)
        before = [status(name, part) for name in story[: number % 3]]
        waiting = channel.outcomes(*before)
        link(channel, part, answer["id"])
        channel.receive(*(status(name, part) for name in story[number % 3 :]))
        row = channel.message(answer["id"])

        assert waiting == ["waiting"] * len(before)
        expected = highest.get(tuple(sorted(story, reverse=True)), "read")
        assert row["delivery_status"] == expected, story
        assert row["metadata"].get("delivery_error") == (ERROR if expected == "failed" else None)


def answered_again(channel: Channel, number: int) -> Row:
    """Insert one more answer of an agent's that the channel has sent."""
    conversation = channel.receive(message(1))[0]["conversation_id"]
    return channel.inbox.one(
        "insert into public.messages (conversation_id, sender_type, content, channel_type,"
        " external_message_id) values (%s, 'agent', 'x', 'whatsapp', %s) returning *",
        *(conversation, f"part {number}"),
    )


def test_a_message_is_as_far_as_its_last_part(channel: Channel) -> None:
    """A long answer goes out in parts, and half of an answer is none."""
    answer = answered(channel, "one", "two")
    seen = []
    for event in (
        status("read", "one"),
        status("delivered", "two"),
        status("failed", "two"),
        status("read", "two"),
    ):
        channel.receive(event)
        seen.append(channel.message(answer["id"])["delivery_status"])

    assert seen == ["sent", "delivered", "delivered", "read"]
    other = answered_again(channel, 1)
    channel.inbox.run(
        "update public.messages set delivery_status = 'pending' where id = %s", other["id"]
    )
    link(channel, "three", other["id"])
    assert channel.message(other["id"])["delivery_status"] == "pending"
    link(channel, "four", other["id"])
    channel.receive(status("failed", "three"), status("sent", "four"))
    assert channel.message(other["id"])["delivery_status"] == "failed"


def test_a_customers_message_has_no_status_of_ours(channel: Channel) -> None:
    """An adapter's mistake does not tell staff that a customer's message failed."""
    stored = channel.store(message(1))
    channel.receive(status("failed", "wamid.1"))

    assert channel.message(stored["id"])["delivery_status"] == "sent"


def test_the_last_reaction_of_each_counts(channel: Channel) -> None:
    """A heart that was taken back is none, however late the heart comes."""
    stored = channel.store(message(1))
    other = {"id": "other"}
    channel.receive(
        about(1, "reaction", 30, emoji=None),
        about(1, "reaction", 20, emoji="❤️"),
        about(1, "reaction", 25, emoji="👍", customer=other),
    )
    once = channel.message(stored["id"])["metadata"]["reactions"]
    channel.inbox.run("delete from private.channel_changes")  # they are kept for days, not for ever
    channel.receive(about(1, "reaction", 40, emoji="🎉"))
    channel.receive(about(1, "reaction", 50, emoji=None, customer=other))

    assert once == [{"customer": "other", "emoji": "👍", "at": at(25)}]
    assert channel.message(stored["id"])["metadata"]["reactions"] == [
        {"customer": "15550100", "emoji": "🎉", "at": at(40)}
    ]


def test_an_edit_replaces_the_text_everywhere(channel: Channel) -> None:
    """The AI answers what the customer says now, not what they took back."""
    media = [{"id": "1"}]
    first = channel.store(message(1))
    channel.store(message(2, media=media))
    outcomes = channel.outcomes(
        about(2, "edit", 20, content="second, edited twice"),
        about(2, "edit", 10, content="second, edited"),
        about(1, "edit", 10, content="first, edited"),
    )
    conversation = channel.inbox.conversation(first["conversation_id"])
    (job,) = channel.inbox.jobs(conversation["id"])
    texts = [row["content"] for row in channel.inbox.messages(conversation["id"])]
    last = channel.inbox.messages(conversation["id"])[-1]

    assert sorted(outcomes) == ["updated"] * 3
    assert texts == ["first, edited", "second, edited twice"]
    assert job["user_message"] == "\n".join(texts)
    assert conversation["last_message"] == last["media_caption"] == texts[1]
    assert last["metadata"]["edited_at"] == at(20)


def test_a_deletion_leaves_nothing_but_the_place(channel: Channel) -> None:
    """Whoever takes a message back does not want it read, here or anywhere else."""
    secret = {"content": "a secret", "media": [{"url": "https://files.example/secret"}]}
    about_it = {"reply_to": "wamid.0", "metadata": {"location": "a secret"}}
    stored = channel.store(message(1, **secret | about_it))
    channel.receive(about(1, "edit", 10, content="another secret"))
    channel.receive(about(1, "deletion", 20), about(1, "edit", 30, content="a third secret"))
    row = channel.message(stored["id"])
    shown = channel.inbox.run(
        "select to_jsonb(m)::text || to_jsonb(c)::text || to_jsonb(j)::text as texts"
        " from public.messages as m join public.conversations as c on c.id = m.conversation_id"
        " join public.ai_response_queue as j on j.conversation_id = c.id"
        " union all select body::text from private.channel_changes"
    )

    assert (row["content"], row["media_url"], row["media_caption"]) == ("", None, None)
    assert row["position"] == 1
    assert row["metadata"] == {"sent_at": at(1), "reply_to": "wamid.0", "deleted_at": at(20)}
    assert "secret" not in str(shown)
    channel.inbox.run("delete from private.channel_changes")
    channel.receive(about(1, "edit", 40, content="a fourth secret"))
    assert channel.message(stored["id"])["content"] == ""


def test_the_files_of_a_deleted_message_are_gone(channel: Channel) -> None:
    """Whoever kept a link to the picture opens nothing; the conversation's other files stay."""
    media = [{"file": "one.png"}, {"file": "two.png"}]
    stored = channel.store(message(1, media=media))
    for name in ("one.png", "two.png", "three.png"):
        channel.inbox.run(
            "insert into storage.objects (bucket_id, name) values ('conversation-attachments', %s)",
            f"{stored['conversation_id']}/{name}",
        )
    channel.receive(about(1, "deletion"))
    left = channel.inbox.run("select name from storage.objects")

    assert [row["name"] for row in left] == [f"{stored['conversation_id']}/three.png"]


def test_what_was_taken_back_before_it_came_is_never_shown(channel: Channel) -> None:
    """Not even for the moment in which a screen, or the AI, would read it."""
    waiting = channel.outcomes(about(1, "deletion"), about(2, "edit", content="edited"))
    deleted = channel.store(message(1, content="a secret"))
    edited = channel.store(message(2, content="a mistake"))
    (job,) = channel.inbox.jobs(edited["conversation_id"])
    events = channel.inbox.events(f"conversation:{deleted['conversation_id']}")

    assert waiting == ["waiting"] * 2
    assert (deleted["content"], edited["content"]) == ("", "edited")
    assert job["user_message"] == "edited"
    assert "a secret" not in str(events)
    assert "a mistake" not in str(events)


def test_an_old_messages_change_leaves_the_list_as_it_is(channel: Channel) -> None:
    """The inbox shows the last message, which is another."""
    channel.store(message(1))
    last = channel.store(message(2))
    channel.receive(about(1, "deletion"))

    assert channel.inbox.conversation(last["conversation_id"])["last_message"] == "message 2"


def test_a_status_is_recorded_without_a_webhook(channel: Channel) -> None:
    """A channel of one's own tells how far a message got by one call."""
    answer = answered(channel, "wamid.a")
    record = "select public.record_delivery_status('whatsapp', %s, %s, %s, %s) as result"

    def call(*arguments: str | None) -> Row:
        return dict(channel.inbox.one(record, *arguments, by="service_role")["result"])

    results = [
        call(ACCOUNT, "wamid.a", "failed", json.dumps(ERROR)),
        call(ACCOUNT, "wamid.a", "sent", None),
        call(ACCOUNT, "wamid.b", "read", None),
    ]

    assert [result["outcome"] for result in results] == ["updated", "duplicate", "waiting"]
    row = channel.message(answer["id"])
    assert (row["delivery_status"], row["metadata"]["delivery_error"]) == ("failed", ERROR)
    for wrong in ((ACCOUNT, "wamid.a", "lost", None), (None, "wamid.a", "read", None)):
        with pytest.raises(psycopg.Error, match="unable to record the status") as refusal:
            call(*wrong)
        assert refusal.value.diag.message_detail == "bad_webhook"
