"""Promise 5 on the wire: who hears, writes and appears where, as docs/security.md says."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
import websockets

from tests.end_to_end.cast import ACTORS, ROLE_OF, Cast, cast_on
from tests.support.realtime import RawSocket
from tests.support.security_page import matrix
from tests.support.stacks import RunningStack

REALTIME = matrix("Realtime")
TOPICS = [name for name in REALTIME if not name.startswith("changes of ")]
TABLES = [name.removeprefix("changes of ") for name in REALTIME if name not in TOPICS]
EVENT = "message.created"


@pytest.fixture(scope="module")
def cast(stack: RunningStack) -> Iterator[Cast]:
    with cast_on(stack) as people:
        yield people


@asynccontextmanager
async def open_socket(cast: Cast) -> AsyncIterator[RawSocket]:
    """Open a socket as a frontend does: with the anon key; each join brings its own token."""
    address = cast.stack.api_url.replace("http", "ws", 1)
    url = f"{address}/realtime/v1/websocket?apikey={cast.stack.anon_key}&vsn=2.0.0"
    async with websockets.connect(url, max_size=None, compression=None) as connection:
        yield RawSocket(connection, "2.0.0")


async def join(socket: RawSocket, cast: Cast, actor: str, name: str) -> bool:
    """Join a private topic, presence and all; tell whether that was allowed."""
    token = cast.people[actor].token
    reply = await socket.join(name, token, private=True, presence={"enabled": True, "key": actor})
    is_joined = bool(reply.payload["status"] == "ok")
    if not is_joined:
        socket.joined.discard(name)
    return is_joined


async def forge(socket: RawSocket, cast: Cast, actor: str, name: str) -> None:
    """Send an event of the database's by every way that there is, and appear in the presence."""
    await socket.push(name, "broadcast", {"event": EVENT, "payload": {"by": "socket"}})
    await socket.push(name, "presence", {"event": "track", "payload": {"role": "agent"}})
    message = {"topic": name, "event": EVENT, "payload": {"by": "http"}, "private": True}
    url = f"{cast.stack.api_url}/realtime/v1/api/broadcast"
    cast.http.post(url, json={"messages": [message]}, headers=cast.headers(actor))
    await socket.settle()


async def heard_until_marker(socket: RawSocket, cast: Cast, name: str) -> set[str]:
    """Let the database send to the topic; return by which ways others did before."""
    marker = str(uuid4())
    cast.run(
        "select realtime.send(jsonb_build_object('by', %s::text), %s, %s, true)",
        [marker, EVENT, name],
    )
    heard: set[str] = set()
    while marker not in heard:
        event = await socket.next("broadcast", name)
        heard.add(event.payload["payload"]["by"])
    return heard - {marker}


@pytest.mark.parametrize("actor", ACTORS)
@pytest.mark.parametrize("topic", TOPICS)
async def test_the_topics_are_as_the_page_says(cast: Cast, topic: str, actor: str) -> None:
    """Who may join hears a conversation; who may send can forge its answers."""
    verbs = REALTIME[topic][ROLE_OF[actor]]
    name = topic.replace("<id>", cast.owner(actor).conversation)
    name = name.replace("<agent's id>", cast.people["agent"].id)
    async with open_socket(cast) as one, open_socket(cast) as listener:
        assert await join(listener, cast, "service", name)
        is_joined = await join(one, cast, actor, name)
        await forge(one, cast, actor, name)
        heard = await heard_until_marker(listener, cast, name)
        if is_joined:
            await heard_until_marker(one, cast, name)
        present = await presence_of(cast, name)

    assert is_joined == ("join" in verbs)
    assert heard == ({"socket", "http"} if "send" in verbs else set())
    assert (actor in present) == ("presence" in verbs)


async def presence_of(cast: Cast, name: str) -> dict[str, Any]:
    async with open_socket(cast) as observer:
        assert await join(observer, cast, "service", name)
        state = await observer.next("presence_state", name)
    return dict(state.payload)


