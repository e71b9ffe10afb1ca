"""Search over customers and messages: what is found, in which order, and by whom."""
# ruff: noqa: RUF001 -- letters of other alphabets are meant

from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.database.inbox import Inbox

# What was written, and what finds it.
FOUND = {
    "a word": ("Where is my parcel?", "parcel"),
    "whatever its case": ("WHERE IS MY PARCEL?", "Parcel"),
    "several, in any order": ("The parcel came broken", "broken parcel"),
    "how it begins": ("I want a refund", "refu"),
    "what is in it": ("Garantieverlängerung für ein Jahr", "verlangerung"),
    "two letters": ("My TV is broken", "tv"),
    "an e-mail address": ("Write to ada.lovelace@example.com", "ada.lovelace@example.com"),
    "a part of it": ("Write to ada.lovelace@example.com", "lovelace@example"),
    "a number as it was written": ("Call +49 170 123-4567", "+49 170 123-4567"),
    "a number without signs": ("Call +49 170 123-4567", "491701234567"),
    "a number with others": ("Call +491701234567", "+49 (170) 123 4567"),
    "a number as at home": ("Call +49 170 1234567", "0170 1234567"),
    "an order's number": ("It is order A-20931/7", "20931"),
    "without accents": ("Die Rückgabe im Café", "ruckgabe cafe"),
    "with accents": ("die ruckgabe im cafe", "Rückgabe Café"),
    "letters that are two": ("Straße 5", "strasse"),
    "accents apart": ("cafe\u0301", "café"),
    "Cyrillic": ("Где мой ЗАКАЗ?", "заказ"),
    "yo": ("Он ещё не пришёл", "еще пришел"),
    "Greek": ("Πού είναι η ΠΑΡΑΓΓΕΛΊΑ ΜΟΥ", "παραγγελια"),
    "Chinese": ("我的订单还没有收到", "没有收到"),
    "one sign": ("我的订单还没有收到", "订"),
    "the last sign": ("我的订单还没有收到", "到"),
    "Japanese": ("東京都の注文を返品したい", "返品"),
    "Korean": ("주문을 취소하고 싶어요", "취소"),
    "Thai": ("ฉันต้องการคืนสินค้า", "คืนสินค้า"),
    "Arabic": ("أين طلبي من فضلك", "طلبي"),
    "wide forms": ("Ｏｒｄｅｒ １２３４５", "order 12345"),
    "letters in one sign": ("Das ist ﬁnal, 5 ㎏ schwer", "final kg"),
    "digits in one sign": ("Es hat 20 m² und ½ Bad", "m2"),
    "letters among others": ("Мой iPhone 15 не пришёл", "iphone"),
    "a phrase": ("I said: the blue one, please", '"the blue one"'),
    "a phrase in other quotes": ("I said: the blue one, please", "„blue one“"),
    "an emoji beside it": ("🎉parcel🎉", "parcel"),
    "markup is text": ("<b>parcel</b> & more", "b parcel"),
}
LOST = {
    "another word": ("Where is my parcel?", "refund"),
    "one that is missing": ("Where is my parcel?", "parcel refund"),
    "parts of a phrase's words": ("they're seablue ones", '"blue one"'),
    "a phrase apart": ("the blue and one", '"blue one"'),
    "signs elsewhere": ("没有人收到", "没有收到"),
    "patterns": ("Where is my parcel?", "p%l"),
    "another number": ("Call +49 170 1234567", "0170 7654321"),
}


def search(inbox: Inbox, query: str, by: str | None, after: Any = None, most: int = 20) -> Any:
    statement = "select public.search_conversations(%s, %s, %s) as page"
    return inbox.one(statement, query, Jsonb(after), most, by=by)["page"]


def talk(inbox: Inbox, text: str, **columns: Any) -> UUID:
    """Make a conversation in which that was written."""
    names = "".join(f", {name}" for name in columns)
    values = ", %s" * len(columns)
    conversation = inbox.one(
        f"insert into public.conversations (channel_type{names}) values ('website'{values})"
        " returning id",
        *columns.values(),
    )["id"]
    inbox.run(
        "insert into public.messages (conversation_id, sender_type, content)"
        " values (%s, 'user', %s)",
        conversation,
        text,
    )
    return UUID(str(conversation))


def marked(hit: Any) -> list[str]:
    return [part["text"] for part in hit["excerpt"] if part["is_match"]]


def crowd(inbox: Inbox) -> None:
    """Write so much since, in which nothing is said, that only the index leads further down."""
    inbox.run(
        "insert into public.conversations (channel_type, last_message_at)"
        " select 'website', now() + interval '1 day' from generate_series(1, 1001)"
    )


@pytest.mark.parametrize("way", ["down the list", "by the index"])
def test_what_was_written_is_found(inbox: Inbox, way: str) -> None:
    """Poor search is what people say first of an inbox; both ways to a message must agree."""
    agent = inbox.user("agent")
    cases = [*FOUND.items(), *LOST.items()]
    if way == "by the index":
        crowd(inbox)
    not_found, wrong = [], []
    for begin in range(0, len(cases), 10):  # so many that the walk passes all of them
        part = cases[begin : begin + 10]
        ids = {text: str(talk(inbox, text)) for _, (text, _) in part}
        for name, (text, query) in part:
            hits = search(inbox, query, agent, most=50)["hits"]
            by_id = {hit["conversation"]["id"]: hit for hit in hits}
            hit = by_id.get(ids[text])
            if name in FOUND and hit is None:
                not_found.append(name)
            elif (name in LOST) != (hit is None) or (hit and not marked(hit)):
                wrong.append(name)
        inbox.run(
            "update public.conversations set last_message_at = '2020-01-01Z'"
            " where message_count > 0"
        )

    assert (not_found, wrong) == ([], [])


