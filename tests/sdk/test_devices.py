"""Devices and projects as they are: wrong clocks, small pages, broken text, channels of others."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from typing import Any

import httpx
import jwt
import pytest
from romashka import AsyncRomashka, Attachment, Conflict, Conversation, InvalidRequest
from romashka._pasted import read_project_url
from starlette.responses import JSONResponse
from supabase_auth.errors import AuthApiError
from supabase_auth.types import AuthResponse

from tests.support.customers import (
    conversation_with_human,
    customer_of,
    new_identifier,
    service_of,
    staff_of,
)
from tests.support.gateway import open_gateway
from tests.support.stacks import RunningStack

BROKEN = ("a\x00b", "a\ud83d", "\ude00b")


async def contents(conversation: Conversation, count: int) -> list[str]:
    """Return the first messages that a subscriber sees."""
    seen: list[str] = []
    async with aclosing(conversation.events()) as events:
        async for event in events:
            seen.append(event.message.content)
            if len(seen) == count:
                break
    return seen


@contextmanager
def requests_of(client: AsyncRomashka) -> Iterator[list[httpx.Request]]:
    """Give the requests that are sent within the block."""
    sent: list[httpx.Request] = []

    async def note(request: httpx.Request) -> None:
        sent.append(request)

    http = client.supabase.options.httpx_client
    assert isinstance(http, httpx.AsyncClient)
    http.event_hooks = {"request": [note]}
    yield sent


@asynccontextmanager
async def customer_with_old_token(
    stack: RunningStack,
) -> AsyncIterator[tuple[AsyncRomashka, Conversation]]:
    """Give a customer whose device believes in a token that the server calls expired."""
    async with customer_of(stack) as client:
        conversation = await conversation_with_human(client, stack, "before")
        session = await client.supabase.auth.get_session()
        assert session is not None
        claims = jwt.decode(session.access_token, options={"verify_signature": False})
        claims["exp"] = int(time.time()) - 120
        session.access_token = jwt.encode(claims, stack.jwt_secret)
        await client.supabase.auth._save_session(session)
        client.supabase.auth._notify_all_subscribers("TOKEN_REFRESHED", session)
        yield client, conversation


async def test_a_token_that_the_server_calls_expired_is_renewed_once(stack: RunningStack) -> None:
    """A device's clock hours behind: by its own clock the token is good for long."""
    async with customer_with_old_token(stack) as (client, conversation):
        with requests_of(client) as sent:
            _, listed, _ = await asyncio.gather(
                conversation.send("one"), client.conversations.list(), conversation.refresh()
            )
            seen = await contents(conversation, 2)

    assert [each.id for each in listed] == [conversation.id]
    assert seen == ["before", "one"]
    assert sum("grant_type=refresh_token" in str(request.url) for request in sent) == 1


async def test_a_subscription_with_an_expired_token_becomes_live(stack: RunningStack) -> None:
    """It was down for ever, and said nothing."""
    async with customer_with_old_token(stack) as (_, conversation):
        assert await contents(conversation, 1) == ["before"]


async def test_a_clock_that_is_hours_ahead_renews_nothing(
    stack: RunningStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refresh with each request ends in the server's limit, and then without a session."""
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + 7_200)
    async with customer_of(stack) as client:
        with requests_of(client) as sent:
            conversation = await conversation_with_human(client, stack, "hello")
            for _ in range(3):
                await conversation.refresh()

    assert not [request for request in sent if "refresh_token" in str(request.url)]


async def test_a_token_that_another_refresh_has_used_is_no_end(stack: RunningStack) -> None:
    """The Auth client's own timer refreshes, too: whoever comes second is told "already used"."""
    async with customer_with_old_token(stack) as (client, conversation):
        auth = client.supabase.auth
        refresh = auth.refresh_session

        async def too_late(token: str | None = None) -> AuthResponse:
            await refresh(token)
            raise AuthApiError("Invalid Refresh Token", 400, "refresh_token_already_used")

        auth.refresh_session = too_late  # type: ignore[method-assign]  # the timer's moment
        await conversation.send("one")

        assert await contents(conversation, 2) == ["before", "one"]


async def test_a_key_that_is_too_new_for_the_server_is_sent_again(stack: RunningStack) -> None:
    """The gateway makes a token of a secret key; the clocks of two servers differ by seconds."""
    refused = [("PGRST303", "JWT issued at future")] * 2
    async with customer_of(stack) as customer, open_gateway(stack.api_url) as gateway:
        opened = await conversation_with_human(customer, stack)
        async with AsyncRomashka.connect(gateway.url, stack.service_role_key) as client:
            conversation = await client.conversations.get(opened.id)
            errors = [JSONResponse({"code": c, "message": m}, 401) for c, m in refused]
            gateway.will("messages", *errors)
            sent = await conversation.send("one", sender_type="agent")

        assert [each.id for each in await opened.messages()] == [sent.id]


async def test_who_signs_in_twice_at_once_is_one_user(stack: RunningStack) -> None:
    """What the first one creates is the second one's, too."""
    async with AsyncRomashka.connect(stack.api_url, stack.anon_key) as client:
        users = await asyncio.gather(*[client.sign_in_anonymously() for _ in range(3)])
        later = await client.sign_in_anonymously()

    assert len(set(users)) == 1
    assert later not in users  # one after the other, they are two: as before


async def test_a_channel_of_the_application_on_the_topic_is_a_clear_error(
    stack: RunningStack,
) -> None:
    """The Realtime client has one channel a name: ours would never have become live."""
    async with customer_of(stack) as client:
        conversation = await conversation_with_human(client, stack, "first")
        realtime = client.supabase.realtime
        await realtime.connect()
        own = realtime.channel(f"conversation:{conversation.id}", {"config": {"private": True}})
        await own.subscribe()

        with pytest.raises(Conflict, match="channel of its own") as refused:
            await contents(conversation, 1)
        await own.unsubscribe()

        assert refused.value.name == "channel_in_use"
        assert await contents(conversation, 1) == ["first"]


