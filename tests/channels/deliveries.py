"""Deliveries, and channels that send them to the loopback Graph API, with no worker around."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from romashka_worker.channels import Channel, Delivery, Media
from romashka_worker.channels import graph as graph_api
from romashka_worker.channels.downloads import Downloads
from romashka_worker.channels.instagram import Instagram
from romashka_worker.channels.whatsapp import WhatsApp

from tests.channels.graph import Graph


def delivery(channel_type: str = "whatsapp", **changes: Any) -> Delivery:
    """Return a delivery of a short text, with some members changed."""
    members: dict[str, Any] = {
        "id": "8a4d7a3e-0000-4000-8000-000000000001",
        "attempt": 1,
        "kind": "message",
        "channel_id": "8a4d7a3e-0000-4000-8000-000000000002",
        "channel_type": channel_type,
        "account": "100000000000100",
        "conversation_id": "8a4d7a3e-0000-4000-8000-000000000003",
        "message_id": "8a4d7a3e-0000-4000-8000-000000000004",
        "recipient": "15550100" if channel_type == "whatsapp" else "200000000000200",
        "content": "It is an inbox.",
    }
    return Delivery(**members | changes)


def file(mime_type: str = "image/png", size: int = 3, name: str | None = "broken.png") -> Media:
    """Return a file of Storage that a message has."""
    return Media(None, None, f"conversation/{name}", mime_type, name, size)


@asynccontextmanager
async def channels_of(
    graph: Graph, answer_seconds: float = 15
) -> AsyncIterator[dict[str, Channel]]:
    """Give the channels that send to `graph`; files are linked to there."""

    async def link(media: Media) -> str:
        assert media.path is not None
        name = media.path.rpartition("/")[2]
        graph.files[name] = (b"png", media.mime_type)
        return f"{graph.url}/files/{name}?token=signed"

    async with (
        graph_api.Graph.open_http(answer_seconds) as http,
        Downloads.open(graph.url) as downloads,
    ):
        yield {
            "whatsapp": WhatsApp(graph_api.Graph(http, graph.whatsapp_url), downloads, link),
            "instagram": Instagram(graph_api.Graph(http, graph.instagram_url), downloads, link),
        }
