"""The requests of the original's pages, as they go over the wire, by whoever may send them."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest
from supabase import AsyncClient, acreate_client

from tests.adoption.pages import add_pages
from tests.end_to_end.cast import Cast, cast_on
from tests.support.stacks import run_stack
from tests.support.waiting import eventually

Request = tuple[str, str, Any, dict[str, str], str]

_ACTORS = ("agent", "guest", "stranger", "anon")
_UPSERT = {"Prefer": "resolution=merge-duplicates"}
_ONE = {"Accept": "application/vnd.pgrst.object+json"}
_NEW = _ONE | {"Prefer": "return=representation"}

# Method, path and query, body, headers; then the status for the agent, the guest, whose
# conversation it is, a stranger and somebody without a session. A status with `[]` finds no row.
_REQUESTS: list[Request] = [
    # Every page.
    ("GET", "profiles?select=onboarding_completed&id=eq.{user}", None, _ONE, "200 200 200 401"),
    # Onboarding: skipped, and filled in.
    ("POST", "profiles?on_conflict=id",
     {"id": "{user}", "onboarding_completed": True, "updated_at": "{now}"},
     _UPSERT, "200 200 200 401"),
    ("POST", "profiles?on_conflict=id",
     {"id": "{another}", "onboarding_completed": True, "updated_at": "{now}"},
     _UPSERT, "403 403 403 401"),
    ("POST", "profiles?on_conflict=id",
     {"id": "{user}", "onboarding_completed": True, "role": "admin"}, _UPSERT, "403 403 403 401"),
    ("PATCH", "profiles?id=eq.{user}&select=*",
     {"full_name": "Jo", "website_url": "https://example.com", "onboarding_data": {"step": 3},
      "onboarding_completed": True},
     {"Prefer": "return=representation"}, "200 200 200 401"),
    # Dashboard and Conversations.
    ("GET", "conversations?select=*&order=updated_at.desc&limit=5", None, {}, "200 200 200 401"),
    ("GET", "profiles?select=*&email=eq.", None, _ONE, "406 406 406 401"),
    ("GET", "messages?select=*&conversation_id=eq.{conversation}&order=created_at.asc", None, {},
     "200 200 [] 401"),
    # Knowledge.
    ("GET", "knowledge_items?select=*,knowledge_categories(name)&order=created_at.desc", None, {},
     "200 [] [] 401"),
    ("GET", "knowledge_categories?select=*&order=order_index.asc", None, {}, "200 [] [] 401"),
    ("GET", "knowledge_versions?select=*&knowledge_item_id=eq.{item}&order=version.desc", None, {},
     "200 [] [] 401"),
    ("GET", "knowledge_analytics?select=*,knowledge_items(title,category_id),conversations(id)"
     "&created_at=gte.2026-01-01", None, {}, "200 [] [] 401"),
    ("POST", "knowledge_items?select=*",
     {"title": "t", "content": "c", "category_id": None, "tags": [], "language": "en",
      "status": "active", "updated_at": "{now}", "source_type": "manual", "confidence_score": 1,
      "version": 1}, _NEW, "201 403 403 401"),
    ("POST", "knowledge_categories?select=*", {"name": "New"}, _NEW, "201 403 403 401"),
    ("PATCH", "knowledge_items?id=eq.{item}", {"status": "active"}, {}, "204 204 204 401"),
    # Analytics.
    ("GET", "daily_metrics?select=*&date=gte.2026-01-01&date=lte.2999-12-31", None, {},
     "200 [] [] 401"),
    ("GET", "daily_metrics?select=date,total_conversations,ai_resolved_conversations,"
     "human_resolved_conversations,avg_satisfaction_score,ai_confidence_avg,ai_accuracy_rate"
     "&date=gte.2026-01-01&date=lte.2999-12-31&order=date.asc", None, {}, "200 [] [] 401"),
    # Who is there.
    ("GET", "agent_availability?select=*&agent_id=eq.{agent}", None, _ONE, "200 406 406 401"),
    ("GET", "agent_availability?select=*,profiles:agent_id(id,full_name,company_name)"
     "&status=eq.available", None, {}, "200 [] [] 401"),
    ("PATCH", "agent_availability?agent_id=eq.{agent}&select=status",
     {"status": "busy", "last_activity": "{now}"}, {"Prefer": "return=representation"},
     "200 [] [] 401"),
    ("POST", "agent_availability", {"agent_id": "{another}"}, {}, "403 403 403 401"),
    # Notes.
    ("POST", "conversation_notes",
     {"conversation_id": "{conversation}", "agent_id": "{user}", "note": "n", "is_internal": True},
     {}, "201 403 403 401"),
    ("GET", "conversation_notes?select=*,profiles:agent_id(full_name)"
     "&conversation_id=eq.{conversation}&order=created_at.desc", None, {}, "200 [] [] 401"),
    # The widget.
    ("POST", 'conversation_metrics?columns="conversation_id","ai_handled","escalated_to_human",'
     '"response_time_ms","message_count","resolution_status","session_start"&select=*',
     [{"conversation_id": "{conversation}", "ai_handled": False, "escalated_to_human": False,
       "response_time_ms": 0, "message_count": 0, "resolution_status": "pending",
       "session_start": "{now}"}], _NEW, "201 201 403 401"),
    ("GET", "conversation_metrics?select=message_count,response_time_ms"
     "&conversation_id=eq.{conversation}", None, _ONE, "200 200 406 401"),
    ("PATCH", "conversation_metrics?conversation_id=eq.{conversation}&select=message_count",
     {"ai_handled": True, "message_count": 1, "response_time_ms": 900,
      "resolution_status": "resolved", "updated_at": "{now}"},
     {"Prefer": "return=representation"}, "200 200 [] 401"),
    ("POST", 'typing_indicators?columns="user_id","conversation_id","is_typing","last_activity"',
     [{"user_id": "{user}", "conversation_id": "{conversation}", "is_typing": True,
       "last_activity": "{now}"}], _UPSERT, "201 201 403 401"),
    # In another's name.
    ("POST", 'typing_indicators?columns="user_id","conversation_id","is_typing","last_activity"',
     [{"user_id": "{another}", "conversation_id": "{conversation}", "is_typing": True,
       "last_activity": "{now}"}], _UPSERT, "403 403 403 401"),
    ("PATCH", "typing_indicators?user_id=eq.{user}&conversation_id=eq.{conversation}"
     "&select=is_typing", {"is_typing": False}, {"Prefer": "return=representation"},
     "200 200 [] 401"),
    ("GET", "typing_indicators?select=*&conversation_id=eq.{conversation}", None, {},
     "200 200 [] 401"),
    ("DELETE", "typing_indicators?conversation_id=eq.{conversation}", None, {}, "403 403 403 401"),
]  # fmt: skip


@pytest.fixture(scope="module")
def cast() -> Iterator[Cast]:
    """The people of a stack with the original's pages, and rows for each page."""
    with run_stack("--ephemeral") as stack, cast_on(stack) as cast:
        add_pages(stack.db_url)
        cast.run(
            "with category as (insert into public.knowledge_categories (name) values ('General')"
            " returning id), item as (insert into public.knowledge_items"
            " (title, content, category_id) select 'Hours', 'Nine to five.', id from category"
            " returning id), version as (insert into public.knowledge_versions"
            " (knowledge_item_id, version, content) select id, 1, 'Ten.' from item)"
            " insert into public.knowledge_analytics (knowledge_item_id, conversation_id)"
            " select id, %s from item",
            [cast.people["guest"].conversation],
        )
        eventually(lambda: _send(cast, "agent", _REQUESTS[0]).status_code == 200)
        yield cast


