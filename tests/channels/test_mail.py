"""Writing mails: what a mail program shows, and what no customer can smuggle in."""

import email
import email.policy
import re
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from romashka_worker.channels import ChannelError, Delivery, File
from romashka_worker.channels.mail import mark_for_postmark, message_id, write_mail

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CONVERSATION = "5f0c1c9e-8f43-4a53-9d0c-1b8c41fbd6f1"
LONG_ID = f"<{'a1B2' * 30}@eur01.prod.example.com>"


def delivery(**fields: Any) -> Delivery:
    return Delivery(
        **{
            "id": "0b1e8d2a-52a4-4f3e-a8fd-3a5a3d7a3f10",
            "attempt": 1,
            "kind": "message",
            "channel_id": "1c54f3c5-6f2b-4c5e-8f6a-6a3c3fbc4d7e",
            "channel_type": "email",
            "account": "help@example.com",
            "conversation_id": CONVERSATION,
            "message_id": "2d54f3c5-6f2b-4c5e-8f6a-6a3c3fbc4d7e",
            "recipient": "customer@example.org",
            "sender_type": "ai",
            "content": "Hello.",
        }
        | fields
    )


def read(mail: EmailMessage) -> EmailMessage:
    """Return the mail as it arrives."""
    source = mail.as_bytes()
    assert max(map(len, source.split(b"\r\n"))) <= 998
    parsed = email.message_from_bytes(source, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def part(mail: EmailMessage, kind: str) -> str:
    body = mail.get_body((kind,))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def test_an_answer_stays_in_its_thread_and_knows_its_conversation() -> None:
    """In a mail program it stands below the question, and so does what is replied to it."""
    mail = read(
        write_mail(
            delivery(
                configuration={"sender_name": "Müller, Söhne & Co."},
                reply_to="<third@example.org>",
                thread={
                    "subject": "Where is my order?",
                    "references": ["no id", LONG_ID, "<first@example.org>"],
                    "reply_token": CONVERSATION,
                },
            ),
            [],
            NOW,
        )
    )

    assert str(mail["From"].addresses[0].addr_spec) == "help@example.com"
    assert mail["From"].addresses[0].display_name == "Müller, Söhne & Co."
    assert mail["To"] == "customer@example.org"
    assert mail["Reply-To"].addresses[0].addr_spec == f"help+{CONVERSATION}@example.com"
    assert mail["Subject"] == "Re: Where is my order?"
    assert mail["Message-ID"] == "<0b1e8d2a-52a4-4f3e-a8fd-3a5a3d7a3f10@example.com>"
    assert mail["In-Reply-To"] == "<third@example.org>"
    assert mail["References"].split() == ["<first@example.org>", LONG_ID, "<third@example.org>"]
    assert mail["Date"].datetime == NOW


def test_machines_do_not_answer_what_a_machine_wrote() -> None:
    """Two machines that answer each other do so all night; an agent's mail is a human's."""
    written_by_ai = write_mail(delivery(sender_type="ai"), [], NOW)
    written_by_agent = write_mail(delivery(sender_type="agent"), [], NOW)

    assert written_by_ai["Auto-Submitted"] == "auto-replied"
    assert "Auto-Submitted" not in written_by_agent


def test_a_mail_without_a_thread_has_a_subject_and_no_references() -> None:
    """An agent may write first."""
    mail = write_mail(delivery(configuration={"sender_name": "Flowers"}), [], NOW)
    named = write_mail(delivery(thread={"subject": "AW: Blumen"}), [], NOW)

    assert mail["Subject"] == "Flowers"
    assert "References" not in mail
    assert named["Subject"] == "AW: Blumen"  # one prefix is enough


@pytest.mark.parametrize(
    "account",
    [{"account": f"{'help' * 7}@example.com"}, {"configuration": {"plus_addressing": False}}],
)
def test_where_a_tagged_address_would_not_work_replies_go_to_the_plain_one(
    account: dict[str, Any],
) -> None:
    """A reply that bounces is a customer lost; the thread tells the conversation too."""
    mail = write_mail(delivery(**account), [], NOW)

    assert mail["Reply-To"].addresses[0] == mail["From"].addresses[0]


def test_a_long_thread_keeps_its_first_mail_and_its_last_ones() -> None:
    """A header that grows with each mail is refused some day."""
    references = [f"<{number}@example.org>" for number in range(50)]
    mail = write_mail(delivery(thread={"references": references[::-1]}), [], NOW)

    assert mail["References"].split() == [references[0], *references[-19:]]
    assert mail["In-Reply-To"] == references[-1]


def test_text_and_html_say_the_same_and_markup_stays_text() -> None:
    """What the AI wrote is never a page's code."""
    text = "Grüße & <b>Küsse</b>\n\n<script>alert(1)</script>\n" + "ж" * 3000
    mail = read(write_mail(delivery(content=text), [], NOW))
    html = part(mail, "html")

    assert part(mail, "plain") == text + "\n"
    assert "Grüße &amp; &lt;b&gt;Küsse&lt;/b&gt;</p>" in html
    assert "<script" not in html
    assert "ж" * 3000 in html


def test_a_questions_choices_are_lines_in_every_mail_program() -> None:
    """Its answer is a number: each choice stands on a line of its own, with its number."""
    question = "Which of these do you mean?\n\n1. Returns\n2. Refunds & more\n3. None of these"
    mail = read(write_mail(delivery(content=question), [], NOW))

    assert part(mail, "plain") == question + "\n"
    assert '<p dir="auto">1. Returns<br>\n2. Refunds &amp; more<br>\n3. None of these</p>' in part(
        mail, "html"
    )


def test_files_are_in_the_mail_under_their_names() -> None:
    """A name may have any letters, and leads nowhere on the reader's disk."""
    files = [
        File(b"%PDF-1.7", "application/pdf", "Счёт № 7.pdf"),
        File(b"\xff\xd8", "image/jpeg", '../../"evil"\r\nX: y.jpg'),
        File(b"?", "application/octet-stream", None),
    ]
    mail = read(write_mail(delivery(), files, NOW))
    attached = list(mail.iter_attachments())

    assert [(one.get_content_type(), one.get_content()) for one in attached] == [
        (file.mime_type, file.content) for file in files
    ]
    assert [one.get_filename() for one in attached] == [
        "Счёт № 7.pdf",
        ".._..__evil_ X: y.jpg",
        "attachment",
    ]


def test_hosts_of_other_letters_are_written_as_servers_take_them() -> None:
    """IDNA 2008: `straße` is not `strasse`."""
    mail = write_mail(
        delivery(account="hilfe@straße.example", recipient="a@bücher.example"), [], NOW
    )

    assert mail["From"].addresses[0].addr_spec == "hilfe@xn--strae-oqa.example"
    assert mail["To"] == "a@xn--bcher-kva.example"
    assert mail.as_bytes().isascii()


@pytest.mark.parametrize(
    "address",
    [
        "",
        "nobody",
        "@example.org",
        "a@",
        "a b@example.org",
        "a@b\r\nRCPT TO:<c@d>",
        "a,b@c",
        "<a@b>",
    ],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    """It would be another one in the server's eyes."""
    with pytest.raises(ChannelError) as caught:
        write_mail(delivery(recipient=address), [], NOW)

    assert (caught.value.trouble, caught.value.code) == ("failed", "bad_address")


def test_repeated_mails_have_one_id() -> None:
    """Where a first one was accepted after all, many servers drop the second."""
    assert message_id(delivery(attempt=1)) == message_id(delivery(attempt=2))


def test_postmark_is_asked_to_keep_the_id_and_to_name_it() -> None:
    """It gives mails ids of its own else: replies and bounces would be of a mail nobody knows."""
    sent = delivery(account=f"help@{'long.' * 5}example.com")
    mail = write_mail(sent, [], NOW)
    mark_for_postmark(mail, sent)
    source = mail.as_bytes().decode().splitlines()

    assert "X-PM-KeepID: true" in source
    assert f"X-PM-Metadata-message-id: {message_id(sent)}" in source
    assert f"X-PM-Metadata-account: {sent.account}" in source


ANYTHING = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=300)


@settings(max_examples=60, deadline=None)
@given(name=ANYTHING, subject=ANYTHING, reference=ANYTHING, content=ANYTHING, file_name=ANYTHING)
def test_nothing_that_others_chose_adds_a_header(
    name: str, subject: str, reference: str, content: str, file_name: str
) -> None:
    """A subject with a line break in it is how mails get second recipients."""
    sent = delivery(
        configuration={"sender_name": name},
        thread={"subject": subject, "references": [reference]},
        content=content,
    )
    source = write_mail(sent, [File(b"", "image/png", file_name)], NOW).as_bytes()
    head = source.partition(b"\r\n\r\n")[0]
    names = re.findall(rb"^([^\s:]+):", head, re.MULTILINE)
    text = read(write_mail(sent, [], NOW))

    assert set(names) <= {
        *(b"From", b"To", b"Reply-To", b"Subject", b"Date", b"Message-ID", b"In-Reply-To"),
        *(b"References", b"Auto-Submitted", b"X-Auto-Response-Suppress"),
        *(b"MIME-Version", b"Content-Type", b"Content-Transfer-Encoding"),
    }
    assert len(names) == len(set(names))
    assert part(text, "plain") == "\n".join(content.splitlines()) + "\n"
