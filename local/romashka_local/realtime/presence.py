"""Who is present on each topic: tracked payloads, and the diffs that tell of their changes."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from romashka_local.realtime.hub import Hub, Member, Topic
from romashka_local.realtime.protocol import to_json


@dataclass(frozen=True, slots=True)
class _Tracked:
    key: str
    payload: Mapping[str, Any]
    meta: dict[str, Any]


class Presence:
    """What each member of a topic tracks: at most one payload, under its key."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._tracked: dict[Topic, dict[Member, _Tracked]] = {}

    def track(self, topic: Topic, member: Member, key: str, payload: Mapping[str, Any]) -> None:
        """Track `payload`; the same one again changes nothing."""
        present = self._tracked.setdefault(topic, {})
        before = present.get(member)
        if before is not None and before.payload == payload:
            return
        meta = {**payload, "phx_ref": secrets.token_urlsafe(12)}
        if before is not None:
            meta["phx_ref_prev"] = before.meta["phx_ref"]
        present[member] = _Tracked(key, payload, meta)
        leaves = {} if before is None else {key: {"metas": [before.meta]}}
        self._tell(topic, joins={key: {"metas": [meta]}}, leaves=leaves)

    def untrack(self, topic: Topic, member: Member) -> None:
        """Forget what `member` tracks, if anything."""
        present = self._tracked.get(topic, {})
        tracked = present.pop(member, None)
        if not present:
            self._tracked.pop(topic, None)
        if tracked is not None:
            self._tell(topic, joins={}, leaves={tracked.key: {"metas": [tracked.meta]}})

    def state(self, topic: Topic) -> str:
        """Return everyone who is present, as the payload of `presence_state`."""
        keys: dict[str, dict[str, list[dict[str, Any]]]] = {}
        for tracked in self._tracked.get(topic, {}).values():
            keys.setdefault(tracked.key, {"metas": []})["metas"].append(tracked.meta)
        return to_json(keys)

    def _tell(self, topic: Topic, *, joins: Mapping[str, Any], leaves: Mapping[str, Any]) -> None:
        self._hub.presence_diff(topic, to_json({"joins": joins, "leaves": leaves}))
