"""Two programs that answer each other stop; people who write a lot, or the same, are answered."""

from typing import Any
from uuid import UUID

import pytest

from tests.database.outbox import Outbox, Row

AWAY = "Thanks for contacting Acme! We will reply soon."


def rounds(outbox: Outbox, texts: list[str], **message: Any) -> UUID:
    """Let a customer write each of them, and the AI answer whatever it may."""
    conversation = None
    for text in texts:
        conversation = outbox.hear(text, **message)
        outbox.answer()
    assert conversation is not None
    return conversation


def answers(outbox: Outbox, conversation: UUID) -> list[Row]:
    return [said for said in outbox.messages(conversation) if said["sender_type"] == "ai"]


def notes(outbox: Outbox, conversation: UUID) -> list[str]:
    found = outbox.run(
        "select * from public.conversation_notes where conversation_id = %s", conversation
    )
    return [note["content"] for note in found]


@pytest.mark.parametrize("channel", ["whatsapp", "instagram", "sms"])
def test_another_businesss_away_message_is_soon_not_answered(outbox: Outbox, channel: str) -> None:
    """It comes after each of our answers, and ours after each of it: 24 times, once."""
    texts = [AWAY, AWAY.upper(), f" {AWAY}\n", *[AWAY] * 21]
    conversation = rounds(outbox, texts, channel=channel)
    told = answers(outbox, conversation)
    [note] = notes(outbox, conversation)
    state = outbox.conversation(conversation)

    assert [said["metadata"].get("kind") for said in told] == [None, None, None, "handover"]
    assert (state["requires_human"], state["escalation_reason"]) == (True, "repeated_failure")
    assert state["status"] == "escalated"
    assert "same text of this customer 3 times" in note
    assert AWAY not in note


@pytest.mark.parametrize("channel", ["whatsapp", "instagram", "email"])
def test_whoever_was_answered_ten_times_in_an_hour_gets_a_human(
    outbox: Outbox, channel: str
) -> None:
    """A program that says something else each time is a program, too."""
    texts = [f"Ticket {number} was opened for you." for number in range(30)]
    thread: dict[str, Any] = {}
    if channel == "email":
        thread = {"thread": {"references": ["<first@example.com>"]}}
    conversation = rounds(outbox, texts, channel=channel, **thread)
    told = answers(outbox, conversation)
    [note] = notes(outbox, conversation)

    assert [said["metadata"].get("kind") for said in told] == [None] * 10 + ["handover"]
    assert "10 times within an hour" in note


def test_a_loop_ends_where_the_customer_waits_for_a_human_too(outbox: Outbox) -> None:
    """The AI answers there what it is sure of."""
    conversation = outbox.hear("Ticket 0 was opened for you.")
    [job] = outbox.claim()
    outbox.settle(job, None, action="escalate", reason="low_confidence")
    rounds(outbox, [AWAY] * 10)
    [note] = notes(outbox, conversation)
    told = [said["metadata"] for said in answers(outbox, conversation)]

    assert [one.get("while_waiting") for one in told] == [None, True, True, True, None]
    assert outbox.conversation(conversation)["escalation_reason"] == "repeated_failure"
    assert "same text of this customer 3 times" in note


def test_it_is_told_once_that_a_human_comes(outbox: Outbox) -> None:
    """A quarter of an hour later a customer would be told again; a program answers that."""
    conversation = rounds(outbox, [AWAY] * 4)
    for _ in range(3):
        outbox.let_pass(20 * 60)
        outbox.hear(AWAY)

    assert len(answers(outbox, conversation)) == 4
    assert len(notes(outbox, conversation)) == 1


@pytest.mark.parametrize("has_replied", [False, True])
def test_whom_a_human_gave_back_is_answered_again(outbox: Outbox, has_replied: bool) -> None:
    """They have seen that a person wrote: the count begins anew."""
    conversation = rounds(outbox, [f"Question number {number}?" for number in range(11)])
    agent = outbox.user("agent")
    if has_replied:  # then nothing is left for the AI to answer
        outbox.reply(conversation)
    outbox.run("select public.return_conversation_to_ai(%s)", conversation, by=agent)
    outbox.answer()
    rounds(outbox, ["And then?"])

    assert not outbox.conversation(conversation)["requires_human"]
    assert outbox.messages(conversation)[-1]["sender_type"] == "ai"


