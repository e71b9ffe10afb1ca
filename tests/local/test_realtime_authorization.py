"""Private channels: the policies on `realtime.messages` decide, for as long as a token holds."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from tests.support.realtime import RawSocket, RealtimeServer

ALICE = "00000000-0000-4000-8000-00000000000a"
DENIED = "Unauthorized: You do not have permissions to read from this Channel topic: "


def _policy(command: str, condition: str) -> str:
    clause = "with check" if command == "insert" else "using"
    return (
        f'create policy "{uuid4()}" on realtime.messages'
        f" for {command} to authenticated {clause} ({condition})"
    )


async def _reason(socket: RawSocket, name: str, **join: Any) -> str | None:
    reply = await socket.join(name, private=True, **join)
    return reply.payload["response"].get("reason")  # type: ignore[no-any-return] # JSON


async def test_policies_see_topic_claims_headers_and_extension(realtime: RealtimeServer) -> None:
    """Policies written for the platform use all of these."""
    await realtime.execute(
        _policy("select", "realtime.topic() = 'user:' || (select auth.uid()::text)"),
        _policy("select", "topic = 'column' and extension = 'presence'"),
        _policy(
            "select",
            "realtime.topic() = 'header'"
            " and current_setting('request.headers')::json ->> 'x-team' = 'red'",
        ),
    )
    alice = realtime.token(sub=ALICE)
    async with realtime.connect(key=alice, **{"x-team": "red"}) as socket:
        assert await _reason(socket, f"user:{ALICE}") is None
        assert await _reason(socket, "user:somebody") == DENIED + "user:somebody"
        assert await _reason(socket, "header") is None
        assert await _reason(socket, "column") == DENIED + "column"
        assert await _reason(socket, "column", presence={"enabled": True}) is None
        assert await _reason(socket, f"user:{ALICE}", token=realtime.token()) is not None


async def test_without_policies_only_the_service_role_gets_in(realtime: RealtimeServer) -> None:
    """A project that forgot its policies must be closed, not open."""
    service_key = realtime.config.keys.service_role_key
    async with realtime.connect() as anon, realtime.connect(key=service_key) as service:
        assert await _reason(anon, "room") == DENIED + "room"
        assert await _reason(service, "room") is None


async def test_an_unknown_role_or_a_failing_policy_denies(realtime: RealtimeServer) -> None:
    """An error must never be taken for a permission."""
    await realtime.execute(_policy("select", "1 / (length(topic) - 4) = 0"))
    async with realtime.connect(key=realtime.token("nobody_knows")) as socket:
        assert await _reason(socket, "room") == DENIED + "room"
    async with realtime.connect(key=realtime.token()) as socket:
        assert await _reason(socket, "room") == DENIED + "room"


async def test_who_may_only_read_cannot_broadcast(realtime: RealtimeServer) -> None:
    """Otherwise a customer could forge the events of the conversation they read."""
    await realtime.execute(
        _policy("select", "true"), _policy("insert", "(select auth.uid()) is not null")
    )
    reader, writer = realtime.token(), realtime.token(sub=ALICE)
    ack = {"broadcast": {"ack": True, "self": True}, "private": True}
    async with realtime.connect(key=reader) as one, realtime.connect(key=writer) as two:
        await one.join("room", **ack)
        await two.join("room", **ack)
        await one.push("room", "broadcast", {"event": "forged"})
        assert await one.settle() == []
        ref = await two.push("room", "broadcast", {"event": "true"})
        await two.reply_to(ref)

        assert (await one.next("broadcast")).payload["event"] == "true"
        assert [m.payload["event"] for m in await two.settle()] == ["true"]


async def test_who_joined_for_presence_alone_hears_no_broadcast(realtime: RealtimeServer) -> None:
    """The two extensions are granted apart."""
    await realtime.execute(_policy("select", "extension = 'presence'"))
    async with realtime.connect(key=realtime.token()) as socket:
        await socket.join("room", private=True, presence={"enabled": True})
        await realtime.execute("select realtime.send('{}', 'e', 'room', true)")
        async with realtime.connect(key=realtime.config.keys.service_role_key) as service:
            await service.join("room", private=True)
            await realtime.execute("select realtime.send('{}', 'f', 'room', true)")
            await service.next("broadcast")
        seen = await socket.settle()

    assert [message.event for message in seen] == ["presence_state"]


async def test_a_token_without_the_right_closes_the_channel(realtime: RealtimeServer) -> None:
    """After signing out of an account, its messages must stop."""
    await realtime.execute(_policy("select", "(select auth.uid()) is not null"))
    async with realtime.connect(key=realtime.token(sub=ALICE)) as socket:
        await socket.join("room", private=True)
        renewed = realtime.token(sub=ALICE, seconds=7200)
        await socket.push("room", "access_token", {"access_token": renewed})
        assert await socket.settle() == []
        await socket.push("room", "access_token", {"access_token": realtime.token()})
        system = await socket.next("system")
        closed = await socket.next("phx_close")

    assert system.payload["message"] == (
        "You no longer have permission to read from this Channel topic: room"
    )
    assert closed.topic == "realtime:room"


@pytest.mark.parametrize("token", [None, "sb_publishable_x", 5])
async def test_what_is_no_new_token_changes_nothing(realtime: RealtimeServer, token: Any) -> None:
    """supabase-js sends its key here when nobody is signed in."""
    async with realtime.connect() as socket:
        await socket.join("room", token="sb_publishable_x")
        await socket.push("room", "access_token", {"access_token": token})

        assert await socket.settle() == []


async def test_an_expired_token_ends_the_channel_not_the_socket(realtime: RealtimeServer) -> None:
    """A stolen token must not work for ever; the client refreshes and joins again."""
    async with realtime.connect() as socket:
        reply = await socket.join("room", token=realtime.token(seconds=2))
        refused = await socket.join("other", token=realtime.token(seconds=-10))
        system = await socket.next("system")
        await socket.next("phx_close")
        again = await socket.join("room")

    assert reply.payload["status"] == again.payload["status"] == "ok"
    assert (
        refused.payload["response"]["reason"] == "InvalidJWTToken: Token has expired 10 seconds ago"
    )
    assert system.payload["message"].startswith("Token has expired ")


async def test_a_slow_policy_holds_up_only_its_own_channel(realtime: RealtimeServer) -> None:
    """One team's expensive policy must not freeze the others' screens."""
    await realtime.execute(
        _policy("select", "case when topic = 'slow' then pg_sleep(1.5) is not null else true end")
    )
    async with realtime.connect(key=realtime.token()) as socket:
        slow = asyncio.create_task(socket.push("slow", "phx_join", {"config": {"private": True}}))
        await slow
        quick = await socket.join("quick", private=True)
        unread = list(socket.unread)

    assert quick.payload["status"] == "ok"
    assert unread == []