@pytest.mark.parametrize("request_", _REQUESTS, ids=lambda one: f"{one[0]} {one[1][:60]}")
def test_each_request_is_answered_as_the_page_expects(cast: Cast, request_: Request) -> None:
    """What the pages send is answered, and to nobody else with what is not theirs."""
    seen = []
    for actor in _ACTORS:
        _prepare(cast, request_)
        answer = _send(cast, actor, request_)
        is_empty = answer.is_success and answer.content == b"[]"
        seen.append("[]" if is_empty else str(answer.status_code))

    assert " ".join(seen) == request_[-1]


def test_staff_get_what_the_pages_show(cast: Cast) -> None:
    """Names that are embedded, and no null where the page would stop."""
    items = _get(cast, "knowledge_items?select=*,knowledge_categories(name)&title=eq.Hours")
    conversations = _get(cast, "conversations?select=*")
    note = {"conversation_id": cast.people["guest"].conversation, "note": "n"}
    cast.rest("agent").from_("conversation_notes").insert(note).execute()
    notes = _get(cast, "conversation_notes?select=*,profiles:agent_id(full_name)")
    [analytics] = _get(
        cast, "knowledge_analytics?select=*,knowledge_items(title,category_id),conversations(id)"
    )

    assert [item["knowledge_categories"] for item in items] == [{"name": "General"}]
    assert items[0]["confidence_score"] == 0.8
    assert analytics["knowledge_items"]["title"] == "Hours"
    assert analytics["conversations"]["id"] == cast.people["guest"].conversation
    assert all(set(note["profiles"]) == {"full_name"} for note in notes)
    names = {row[name] for row in conversations for name in ("user_name", "user_email")}
    assert None not in names | {row["last_message"] for row in conversations}