def test_people_say_yes_and_send_pictures_again(outbox: Outbox) -> None:
    """Short words, and files without any, are no loop."""
    picture = {"type": "image", "is_placeholder": True, "media": [{"id": "1"}]}
    said = rounds(outbox, ["Yes"] * 5)
    shown = rounds(outbox, ["[Document: unnamed]"] * 5, who="15550101", **picture)

    assert [len(answers(outbox, conversation)) for conversation in (said, shown)] == [5, 5]


def test_what_the_same_customer_writes_to_another_account_is_no_loop(outbox: Outbox) -> None:
    """Nor is it one next hour."""
    rounds(outbox, [AWAY] * 3)
    elsewhere = rounds(outbox, [AWAY], account="another")
    outbox.let_pass(3601)
    later = rounds(outbox, [AWAY])

    assert not outbox.conversation(elsewhere)["requires_human"]
    assert not outbox.conversation(later)["requires_human"]


def test_of_several_messages_that_the_channel_keeps_to_itself_one_is_answered(
    outbox: Outbox,
) -> None:
    """A poll is five of them; what is written beside it is answered."""
    unsupported = {"is_placeholder": True, "is_unsupported": True}
    conversation = rounds(outbox, ["[Unsupported message]"] * 5, **unsupported)

    assert len(answers(outbox, conversation)) == 1
    rounds(outbox, ["Which one do you like?"])
    assert len(answers(outbox, conversation)) == 2
    outbox.let_pass(301)
    rounds(outbox, ["[Unsupported message]"], **unsupported)
    assert len(answers(outbox, conversation)) == 3


def test_what_needs_no_answer_gets_none_and_reopens_nothing(outbox: Outbox) -> None:
    """Somebody mentions the team in a story."""
    conversation = rounds(outbox, ["Hello?"], channel="instagram")
    outbox.run("update public.conversations set status = 'resolved' where id = %s", conversation)
    mention = {"is_placeholder": True, "needs_no_answer": True}
    rounds(outbox, ["[Mentioned you in a story]"], channel="instagram", **mention)

    assert len(answers(outbox, conversation)) == 1
    assert outbox.conversation(conversation)["status"] == "resolved"
    assert outbox.messages(conversation)[-1]["metadata"]["needs_no_answer"] is True


def test_a_worker_is_told_what_no_customer_wrote(outbox: Outbox) -> None:
    """A placeholder is the channel's text: it is in no language, and asks for nobody."""
    outbox.hear("[Contact: Human Support]", is_placeholder=True)
    outbox.hear("Can you call them?")
    outbox.let_pass(1)
    [job] = outbox.claim()
    first, second = job["conversation_context"]["recent_messages"]

    assert first["is_placeholder"] is True
    assert "is_placeholder" not in second


def test_a_hand_over_is_in_the_language_of_the_account_or_the_project(outbox: Outbox) -> None:
    """Where the customer has shown none: the account's own before the project's."""
    outbox.run("update public.ai_settings set default_language = 'de'")
    project = outbox.hear("Hi")
    outbox.hear("Hi", channel="instagram")
    outbox.run(
        "update public.communication_channels set configuration = %s where type = 'instagram'",
        '{"language": "pt-BR"}',
    )
    jobs = outbox.claim()
    for job in jobs:
        outbox.settle(job, None, action="escalate", reason="low_confidence")
    texts = {
        job["conversation_context"]["channel_type"]: answers(outbox, job["conversation_id"])[0]
        for job in jobs
    }

    assert "Menschen" in texts["whatsapp"]["content"]
    assert "Uma pessoa" in texts["instagram"]["content"]
    assert outbox.conversation(project)["language"] is None
    assert {
        job["conversation_context"]["channel_type"]: job["conversation_context"]["default_language"]
        for job in jobs
    } == {"whatsapp": "de", "instagram": "pt-BR"}
