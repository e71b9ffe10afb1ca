"""Notes are heard by staff, where they look; and by nobody else."""

from uuid import UUID

from tests.database.inbox import Inbox, Row


def told(inbox: Inbox) -> list[tuple[str, Row]]:
    """Return what was sent, and forget it."""
    sent = inbox.run("select event, topic, payload from realtime.messages order by inserted_at")
    inbox.run("truncate realtime.messages")
    assert {event["topic"] for event in sent} <= {"inbox"}, "customers hear the others"
    for event in sent:
        event["payload"].pop("id")  # the event's own
    return [(event["event"], event["payload"]) for event in sent]


def quiet(inbox: Inbox) -> tuple[str, UUID]:
    agent = inbox.user("agent")
    conversation = inbox.open(inbox.user())
    inbox.run("truncate realtime.messages")
    return agent, conversation


def test_staff_hear_of_a_note_and_of_its_end(inbox: Inbox) -> None:
    """A colleague who has the conversation open would answer without it."""
    agent, conversation = quiet(inbox)
    note = inbox.one(
        "insert into public.conversation_notes (conversation_id, content) values (%s, 'Careful.')"
        " returning id, to_jsonb(conversation_notes) as row",
        conversation,
        by=agent,
    )
    written = told(inbox)
    inbox.run("delete from public.conversation_notes", by=agent)

    assert written == [("note.created", {"note": note["row"]})]
    assert told(inbox) == [
        ("note.removed", {"note_id": str(note["id"]), "conversation_id": str(conversation)})
    ]


def test_many_notes_are_one_event(inbox: Inbox) -> None:
    """An import of a thousand notes would close everybody's channels."""
    _, conversation = quiet(inbox)
    inbox.run(
        "insert into public.conversation_notes (conversation_id, content)"
        " select %s, 'note' from generate_series(1, 3)",
        conversation,
    )
    ids = {"conversation_ids": [str(conversation)]}
    assert told(inbox) == [("notes.changed", ids)]
    inbox.run("delete from public.conversation_notes")
    assert told(inbox) == [("notes.changed", ids)]


def test_nothing_is_said_of_notes_that_go_with_their_conversation(inbox: Inbox) -> None:
    """What is erased leaves no event of its own: lists are told which conversation to let go."""
    _, conversation = quiet(inbox)
    inbox.run(
        "insert into public.conversation_notes (conversation_id, content) values (%s, 'x')",
        conversation,
    )
    inbox.run("truncate realtime.messages")
    inbox.run("delete from public.conversations")

    assert told(inbox) == [("conversations.deleted", {"conversation_ids": [str(conversation)]})]
