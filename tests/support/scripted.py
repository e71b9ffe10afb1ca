"""A project that follows a script: it refuses, falls silent and forgets as a table of steps says.

For what the real stack cannot be made to do. It speaks as much of Auth, REST and Realtime as a
client needs that follows one conversation; `tests/sdk/topic_scenarios.json` has the scripts.

A step is one word and its value. Some say how the next request of a kind is answered:

    handshake, join, read, renew    "ok", "silence", a status, or the reason of a refused join

The others happen as soon as it is their turn: `write` (a message commits), `lose` (one commits,
and its broadcast gets lost), `repeat` (a broadcast comes again), `error` (the server gives the
channel up, with a reason), `close` ("channel", or the code that closes the socket). What no step
speaks of is answered well.
"""

import asyncio
import json
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import jwt
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

SCENARIOS = Path(__file__).parents[1] / "sdk" / "topic_scenarios.json"
CONVERSATION = "6f1c3a52-9f3e-4a43-9d0c-0f5d6c1f2b7e"
_TOPIC = f"realtime:conversation:{CONVERSATION}"
_CREATED_AT = "2026-01-01T00:00:00+00:00"
_SECRET = "a secret that nobody checks: the script says what is refused"
ANON_KEY = jwt.encode({"role": "anon", "exp": 4_000_000_000}, _SECRET)
_AFTERWARDS_SECONDS = 0.05
_REQUESTS = ("handshake", "join", "read", "renew")

Scenario = dict[str, Any]


def conversation_row() -> dict[str, Any]:
    """Return a row of `conversations`: the one that scripts are about."""
    given = {"id": CONVERSATION, "customer_id": "c", "channel_type": "website", "status": "active"}
    names = (
        "priority requires_human escalation_reason assigned_agent_id customer_name user_name tags"
        " language intent sentiment satisfaction_rating message_count customer_read_position"
        " agent_read_position last_message last_message_at"
    )
    at = "2026-01-01T00:00:00+00:00"
    return dict.fromkeys(names.split()) | given | {"created_at": at, "updated_at": at}


def read_scenarios() -> list[Scenario]:
    """Return the table: names, scripts, and what a subscriber sees of them."""
    scenarios: list[Scenario] = json.loads(SCENARIOS.read_text())
    return scenarios


class Project:
    """One play of a scenario: what of its script is to come, and what was committed so far."""

    def __init__(self, scenario: Scenario) -> None:
        self._script = deque(next(iter(step.items())) for step in scenario.get("script", []))
        self._session_seconds = scenario.get("session_seconds", 3600)
        self._messages: list[dict[str, Any]] = []
        self._socket: Socket | None = None
        self._sessions = 0

    def answer_to(self, request: str) -> Any:
        """Return how a request is to be answered; what follows in the script happens after that."""
        if not self._script or self._script[0][0] != request:
            return "ok"
        asyncio.get_running_loop().call_later(_AFTERWARDS_SECONDS, self._begin_to_go_on)
        return self._script.popleft()[1]

    def _begin_to_go_on(self) -> None:
        self._going_on = asyncio.ensure_future(self.go_on())

    async def go_on(self) -> None:
        """Do the steps whose turn it is, up to the next that waits for a request."""
        while self._script and self._script[0][0] not in _REQUESTS:
            what, value = self._script.popleft()
            if what in ("write", "lose"):
                self._messages.append(_message(len(self._messages) + 1, value))
            if self._socket and what in ("write", "repeat"):
                position = len(self._messages) if what == "write" else value
                await self._socket.broadcast(self._messages[position - 1])
            elif self._socket and what == "error":
                await self._socket.give_up(value)
            elif self._socket and what == "close":
                await self._socket.close(value)

    async def sign_up(self, _: Request) -> Response:
        """Auth: a first session, which may be over already."""
        self._sessions += 1
        return JSONResponse(self._session(self._session_seconds))

    async def renew(self, request: Request) -> Response:
        """Auth: another session for a refresh token."""
        answer = self.answer_to("renew")
        if answer == "over":
            over = {"code": 400, "error_code": "refresh_token_not_found", "msg": "it is over"}
            return JSONResponse(over, 400)
        if answer != "ok":
            return await _misfortune(answer, request)
        self._sessions += 1
        return JSONResponse(self._session(3600))

    async def read(self, request: Request) -> Response:
        """REST: the messages after a position."""
        answer = self.answer_to("read")
        if answer != "ok":
            return await _misfortune(answer, request)
        after = int(request.query_params["position"].removeprefix("gt."))
        return JSONResponse(self._messages[after:])

    async def connect(self, websocket: WebSocket) -> None:
        """Realtime: a socket."""
        answer = self.answer_to("handshake")
        if answer == "silence":
            await websocket.receive()
            await websocket.receive()  # it goes
        elif answer != "ok":
            await websocket.send_denial_response(_refusal(answer))
        else:
            await websocket.accept()
            self._socket = Socket(self, websocket)
            with suppress(WebSocketDisconnect, RuntimeError):
                await self._socket.serve()

    def _session(self, seconds: int) -> dict[str, Any]:
        now = int(time.time())
        user = {
            "id": "00000000-0000-0000-0000-000000000001",
            "aud": "authenticated",
            "role": "authenticated",
            "is_anonymous": True,
            "app_metadata": {},
            "user_metadata": {},
            "created_at": _CREATED_AT,
        }
        claims = {"sub": user["id"], "role": "authenticated", "exp": now + seconds}
        claims["session_id"] = str(self._sessions)
        return {
            "access_token": jwt.encode(claims, _SECRET),
            "refresh_token": f"refresh {self._sessions}",
            "token_type": "bearer",
            "expires_in": seconds,
            "expires_at": now + seconds,
            "user": user,
        }


