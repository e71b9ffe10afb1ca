"""Two customers who turn out to be one person become one, and nothing that they wrote is lost."""

from typing import Any
from uuid import UUID

import pytest

from tests.database.outbox import Outbox, Row

TWO_IDS = {"customer": {"id": "15550100", "other_ids": ["US.1"], "phone": "+15550100"}}


def met_apart(outbox: Outbox) -> tuple[UUID, UUID]:
    """Let one person write under a number, and under a user id."""
    number = outbox.hear("By number", customer=TWO_IDS["customer"] | {"other_ids": []})
    user_id = outbox.hear("By user id", customer={"id": "US.1", "name": "Ana"})
    return number, user_id


def customers(outbox: Outbox) -> list[Row]:
    return outbox.run("select * from public.customer_profiles order by created_at")


def hear(outbox: Outbox, text: str = "By both", **message: Any) -> UUID:
    return outbox.hear(text, **TWO_IDS, **message)


def test_a_message_with_both_ids_makes_them_one(outbox: Outbox) -> None:
    """Everything is there, in the order in which it came, and the next goes to the older one."""
    number, user_id = met_apart(outbox)
    assert len(customers(outbox)) == 2
    third = hear(outbox)
    [customer] = customers(outbox)
    other = outbox.conversation(user_id)

    assert third == number
    assert (customer["name"], customer["phone"]) == ("Ana", "+15550100")
    assert [said["content"] for said in outbox.messages(number)] == ["By number", "By both"]
    assert [said["content"] for said in outbox.messages(user_id)] == ["By user id"]
    assert other["customer_id"] == customer["id"]
    assert other["business_context"]["continued_in"] == str(number)
    assert outbox.hear("By user id again", customer={"id": "US.1"}) == number


def test_what_waits_beside_a_human_is_with_the_human(outbox: Outbox) -> None:
    """Humans win in both: the AI answers neither."""
    number, user_id = met_apart(outbox)
    outbox.reply(user_id, "Grace here.")
    third = hear(outbox)
    waiting = outbox.conversation(number)

    assert third == user_id
    assert (waiting["requires_human"], waiting["status"]) == (True, "escalated")
    assert [job["outcome"] for job in outbox.jobs(number)] == ["taken_over"]
    assert outbox.claim() == []


@pytest.mark.parametrize("agents_is_older", [True, False])
def test_who_came_counts_more_than_who_is_waited_for(outbox: Outbox, agents_is_older: bool) -> None:
    """The AI goes on where it handed over out of doubt, but not beside a human."""
    pair = met_apart(outbox)
    agents, waiting = pair if agents_is_older else pair[::-1]
    for job in outbox.claim():
        if job["conversation_id"] == waiting:
            outbox.settle(job, None, action="escalate", reason="low_confidence")
    outbox.reply(agents, "Grace here.")
    outbox.hear("More", customer={"id": "15550100" if waiting == pair[0] else "US.1"})
    [job] = outbox.claim()
    assert hear(outbox) == agents

    assert outbox.settle(job)["outcome"] == "taken_over"
    assert outbox.claim() == []
    assert not any(
        said["sender_type"] == "ai" and said["metadata"].get("kind") != "handover"
        for said in outbox.messages(waiting)
    )


def test_who_has_signed_in_stays(outbox: Outbox) -> None:
    """A session is bound to its row; of two who have signed in nobody says that they are one."""
    number, user_id = met_apart(outbox)
    first, second = (outbox.conversation(one)["customer_id"] for one in (number, user_id))
    outbox.run(
        "update public.customer_profiles set user_id = %s where id = %s", outbox.user(), second
    )
    hear(outbox)
    [kept] = customers(outbox)
    assert kept["id"] == second != first

    again = outbox.hear("By another", customer={"id": "15550177"})
    another = outbox.conversation(again)["customer_id"]
    outbox.run(
        "update public.customer_profiles set user_id = %s where id = %s", outbox.user(), another
    )
    outbox.hear("By both", customer={"id": "15550177", "other_ids": ["US.1"]})
    assert len(customers(outbox)) == 2


def test_a_blocked_customer_does_not_come_back_under_another_id(outbox: Outbox) -> None:
    """Whichever of the two was blocked."""
    _, user_id = met_apart(outbox)
    outbox.run(
        "update public.customer_profiles set status = 'blocked' where id = %s",
        outbox.conversation(user_id)["customer_id"],
    )
    hear(outbox)
    [customer] = customers(outbox)

    assert customer["status"] == "blocked"


def test_what_the_team_knows_of_both_is_known_of_the_one(outbox: Outbox) -> None:
    """Where both say something of the same, the one that stays has said it."""
    number, user_id = met_apart(outbox)
    first, second = (outbox.conversation(one)["customer_id"] for one in (number, user_id))
    for customer, tags, plan, notes in (
        (first, ["vip"], "pro", "Ana"),
        (second, ["vip", "eu"], "free", "Doe"),
    ):
        outbox.run(
            "update public.customer_profiles set tags = %s, notes = %s, custom_fields ="
            " jsonb_build_object('plan', %s::text, 'of', %s::text) where id = %s",
            *(tags, notes, plan, notes, customer),
        )
    outbox.run(
        """update public.customer_profiles set preferences = '{"tone": "short"}', location = 'Porto'
        where id = %s""",
        second,
    )
    outbox.run(
        "insert into private.rating_changes (customer_id, changed_at) values (%s, now())", second
    )
    hear(outbox)
    [customer] = customers(outbox)

    assert outbox.one("select * from private.rating_changes")["customer_id"] == customer["id"]
    assert (customer["tags"], customer["notes"]) == (["eu", "vip"], "Ana\nDoe")
    assert customer["custom_fields"] == {"plan": "pro", "of": "Ana"}
    assert (customer["preferences"], customer["location"]) == ({"tone": "short"}, "Porto")


def test_a_projects_own_rows_about_a_customer_stay(outbox: Outbox) -> None:
    """They would go with the row that they refer to."""
    _, user_id = met_apart(outbox)
    gone = outbox.conversation(user_id)["customer_id"]
    outbox.run(
        "create table public.orders (customer uuid references public.customer_profiles (id)"
        " on delete cascade)"
    )
    outbox.run("insert into public.orders values (%s)", gone)
    hear(outbox)
    kept, stays = customers(outbox)

    assert stays["id"] == gone
    assert stays["custom_fields"]["merged_into"] == str(kept["id"])
    assert outbox.one("select * from public.orders")["customer"] == gone
    outbox.run("drop table public.orders")


@pytest.mark.parametrize("channel", ["instagram", "sms"])
def test_a_quote_says_who_somebody_is_on_whatsapp_alone(outbox: Outbox, channel: str) -> None:
    """Whoever knows the id of a message elsewhere may refer to it."""
    conversation = outbox.hear(channel=channel)
    outbox.reply(conversation)
    for delivery in outbox.take():
        outbox.tell(delivery, external_ids=["ours"], parts_sent=1)
    stranger = outbox.hear("Hi", channel=channel, who="17841400000000077", reply_to="ours")

    assert stranger != conversation
    assert len(customers(outbox)) == 2


def test_a_worker_says_what_the_channel_calls_a_customer(outbox: Outbox) -> None:
    """Somebody else's id stays theirs until the channel itself says that the two are one."""
    conversation = outbox.hear()
    outbox.reply(conversation)
    outbox.tell(outbox.take_one(), external_ids=["wamid.1"], recipient_ids=["15559100", "US.7"])

    assert outbox.hear("Hi", who="15559100") == conversation
    assert outbox.hear("Hi", customer={"id": "US.7"}) == conversation
