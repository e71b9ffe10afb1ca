"""What all sockets share."""

from dataclasses import dataclass

from romashka_local.realtime.database import Pool
from romashka_local.realtime.hub import Hub
from romashka_local.realtime.presence import Presence
from romashka_local.realtime.replication import Replication
from romashka_local.realtime.subscriptions import Subscriptions


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of one running Realtime server."""

    jwt_secret: str
    pool: Pool
    hub: Hub
    presence: Presence
    subscriptions: Subscriptions
    replication: Replication
