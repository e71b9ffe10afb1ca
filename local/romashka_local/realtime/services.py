"""What all sockets share."""

import asyncio
from dataclasses import dataclass

from romashka_local.realtime.database import Pool
from romashka_local.realtime.hub import Hub
from romashka_local.realtime.presence import Presence
from romashka_local.realtime.subscriptions import Subscriptions


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of one running Realtime server."""

    jwt_secret: str
    pool: Pool
    hub: Hub
    presence: Presence
    subscriptions: Subscriptions
    are_broadcasts_live: asyncio.Event
    """Set while what the database broadcasts from now on is seen."""
    are_changes_live: asyncio.Event
    """Set while a change that commits from now on is seen."""
