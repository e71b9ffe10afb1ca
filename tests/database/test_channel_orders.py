"""Whatever order events come in, however often, in however many calls, and at once: one state."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count, pairwise
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg.rows import dict_row
from romashka_local.postgres import Cluster

from tests.database.channels import RECEIVE, Channel, about, message
from tests.database.inbox import Inbox, Row
from tests.support import databases
from tests.support.waiting import eventually

_accounts = count(1)
_STATE = """
select links.external_id, messages.sender_type, messages.content, messages.message_type,
  messages.media_url, messages.media_caption, messages.delivery_status, messages.metadata,
  (select min(others.external_id) from private.channel_messages as others
    join public.messages as theirs on theirs.id = others.message_id
    where theirs.conversation_id = messages.conversation_id) as conversation,
  conversations.message_count, conversations.requires_human, conversations.customer_social_id,
  (select array_agg(position order by position) from public.messages as theirs
    where theirs.conversation_id = messages.conversation_id) as positions,
  channels.received_count
from private.channel_messages as links
join public.messages as messages on messages.id = links.message_id
join public.conversations as conversations on conversations.id = messages.conversation_id
join public.communication_channels as channels on channels.id = links.channel_id
where channels.external_account_id = %s order by 1
"""


@pytest.fixture(scope="module")
def channel(cluster: Cluster, template_db: str) -> Iterator[Channel]:
    with databases.clone(cluster, template_db) as url, Inbox(url) as inbox:
        yield Channel(inbox)


def state_after(channel: Channel, calls: list[list[Row]]) -> list[Row]:
    """Bring events to an account of their own; return what they came to."""
    account = f"account {next(_accounts)}"
    for events in calls:
        results = channel.receive(*(event | {"account": account} for event in events))
        assert not [result for result in results if result["outcome"] == "failed"]
    return channel.inbox.run(_STATE, account)


_NUMBERS = st.integers(1, 4)
_SECONDS = st.integers(10, 13)
_CUSTOMERS = st.sampled_from([{"id": "15550100"}, {"id": "US.1", "other_ids": ["15550101"]}])
_CHANGES = st.one_of(
    st.builds(about, _NUMBERS, st.just("deletion"), _SECONDS),
    st.builds(about, _NUMBERS, st.just("edit"), _SECONDS, content=st.sampled_from(["a", "b", ""])),
    st.builds(
        about,
        _NUMBERS,
        st.just("reaction"),
        _SECONDS,
        emoji=st.sampled_from(["👍", "❤️", None]),
        customer=_CUSTOMERS,
    ),
    st.builds(
        about,
        _NUMBERS,
        st.just("status"),
        _SECONDS,
        status=st.sampled_from(["sent", "delivered", "read", "failed"]),
        error=st.sampled_from([{"code": "1", "message": "x"}, {"code": "2", "message": "x"}]),
    ),
)


@st.composite
def stories(draw: st.DrawFn) -> tuple[list[Row], list[list[Row]]]:
    """Draw events in their order, and the calls in which they come."""
    owners = [draw(_CUSTOMERS) for _ in range(4)]
    kinds = [draw(st.sampled_from(["message", "message", "echo"])) for _ in owners]
    media = [{"id": "1", "url": "https://files.example/1"}]
    events = [
        message(number, kind=kind, customer=owner, **({"media": media} if number == 2 else {}))
        for number, kind, owner in zip(range(1, 5), kinds, owners, strict=True)
    ]
    events += draw(st.lists(_CHANGES, max_size=8))
    repeated = events + draw(st.lists(st.sampled_from(events), max_size=4))
    shuffled = draw(st.permutations(repeated))
    cuts = sorted(draw(st.lists(st.integers(0, len(shuffled)), max_size=3)))
    ends = [0, *cuts, len(shuffled)]
    calls = [shuffled[start:end] for start, end in pairwise(ends)]
    return events, [call for call in calls if call]


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(story=stories())
def test_any_order_ends_in_the_same_state(
    channel: Channel, story: tuple[list[Row], list[list[Row]]]
) -> None:
    """Meta promises neither an order nor that it sends a thing once."""
    events, calls = story

    assert state_after(channel, calls) == state_after(channel, [[event] for event in events])


def bring(url: str, webhooks: list[list[Row]], together: threading.Barrier) -> list[Row]:
    """Bring webhooks on a connection of one's own; return all results."""
    results: list[Row] = []
    with psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
        connection.execute("set role service_role")
        together.wait()
        for number, events in enumerate(webhooks):
            payload = f"{connection.info.backend_pid} {number}"  # not the same webhook, as it were
            row = connection.execute(RECEIVE, ["whatsapp", payload, json.dumps(events)]).fetchone()
            assert row is not None
            results += next(iter(row.values()))["results"]
    return results


def race(url: str, runners: list[list[list[Row]]]) -> list[list[Row]]:
    """Let each runner bring its webhooks, all of them at once."""
    together = threading.Barrier(len(runners))
    with ThreadPoolExecutor(len(runners)) as pool:
        return list(pool.map(lambda webhooks: bring(url, webhooks, together), runners))


