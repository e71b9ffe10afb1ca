"""Frames of the two socket protocols, to messages and back; knows no channel and no connection.

Version 1.0.0 sends objects, 2.0.0 sends arrays and, for broadcasts, binary frames. The layouts are
those of Phoenix' serializers and of realtime-js' `serializer.ts`.
"""

import json
import math
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, NoReturn

Frame = str | bytes

_PUSH, _USER_BROADCAST_PUSH, _USER_BROADCAST = 0, 3, 4
_LONGEST_FIELD: Final = 255


class Version(Enum):
    """The protocol that a socket chose with `vsn`."""

    V1 = "1.0.0"
    V2 = "2.0.0"


class MalformedFrame(ValueError):
    """A frame that is no message; the original drops it and keeps the connection."""


@dataclass(frozen=True, slots=True)
class BinaryBroadcast:
    """The payload of a broadcast that came as a binary frame."""

    event: str
    data: bytes
    is_json: bool


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a client. `payload` is whatever JSON it sent, checked by who uses it."""

    topic: str
    event: str
    payload: Any
    ref: Any = None
    join_ref: Any = None


def to_json(value: Any) -> str:
    """Return compact JSON."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def decode(version: Version, frame: Frame) -> Message:
    """Return the message of a frame.

    Raises:
        MalformedFrame: it is none.
    """
    if version is Version.V1:
        return _decode_object(_parse(frame))
    if isinstance(frame, bytes):
        return _decode_binary(frame)
    return _decode_array(_parse(frame))


def _decode_object(data: Any) -> Message:
    try:
        topic, event, payload = data["topic"], data["event"], data["payload"]
        return _message(topic, event, payload, data["ref"], data.get("join_ref"))
    except (KeyError, TypeError, IndexError) as error:
        raise MalformedFrame("not an object with topic, event, payload and ref") from error


def _decode_array(data: Any) -> Message:
    if not isinstance(data, list) or len(data) < 5:
        raise MalformedFrame("not an array of join_ref, ref, topic, event and payload")
    join_ref, ref, topic, event, payload = data[:5]
    return _message(topic, event, payload, ref, join_ref)


def _message(topic: Any, event: Any, payload: Any, ref: Any, join_ref: Any) -> Message:
    if not isinstance(topic, str) or not isinstance(event, str):
        raise MalformedFrame("topic and event are not strings")
    return Message(topic, event, payload, ref, join_ref)


def _decode_binary(frame: bytes) -> Message:
    try:
        match frame[0]:
            case 3:
                return _decode_broadcast(frame)
            case 0:
                (join_ref, ref, topic, event), _ = _fields(frame, 4, 5)
                return Message(topic, event, None, ref, join_ref)
            case kind:
                raise MalformedFrame(f"unknown kind of frame {kind}")
    except (IndexError, UnicodeDecodeError) as error:
        raise MalformedFrame("truncated or not UTF-8") from error


def _decode_broadcast(frame: bytes) -> Message:
    is_json = frame[6] != 0
    (join_ref, ref, topic, event, metadata), data = _fields(frame, 5, 7)
    if metadata:
        _parse(metadata)
    if is_json:
        _parse(data)  # it is passed on as it is, and must not break the receivers
    return Message(topic, "broadcast", BinaryBroadcast(event, data, is_json), ref, join_ref)


def _fields(frame: bytes, count: int, start: int) -> tuple[list[str], bytes]:
    """Return the texts whose lengths are in bytes 1 to `count`, and what follows them."""
    texts = []
    for length in frame[1 : count + 1]:
        if start + length > len(frame):
            raise IndexError
        texts.append(frame[start : start + length].decode())
        start += length
    if len(texts) < count or start > len(frame):
        raise IndexError
    return texts, frame[start:]


def _parse(data: Frame) -> Any:
    """Return the value of strict JSON: no NaN, no infinity, nothing that UTF-8 cannot carry."""
    try:
        text = data if isinstance(data, str) else data.decode()
        value = json.loads(text, parse_constant=_refuse, parse_float=_finite)
        if "\\u" in text:
            to_json(value).encode()  # a lone surrogate has no UTF-8 form
    except (ValueError, RecursionError) as error:
        raise MalformedFrame("not JSON") from error
    return value


def parse_json(data: bytes) -> Any:
    """Return the value of a request's body.

    Raises:
        MalformedFrame: it is not strict JSON.
    """
    return _parse(data)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text} is too large")
    return number


def push(
    version: Version, topic: str, event: str, payload: str, join_ref: Any = None, ref: Any = None
) -> str:
    """Return the frame of a server's message; `payload` is JSON already."""
    if version is Version.V1:
        return (
            f'{{"ref":{to_json(ref)},"topic":{to_json(topic)},'
            f'"event":{to_json(event)},"payload":{payload}}}'
        )
    return f"[{to_json(join_ref)},{to_json(ref)},{to_json(topic)},{to_json(event)},{payload}]"


def reply(version: Version, message: Message, status: str, response: str) -> str:
    """Return the frame that answers `message`; `response` is JSON already."""
    payload = f'{{"status":{to_json(status)},"response":{response}}}'
    return push(version, message.topic, "phx_reply", payload, message.join_ref, message.ref)


def user_broadcast(
    version: Version, topic: str, content: BinaryBroadcast, meta: str | None = None
) -> Frame | None:
    """Return the frame of a broadcast whose payload is bytes, or None if the version has none.

    Version 1 cannot carry raw bytes, and version 2 no field over 255 bytes.
    """
    if version is Version.V2:
        return _user_broadcast_bytes(topic, content, meta)
    if not content.is_json:
        return None
    return push(version, topic, "broadcast", broadcast_payload(content, meta))


def broadcast_payload(content: BinaryBroadcast, meta: str | None) -> str:
    """Return the JSON payload of a `broadcast` message."""
    tail = f',"meta":{meta}' if meta else ""
    body = content.data.decode()
    return f'{{"event":{to_json(content.event)},"payload":{body},"type":"broadcast"{tail}}}'


def _user_broadcast_bytes(topic: str, content: BinaryBroadcast, meta: str | None) -> bytes | None:
    fields = [topic.encode(), content.event.encode(), (meta or "").encode()]
    if any(len(field) > _LONGEST_FIELD for field in fields):
        return None
    header = bytes([_USER_BROADCAST, *map(len, fields), int(content.is_json)])
    return b"".join([header, *fields, content.data])