@pytest.mark.parametrize("actor", ACTORS)
@pytest.mark.parametrize("table", TABLES)
async def test_changes_reach_whom_the_page_names(cast: Cast, table: str, actor: str) -> None:
    """Existing frontends listen to the tables: with nobody's row but their own."""
    owner = cast.owner(actor)
    row_id = owner.conversation if table == "conversations" else owner.message
    column = "customer_name" if table == "conversations" else "delivery_status"
    change = {"event": "*", "schema": "public", "table": table}
    async with open_socket(cast) as one, open_socket(cast) as listener:
        await listener.subscribe("all", change, token=cast.stack.service_role_key)
        await one.join("all", cast.people[actor].token, postgres_changes=[change])
        await one.next("system", "all")
        value = str(uuid4())
        cast.run(f"update public.{table} set {column} = %s where id = %s", [value, row_id])
        await listener.next("postgres_changes")
        seen = [message for message in await one.settle() if message.event == "postgres_changes"]
        if not seen and "see" in REALTIME[f"changes of {table}"][ROLE_OF[actor]]:
            seen = [await one.next("postgres_changes")]

    # Without the right to read the table, Realtime says that something changed, and nothing of it.
    records = [message.payload["data"]["record"] for message in seen]
    sees = "see" in REALTIME[f"changes of {table}"][ROLE_OF[actor]]
    assert [record["id"] for record in records if record] == ([row_id] if sees else [])


async def test_no_spelling_of_anothers_topic_opens_it(cast: Cast) -> None:
    """A policy that splits, trims or matches the topic too kindly lets a stranger in."""
    theirs = cast.people["guest"].conversation
    names = [
        f"conversation:{theirs.upper()}",
        f"conversation:{theirs}:",
        f"conversation:{theirs}:typing:",
        f"conversation:{theirs}:TYPING",
        f"conversation:{theirs} ",
        f"conversation:{theirs}\n",
        f" conversation:{theirs}",
        f"Conversation:{theirs}",
        f"conversation::{theirs}",
        f"conversation:{{{theirs}}}",
        f"conversation:{theirs.replace('-', '')}",
        "conversation:%",
        "conversation:%:typing",
        "conversation:",
        "conversation:::typing",
        "inbox:typing",
        "inbox:presence",
        "inbox:presence:",
        "INBOX:presence",
        "Inbox",
        "ai-jobs:typing",
        "drafts:",
        f"drafts:{cast.people['stranger'].id}",
        f"drafts:{cast.people['agent'].id}",
    ]
    async with open_socket(cast) as socket:
        joined = [name for name in names if await join(socket, cast, "stranger", name)]

    assert joined == []


@pytest.mark.parametrize("actor", ["anon", "guest", "stranger", "agent"])
async def test_a_public_channel_of_the_same_name_is_heard_by_nobody(cast: Cast, actor: str) -> None:
    """Anybody may write to a public channel: the screens are on the private one."""
    name = f"conversation:{cast.people['guest'].conversation}"
    async with open_socket(cast) as forger, open_socket(cast) as member:
        assert await join(member, cast, "guest", name)
        await forger.join(name, cast.people[actor].token)
        await forger.push(name, "broadcast", {"event": EVENT, "payload": {"by": "public"}})
        await forger.settle()

        assert await heard_until_marker(member, cast, name) == set()


async def test_what_members_send_while_typing_stays_on_that_topic(cast: Cast) -> None:
    """A forged `message.created` on `:typing` must not look like the database's."""
    name = f"conversation:{cast.people['guest'].conversation}"
    async with open_socket(cast) as forger, open_socket(cast) as agent:
        assert await join(agent, cast, "agent", name)
        assert await join(forger, cast, "guest", f"{name}:typing")
        await forge(forger, cast, "guest", f"{name}:typing")

        assert await heard_until_marker(agent, cast, name) == set()