def test_one_event_on_many_connections_is_one_message(fresh_db: str, inbox: Inbox) -> None:
    """A sender that hears nothing in time sends again, while the first is still at work."""
    webhooks = [[message(number)] for number in range(1, 21)]
    results = race(fresh_db, [webhooks] * 4)
    by_number = list(zip(*results, strict=True))

    for same in by_number:
        assert sorted(one["outcome"] for one in same) == ["duplicate"] * 3 + ["stored"]
        assert len({one["message_id"] for one in same}) == 1
    (conversation,) = inbox.run("select id, message_count from public.conversations")
    assert conversation["message_count"] == 20
    assert Channel(inbox).account()["received_count"] == 20


def test_first_messages_at_once_make_one_conversation(fresh_db: str, inbox: Inbox) -> None:
    """A picture and its text come as two webhooks, and the customer is new."""
    rounds = 15

    def customer(number: int) -> Row:
        return {"id": f"1555010{number:03}", "phone": f"+1555010{number:03}"}

    results = race(
        fresh_db,
        [
            [[message(one, id=f"{runner}/{one}", customer=customer(one))] for one in range(rounds)]
            for runner in range(3)
        ],
    )

    assert {one["outcome"] for runner in results for one in runner} == {"stored"}
    counts = inbox.run("select message_count from public.conversations")
    assert [row["message_count"] for row in counts] == [3] * rounds
    assert len(inbox.run("select id from public.customer_profiles")) == rounds


def test_webhooks_about_the_same_in_other_orders_never_deadlock(
    fresh_db: str, inbox: Inbox
) -> None:
    """Each holds what the other needs: one of them would be sent again, some minutes later."""
    customers = [{"id": f"1555010{number}"} for number in range(6)]

    def webhook(runner: int, number: int) -> list[Row]:
        order = customers if runner % 2 else customers[::-1]
        ids = [f"{runner}/{number}/{customer['id']}" for customer in order]
        events: list[Row] = [
            message(place, id=name, customer=customer)
            for place, (name, customer) in enumerate(zip(ids, order, strict=True))
        ]
        return [*events, *(about(0, "edit", id=name, content="x") for name in ids[::-1])]

    results = race(fresh_db, [[webhook(one, turn) for turn in range(12)] for one in range(3)])

    assert {one["outcome"] for runner in results for one in runner} == {"stored", "updated"}
    counts = inbox.run("select message_count from public.conversations")
    assert [row["message_count"] for row in counts] == [36] * len(customers)


@pytest.mark.parametrize("known_as", [["e"], ["e", "new"]])
def test_what_comes_while_its_customer_becomes_another_is_not_lost(
    fresh_db: str, inbox: Inbox, known_as: list[str]
) -> None:
    """By an id of theirs that the event which unites the two does not name."""
    channel = Channel(inbox)

    def said(number: int, *ids: str) -> Row:
        return message(number, customer={"id": ids[0], "other_ids": ids[1:]})

    channel.store(said(1, "a"))
    other = channel.store(said(2, "b", "e"))["conversation_id"]
    inbox.run("update public.conversations set status = 'closed' where id = %s", other)
    with psycopg.connect(fresh_db) as uniting, ThreadPoolExecutor(1) as pool:
        event = json.dumps([said(3, "a", "b")])
        uniting.execute(RECEIVE, ["whatsapp", event, event])
        coming: Any = pool.submit(bring, fresh_db, [[said(4, *known_as)]], threading.Barrier(1))
        eventually(lambda: bool(inbox.run("select pid from pg_locks where not granted")))
        uniting.commit()
        (result,) = coming.result()

    assert result["outcome"] == "stored"
    assert len(inbox.run("select id from public.customer_profiles")) == 1


def test_a_status_that_comes_while_its_message_is_linked_is_not_lost(
    fresh_db: str, inbox: Inbox
) -> None:
    """Neither sees the other before both have committed: one of them must wait."""
    channel = Channel(inbox)
    conversation = channel.store(message(1))["conversation_id"]
    inbox.settle(inbox.claim()[0])
    answer = inbox.messages(conversation)[-1]
    status = about(2, "status", status="read")

    def is_waiting() -> bool:
        return bool(
            inbox.run("select pid from pg_locks where locktype = 'advisory' and not granted")
        )

    with psycopg.connect(fresh_db) as worker, ThreadPoolExecutor(1) as pool:
        link = "select private.link_channel_message(%s, 'wamid.2', %s)"
        worker.execute(link, [channel.account()["id"], answer["id"]])
        coming: Any = pool.submit(bring, fresh_db, [[status]], threading.Barrier(1))
        eventually(is_waiting)
        worker.commit()
        (result,) = coming.result()

    assert (result["outcome"], result["message_id"]) == ("updated", str(answer["id"]))
    assert channel.message(str(answer["id"]))["delivery_status"] == "read"
