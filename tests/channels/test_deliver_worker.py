"""A worker process sends what is due to a loopback Graph API."""

from typing import Any

from romashka import Attachment
from romashka_worker.channels.outbox import Outbox, Result

from tests.channels.account import (
    Account,
    delivering,
    open_account,
    sent_by,
    worker_environment,
)
from tests.channels.deliveries import delivery
from tests.channels.graph import TOKEN, Graph, refuses
from tests.support.proxy import open_proxy
from tests.support.stacks import RunningStack
from tests.support.waiting import becomes
from tests.worker.worker_process import run_worker


async def test_messages_go_out_in_order_and_once(
    stack: RunningStack, graph: Graph, account: Account
) -> None:
    """On both of Meta's channels at once; a long one in parts, one after the other."""
    long = "It is an inbox for a team. " * 60
    async with (
        open_account(stack, "instagram") as instagram,
        run_worker(stack, **worker_environment(graph)) as worker,
    ):
        for text in ("one", "two", long):
            last_on_whatsapp = await account.write(text)
            last_on_instagram = await instagram.write(text)
        await account.ends(last_on_whatsapp)
        await instagram.ends(last_on_instagram)
        channel = await account.channel()
        logged = await worker.has_logged("delivery.sent", conversation_id=account.conversation_id)

    parts = [sent.text for sent in sent_by(graph, instagram)]
    assert [sent.text for sent in sent_by(graph, account)] == ["one", "two", long.strip()]
    assert (parts[:2], " ".join(parts[2:])) == (["one", "two"], long.strip())
    assert graph.repeated() == {}
    assert (channel["status"], channel["sent_count"]) == ("active", 3)
    assert {"delivery_id", "attempt"} <= logged.keys()
    for secret in (TOKEN, "an inbox", account.customer, instagram.customer):
        assert secret not in worker.output


async def test_what_meta_refuses_now_or_for_ever(
    stack: RunningStack, graph: Graph, account: Account
) -> None:
    """It is sent again, or staff see why it is not; the next message goes out either way."""
    graph.will(refuses(131000, status=500), refuses(131026))
    async with delivering(stack, graph):
        first, second, third = [await account.write(text) for text in ("one", "two", "three")]
        deliveries = [await account.ends(message) for message in (first, second, third)]
        channel = await account.channel()

    assert [delivery["status"] for delivery in deliveries] == ["failed", "sent", "sent"]
    assert deliveries[0]["error_code"] == "undeliverable"
    assert deliveries[0]["attempt"] == 2
    assert (channel["status"], channel["failed_count"]) == ("active", 1)


async def test_without_realtime_messages_go_out_too(
    stack: RunningStack, graph: Graph, account: Account
) -> None:
    """It wakes the worker earlier, and is not needed."""
    async with open_proxy(stack.api_url) as network:
        network.refuses = b"/realtime/v1/websocket"
        async with delivering(stack, graph, network.url):
            first = await account.write("one")
            await account.ends(first)
            second = await account.write("two")  # nobody rings
            await account.ends(second)

    assert [sent.text for sent in sent_by(graph, account)] == ["one", "two"]


async def test_a_refused_token_shows_on_the_account(
    stack: RunningStack, graph: Graph, account: Account
) -> None:
    """Whoever looks after the inbox sees it there; the message waits for another token."""
    graph.tokens = {"renewed"}
    async with delivering(stack, graph):
        message = await account.write("one")
        channel = await becomes(lambda: _with_error(account))
        delivery = await account.delivery(message)

    assert channel["last_error"]
    assert (delivery["status"], delivery["error_code"]) == ("pending", "unauthorized")


async def _with_error(account: Account) -> dict[str, object] | None:
    channel = await account.channel()
    return channel if channel["status"] == "error" else None


async def test_an_agents_file_is_sent_from_storage(
    stack: RunningStack, graph: Graph, account: Account
) -> None:
    """Meta's servers fetch it under a signed address; the loopback one does too."""
    service = account.service
    photo = await service.attachments.upload(account.conversation_id, "broken.png", b"a photo")
    told = {"name": photo.name, "content_type": photo.content_type, "size": photo.size}
    async with delivering(stack, graph):
        message = await account.write(
            "Like this?",
            media_url=photo.path,
            message_type="image",
            metadata={"attachment": told},
        )
        await account.ends(message)
    [sent] = sent_by(graph, account)

    assert sent.body["image"]["caption"] == "Like this?"
    assert photo.path in sent.body["image"]["link"]


async def test_a_customers_file_is_kept_and_their_message_is_marked_as_read(
    stack: RunningStack, graph: Graph
) -> None:
    """Meta keeps files for days; the inbox for as long as the conversation is."""
    graph.files["900"] = (b"a photo", "image/jpeg")
    media = {"id": "900", "mime_type": "image/jpeg", "name": "photo.jpg", "sha256": "cafe"}
    sent = {"type": "image", "media": [media], "is_automatic": False}
    async with open_account(stack, **sent) as account:
        [asked] = await account.messages("user")
        await account.keep_receipt_open(asked["id"])
        async with delivering(stack, graph):
            await account.ends(asked["id"], "media")
            await account.ends(asked["id"], "receipt")
        [asked] = await account.messages("user")
        [kept] = asked["metadata"]["media"]
        attachment = Attachment(kept["path"], "photo.jpg", "image/jpeg", 7)

        assert media.items() <= kept.items()
        assert await account.service.attachments.download(attachment) == b"a photo"
        assert asked["external_message_id"] in str(graph.receipts)


async def test_a_delivery_whose_conversation_is_locked_is_settled_later() -> None:
    """The database says so of that one; the others are done, and none of them is sent twice."""
    one, locked, gone = (delivery(id=name) for name in ("one", "locked", "gone"))

    class Client:
        async def call(self, function: str, **arguments: Any) -> list[dict[str, Any]]:
            assert function == "settle_channel_deliveries"
            return [
                {"delivery_id": "one", "settled": True, "status": "sent"},
                {"delivery_id": "locked", "settled": False, "status": "not_now"},
            ]

    client: Any = Client()
    settled = await Outbox(client, "worker").settle(
        [(one, Result("sent")), (locked, Result("sent")), (gone, Result("sent"))]
    )

    assert settled == {"one": True, "gone": False}
