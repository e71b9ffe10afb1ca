"""What staff say among themselves, and their machines' names, are not in what customers read."""

import pytest

from tests.database.inbox import Inbox


@pytest.mark.parametrize(
    ("column", "value"), [("notes", "owes us money"), ("tags", "{difficult}"), ("status", "vip")]
)
def test_what_the_team_notes_about_a_customer_is_the_teams(
    inbox: Inbox, column: str, value: str
) -> None:
    """Existing inboxes write into the columns of the customer's own row."""
    customer, agent = inbox.user(), inbox.user("agent")
    conversation = inbox.open(customer, "one")
    [bare] = inbox.run("select id from public.customer_profiles", by=customer)
    inbox.run(f"update public.customer_profiles set {column} = %s", value, by=agent)

    [seen] = inbox.run(f"select {column}::text as noted from public.customer_profiles", by=agent)
    shown = inbox.one(
        "select conversation_data from public.get_conversation_with_messages(%s)",
        conversation,
        by=customer,
    )
    assert bare
    assert seen["noted"] == value
    assert inbox.run("select * from public.customer_profiles", by=customer) == []
    assert shown["conversation_data"]["customer_profiles"] is None
    assert inbox.open(customer, "two") == conversation


@pytest.mark.parametrize(
    ("column", "value"), [("notes", "nice"), ("tags", "{vip}"), ("status", "vip")]
)
def test_no_customer_notes_about_themselves(inbox: Inbox, column: str, value: str) -> None:
    """It would look like the team's own word."""
    customer = inbox.user()

    with pytest.raises(Exception, match="row-level security"):
        inbox.run(
            f"insert into public.customer_profiles (user_id, {column}) values (%s, %s)",
            customer,
            value,
            by=customer,
        )


def test_customers_read_no_name_of_a_worker(inbox: Inbox) -> None:
    """A worker is called by its machine and its process, unless somebody names it."""
    customer = inbox.user()
    inbox.open(customer, "one")
    [job] = inbox.run(
        "select job_id, attempt from public.get_next_ai_response_job('machine-7:4711')",
        by="service_role",
    )

    def read() -> str:
        [row] = inbox.run(
            "select jobs::text as row from public.ai_response_queue as jobs", by=customer
        )
        return str(row["row"])

    running = read()
    inbox.settle(job)
    assert "machine-7" not in running
    assert "machine-7" not in read()
