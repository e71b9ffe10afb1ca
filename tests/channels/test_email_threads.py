"""Mails that belong together are one conversation, of one customer; loops end."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from tests.channels.mail_in import DESK, SUPPORT, MailServer, open_mail_server, write
from tests.support.stacks import RunningStack

Row = dict[str, Any]


@pytest.fixture(scope="module")
def server(stack: RunningStack) -> Iterator[MailServer]:
    with open_mail_server(stack) as opened:
        yield opened


def arrive(server: MailServer, body: str = "Hello.", **headers: str) -> Row:
    """Let a mail come, and return its row."""
    event = server.event_of(server.post(write(body, **headers)))
    [row] = server.rows_of(event["id"])
    return row


def answer_to(server: MailServer, question: Row, **columns: Any) -> str:
    """Let an agent answer, and return the id that the answer's mail went out under."""
    sent_as = f"<{uuid4()}@example.com>"
    [answer] = server.query(
        "insert into public.messages (conversation_id, sender_type, content, channel_type)"
        " values (%s, 'agent', 'An answer.', 'email') returning id",
        question["conversation_id"],
    )
    server.query(
        "select private.link_channel_message(%s, %s, %s)",
        question["channel_id"],
        sent_as,
        answer["id"],
    )
    return sent_as


def test_a_reply_goes_on_in_its_conversation(server: MailServer) -> None:
    """By what it answers, by an older mail that it refers to, or by the address that it goes to."""
    question = arrive(server)
    sent_as = answer_to(server, question)
    reply_to = f"support+{question['conversation_id']}@example.com"
    replies = [
        arrive(server, In_Reply_To=sent_as),
        arrive(server, References=f"{question['external_message_id']} <unknown@example.net>"),
        arrive(server, To=reply_to),
    ]
    alone = arrive(server, Subject="Re: Question")

    assert {reply["conversation_id"] for reply in replies} == {question["conversation_id"]}
    assert alone["conversation_id"] != question["conversation_id"]


def test_nobody_gets_into_anothers_conversation(server: MailServer) -> None:
    """A forwarded answer gives away its ids and its address; they open nothing."""
    question = arrive(server)
    headers = {
        "In_Reply_To": question["external_message_id"],
        "To": f"support+{question['conversation_id']}@example.com",
    }
    others = [
        arrive(server, From=f"{uuid4()}@example.net", **headers),
        arrive(server, From=f"{uuid4()}@example.net", Reply_To=DESK, **headers),
        arrive(server, Authentication_Results="mx.example.com; dmarc=fail", **headers),
    ]

    assert question["conversation_id"] not in {row["conversation_id"] for row in others}
    assert [row["is_turn"] for row in others] == [True, True, False]


def test_the_same_mail_again_is_one_message(server: MailServer) -> None:
    """Its sender tries again, or it came to two of our addresses."""
    mail = write()
    first, second = (
        server.event_of(server.post(body)) for body in (mail, b"X-Again: 1\r\n" + mail)
    )
    without_id = write("No id.", Message_ID="")
    again = [server.event_of(server.post(without_id))["id"] for _ in range(2)]

    assert first["id"] == second["id"]
    assert len(server.rows_of(first["id"])) == 1
    assert again[0] == again[1]
    assert len(server.rows_of(again[0])) == 1


def test_a_bounce_shows_on_the_answer_that_did_not_arrive(server: MailServer) -> None:
    """An agent sees that the customer has not read it, and why; nothing answers the bounce."""
    sent_as = answer_to(server, arrive(server))
    report = "\r\n".join(
        [
            "--rep",
            "Content-Type: message/delivery-status",
            "",
            "Reporting-MTA: dns; mx.example.org",
            "",
            f"Final-Recipient: rfc822; {DESK}",
            "Action: failed",
            "Status: 5.1.1",
            "",
            "--rep",
            "Content-Type: text/rfc822-headers",
            "",
            f"Message-ID: {sent_as}",
            "--rep--",
        ]
    )
    kind = "multipart/report; report-type=delivery-status; boundary=rep"
    bounce = write(report, From="MAILER-DAEMON@example.org", Content_Type=kind)
    answer = server.post(bounce)
    [row] = server.query(
        "select messages.delivery_status from public.messages as messages"
        " join private.channel_messages as links on links.message_id = messages.id"
        " where links.external_id = %s",
        sent_as,
    )

    assert answer.json()["outcomes"] == {"updated": 1}
    assert row["delivery_status"] == "failed"


