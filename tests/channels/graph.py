"""Meta's Graph API on loopback: it checks all that it is sent, and fails as a test tells it to.

    async with open_graph() as graph:
        graph.will(refuses(131056, status=429), accepts)   # then it accepts

What it accepted, a customer has. Leaving the block fails if it was sent anything of a wrong form.
"""

import asyncio
import hashlib
import hmac
import json
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.channels.graph_rules import link_in, problem_with

VERSION = "v26.0"
TOKEN = "access-token-of-the-tests"


@dataclass(frozen=True, slots=True)
class Call:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    content: bytes

    @property
    def channel(self) -> str:
        return self.path.split("/")[1]

    @property
    def account(self) -> str:
        return self.path.split("/")[3]

    @property
    def body(self) -> Any:
        return json.loads(self.content)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message that a customer has."""

    id: str
    account: str
    body: dict[str, Any]

    @property
    def reference(self) -> str:
        """What tells repetitions: the callback data, or to whom which text went."""
        reference = self.body.get("biz_opaque_callback_data")
        return reference or json.dumps([self.body["recipient"], self.body["message"]])

    @property
    def text(self) -> str:
        """The text of a text message, or above buttons."""
        if question := self.body.get("interactive"):
            return str(question["body"]["text"])
        text: str = (self.body.get("text") or {}).get("body") or self.body["message"]["text"]
        return text

    @property
    def options(self) -> dict[str, str]:
        """What the customer can choose from below it: each title, and the id that comes back."""
        replies = self.body.get("message", {}).get("quick_replies", [])
        action = self.body.get("interactive", {}).get("action", {})
        shown = [button["reply"] for button in action.get("buttons", [])]
        shown += [row for section in action.get("sections", []) for row in section["rows"]]
        named = {reply["title"]: reply["payload"] for reply in replies}
        return named | {row["title"]: row["id"] for row in shown}


Behaviour = Callable[["Graph", Call, asyncio.StreamWriter], Awaitable[None]]


@dataclass(slots=True, eq=False)
class Graph:
    """A running Graph API. Each good message takes the next behaviour; then all are accepted."""

    url: str = ""
    tokens: set[str] = field(default_factory=lambda: {TOKEN})
    accepted: list[Accepted] = field(default_factory=list)
    receipts: list[dict[str, Any]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    """What was wrong with requests."""
    calls: list[Call] = field(default_factory=list)
    files: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    """What customers sent, by the files' ids: content and type."""
    behaviours: Iterator[Behaviour] = field(default_factory=lambda: iter(()))
    spellings: dict[str, str] = field(default_factory=dict)
    """What a number is called here, where that is not what is written."""
    is_deaf: bool = False
    """Reads nothing of what is sent on."""
    open_writers: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def whatsapp_url(self) -> str:
        return f"{self.url}/whatsapp/{VERSION}"

    @property
    def instagram_url(self) -> str:
        return f"{self.url}/instagram/{VERSION}"

    @property
    def environment(self) -> dict[str, str]:
        """What a worker's environment must have to send here."""
        return {
            "WHATSAPP_API_URL": self.whatsapp_url,
            "INSTAGRAM_API_URL": self.instagram_url,
            "WHATSAPP_ACCESS_TOKEN": TOKEN,
            "INSTAGRAM_ACCESS_TOKEN": TOKEN,
        }

    def will(self, *behaviours: Behaviour) -> None:
        """Set what the next messages get."""
        self.behaviours = iter(behaviours)

    def repeated(self) -> dict[str, int]:
        """Return what customers have more than once, and how often."""
        counted = Counter(accepted.reference for accepted in self.accepted)
        return {reference: count for reference, count in counted.items() if count > 1}

    def accept(self, call: Call) -> dict[str, Any]:
        """Give the customer the message; return the documented answer."""
        body = call.body
        if call.channel == "whatsapp":
            wamid = f"wamid.{uuid.uuid4().hex}"
            self.accepted.append(Accepted(wamid, call.account, body))
            known_as = "wa_id" if "to" in body else "user_id"
            named = self.spellings.get(recipient_of(body), recipient_of(body))
            contact = {"input": recipient_of(body), known_as: named}
            return {
                "messaging_product": "whatsapp",
                "contacts": [contact],
                "messages": [{"id": wamid}],
            }
        mid = f"mid.{uuid.uuid4().hex}"
        self.accepted.append(Accepted(mid, call.account, body))
        return {"recipient_id": body["recipient"]["id"], "message_id": mid}

    # ---- webhooks

    def status(self, accepted: Accepted, status: str) -> dict[str, Any]:
        """Return the webhook that tells what became of a WhatsApp message."""
        told = {
            "id": accepted.id,
            "status": status,
            "timestamp": str(int(time.time())),
            "recipient_id": self.spellings.get(
                recipient_of(accepted.body), recipient_of(accepted.body)
            ),
            "biz_opaque_callback_data": accepted.body["biz_opaque_callback_data"],
        }
        number = {"display_phone_number": "15550100", "phone_number_id": accepted.account}
        value = {"messaging_product": "whatsapp", "metadata": number, "statuses": [told]}
        change = {"field": "messages", "value": value}
        return {
            "object": "whatsapp_business_account",
            "entry": [{"id": "100000000000001", "changes": [change]}],
        }

    async def call_back(self, url: str, webhook: dict[str, Any], app_secret: str) -> None:
        """Send a webhook, signed, as Meta does."""
        content = json.dumps(webhook).encode()
        digest = hmac.new(app_secret.encode(), content, hashlib.sha256).hexdigest()
        headers = {"X-Hub-Signature-256": f"sha256={digest}", "Content-Type": "application/json"}
        async with httpx.AsyncClient(timeout=60) as http:
            (await http.post(url, content=content, headers=headers)).raise_for_status()

    # ---- serving

    async def serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection, as long as it lasts."""
        self.open_writers.add(writer)
        with suppress(OSError, asyncio.IncompleteReadError):
            while not writer.is_closing():
                if self.is_deaf:
                    await asyncio.Event().wait()
                await self._answer(await _read(reader), writer)
        self.open_writers.discard(writer)
        writer.close()

    async def _answer(self, call: Call, writer: asyncio.StreamWriter) -> None:
        self.calls.append(call)
        is_signed = call.path.startswith("/files/") and call.path.endswith("?token=signed")
        if is_signed:
            await self._show(call, writer)
        elif call.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            await refuses(190, status=401, type="OAuthException")(self, call, writer)
        elif call.method == "GET":
            await self._show(call, writer)
        elif problem := await self._problem(call):
            self.wrong.append(problem)
            await refuses(100)(self, call, writer)
        elif "status" in call.body or "sender_action" in call.body:
            self.receipts.append(call.body)
            await answers({"success": True})(self, call, writer)
        else:
            await next(self.behaviours, accepts)(self, call, writer)

    async def _problem(self, call: Call) -> str | None:
        parts = call.path.split("/")
        if len(parts) != 5 or parts[2] != VERSION or parts[4] != "messages":
            return f"there is nothing at {call.path}"
        if call.method != "POST" or call.headers.get("content-type") != "application/json":
            return "not a POST of JSON"
        if problem := problem_with(call.channel, call.body):
            return problem
        if link := link_in(call.body):
            async with httpx.AsyncClient() as http:
                if not (await http.get(link)).is_success:
                    return "the file cannot be read"
        return None

    async def _show(self, call: Call, writer: asyncio.StreamWriter) -> None:
        """Tell where a customer's file is, or give it."""
        url = urlsplit(call.path)
        name = url.path.rpartition("/")[2]
        if name not in self.files:
            await refuses(100, 33, status=404)(self, call, writer)
            return
        content, mime_type = self.files[name]
        if url.path.startswith("/files/"):
            await _respond(writer, 200, content, mime_type)
        else:
            found = {"url": f"{self.url}/files/{name}", "mime_type": mime_type, "id": name}
            await answers(found)(self, call, writer)