class Socket:
    """A connection to Realtime, in either version of its protocol."""

    def __init__(self, project: Project, websocket: WebSocket) -> None:
        self._project = project
        self._websocket = websocket
        self._is_v1 = websocket.query_params.get("vsn", "1.0.0") == "1.0.0"
        self._join_ref: str | None = None

    async def serve(self) -> None:
        while True:
            frame = json.loads(await self._websocket.receive_text())
            if not self._is_v1:
                keys = ("join_ref", "ref", "topic", "event", "payload")
                frame = dict(zip(keys, frame, strict=True))
            await self._take(frame)

    async def _take(self, frame: dict[str, Any]) -> None:
        if frame["event"] == "phx_join":
            await self._join(frame)
        elif frame["ref"] is not None:
            await self._reply(frame, "ok", {})
        if frame["event"] == "phx_leave" and frame.get("join_ref") == self._join_ref:
            self._join_ref = None

    async def _join(self, frame: dict[str, Any]) -> None:
        answer = self._project.answer_to("join")
        if answer == "ok" and (reason := _flaw(frame["payload"].get("access_token", ""))):
            answer = reason
        if answer not in ("ok", "silence"):
            await self._reply(frame, "error", {"reason": answer})
        elif answer == "ok":
            self._join_ref = frame.get("join_ref") or frame["ref"]
            await self._reply(frame, "ok", {"postgres_changes": []})

    async def broadcast(self, message: dict[str, Any]) -> None:
        payload = {"type": "broadcast", "event": "message.created", "payload": {"message": message}}
        if self._join_ref is not None:
            await self._send("broadcast", payload)

    async def give_up(self, reason: str) -> None:
        system = {"extension": "system", "status": "error", "message": reason, "channel": "it"}
        await self._send("system", system)
        await self.close("channel")

    async def close(self, what: str | int) -> None:
        if isinstance(what, int):
            await self._websocket.close(what)
        else:
            await self._send("phx_close", {}, join_ref=self._join_ref)
            self._join_ref = None

    async def _reply(self, frame: dict[str, Any], status: str, response: dict[str, Any]) -> None:
        payload = {"status": status, "response": response}
        await self._send("phx_reply", payload, frame["topic"], frame["ref"], frame.get("join_ref"))

    async def _send(
        self,
        event: str,
        payload: dict[str, Any],
        topic: str = _TOPIC,
        ref: str | None = None,
        join_ref: str | None = None,
    ) -> None:
        frame: Any = {"topic": topic, "event": event, "payload": payload, "ref": ref}
        if not self._is_v1:
            frame = [join_ref, ref, topic, event, payload]
        await self._websocket.send_text(json.dumps(frame))


def _message(position: int, text: str) -> dict[str, Any]:
    return {
        "id": f"00000000-0000-0000-0000-{position:012}",
        "conversation_id": CONVERSATION,
        "position": position,
        "sender_type": "user",
        "content": text,
        "created_at": _CREATED_AT,
    }


def _flaw(token: str) -> str | None:
    """Return why Realtime refuses a token, if it does."""
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        return "MalformedJWT: The token provided is not a valid JWT"
    if "sub" not in claims:
        return "Unauthorized: You do not have permissions to read from this Channel topic: it"
    return "InvalidJWTToken: Token has expired" if claims["exp"] <= time.time() else None


def _refusal(answer: int | str) -> Response:
    if answer == "page":
        return HTMLResponse("<html><body>Sign in to this network</body></html>")
    assert isinstance(answer, int)
    return JSONResponse({"error": "no", "message": "no"}, answer)


async def _misfortune(answer: int | str, request: Request) -> Response:
    if answer == "silence":
        while not await request.is_disconnected():  # noqa: ASYNC110 -- nothing else says so
            await asyncio.sleep(0.05)
        return Response()
    return _refusal(answer)


class Plays:
    """One play for each pair of player and scenario, as the first words of the URL name them."""

    def __init__(self, scenarios: Sequence[Scenario]) -> None:
        self._scenarios = scenarios
        self._projects: dict[str, Project] = {}
        self.app = Starlette(
            routes=[
                Route("/{player}/{number:int}/auth/v1/signup", self._sign_up, methods=["POST"]),
                Route("/{player}/{number:int}/auth/v1/token", self._renew, methods=["POST"]),
                Route("/{player}/{number:int}/rest/v1/messages", self._read),
                WebSocketRoute("/{player}/{number:int}/realtime/v1/websocket", self._connect),
            ]
        )

    async def _project(self, at: Request | WebSocket) -> Project:
        number = at.path_params["number"]
        name = f"{at.path_params['player']} {number}"
        if name not in self._projects:
            self._projects[name] = Project(self._scenarios[number])
            await self._projects[name].go_on()
        return self._projects[name]

    async def _sign_up(self, request: Request) -> Response:
        return await (await self._project(request)).sign_up(request)

    async def _renew(self, request: Request) -> Response:
        return await (await self._project(request)).renew(request)

    async def _read(self, request: Request) -> Response:
        return await (await self._project(request)).read(request)

    async def _connect(self, websocket: WebSocket) -> None:
        await (await self._project(websocket)).connect(websocket)


@contextmanager
def playing(scenarios: Sequence[Scenario]) -> Iterator[str]:
    """Serve the scenarios on a port of their own, in a thread; give the URL."""
    settings = uvicorn.Config(
        Plays(scenarios).app,
        port=0,
        ws="websockets-sansio",
        lifespan="off",
        log_config=None,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(settings)
    listening = settings.bind_socket()
    listening.listen()  # whoever comes before the server accepts waits
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()
