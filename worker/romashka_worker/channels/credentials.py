"""The secrets that channels need: an account's own, or the environment's for all of its type."""

import asyncio
import time
from collections.abc import Mapping

from pydantic import SecretStr
from romashka import AsyncRomashka, Unreachable

from romashka_worker.channels import ChannelError, Delivery

_KEPT_SECONDS = 60.0
_CALL_SECONDS = 5.0

Named = tuple[str, str]
"""A secret of one account, or of a type of channels, by its name."""


class Credentials:
    """Looks secrets up, and keeps them for a minute: whoever renews one waits no longer."""

    def __init__(self, client: AsyncRomashka, environment: Mapping[Named, SecretStr]) -> None:
        self._client = client
        self._environment = environment
        self._kept: dict[str, tuple[float, Mapping[Named, SecretStr]]] = {}
        self._asking = asyncio.Lock()

    async def find(self, delivery: Delivery, name: str) -> str:
        """Return the secret `name` for the account of `delivery`.

        Raises:
            ChannelError: there is none.
            RomashkaError: the project cannot be asked.
        """
        own = await self._of_accounts(delivery.channel_type)
        secret = own.get((delivery.channel_id, name))
        secret = secret or self._environment.get((delivery.channel_type, name))
        if secret is None:
            raise ChannelError("retry", "unauthorized", f"the account has no {name}")
        return secret.get_secret_value()

    def forget(self, channel_type: str) -> None:
        """Look again the next time: one of these was refused."""
        self._kept.pop(channel_type, None)

    async def _of_accounts(self, channel_type: str) -> Mapping[Named, SecretStr]:
        async with self._asking:
            until, secrets = self._kept.get(channel_type, (0.0, {}))
            if time.monotonic() < until:
                return secrets
            try:
                async with asyncio.timeout(_CALL_SECONDS):
                    rows = await self._client.call(
                        "get_channel_credentials", channel_type=channel_type
                    )
            except TimeoutError as error:  # not the channel's: nothing was sent
                raise Unreachable("the project does not answer") from error
            secrets = {(row["channel_id"], row["name"]): SecretStr(row["value"]) for row in rows}
            self._kept[channel_type] = time.monotonic() + _KEPT_SECONDS, secrets
            return secrets