# ---- behaviours


def recipient_of(body: dict[str, Any]) -> str:
    """Return whom a WhatsApp message is for: a number's digits, or a user id."""
    return str(body.get("to") or body["recipient"]).lstrip("+")


async def accepts(graph: Graph, call: Call, writer: asyncio.StreamWriter) -> None:
    """Take the message."""
    await answers(graph.accept(call))(graph, call, writer)


def accepts_and(behaviour: Behaviour) -> Behaviour:
    """Take the message, but behave otherwise: the sender is not told."""

    async def behave(graph: Graph, call: Call, writer: asyncio.StreamWriter) -> None:
        graph.accept(call)
        await behaviour(graph, call, writer)

    return behave


def answers(body: object, status: int = 200, **headers: str) -> Behaviour:
    """Answer with JSON."""
    return shows(json.dumps(body), status, "application/json; charset=UTF-8", **headers)


def refuses(
    code: int,
    subcode: int | None = None,
    status: int = 400,
    type: str = "OAuthException",
    **headers: str,
) -> Behaviour:
    """Answer with an error of the Graph API, whose message quotes what it must not."""
    error: dict[str, Any] = {"message": f"(#{code}) no +1 555 0100", "type": type, "code": code}
    error |= {"fbtrace_id": "trace"} | ({"error_subcode": subcode} if subcode else {})
    return answers({"error": error}, status, **headers)


