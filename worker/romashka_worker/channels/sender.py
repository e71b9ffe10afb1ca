"""Does what one delivery asks for, and says what became of it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from romashka import RomashkaError

from romashka_worker.calls import is_refusal
from romashka_worker.channels import SEND_SECONDS, Channel, ChannelError, Delivery, Sent
from romashka_worker.channels.credentials import Credentials
from romashka_worker.channels.files import Files
from romashka_worker.channels.outbox import Outcome, Result
from romashka_worker.logs import describe

T = TypeVar("T")


class Sender:
    """Knows all channels, and what each kind of delivery needs of them."""

    def __init__(
        self, channels: Mapping[str, Channel], credentials: Credentials, files: Files
    ) -> None:
        self._channels = channels
        self._credentials = credentials
        self._files = files

    async def perform(self, delivery: Delivery) -> Result:
        """Do it; of a message, its next part. Cancelled, a message may be out.

        A part is one claim: what was sent is settled before the next one goes out.
        """
        try:
            async with asyncio.timeout(SEND_SECONDS):
                return await self._perform(delivery)
        except ChannelError as error:
            return _result_of(error, delivery)
        except TimeoutError:
            return _in_doubt(delivery)
        except RomashkaError as error:  # of Storage or of the secrets: before anything was sent
            outcome: Outcome = "failed" if is_refusal(error) else "retry"
            return Result(outcome, error_code="project", error=describe(error))

    async def _perform(self, delivery: Delivery) -> Result:
        channel = self._channels.get(delivery.channel_type)
        if channel is None:
            raise ChannelError("failed", "no_channel", "this worker does not know the channel")
        if delivery.kind == "receipt":
            await self._with_secret(channel, delivery, channel.acknowledge)
            return Result("sent")
        if delivery.kind == "media":
            return await self._keep_files(channel, delivery)
        return await self._send_part(channel, delivery)

    async def _send_part(self, channel: Channel, delivery: Delivery) -> Result:
        parts = channel.split(delivery)
        if delivery.parts_sent >= len(parts):
            return Result("sent", parts_sent=len(parts))
        part = parts[delivery.parts_sent]

        async def send(delivery: Delivery, secret: str) -> Sent:
            return await channel.send(delivery, part, secret)

        sent = await self._with_secret(channel, delivery, send)
        count = part.number + 1
        return Result(
            "sent" if count == len(parts) else "part_sent",
            external_ids=(sent.external_id,) if sent.external_id else (),
            recipient_ids=sent.recipient_ids,
            parts_sent=count,
        )

    async def _with_secret(
        self, channel: Channel, delivery: Delivery, use: Callable[[Delivery, str], Awaitable[T]]
    ) -> T:
        """Call the channel with the account's secret; once more, if that has just been renewed."""
        secret = await self._credentials.find(delivery, channel.secret_name)
        if time.monotonic() > delivery.send_by:  # this process stood still: it is another's by now
            raise ChannelError("retry", "too_late", "the lease runs out")
        try:
            return await use(delivery, secret)
        except ChannelError as error:
            if error.code != "unauthorized":
                raise
            self._credentials.forget(delivery.channel_type)
            renewed = await self._credentials.find(delivery, channel.secret_name)
            if renewed == secret:
                raise
        return await use(delivery, renewed)

    async def _keep_files(self, channel: Channel, delivery: Delivery) -> Result:
        """Fetch a customer's files into Storage; what cannot be had stays without a path."""
        kept, problem = [], None
        for number, media in enumerate(delivery.media):
            item = dict(media.json)
            try:
                item |= await self._keep_file(channel, delivery, number)
            except ChannelError as error:
                if error.trouble != "failed":
                    raise
                item["error"], problem = error.code, error
            kept.append(item)
        if problem and not any("path" in item or "file" in item for item in kept):
            raise problem
        return Result("sent", media=tuple(kept))

    async def _keep_file(self, channel: Channel, delivery: Delivery, number: int) -> dict[str, Any]:
        media = delivery.media[number]
        if "path" in media.json or "file" in media.json:
            return {}  # it is there, or came inside of the webhook

        async def fetch(delivery: Delivery, secret: str) -> dict[str, Any]:
            file = await channel.fetch(delivery, media, secret)
            path = await self._files.store(delivery, number, file)
            return {"path": path, "mime_type": file.mime_type, "size": len(file.content)}

        return await self._with_secret(channel, delivery, fetch)


def cut_off(delivery: Delivery) -> Result | None:
    """Return what becomes of a delivery that is cancelled in the middle; None: it is as before."""
    return _in_doubt(delivery) if delivery.kind == "message" else None


def _in_doubt(delivery: Delivery) -> Result:
    outcome: Outcome = "unknown" if delivery.kind == "message" else _again(delivery)
    return Result(outcome, error_code="no_answer", error="the channel did not answer in time")


def _result_of(error: ChannelError, delivery: Delivery) -> Result:
    outcome: Outcome = error.trouble
    if outcome != "failed" and delivery.kind != "message":
        outcome = _again(delivery)
    return Result(
        outcome,
        error_code=error.code,
        error=str(error),
        retry_after_seconds=error.retry_after_seconds if outcome == "retry" else None,
        pause_seconds=error.pause_seconds,
    )


def _again(delivery: Delivery) -> Outcome:
    """Return what follows when something that does no harm twice did not work."""
    # A receipt is of the moment.
    return "failed" if delivery.kind == "receipt" else "retry"