def test_two_programs_do_not_answer_one_another(server: MailServer) -> None:
    """A program's answer to ours opens no turn; our own mail that comes back is no message."""
    question = arrive(server)
    sent_as = answer_to(server, question)
    vacation = arrive(server, "I am away.", In_Reply_To=sent_as, Auto_Submitted="auto-replied")
    own = server.post(write(From=SUPPORT, Auto_Submitted="auto-replied", In_Reply_To=sent_as))

    assert vacation["conversation_id"] == question["conversation_id"]
    assert vacation["metadata"]["is_automatic"] is True
    assert not vacation["is_turn"]
    assert own.json()["outcomes"] == {"ignored": 1}


def test_a_program_that_does_not_say_so_is_found_out(server: MailServer) -> None:
    """Each of its mails looks like a person's; after ten answers in an hour a human has them.

    It is told so once, since it would answer that too, in a new conversation each time.
    """
    sender, other = (f"{uuid4()}@example.net" for _ in range(2))
    mails = [arrive(server, From=sender)]
    with server.database.transaction():
        server.database.execute("set local session_replication_role = replica")
        server.database.execute(
            "insert into public.messages (conversation_id, sender_type, content, position)"
            " select %s, 'ai', 'An answer.', 100 + number from generate_series(1, 10) as number",
            [mails[0]["conversation_id"]],
        )
    mails += [arrive(server, From=sender), arrive(server, From=sender), arrive(server, From=other)]
    found = [
        server.query(
            "select requires_human, (select count(*) from public.messages as messages"
            " where messages.conversation_id = conversations.id and messages.sender_type = 'ai'"
            " and messages.metadata ->> 'kind' = 'handover') as told"
            " from public.conversations as conversations where id = %s",
            mail["conversation_id"],
        )[0]
        for mail in mails[1:3]
    ]

    assert [mail["is_turn"] for mail in mails] == [True, False, False, True]
    assert [row["requires_human"] for row in found] == [True, True]
    assert [row["told"] for row in found] == [1, 0]


def test_a_mail_that_may_be_a_programs_goes_to_a_human(server: MailServer) -> None:
    """Neither into silence nor to the AI; the sender is told so once an hour, a program too."""
    for mark in ({"X_Auto_Response_Suppress": "DR, OOF, AutoReply"}, {"List_Unsubscribe": "<x:y>"}):
        sender = f"{uuid4()}@example.org"
        mails = [arrive(server, From=sender, **mark) for _ in range(2)]
        found = [
            server.query(
                "select requires_human, status, (select count(*) from public.messages as messages"
                " where messages.conversation_id = conversations.id"
                " and messages.sender_type = 'ai') as told"
                " from public.conversations as conversations where id = %s",
                mail["conversation_id"],
            )[0]
            for mail in mails
        ]

        assert [mail["is_turn"] for mail in mails] == [False, False]
        assert all(mail["metadata"]["maybe_automatic"] for mail in mails)
        assert [(row["requires_human"], row["status"]) for row in found] == [
            (True, "escalated")
        ] * 2
        assert [row["told"] for row in found] == [1, 0]


