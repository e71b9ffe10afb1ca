"""Several addresses of one team: a mail to two of them is one, and forms write for others."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from tests.channels.mail_in import SUPPORT, MailServer, open_mail_server, write
from tests.support.stacks import RunningStack

Row = dict[str, Any]


@pytest.fixture(scope="module")
def server(stack: RunningStack) -> Iterator[MailServer]:
    with open_mail_server(stack) as opened:
        yield opened


@pytest.fixture(scope="module")
def sales(server: MailServer) -> str:
    return server.connect(f"sales-{uuid4()}@example.com")


def somebody() -> str:
    """Return a new customer: who writes much within the hour is taken for a program."""
    return f"{uuid4()}@example.org"


def copies(*accounts: str, body: str = "Where is my order?", **headers: str) -> list[bytes]:
    """Return one mail as it comes to each of the accounts."""
    given = {"Message_ID": f"<{uuid4()}@mail.example.org>", "From": somebody(), "To": accounts[0]}
    given |= {"Cc": accounts[-1] if accounts[-1] != accounts[0] else ""} | headers
    return [write(body, **given, Delivered_To=account) for account in accounts]


def with_file(text: str, content: str) -> str:
    """Return the body of a mail with a file, or of one without."""
    parts = [f"Content-Type: text/plain\r\n\r\n{text}"]
    parts += [f"Content-Type: text/csv; name=bill.csv\r\n\r\n{content}"] if content else []
    return "".join(f"--edge\r\n{part}\r\n" for part in parts) + "--edge--"


def rows_of(server: MailServer, mails: list[bytes]) -> list[Row]:
    """Let mails come at the same time; return the rows that they are now."""
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(server.post, mails))
    ids = {server.event_of(answer)["id"] for answer in answers}
    return [row for message_id in sorted(ids) for row in server.rows_of(message_id)]


def arrive(server: MailServer, mail: bytes) -> Row:
    event = server.event_of(server.post(mail))
    return server.rows_of(event["id"])[-1]


def accounts_of(server: MailServer, row: Row) -> set[str]:
    """Return the accounts in which staff see a mail: its conversation's, and those beside it."""
    [channel] = server.query(
        "select external_account_id as account from public.communication_channels where id = %s",
        row["channel_id"],
    )
    return {channel["account"], *row["metadata"].get("also_came_to", [])}


def test_a_mail_to_two_of_our_addresses_is_answered_once(server: MailServer, sales: str) -> None:
    """It comes once for each, in any order and at the same time, by an alias, or hidden (Bcc)."""
    for one in (
        copies(SUPPORT, sales),
        copies(sales, SUPPORT, sales),
        copies(SUPPORT, sales, To="friends@example.net", Cc=""),
        copies(SUPPORT, SUPPORT, To="help@example.com", Cc=""),
        copies(SUPPORT, sales, Message_ID=""),
        copies(sales, SUPPORT, body="", Subject=""),
        [
            mail.replace(b"dmarc=pass", verdict)
            for mail, verdict in zip(
                copies(SUPPORT, sales), (b"dmarc=pass", b"dmarc=none"), strict=True
            )
        ],
    ):
        [row] = rows_of(server, one)

        expected = {SUPPORT, sales} if any(sales.encode() in mail for mail in one) else {SUPPORT}
        assert row["is_turn"], one
        assert accounts_of(server, row) == expected, one


def test_many_mails_to_two_of_our_addresses_race(server: MailServer, sales: str) -> None:
    """Under load too, each is one message of one turn."""
    mails = [mail for _ in range(12) for mail in copies(SUPPORT, sales)]
    rows = rows_of(server, mails)

    assert len(rows) == 12
    assert all(row["is_turn"] for row in rows)


def test_an_answer_to_all_goes_on_in_its_thread(server: MailServer, sales: str) -> None:
    """Whichever of the accounts gets it first; one that is written to sales alone is theirs."""
    for first in (SUPPORT, sales):
        second = sales if first == SUPPORT else SUPPORT
        [question] = rows_of(server, copies(SUPPORT, sales))
        headers = {
            "From": question["user_email"],
            "References": question["external_message_id"],
            "Subject": "Re: Question",
        }
        reply, again = (
            arrive(server, mail) for mail in copies(first, second, body="And my bill?", **headers)
        )
        alone = arrive(server, write(**headers, To=SUPPORT if first == sales else sales))

        assert reply["id"] == again["id"]
        assert reply["conversation_id"] == question["conversation_id"]
        assert alone["id"] != reply["id"]


def test_a_token_of_one_account_reaches_no_others_thread(server: MailServer, sales: str) -> None:
    """Whoever may write for sales cannot write into support's conversations."""
    question = arrive(server, write(From=somebody()))
    server.query(
        "select public.set_channel_secret(id, 'webhook_token', 'of-sales')"
        " from public.communication_channels where external_account_id = %s",
        sales,
    )
    headers = {"From": question["user_email"], "References": question["external_message_id"]}
    answers = [
        server.post(write(**headers, To=SUPPORT, Cc=sales), token="of-sales"),
        server.post(
            write(**headers, To=sales.replace("@", f"+{question['conversation_id']}@")),
            token="of-sales",
        ),
    ]
    rows = [server.rows_of(server.event_of(answer)["id"])[0] for answer in answers]

    assert question["conversation_id"] not in {row["conversation_id"] for row in rows}


