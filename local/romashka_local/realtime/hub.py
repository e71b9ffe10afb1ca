"""Who is on which topic, and handing one message to all of them.

A topic is a channel's name and its privacy: a private and a public channel of one name are two
worlds. A frame is encoded once for each protocol version, however many sockets get it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from romashka_local.realtime.protocol import (
    BinaryBroadcast,
    Frame,
    Version,
    push,
    user_broadcast,
)
from romashka_local.realtime.rate_limit import RateLimit


@dataclass(frozen=True, slots=True)
class Topic:
    """What members share: the name without `realtime:`, and whether policies guard it."""

    name: str
    is_private: bool

    @property
    def full_name(self) -> str:
        return f"realtime:{self.name}"


class Member(Protocol):
    """What the hub needs of a channel."""

    @property
    def version(self) -> Version: ...
    @property
    def hears_broadcasts(self) -> bool: ...
    @property
    def hears_presence(self) -> bool: ...
    def wants(self, message_id: str) -> bool: ...
    def send(self, frame: Frame) -> None: ...
    def end_flood(self) -> None: ...


class Hub:
    """The members of all topics, in the order in which they joined."""

    def __init__(self, limit: RateLimit) -> None:
        """`limit` is of the broadcasts that come in, and of each copy that goes out."""
        self._members: dict[Topic, dict[Member, None]] = {}
        self.limit = limit

    def add(self, topic: Topic, member: Member) -> None:
        self._members.setdefault(topic, {})[member] = None

    def remove(self, topic: Topic, member: Member) -> None:
        members = self._members.get(topic, {})
        members.pop(member, None)
        if not members:
            self._members.pop(topic, None)

    def members(self, topic: Topic) -> list[Member]:
        return list(self._members.get(topic, ()))

    def broadcast_json(self, topic: Topic, payload: str, *, sender: Member | None = None) -> None:
        """Hand on a broadcast that came as JSON text; every version gets it as text."""
        hearers = [m for m in self.members(topic) if m is not sender and m.hears_broadcasts]
        self._deliver(hearers, lambda v: push(v, topic.full_name, "broadcast", payload))

    def broadcast(
        self,
        topic: Topic,
        content: BinaryBroadcast,
        *,
        message_id: str | None = None,
        sender: Member | None = None,
    ) -> None:
        """Hand on a broadcast whose payload is bytes; who replayed `message_id` has it already."""
        meta = f'{{"id":"{message_id}"}}' if message_id else None
        hearers = [
            member
            for member in self.members(topic)
            if member is not sender
            and member.hears_broadcasts
            and (message_id is None or member.wants(message_id))
        ]
        self._deliver(hearers, lambda v: user_broadcast(v, topic.full_name, content, meta))

    def _deliver(
        self, hearers: Sequence[Member], encode: Callable[[Version], Frame | None]
    ) -> None:
        """Deliver a broadcast, which counts for itself and for each who hears it."""
        deliver(hearers, encode)
        self.limit.add(1 + len(hearers))
        if self.limit.is_exceeded:
            for member in hearers:
                member.end_flood()

    def presence_diff(self, topic: Topic, payload: str) -> None:
        """Tell the members who may see it what changed in the topic's presence."""
        hearers = (member for member in self.members(topic) if member.hears_presence)
        deliver(hearers, lambda v: push(v, topic.full_name, "presence_diff", payload))


def deliver(members: Iterable[Member], encode: Callable[[Version], Frame | None]) -> None:
    """Send to each member its version's frame, encoded when the first one needs it."""
    frames: dict[Version, Frame | None] = {}
    for member in members:
        if member.version not in frames:
            frames[member.version] = encode(member.version)
        frame = frames[member.version]
        if frame is not None:
            member.send(frame)