def test_who_it_is_comes_before_what_was_said_and_words_before_their_parts(inbox: Inbox) -> None:
    """Who looks for "art" wants Art, then art, then the parts of a start."""
    agent = inbox.user("agent")
    part = talk(inbox, "We start tomorrow")
    word = talk(inbox, "Modern art, and we start")
    inbox.run(
        "insert into public.messages (conversation_id, sender_type, content)"
        " values (%s, 'user', 'we start')",
        word,
    )
    person = talk(inbox, "Hello, art", customer_name="Art Vandelay")
    inbox.run("update public.conversations set last_message_at = now() where id = %s", part)
    page = search(inbox, "art", agent)

    assert [hit["conversation"]["id"] for hit in page["hits"]] == [
        str(person),
        str(word),
        str(part),
    ]
    assert [hit["kind"] for hit in page["hits"]] == ["customer", "message", "message"]
    assert [hit["position"] for hit in page["hits"]] == [None, 1, 1]
    assert page["next"] is None


@pytest.mark.parametrize(
    ("query", "column"),
    [("lovel", "name"), ("ada@ex", "email"), ("0170 1234567", "phone"), ("rocket", "company")],
)
def test_a_customer_is_found_by_what_they_are_called_now(
    inbox: Inbox, query: str, column: str
) -> None:
    """Names are told later, and put right."""
    agent, customer = inbox.user("agent"), inbox.user()
    conversation = inbox.open(customer)
    values = {"name": "Ada Lovelace", "email": "ada@example.com", "phone": "+49 170 1234567"}
    value = values.get(column, "Rocket Ltd")
    assert search(inbox, query, agent)["hits"] == []
    inbox.run(f"update public.customer_profiles set {column} = %s", value)
    [hit] = search(inbox, query, agent)["hits"]
    inbox.run(f"update public.customer_profiles set {column} = null")

    assert hit["conversation"]["id"] == str(conversation)
    assert hit["conversation"]["customer_profiles"]["id"] == hit["conversation"]["customer_id"]
    assert hit["excerpt"][0]["text"] in value
    assert search(inbox, query, agent)["hits"] == []


def test_pages_give_each_conversation_once(inbox: Inbox) -> None:
    """A page that begins where another ended repeats nothing, and leaves nothing out."""
    agent = inbox.user("agent")
    expected = {str(talk(inbox, f"parcel {n}")) for n in range(7)}
    expected |= {str(talk(inbox, "parcels", customer_name="Parcel Ltd")) for _ in range(3)}
    expected |= {str(talk(inbox, f"parcels {n}")) for n in range(5)}
    same_time = "update public.conversations set last_message_at = '2026-01-01T00:00:00Z'"
    inbox.run(same_time)
    for is_crowded in (False, True):
        if is_crowded:
            crowd(inbox)
        found: list[str] = []
        after = None
        for _ in range(10):
            page = search(inbox, "parcel", agent, after, most=2)
            found += [hit["conversation"]["id"] for hit in page["hits"]]
            after = page["next"]
            if after is None:
                break
        assert len(found) == len(expected)
        assert set(found) == expected


def test_an_excerpt_shows_the_text_as_it_was_written(inbox: Inbox) -> None:
    """Marks that are off by a letter are worse than none; nothing in it is markup."""
    agent = inbox.user("agent")
    talk(inbox, "🎉 <b>" + "ﬃ ß " * 60 + "The Straße & the strasse, naïve" + " end" * 300)
    [hit] = search(inbox, "strasse naive", agent)["hits"]
    text = "".join(part["text"] for part in hit["excerpt"])

    assert marked(hit) == ["Straße", "strasse", "naïve"]
    assert text.startswith("…")
    assert text.endswith("…")
    assert len(text) <= 202
    assert "The Straße & the strasse, naïve end" in text


@pytest.mark.parametrize("query", ["", "   ", "?!", "'; drop table x; --", "\\", "a:* | !b", "%"])
def test_signs_are_no_query(inbox: Inbox, query: str) -> None:
    """Whatever is typed is text."""
    talk(inbox, "Where is my parcel?")

    assert search(inbox, query, inbox.user("agent")) == {"hits": [], "next": None}


@pytest.mark.parametrize(
    ("query", "after", "most"),
    [("x" * 201, None, 20), (None, None, 20), ("x", None, 0), ("x", None, 101),
     ("x", {"kind": 4}, 20), ("x", [], 20), ("x", {"kind": 1, "at": "now", "id": "x"}, 20)],
)  # fmt: skip
def test_what_cannot_be_searched_is_said(inbox: Inbox, query: Any, after: Any, most: int) -> None:
    """An empty page would look like an answer."""
    with pytest.raises(psycopg.Error) as refusal:
        search(inbox, query, inbox.user("agent"), after, most)

    assert refusal.value.diag.message_detail == "bad_search"


def test_only_staff_search(inbox: Inbox) -> None:
    """It looks past the policies."""
    customer = inbox.user()
    inbox.open(customer, "Where is my parcel?")
    with pytest.raises(psycopg.Error) as refusal:
        search(inbox, "parcel", customer)

    assert refusal.value.diag.message_detail == "staff_only"
    assert len(search(inbox, "parcel", "service_role")["hits"]) == 1


def test_a_change_of_a_conversation_writes_nothing_of_the_search(inbox: Inbox) -> None:
    """Its row changes with each message: names in an index of it would be written each time."""
    conversation = inbox.open(inbox.user())
    before = inbox.one("select xmin::text as written from private.conversation_people")
    inbox.say(conversation, "one", by="service_role")
    inbox.run("update public.customer_profiles set satisfaction_rating = 3")

    assert inbox.one("select xmin::text as written from private.conversation_people") == before