def test_who_types_again_is_the_same_row(cast: Cast) -> None:
    """The widget names no key: every second of its rows was refused, and nobody seen typing."""
    typing = next(one for one in _REQUESTS if one[0] == "POST" and "typing" in one[1])
    _prepare(cast, typing)
    statuses = [_send(cast, "guest", typing).status_code for _ in range(3)]

    assert statuses == [201, 200, 200]
    [row] = _get(cast, "typing_indicators?select=*")
    assert row["user_id"] == cast.people["guest"].id


async def test_one_subscription_hears_messages_and_who_types(cast: Cast) -> None:
    """Realtime refuses all of the widget's subscription where one table of it cannot be heard."""
    conversation = cast.people["guest"].conversation
    rest = cast.rest("agent")
    async with AsyncExitStack() as subscribed:
        heard = {
            who: await subscribed.enter_async_context(_listening(cast, who, conversation))
            for who in ("guest", "stranger", "agent")
        }
        typing = {"user_id": cast.people["agent"].id, "conversation_id": conversation}
        rest.from_("typing_indicators").upsert(
            typing | {"is_typing": True}, on_conflict="user_id,conversation_id"
        ).execute()
        rest.from_("messages").insert(
            {"conversation_id": conversation, "sender_type": "agent", "content": "Hello"}
        ).execute()
        async with asyncio.timeout(5):
            seen = {
                who: {await heard[who].get(), await heard[who].get()} for who in ("guest", "agent")
            }

        assert seen["guest"] == seen["agent"] == {"typing_indicators", "messages"}
        assert heard["stranger"].empty()


@asynccontextmanager
async def _listening(
    cast: Cast, who: str, conversation: str
) -> AsyncIterator["asyncio.Queue[str]"]:
    """Subscribe as the widget does; give the names of the tables that changed."""
    client: AsyncClient = await acreate_client(cast.stack.api_url, cast.stack.anon_key)
    await client.realtime.set_auth(cast.people[who].token)
    heard: asyncio.Queue[str] = asyncio.Queue()
    ready = asyncio.Event()
    channel = client.channel(f"chat-{conversation}")
    for event, table in (
        ("INSERT", "messages"),
        ("UPDATE", "messages"),
        ("*", "typing_indicators"),
    ):
        channel.on_postgres_changes(
            event,  # type: ignore[arg-type]  # accepts the name, too
            lambda change: heard.put_nowait(change["data"]["table"]),
            table=table,
            filter=f"conversation_id=eq.{conversation}",
        )
    channel.on_system(lambda _: ready.set())
    await channel.subscribe()
    await asyncio.wait_for(ready.wait(), 10)
    try:
        yield heard
    finally:
        await client.realtime.close()


def _send(cast: Cast, actor: str, request: Request) -> httpx.Response:
    method, path, body, headers, _ = request
    return cast.http.request(
        method,
        f"/rest/v1/{_filled(cast, actor, path)}",
        json=None if body is None else _filled(cast, actor, body),
        headers=cast.headers(actor) | headers,
    )


def _filled(cast: Cast, actor: str, template: Any) -> Any:
    """Put ids in the place of their names."""
    if isinstance(template, list):
        return [_filled(cast, actor, each) for each in template]
    if isinstance(template, dict):
        return {name: _filled(cast, actor, each) for name, each in template.items()}
    if not isinstance(template, str):
        return template
    user = cast.people[actor].id or "00000000-0000-4000-8000-000000000000"
    values = {
        "user": user,
        "another": cast.people["admin"].id,
        "agent": cast.people["agent"].id,
        "conversation": cast.people["guest"].conversation,
        "item": "00000000-0000-4000-8000-000000000000",
        "now": "2026-11-30T12:00:00Z",
    }
    if "{item}" in template:
        [found] = cast.run("select id::text from public.knowledge_items where title = 'Hours'")
        values["item"] = found["id"]
    return re.sub(r"\{(\w+)\}", lambda match: values[match[1]], template)


def _prepare(cast: Cast, request: Request) -> None:
    """Have the rows of members that a request works on, or none where it makes them."""
    cast.run(
        "delete from public.conversation_metrics; delete from public.typing_indicators;"
        " delete from public.conversation_notes"
    )
    if request[0] == "POST":
        return
    conversation = cast.people["guest"].conversation
    cast.run(
        "insert into public.conversation_metrics (conversation_id) values (%s)", [conversation]
    )
    for who in ("agent", "guest"):
        cast.run(
            "insert into public.typing_indicators (user_id, conversation_id) values (%s, %s)",
            [cast.people[who].id, conversation],
        )
    cast.run(
        "insert into public.conversation_notes (conversation_id, note, agent_id)"
        " values (%s, 'n', %s)",
        [conversation, cast.people["agent"].id],
    )


def _get(cast: Cast, path: str) -> list[dict[str, Any]]:
    answer = cast.http.get(f"/rest/v1/{path}", headers=cast.headers("agent"))
    return list(answer.raise_for_status().json())
