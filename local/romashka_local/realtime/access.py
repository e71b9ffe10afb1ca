"""What one member may do on its channel: asked once, kept until its token changes."""

from collections.abc import Mapping

from romashka_local.realtime.authorization import (
    Context,
    DatabaseUnavailable,
    PartitionMissing,
    Policies,
    PolicyFailed,
    read_policies,
    write_policies,
)
from romashka_local.realtime.database import Pool
from romashka_local.realtime.hub import Topic
from romashka_local.realtime.tokens import Token

_EVERYTHING = Policies(True, True, True, True)


class Refused(Exception):
    """A member that may not be on its channel; `code` and `text` are for the client."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text


class Access:
    """The rights of one member. On a public channel it may do everything."""

    def __init__(self, pool: Pool, topic: Topic, headers: Mapping[str, str], token: Token) -> None:
        self._pool = pool
        self._topic = topic
        self._headers = headers
        self.token = token
        self.policies = Policies() if topic.is_private else _EVERYTHING

    async def admit(self, token: Token, *, with_presence: bool) -> None:
        """Let the member in, or stay, with `token`.

        Raises:
            Refused: it may read nothing there, or less than before.
        """
        policies = self.policies
        if self._topic.is_private:
            policies = await self._read(token, Policies(), with_presence=with_presence)
            self._refuse_if_less(policies)
        self.token, self.policies = token, policies

    def _refuse_if_less(self, policies: Policies) -> None:
        name = self._topic.name
        lost_broadcast = self.policies.reads_broadcast and policies.reads_broadcast is False
        lost_presence = self.policies.reads_presence and policies.reads_presence is False
        if lost_broadcast or lost_presence:
            text = f"You no longer have permission to read from this Channel topic: {name}"
            raise Refused("Unauthorized", text)
        if not (policies.reads_broadcast or policies.reads_presence):
            raise unauthorized(name)

    async def may_broadcast(self) -> bool:
        """Say whether the member may broadcast."""
        if self.policies.writes_broadcast is None:
            await self._learn_writes()
        return self.policies.writes_broadcast is True

    async def may_track(self) -> bool:
        """Say whether the member may track its presence, and learn whether it may see others'."""
        if self.policies.writes_presence is None:
            if self.policies.reads_presence is None:
                await self._learn_presence()
            await self._learn_writes()
        return self.policies.writes_presence is True

    async def _learn_presence(self) -> None:
        try:
            self.policies = await self._read(self.token, self.policies, with_presence=True)
        except Refused:
            return  # asked again next time

    async def _learn_writes(self) -> None:
        try:
            context = self._context(self.token)
            self.policies = await write_policies(self._pool, context, self.policies)
        except (PolicyFailed, DatabaseUnavailable):
            return  # denied this time, asked again next time

    async def _read(self, token: Token, known: Policies, *, with_presence: bool) -> Policies:
        context = self._context(token)
        try:
            return await read_policies(self._pool, context, known, with_presence=with_presence)
        except PolicyFailed as error:
            raise unauthorized(self._topic.name) from error
        except PartitionMissing as error:
            text = "Realtime was unable to find the expected messages partition"
            raise Refused("MissingPartition", text) from error
        except DatabaseUnavailable as error:
            text = "Realtime was unable to connect to the project database"
            raise Refused("UnableToConnectToProject", text) from error

    def _context(self, token: Token) -> Context:
        return Context(self._topic.name, token, self._headers)


def unauthorized(name: str) -> Refused:
    """Return the refusal of somebody who may not read the channel `name`."""
    text = f"You do not have permissions to read from this Channel topic: {name}"
    return Refused("Unauthorized", text)
