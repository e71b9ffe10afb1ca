"""Which channels there are: the one place that names them all."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from romashka import AsyncRomashka

from romashka_worker.channels import Channel, Delivery
from romashka_worker.channels.credentials import Credentials
from romashka_worker.channels.deliverer import CONCURRENCY, Deliverer
from romashka_worker.channels.downloads import Downloads
from romashka_worker.channels.email import Email
from romashka_worker.channels.files import Files
from romashka_worker.channels.graph import Graph
from romashka_worker.channels.instagram import Instagram
from romashka_worker.channels.outbox import Outbox, Result
from romashka_worker.channels.sender import Sender, cut_off
from romashka_worker.channels.settings import ChannelSettings
from romashka_worker.channels.whatsapp import WhatsApp
from romashka_worker.loop import Loop
from romashka_worker.wake import TOPIC, Wake, delivery_announced


@asynccontextmanager
async def open_deliveries(
    settings: ChannelSettings, client: AsyncRomashka, worker_id: str, grace_seconds: float
) -> AsyncIterator[Loop[Delivery, Result, bool]]:
    """Open all channels, and give the loop that sends through them; nothing is connected before it
    must.
    """
    async with (
        open_channels(settings, client) as channels,
        client.topics.listen(TOPIC) as announcements,
    ):
        sender = Sender(channels, Credentials(client, settings.secrets), Files(client))
        wake = Wake(announcements, delivery_announced)
        yield Loop(
            Outbox(client, worker_id),
            wake,
            Deliverer(sender.perform, after_each=wake.ring).work,
            concurrency=CONCURRENCY,
            grace_seconds=grace_seconds,
            cut_off=cut_off,
        )


@asynccontextmanager
async def open_channels(
    settings: ChannelSettings, client: AsyncRomashka
) -> AsyncIterator[Mapping[str, Channel]]:
    """Give the channels by their types."""
    link = Files(client).signed_url
    whatsapp_url, instagram_url = settings.whatsapp_api_url, settings.instagram_api_url
    async with (
        Graph.open_http() as http,
        Downloads.open(whatsapp_url, instagram_url) as downloads,
        Email.open(client, downloads) as email,
    ):
        yield {
            "whatsapp": WhatsApp(Graph(http, whatsapp_url), downloads, link),
            "instagram": Instagram(Graph(http, instagram_url), downloads, link),
            "email": email,
        }
