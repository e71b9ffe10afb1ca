"""Tells by HTTP: webhooks as https://www.standardwebhooks.com says, and what takes Slack's."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import httpx

from romashka_worker.channels import ChannelError
from romashka_worker.notifications import Notification
from romashka_worker.notifications.texts import text_of

_MAX_RETRY_AFTER_SECONDS = 3600.0


class Posts:
    """Posts JSON."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def send_webhook(self, notification: Notification) -> None:
        """Post the event, signed.

        Raises:
            ChannelError: it was not taken, or perhaps not.
        """
        content = _json(notification.body)
        secret = notification.secret.get_secret_value() if notification.secret else ""
        headers = sign(notification.id, int(time.time()), content, secret)
        await self._post(notification, content, headers)

    async def send_to_slack(self, notification: Notification) -> None:
        """Post what people are told.

        Raises:
            ChannelError: it was not taken, or perhaps not.
        """
        text = text_of(notification.body, datetime.now(UTC))
        for sign_, escaped in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
            text = text.replace(sign_, escaped)
        await self._post(notification, _json({"text": text}), {})

    async def _post(
        self, notification: Notification, content: bytes, headers: dict[str, str]
    ) -> None:
        url = notification.target.get_secret_value()
        try:
            async with self._http.stream(
                "POST", url, content=content, headers={"content-type": "application/json"} | headers
            ) as response:  # whose body, however long, nobody reads
                refusal = None if response.is_success else _refusal(response)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError) as error:
            says = f"no request can be made of its URL ({type(error).__name__})"
            raise ChannelError("failed", "bad_url", says) from None
        except httpx.HTTPError as error:
            says = f"its server does not answer ({type(error).__name__})"
            raise ChannelError("retry", "unreachable", says) from None  # it may name the URL
        if refusal:
            raise refusal


def sign(id_: str, timestamp: int, content: bytes, secret: str) -> dict[str, str]:
    """Return the headers of a webhook.

    `secret` is `whsec_` and the base64 of the key.
    """
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, b"%s.%d." % (id_.encode(), timestamp) + content, hashlib.sha256).digest()
    return {
        "webhook-id": id_,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def _json(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _refusal(response: httpx.Response) -> ChannelError:
    code = str(response.status_code)
    says = f"its server answered {code}"
    if response.status_code == httpx.codes.GONE:
        return ChannelError("failed", code, says)
    after = response.headers.get("retry-after", "")
    seconds = min(float(after), _MAX_RETRY_AFTER_SECONDS) if after.isdecimal() else None
    return ChannelError("retry", code, says, retry_after_seconds=seconds)