async def test_two_clients_around_one_supabase_client_both_hear_everything(
    stack: RunningStack,
) -> None:
    """The second one was never live."""
    async with customer_of(stack) as one:
        conversation = await conversation_with_human(one, stack, "first")
        two = AsyncRomashka(one.supabase, one.topics._session)
        same = await two.conversations.get(conversation.id)
        async with asyncio.timeout(20), aclosing(conversation.events()) as first:
            async with aclosing(same.events()) as second:
                await anext(first)
                await anext(second)
                await conversation.send("second")

                assert (await anext(first)).message.content == "second"
                assert (await anext(second)).message.content == "second"
            await two.topics.close()
            await conversation.send("third")

            assert (await anext(first)).message.content == "third"


def with_three_rows(client: AsyncRomashka) -> None:
    """Let the project give three rows at a time, as its `max_rows` may say."""

    async def cap(request: httpx.Request) -> None:
        reads = request.method == "GET" or request.url.path.endswith("search_knowledge")
        if reads and "/rest/" in request.url.path:
            asked = int(request.url.params.get("limit", 3))
            request.url = request.url.copy_set_param("limit", str(min(asked, 3)))

    http = client.supabase.options.httpx_client
    assert isinstance(http, httpx.AsyncClient)
    http.event_hooks = {"request": [cap]}


async def test_a_project_that_gives_few_rows_at_a_time_loses_none(stack: RunningStack) -> None:
    """Hosted projects give a thousand at most; some are set to less than a page of ours."""
    texts = [f"{number}" for number in range(1, 9)]
    marker = new_identifier()
    async with customer_of(stack) as customer, staff_of(stack) as staff:
        opened = await conversation_with_human(customer, stack)
        for text in texts:
            await opened.send(text)
        others = [await staff.conversations.create(f"{marker}-{text}") for text in "abcde"]
        with_three_rows(staff)
        conversation = await staff.conversations.get(opened.id)
        for text in texts:
            await conversation.add_note(text)
            await staff.knowledge.add(f"{marker} {text}", "Something.", language="xy")
        newest = await conversation.messages(limit=5)
        older = await conversation.messages(limit=5, before=newest[0].position)
        found = await staff.conversations.list(search=marker, limit=4)
        rest = await staff.conversations.list(search=marker, before=found[-1])
        items = await staff.knowledge.list(language="xy", limit=7)
        matches = await staff.knowledge.search(f"{marker} something", language="xy", limit=5)
        async with aclosing(staff.inbox.events(newest=5)) as events:
            changed = {(await anext(events)).conversation.id for _ in range(5)}

        assert [message.content for message in await conversation.messages()] == texts
        assert [message.content for message in older + newest] == texts
        assert await contents(conversation, 8) == texts
        assert [note.content for note in await conversation.notes()] == texts
        assert {each.id for each in found + rest} == {each.id for each in others}
        assert len(found) == 4
        assert len(items) == 7
        assert len(matches) == 5
        assert len(changed) == 5


def calls_with(
    client: AsyncRomashka, conversation: Conversation, text: str
) -> dict[str, Callable[[], Awaitable[Any]]]:
    """Return the calls that take a text."""
    return {
        "send": lambda: conversation.send(text),
        "ask": lambda: conversation.ask(text),
        "identifier": lambda: client.conversations.create(text),
        "first message": lambda: client.conversations.create("x", message=text),
        "note": lambda: conversation.add_note(text),
        "search": lambda: client.knowledge.search(text),
        "find": lambda: client.conversations.list(search=text),
        "item": lambda: client.knowledge.add("x", "y", tags=[text]),
        "change": lambda: client.knowledge.update(str(uuid.uuid4()), title=text),
        "file": lambda: client.attachments.upload(conversation.id, text, b"x"),
        "account": lambda: client.sign_in("a@example.com", text),
        "id": lambda: client.conversations.get(text),
        "removed": lambda: client.knowledge.remove(text),
        "download": lambda: client.attachments.download(Attachment(text, "x", "text/plain", 1)),
        "link": lambda: client.attachments.signed_url(Attachment("x", text, "text/plain", 1)),
        "topic": lambda: client.topics.listen(text).__aenter__(),
        "presence": lambda: conversation.presence("agent", text).__aenter__(),
        "function": lambda: client.call(text),
        "call": lambda: client.call("search_knowledge", query={"a": [{text: 1}]}),
    }


@pytest.mark.parametrize("text", BROKEN, ids=("NUL", "half", "other half"))
async def test_text_that_cannot_be_stored_is_refused_before_it_is_sent(
    stack: RunningStack, text: str
) -> None:
    """Half of an emoji comes from every cut at a number of UTF-16 units."""
    async with service_of(stack) as client, customer_of(stack) as customer:
        opened = await conversation_with_human(customer, stack)
        conversation = await client.conversations.get(opened.id)
        with requests_of(client) as sent:
            for name, call in calls_with(client, conversation, text).items():
                with pytest.raises(InvalidRequest) as refused:
                    await call()
                assert refused.value.name == "unstorable_text", name

    assert sent == []


async def test_an_url_with_the_path_of_a_service_is_the_projects(stack: RunningStack) -> None:
    """The API's page of the dashboard shows it like this."""
    url = f" {stack.api_url}/rest/v1/\n"
    async with AsyncRomashka.connect(url, f"“Bearer {stack.anon_key}”\n") as client:
        await client.sign_in_anonymously()

        assert await client.conversations.list() == []
        assert read_project_url(url, "URL") == stack.api_url
