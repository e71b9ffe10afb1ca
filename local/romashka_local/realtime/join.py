"""What a client asks for when it joins a channel: parse the payload of `phx_join`, forgivingly.

A field that makes no sense takes its default and the join goes on, as in the original.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from romashka_local.realtime.protocol import to_json

DEFAULT_REPLAY_LIMIT = 10
MAX_REPLAY_LIMIT = 25
_WAIT_MS, _MAX_WAIT_MS = 15_000, 20_000
_FARTHEST_MS = 10**14  # some thousand years around 1970, which a timestamp can hold


class InvalidJoin(Exception):
    """A join that is refused; the message is the reason that the client is given."""


@dataclass(frozen=True, slots=True)
class Replay:
    """Which stored broadcasts to send after the join."""

    since_ms: int
    limit: int


@dataclass(frozen=True, slots=True)
class Join:
    """The parsed configuration of one join."""

    is_private: bool
    acknowledges: bool
    echoes_self: bool
    wants_replication_ready: bool
    has_presence: bool
    presence_key: str
    replay: Replay | None
    changes: tuple[Mapping[str, Any], ...]
    """The objects of `postgres_changes`, as they were sent."""
    wait_ms: int | None
    """How long to hold the reply until the changes are live; None does not wait."""
    is_old_form: bool
    """A join without `config` names schema, table and filter in its topic."""
    access_token: str | None


def parse(payload: Any, name: str) -> Join:
    """Return what `payload` asks of the channel `name`.

    Raises:
        InvalidJoin: the payload has no sensible reading.
    """
    if not isinstance(payload, Mapping):
        raise InvalidJoin("UnknownErrorOnChannel: the join payload is not an object")
    config = payload.get("config")
    if config is not None and not isinstance(config, Mapping):
        raise InvalidJoin("UnknownErrorOnChannel: config is not an object")
    settings: Mapping[str, Any] = config or {}
    broadcast, presence = _mapping(settings, "broadcast"), _mapping(settings, "presence")
    is_private = _boolean(settings, "private")
    is_old_form = "config" not in payload
    return Join(
        is_private=is_private,
        acknowledges=_boolean(broadcast, "ack"),
        echoes_self=_boolean(broadcast, "self"),
        wants_replication_ready=_boolean(broadcast, "replication_ready"),
        has_presence=_boolean(presence, "enabled"),
        presence_key=_presence_key(presence.get("key")),
        replay=_replay(broadcast, is_private=is_private),
        changes=_topic_change(name) if is_old_form else _changes(settings),
        wait_ms=_wait_ms(settings),
        is_old_form=is_old_form,
        access_token=_access_token(payload),
    )


def change_id(change: Mapping[str, Any]) -> int:
    """Return the number that names a subscription to its client: equal objects share it."""
    canonical = to_json(sorted(change.items(), key=lambda item: str(item[0])))
    return (zlib.crc32(canonical.encode()) & 0x7FFFFFF) or 1


def _mapping(settings: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = settings.get(name)
    return value if isinstance(value, Mapping) else {}


def _boolean(settings: Mapping[str, Any], name: str) -> bool:
    value = settings.get(name)
    return value is True or (isinstance(value, str) and value.lower() == "true")


def _presence_key(key: Any) -> str:
    if key is None or key == "" or isinstance(key, dict | list):
        return str(uuid4())
    return key if isinstance(key, str) else to_json(key)


def _access_token(payload: Mapping[str, Any]) -> str | None:
    tokens = (payload.get(name) for name in ("user_token", "access_token"))
    token = next((token for token in tokens if isinstance(token, str)), None)
    return None if token is None or token.startswith("sb_") else token


def _replay(broadcast: Mapping[str, Any], *, is_private: bool) -> Replay | None:
    if "replay" not in broadcast:
        return None
    if not is_private:
        raise InvalidJoin("UnableToReplayMessages: Replay is not allowed for public channels")
    replay = broadcast["replay"]
    if not isinstance(replay, Mapping):
        return None
    since, limit = _integer(replay.get("since")), replay.get("limit")
    limit = DEFAULT_REPLAY_LIMIT if limit is None or limit is False else _integer(limit)
    if since is None or limit is None or abs(since) > _FARTHEST_MS:
        raise InvalidJoin("UnableToReplayMessages: Replay params are not valid")
    return Replay(since, max(1, min(limit, MAX_REPLAY_LIMIT)))


def _integer(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _changes(settings: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    changes = settings.get("postgres_changes")
    if not isinstance(changes, list):
        return ()
    kept = tuple(change for change in changes if change is not None)
    if not all(isinstance(change, Mapping) for change in kept):
        raise InvalidJoin("UnknownErrorOnChannel: postgres_changes is not a list of objects")
    return kept


def _topic_change(name: str) -> tuple[Mapping[str, Any], ...]:
    names = ("schema", "table", "filter")
    return (dict(zip(names, name.split(":", 2), strict=False)),)


def _wait_ms(settings: Mapping[str, Any]) -> int | None:
    options = _mapping(settings, "postgres_changes_options")
    if not _boolean(options, "wait"):
        return None
    timeout = _integer(options.get("timeout"))
    return min(timeout, _MAX_WAIT_MS) if timeout and timeout > 0 else _WAIT_MS
