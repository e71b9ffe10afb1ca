"""What happens to a message when its worker dies, stops or loses the project in the middle."""

import asyncio
import signal
from collections.abc import Sequence

import pytest
from romashka_worker.channels import Delivery, Part
from romashka_worker.channels.whatsapp import WhatsApp

from tests.channels.account import (
    Account,
    delivering,
    open_account,
    sent_by,
    worker_environment,
)
from tests.channels.graph import Graph, accepts, accepts_and, hangs, waits_for
from tests.support.proxy import open_proxy
from tests.support.stacks import CHANNEL_SECRETS, RunningStack
from tests.support.waiting import becomes
from tests.worker.worker_process import run_worker


async def test_a_worker_that_dies_around_a_send_costs_no_message(
    stack: RunningStack, graph: Graph, account: Account
) -> None:
    """Before it, nothing was sent. In the middle nobody can say: the customer has the message once
    or twice, never not at all.
    """
    before, within, after = [await account.write(text) for text in ("before", "within", "after")]
    claimed = await account.service.call(
        "claim_channel_deliveries", worker_id="dead", max_deliveries=100
    )
    assert before in [row["message_id"] for row in claimed]
    await account.let_time_pass(before)

    graph.will(accepts, hangs)
    async with run_worker(stack, **worker_environment(graph)) as worker:
        await account.ends(before)
        await becomes(lambda: len(graph.calls) == 2)
        await worker.end(signal.SIGKILL)
    await account.let_time_pass(within)

    graph.will(accepts, accepts_and(hangs))
    async with run_worker(stack, **worker_environment(graph)) as worker:
        await account.ends(within)
        await becomes(lambda: len(sent_by(graph, account)) == 3)
        await worker.end(signal.SIGKILL)
    await account.let_time_pass(after)

    async with delivering(stack, graph):
        delivery = await account.ends(after)

    texts = [sent.text for sent in sent_by(graph, account)]
    assert texts == ["before", "within", "after", "after"]
    assert delivery["status"] == "sent"


async def test_a_status_settles_what_a_dead_worker_had_sent(
    stack: RunningStack, graph: Graph, account: Account
) -> None:
    """WhatsApp returns the reference that went out with the message: the customer has it once."""
    message = await account.write("Here it is.")
    is_cut = asyncio.Event()
    graph.will(waits_for(is_cut))
    async with (
        open_proxy(stack.api_url) as network,
        run_worker(stack, network.url, **worker_environment(graph)) as worker,
    ):
        await becomes(lambda: graph.calls)
        network.refuses = b""
        network.cut()
        is_cut.set()
        await worker.has_logged("delivery.sent")  # and cannot be settled
        await worker.end(signal.SIGKILL)
    assert (await account.delivery(message))["status"] == "sending"

    [sent] = sent_by(graph, account)
    webhook_url = f"{stack.api_url}/functions/v1/whatsapp"
    secret = CHANNEL_SECRETS["WHATSAPP_APP_SECRET"]
    await graph.call_back(webhook_url, graph.status(sent, "delivered"), secret)
    async with delivering(stack, graph):
        await account.let_time_pass(message)
        delivery = await account.ends(message)

    assert delivery["external_ids"] == [sent.id]
    assert sent_by(graph, account) == [sent]


async def test_a_stopped_worker_finishes_what_it_sends(
    stack: RunningStack, graph: Graph, account: Account
) -> None:
    """A deployment sends nothing twice; what has not begun is another worker's."""
    one, two = [await account.write(text) for text in ("one", "two")]
    goes_on = asyncio.Event()
    graph.will(waits_for(goes_on))
    async with delivering(stack, graph) as deliverer:
        await becomes(lambda: graph.calls)
        deliverer.stop()
        goes_on.set()

    assert (await account.delivery(one))["status"] == "sent"
    assert (await account.delivery(two))["status"] == "pending"


async def test_what_a_stopped_worker_cannot_finish_is_in_doubt(
    stack: RunningStack, graph: Graph, account: Account
) -> None:
    """It may be out: it waits for what the channel tells, and is sent again after that."""
    message = await account.write("one")
    graph.will(hangs)
    async with delivering(stack, graph, grace_seconds=0):
        await becomes(lambda: graph.calls)
    delivery = await account.delivery(message)

    assert (delivery["status"], delivery["error_code"]) == ("sending", "no_answer")


async def test_what_is_sent_is_settled_when_the_project_is_back(
    stack: RunningStack, graph: Graph, account: Account
) -> None:
    """A restart of the database sends nothing twice."""
    async with open_proxy(stack.api_url) as network:
        sent = asyncio.Event()
        graph.will(waits_for(sent))
        async with delivering(stack, graph, network.url):
            message = await account.write("one")
            await becomes(lambda: graph.calls)
            network.refuses = b""
            network.cut()
            sent.set()
            await becomes(lambda: sent_by(graph, account))
            network.refuses = None
            delivery = await account.ends(message)

    assert (delivery["status"], delivery["attempt"]) == ("sent", 1)
    assert len(sent_by(graph, account)) == 1


async def test_a_fault_in_a_channel_ends_no_worker(
    stack: RunningStack, graph: Graph, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Customers of all channels wait for their answers from the same process."""
    split = WhatsApp.split

    def fail(channel: WhatsApp, delivery: Delivery) -> Sequence[Part]:
        if delivery.content == "odd":
            raise KeyError("what nobody thought of")
        return split(channel, delivery)

    monkeypatch.setattr(WhatsApp, "split", fail)
    async with open_account(stack) as other, delivering(stack, graph):
        odd = await account.write("odd")
        await becomes(lambda: _is_in_doubt(account, odd))
        good = await other.write("good")
        delivery = await other.ends(good)

    assert delivery["status"] == "sent"


async def _is_in_doubt(account: Account, message_id: str) -> bool:
    return bool((await account.delivery(message_id))["error_code"] == "internal")