def test_a_reaction_shows_on_the_mail_that_it_is_about(server: MailServer) -> None:
    """Gmail sends it as a mail: no turn, no hand-over; and only of the conversation's customer."""
    question = arrive(server)
    sent_as = answer_to(server, question)
    body = "\r\n".join(
        [
            "--a",
            "Content-Type: text/plain; charset=utf-8",
            "",
            "\U0001f44d Front Desk reacted via Gmail",
            "--a",
            "Content-Type: text/vnd.google.email-reaction+json; charset=utf-8",
            "",
            '{"emoji": "\U0001f44d", "version": 1}',
            "--a--",
        ]
    )
    kind = {"Content_Type": "multipart/alternative; boundary=a", "In_Reply_To": sent_as}
    outcomes = [
        server.post(write(body, **kind, **more)).json()["outcomes"]
        for more in (
            {"From": f"{uuid4()}@example.net"},
            {"Authentication_Results": ""},
            {"Authentication_Results": "mx.example.com; dmarc=fail"},
            {},
        )
    ]
    [row] = server.query(
        "select messages.metadata from public.messages as messages"
        " join private.channel_messages as links on links.message_id = messages.id"
        " where links.external_id = %s",
        sent_as,
    )

    assert outcomes == [{"ignored": 1}] * 3 + [{"updated": 1}]
    assert [one["emoji"] for one in row["metadata"]["reactions"]] == ["\U0001f44d"]


def test_marks_of_programs(server: MailServer) -> None:
    """Older programs mark themselves in their own ways; a person may write about one."""
    program = [
        {"X_Autoresponder": "Will not send another autoreply for 86400 seconds"},
        {"X_Auto_Reply": "yes"},
        {"Subject": "Automated Response: Your mail"},
        {"Subject": "Automated reply - Your mail"},
        {"Subject": "Out of Office AutoReply: Your mail"},
        {"Subject": "Automatická odpověď: Objednávka"},
        {"Subject": "[Auto-Reply] Your mail"},
        {"Subject": "Out of office Re: Your mail"},
        {"Subject": "پاسخ خودکار: سفارش"},
        {"Subject": "ตอบกลับอัตโนมัติ: x"},
        {"Subject": "自动答复: x"},
        {"Auto_Submitted": "auto-notified"},
        {"X_Auto_Reply_From": "desk@example.org"},
        {"X_Precedence": "bulk"},
        {"Precedence": "auto_reply"},
        {"Delivered_To": "Autoresponder"},
        {"X_POST_MessageClass": "9; Autoresponder"},
        {"X_Failed_Recipients": "desk@example.org"},
    ]
    person = [
        {"Subject": "Automatic reply does not work"},
        {"Subject": "Autosvarare"},
        {"Subject": "Out of office hours: are you open?"},
        {"Auto_Submitted": "no"},
    ]
    rows = [arrive(server, From=f"{uuid4()}@example.org", **mail) for mail in (*program, *person)]

    assert [row["is_turn"] for row in rows] == [False] * len(program) + [True] * len(person)


def test_a_new_subject_is_read_and_answered(server: MailServer) -> None:
    """Also under "Re:", which clients put there by themselves: it may be the question."""
    sender = f"{uuid4()}@example.org"
    question = arrive(server, From=sender, Subject="Invoice 77")
    sent_as = answer_to(server, question)
    replies = [
        ("Re: Invoice 77", "Thanks.", "Thanks."),
        ("RE: [EXTERNAL] Re:  invoice  77", "Thanks.", "Thanks."),
        ("Re: Invoice", "Cut off.", "Cut off."),
        ("Re: Which colours are there?", "See the subject.", "Which colours are there?\n\n"),
        ("AW: Which colours are there?", "Blue?", "Blue?"),
        ("Re: Red", "Is it red?", "Is it red?"),
        ("Re: Which sizes?", "", "Which sizes?"),
        ("Which prices?", "As in the subject.", "Which prices?\n\nAs in the subject."),
        ("Re:", "And now?", "And now?"),
    ]
    for subject, body, expected in replies:
        row = arrive(server, body, From=sender, Subject=subject, In_Reply_To=sent_as)

        assert row["conversation_id"] == question["conversation_id"]
        assert row["content"].startswith(expected), subject
        assert row["content"].endswith(body), subject
    [thread] = server.query(
        "select private.thread_of(messages, conversations) ->> 'subject' as subject"
        " from public.messages as messages join public.conversations as conversations"
        " on conversations.id = messages.conversation_id"
        " where messages.conversation_id = %s order by messages.position desc limit 1",
        question["conversation_id"],
    )
    assert thread["subject"] == "Which prices?"