def shows(
    text: str, status: int, content_type: str = "text/html", whole: bool = True, **headers: str
) -> Behaviour:
    """Answer with a text, or with the first half of it, and close."""

    async def behave(_: Graph, __: Call, writer: asyncio.StreamWriter) -> None:
        await _respond(writer, status, text.encode(), content_type, whole, **headers)

    return behave


def waits_for(event: asyncio.Event, behaviour: Behaviour = accepts) -> Behaviour:
    """Behave so when something has happened."""

    async def behave(graph: Graph, call: Call, writer: asyncio.StreamWriter) -> None:
        await event.wait()
        await behaviour(graph, call, writer)

    return behave


async def hangs(_: Graph, __: Call, ___: asyncio.StreamWriter) -> None:
    """Never answer."""
    await asyncio.Event().wait()


async def resets(_: Graph, __: Call, writer: asyncio.StreamWriter) -> None:
    """Reset the connection."""
    writer.transport.abort()


async def _respond(
    writer: asyncio.StreamWriter,
    status: int,
    content: bytes,
    content_type: str,
    whole: bool = True,
    **headers: str,
) -> None:
    lines = [f"HTTP/1.1 {status} Status", f"Content-Type: {content_type}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    lines += [f"Content-Length: {len(content)}", "", ""]
    writer.write("\r\n".join(lines).encode() + (content if whole else content[: len(content) // 2]))
    await writer.drain()
    if not whole:
        writer.close()


async def _read(reader: asyncio.StreamReader) -> Call:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.strip().split("\r\n")
    method, path, _ = first.split(" ")
    named = (line.partition(":") for line in lines)
    headers = {name.lower(): value.strip() for name, _, value in named}
    content = await reader.readexactly(int(headers.get("content-length", "0")))
    return Call(method, path, headers, content)


@asynccontextmanager
async def open_graph() -> AsyncIterator[Graph]:
    """Run a Graph API on a free port."""
    graph = Graph()
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        with suppress(asyncio.CancelledError):
            await graph.serve_one(reader, writer)
        serving.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    graph.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield graph
    finally:
        server.close()
        for writer in graph.open_writers:
            writer.transport.abort()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving)
    assert graph.wrong == []