def test_a_persons_mail_is_answered_though_a_program_brought_it_too(
    server: MailServer, sales: str
) -> None:
    """A list passes it on with its marks, first or last; and another text is another mail."""
    for marked in (0, 1):
        mails = copies(SUPPORT, sales)
        mails[marked] = b"List-Id: <friends.example.net>\r\n" + mails[marked]
        seen = [server.event_of(server.post(mail))["id"] for mail in mails]

        assert [row["is_turn"] for row in server.rows_of(seen[0])].count(True) == 1
    first, second = copies(SUPPORT, sales)
    other = second.replace(b"Where is my order?", b"Please cancel it.")
    rows = rows_of(server, [first, other])
    assert [row["is_turn"] for row in rows] == [True, True]


@pytest.mark.parametrize("address", [SUPPORT, "sales"])
@pytest.mark.parametrize(
    ("forgery", "body"),
    [
        ("Cancel it.", "Do not cancel it."),
        ("Do not cancel it.", "Cancel it."),
        (with_file("The bill.", "0 euros"), with_file("The bill.", "120 euros")),
        (with_file("The bill.", ""), with_file("The bill.", "120 euros")),
    ],
)
def test_a_forged_mail_keeps_no_true_one_out(
    server: MailServer, sales: str, address: str, forgery: str, body: str
) -> None:
    """Whoever knows an id before its mail arrives (in copy) may send another with it."""
    headers = {
        "Message_ID": f"<{uuid4()}@mail.example.org>",
        "From": somebody(),
        "Subject": "",
        "Content_Type": "multipart/mixed; boundary=edge" if "edge" in body else "text/plain",
    }
    to = sales if address == "sales" else SUPPORT
    forged = write(forgery, **headers, Authentication_Results="", Delivered_To=to)
    mails = [forged, write(body, **headers)]
    answers = [server.post(mail).json()["outcomes"] for mail in (*mails, *mails)]
    stranger = server.post(write("Cancel.", **{**headers, "From": somebody()})).json()["outcomes"]

    assert answers == [{"stored": 1}] * 2 + [{"duplicate": 1}] * 2
    assert stranger == {"stored": 1}


def test_two_visitors_of_a_form_are_two_customers(server: MailServer) -> None:
    """Of one that the account trusts; each has a conversation, answered at their own address."""
    form, other = f"forms-{uuid4()}@example.com", f"no-reply-{uuid4()}@forms.example.net"
    account = server.connect(
        f"shop-{uuid4()}@example.com", trusted_senders=f"{form}, {other.upper()}"
    )
    ana, ben = somebody(), somebody()
    marks = {"Auto-Submitted": "auto-generated", "Precedence": "bulk", "List-Unsubscribe": "<x:y>"}
    rows = [
        arrive(server, write(f"Name: {name}", From=sender, To=account, Reply_To=name, **marks))
        for sender, name in ((form, ana), (form, ben), (other, ana))
    ]
    customers = [
        server.query(
            "select customer_id, customer_social_id, business_context ->> 'unproven' as unproven"
            " from public.conversations where id = %s",
            row["conversation_id"],
        )[0]
        for row in rows
    ]

    assert [one["customer_social_id"] for one in customers] == [ana, ben, ana]
    assert customers[0]["customer_id"] == customers[2]["customer_id"] != customers[1]["customer_id"]
    assert len({row["conversation_id"] for row in rows}) == 3
    assert all(row["is_turn"] for row in rows)
    assert {one["unproven"] for one in customers} == {"reply_to"}


def test_a_form_is_trusted_only_where_it_is_proven(server: MailServer) -> None:
    """Whoever forges its address writes for nobody; neither does what has no `Reply-To`."""
    form = f"forms-{uuid4()}@example.com"
    account = server.connect(f"shop-{uuid4()}@example.com", trusted_senders=form)
    known = arrive(server, write(From=somebody(), To=account))
    visitor = known["user_email"]
    headers = {"To": account, "Reply_To": visitor}
    events = [
        server.event_of(server.post(write(**(headers | {"From": form} | more))))
        for more in (
            {},
            {"Authentication_Results": ""},
            {"Authentication_Results": "mx.example.com; dmarc=fail header.from=example.com"},
            {"Authentication_Results": "mx.example.com; dmarc=pass header.from=evil.example"},
            {"From": "stranger@example.net"},
            {"From": f"{form}, evil@evil.example"},
            {"Reply_To": account},
            {"Reply_To": form},
            {"References": known["external_message_id"]},
            {"Auto_Submitted": "auto-replied"},
        )
    ]
    joined = [server.rows_of(event["id"])[0]["conversation_id"] for event in events]

    of_visitor = [event["customer"]["id"] == visitor for event in events]
    assert of_visitor == [True, *[False] * 7, True, True]
    assert [event["is_automatic"] for event in events[-2:]] == [False, True]
    assert known["conversation_id"] not in joined
