"""Broadcasts by HTTP: a batch of messages, or one whose topic and event are in the path."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from romashka_local.realtime.access import Access
from romashka_local.realtime.broadcast import MAX_PAYLOAD_BYTES
from romashka_local.realtime.hub import Topic
from romashka_local.realtime.protocol import BinaryBroadcast, MalformedFrame, parse_json, to_json
from romashka_local.realtime.services import Services
from romashka_local.realtime.tokens import InvalidToken, Token, verify

_CORS = {"access-control-allow-origin": "*"}
_BLANK = "can't be blank"
_INVALID = "is invalid"
_TOO_LARGE = "Payload size exceeds tenant limit"
_TOO_FAST = "You have exceeded your rate limit"
_TOO_MANY = "Too many messages to broadcast, please reduce the batch size"


@dataclass(frozen=True, slots=True)
class _BatchMessage:
    topic: Topic
    payload: str
    """The payload of the socket's message, as JSON."""


def routes(services: Services) -> list[BaseRoute]:
    """Return the routes of the HTTP API."""
    api = _Api(services)
    return [
        Route("/api/ping", api.ping, methods=["GET"]),
        Route("/api/broadcast", api.batch, methods=["POST"]),
        Route("/api/broadcast/{topic_and_event:path}", api.single, methods=["POST"]),
    ]


class _Api:
    def __init__(self, services: Services) -> None:
        self._services = services

    async def ping(self, request: Request) -> Response:
        return _json(200, {"message": "Success"})

    async def batch(self, request: Request) -> Response:
        """Hand on many messages; private ones that the token may not write are skipped."""
        token = self._authenticate(request)
        if token is None:
            return _json(401, {"message": "Unauthorized"})
        try:
            messages, problems = _parse_batch(parse_json(await request.body()))
        except MalformedFrame:
            return _json(400, {"message": "Bad Request"})
        if problems:
            return _json(422, {"errors": problems})
        limit = self._services.hub.limit
        if limit.average + len(messages) > limit.per_second:
            return _json(429, {"message": _TOO_FAST if limit.is_exceeded else _TOO_MANY})
        may_write: dict[Topic, bool] = {}
        for message in messages:
            if message.topic not in may_write:
                may_write[message.topic] = await self._may_write(request, message.topic, token)
            if may_write[message.topic]:
                self._services.hub.broadcast_json(message.topic, message.payload)
        return Response(status_code=202, headers=_CORS)

    async def single(self, request: Request) -> Response:
        """Hand on one message of any shape."""
        names = _topic_and_event(request)
        if names is None:
            return _json(404, {"message": "not found"})
        token = self._authenticate(request)
        if token is None:
            return _json(401, {"message": "Unauthorized"})
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in ("application/json", "application/octet-stream"):
            text = "Unsupported Media Type. Use application/json or application/octet-stream"
            return _json(415, {"error": text})
        data = await request.body()
        if len(data) > MAX_PAYLOAD_BYTES:
            return _json(422, {"errors": {"payload": [_TOO_LARGE]}})
        content = BinaryBroadcast(names[1], data, is_json=kind == "application/json")
        if content.is_json:
            try:
                parse_json(data)
            except MalformedFrame:
                return _json(400, {"message": "Bad Request"})
        if self._services.hub.limit.is_exceeded:
            return _json(429, {"message": _TOO_FAST})
        topic = Topic(names[0], request.query_params.get("private") == "true")
        if not await self._may_write(request, topic, token):
            return _json(403, {"message": "Unauthorized"})
        self._services.hub.broadcast(topic, content)
        return Response(status_code=202, headers=_CORS)

    def _authenticate(self, request: Request) -> Token | None:
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        raw = bearer if scheme.lower() == "bearer" else request.headers.get("apikey", "")
        try:
            return verify(raw, self._services.jwt_secret)
        except InvalidToken:
            return None

    async def _may_write(self, request: Request, topic: Topic, token: Token) -> bool:
        access = Access(self._services.pool, topic, dict(request.headers), token)
        return await access.may_broadcast()


def _topic_and_event(request: Request) -> tuple[str, str] | None:
    """Return the names in the path, whose own slashes and other signs are percent-encoded."""
    raw = request.scope.get("raw_path", request.url.path.encode()).decode("latin-1")
    parts = raw.partition("?")[0].rpartition("/api/broadcast/")[2].split("/")
    if len(parts) != 3 or parts[1] != "events" or not parts[0] or not parts[2]:
        return None
    return unquote(parts[0]), unquote(parts[2])


def _parse_batch(body: Any) -> tuple[list[_BatchMessage], Mapping[str, Any]]:
    """Return the messages, or what is wrong with them by name."""
    items = body.get("messages") if isinstance(body, Mapping) else None
    if not isinstance(items, list):
        return [], {"messages": [_BLANK if items is None else _INVALID]}
    problems = [_problems(item) for item in items]
    if any(problems):
        return [], {"messages": problems}
    return [_batch_message(item) for item in items], {}


def _problems(item: Any) -> dict[str, list[str]]:
    if not isinstance(item, Mapping):
        return {"message": [_INVALID]}
    problems: dict[str, list[str]] = {}
    for name, kind in (("topic", str), ("payload", Mapping), ("event", str)):
        value = item.get(name)
        if value is None or value == "":
            problems[name] = [_BLANK]
        elif not isinstance(value, kind):
            problems[name] = [_INVALID]
    if not problems and len(to_json(item["payload"])) > MAX_PAYLOAD_BYTES:
        problems["payload"] = [_TOO_LARGE]
    return problems


def _batch_message(item: Mapping[str, Any]) -> _BatchMessage:
    payload = {"payload": item["payload"], "event": item["event"], "type": "broadcast"}
    if item.get("id"):
        payload["meta"] = {"id": item["id"]}
    is_private = item.get("private") in (True, "true")
    return _BatchMessage(Topic(item["topic"], is_private), to_json(payload))


def _json(status: int, content: Mapping[str, Any]) -> JSONResponse:
    return JSONResponse(content, status, headers=_CORS)
