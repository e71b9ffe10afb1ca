"""Promise 5, cell by cell: what docs/security.md allows works through REST, all else is refused."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from postgrest import APIError

from tests.end_to_end.cast import (
    ACTORS,
    ROLE_OF,
    Cast,
    Person,
    Row,
    cast_on,
    restore_settings,
)
from tests.support.security_page import matrix, written_columns
from tests.support.stacks import RunningStack

TABLES = matrix("Tables")
FUNCTIONS = matrix("Functions")
COLUMNS = written_columns()
VERBS = ("select", "insert", "update", "delete")

# No right, no session, not this role's, no row that they see, not this session's, no such function,
# one row too many.
REFUSALS = {"42501", "PT401", "PT403", "PT404", "PT409", "PGRST202", "23505", "0A000"}
REFUSED: tuple[()] = ()


@pytest.fixture(scope="module")
def cast(stack: RunningStack) -> Iterator[Cast]:
    with cast_on(stack) as people:
        yield people


def answer(request: Any) -> Any:
    """Return what a request gives: its data, or REFUSED."""
    try:
        return request.execute().data
    except APIError as error:
        if error.code not in REFUSALS:
            raise
        return REFUSED


@pytest.mark.parametrize("actor", ACTORS)
@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("table", TABLES)
def test_the_tables_are_as_the_page_says(cast: Cast, table: str, verb: str, actor: str) -> None:
    """A cell that allows more is a leak or a forgery; one that allows less breaks a frontend."""
    is_allowed = verb in TABLES[table][ROLE_OF[actor]]
    request = REQUESTS[verb](cast, table, actor, is_allowed)
    settings = cast.row("ai_settings", "true")
    before = cast.fingerprint()
    rows = answer(request)

    assert bool(rows) == is_allowed
    if verb == "select" or not is_allowed:
        assert cast.fingerprint() == before
    elif (table, verb) == ("ai_settings", "delete"):
        restore_settings(cast.database, settings)


def select_row(cast: Cast, table: str, actor: str, _: bool) -> Any:
    row = target(cast, table, actor)
    return cast.rest(actor).table(table).select("*").eq("id", row["id"])


def insert_row(cast: Cast, table: str, actor: str, is_allowed: bool) -> Any:
    owner = cast.owner(actor)
    who: Any = actor
    if table in ("profiles", "customer_profiles"):  # each has one: somebody who has none yet
        owner = cast.sign_up(is_anonymous=actor != "member")
        who = owner if ROLE_OF[actor] == "customer" else actor
    if table == "profiles":
        cast.run("delete from public.profiles where id = %s", [owner.id])
    is_staff = actor in ("agent", "admin", "service")
    bodies: dict[str, Row] = {
        "profiles": {"id": owner.id},
        "customer_profiles": {"user_id": owner.id},
        "conversations": {"customer_id": owner.customer},
        "messages": {
            "conversation_id": owner.conversation,
            "sender_type": "agent" if is_staff else "user",
            "content": "x",
        },
        "ai_response_queue": {
            "conversation_id": owner.conversation,
            "message_id": owner.message,
            "user_message": "x",
            "status": "failed",
            "outcome": "taken_over",
        },
        "conversation_notes": {"conversation_id": owner.conversation, "content": "x"},
        "message_drafts": {
            "agent_id": cast.people["agent"].id,
            "conversation_id": owner.conversation,
            "mode": "note",
            "content": "x",
        },
        "saved_replies": {"shortcut": str(uuid4()), "title": "x", "content": "x"},
        "staff_invitations": {"email": f"{uuid4()}@example.com", "role": "agent"},
        "knowledge_items": {"title": "x", "content": "x"},
        "communication_channels": {"name": "x", "type": "website"},
        "webhook_events": {
            "channel_type": "email",
            "digest": f"\\x{uuid4().hex}",
            "payload": "x",
            "events": [],
        },
        "notification_rules": {
            "kind": "email",
            "target": "team@example.com",
            "events": ["turn.settled"],
            "is_enabled": False,
        },
        "ai_settings": {"id": True},
        "widget_settings": {"id": True},
        "realtime_metrics": {"metric_name": "x", "metric_value": 1},
    }
    if table == "business_hours":
        hours = cast.make_row(table, owner)
        account = cast.make_row("communication_channels", owner)
        bodies[table] = {"channel_id": account["id"], "hours": hours["hours"]}
    elif table == "channel_deliveries":
        bodies[table] = new_delivery(cast, owner)
    elif table == "notification_deliveries":
        rule = cast.make_row("notification_rules", owner)
        bodies[table] = {"rule_id": rule["id"], "event": "turn.settled", "subject": "x"}
    return cast.rest(who).table(table).insert(bodies[table])


def new_delivery(cast: Cast, owner: Person) -> Row:
    message = cast.make_row("messages", owner)
    return {
        "channel_id": cast.make_row("communication_channels", owner)["id"],
        "conversation_id": owner.conversation,
        "message_id": message["id"],
        "position": message["position"],
        "expires_at": message["created_at"],
    }


def update_row(cast: Cast, table: str, actor: str, _: bool) -> Any:
    row = target(cast, table, actor)
    columns = COLUMNS.get((table, "update"), ["all"])
    column = "id" if columns == ["all"] else columns[0]
    return cast.rest(actor).table(table).update({column: row[column]}).eq("id", row["id"])


def delete_row(cast: Cast, table: str, actor: str, is_allowed: bool) -> Any:
    row = cast.make_row(table, cast.owner(actor)) if is_allowed else target(cast, table, actor)
    return cast.rest(actor).table(table).delete().eq("id", row["id"])


REQUESTS = {
    "select": select_row,
    "insert": insert_row,
    "update": update_row,
    "delete": delete_row,
}


def target(cast: Cast, table: str, actor: str) -> Row:
    """Return the row that is tried: the owner's."""
    owner = cast.owner(actor)
    own = {"profiles": owner.id, "customer_profiles": owner.customer}
    return cast.row(table, own[table]) if table in own else cast.make_row(table, owner)


@pytest.mark.parametrize(("table", "verb"), COLUMNS)
def test_no_other_column_is_written(cast: Cast, table: str, verb: str) -> None:
    """A column too many, and a customer sets the position of their message."""
    actor = {
        "profiles": "guest",
        "ai_settings": "admin",
        "notification_rules": "admin",
        "business_hours": "admin",
        "widget_settings": "admin",
    }.get(table, "agent")
    row = (
        target(cast, table, actor)
        if table == "profiles"
        else cast.make_row(table, cast.owner(actor))
    )
    written = COLUMNS[table, verb]
    expected = set(row if written == ["all"] else written)
    rest = cast.rest(actor).table(table)
    needed = {
        "conversations": ("customer_id",),
        "messages": ("conversation_id", "sender_type", "content"),
        "conversation_notes": ("conversation_id", "content"),
        "saved_replies": ("shortcut", "title", "content"),
        "business_hours": ("channel_id", "hours"),
        "knowledge_items": ("title", "content"),
        "notification_rules": ("kind", "target", "events"),
    }.get(table, ())
    allowed = set()
    for column, value in row.items():
        if verb == "update":
            request = rest.update({column: value}).eq("id", row["id"])
        else:
            given = {name: row[name] for name in needed} | {column: value}
            unique = {name: str(uuid4()) for name in given if name in ("id", "shortcut")}
            if "channel_id" in given:
                account = cast.make_row("communication_channels", cast.owner(actor))
                unique["channel_id"] = account["id"]
            request = rest.insert(given | unique)
        if answer(request):
            allowed.add(column)

    assert allowed == expected


# What a call needs, by parameter; parameters with a default are left out.
ARGUMENTS: Row = {
    "email": "matrix-nobody@example.com",
    "role": "agent",
    "id": "matrix",
    "channel_type": "email",
    "rating": 5,
    "content": "x",
    "query": "matrix sample",
    "views": {"matrix": {}},
    "starts_at": "2026-01-01T00:00:00Z",
    "ends_at": "2026-01-02T00:00:00Z",
    "worker_id": "matrix",
    "jobs": [],
    "results": [],
    "job_id": str(uuid4()),
    "item_id": str(uuid4()),
    "query_embedding": None,
    "embedding_model": "matrix",
    "ai_response": "x",
    "error_message": "x",
    "traces": [],
    "model": "matrix",
    "embeddings": [],
    "source": "matrix.md",
    "sections": [],
    "payload": "x",
    "events": [],
    "from_event": 0,
    "max_events": 1,
    "account": "matrix@example.com",
    "external_id": "matrix",
    "status": "sent",
    "name": "webhook_token",
    "value": "x",
    "message": {
        "account": "matrix@example.com",
        "id": "matrix-message",
        "customer": {"id": "visitor@example.com"},
        "content": "x",
    },
}


# Each is of a session's state, so it is tried by one that has it.
OF_A_SESSION = (
    "identify_customer",
    "sign_out_customer",
    "offer_conversations",
    "bring_conversations",
)

# A turn that waits.
_WAITING = """
with conversation as (
  insert into public.conversations (customer_id, channel_type) values (%s, 'sms') returning id
)
insert into public.messages (conversation_id, sender_type, content)
select id, 'user', 'one' from conversation returning id
"""

# A turn that has its answer.
_ANSWERED = """
with answer as (
  insert into public.messages (conversation_id, sender_type, content, turn_id)
  values (%s, 'ai', 'An answer.', gen_random_uuid()) returning id, conversation_id, turn_id
), job as (
  insert into public.ai_response_queue (conversation_id, message_id, user_message, status, outcome,
    turn_id, turn_started_at, deadline, completed_at)
  select conversation_id, id, 'x', 'completed', 'replied', turn_id, now(), now(), now() from answer
)
select id::text as id from answer
"""


@pytest.mark.parametrize("actor", ACTORS)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_functions_are_as_the_page_says(cast: Cast, function: str, actor: str) -> None:
    """A function is a door of its own: it may be open where the table is shut."""
    verbs = FUNCTIONS[function][ROLE_OF[actor]]
    cast.make_row("knowledge_items", cast.owner(actor))
    cast.make_row("realtime_metrics", cast.owner(actor))
    arguments = ARGUMENTS | {
        "conversation_id": cast.owner(actor).talk,
        "conversation": {"id": cast.owner(actor).talk},
        "message_id": cast.run(_ANSWERED, [cast.owner(actor).talk])[0]["id"],
        "agent_id": cast.people["agent"].id,
        "rule_id": cast.make_row("notification_rules", cast.owner(actor))["id"],
        "webhook_id": cast.make_row("webhook_events", cast.owner(actor))["id"],
        "channel_id": cast.make_row("communication_channels", cast.owner(actor))["id"],
        "customer_identifier": str(uuid4()),
        "customer_id": cast.run(
            "insert into public.customer_profiles (name) values ('matrix') returning id::text as id"
        )[0]["id"],
    }
    (needed,) = cast.run(
        "select proargnames[:pronargs - pronargdefaults] as names from pg_proc"
        " where pronamespace = 'public'::regnamespace and proname = %s",
        [function],
    )
    names = needed["names"] or ()
    if "user_id" in names:
        arguments["user_id"] = cast.sign_up().id
    who: Any = actor
    if function in OF_A_SESSION:
        newcomer = cast.newcomer(function, actor)
        who, arguments = newcomer.who, arguments | newcomer.arguments
    elif function == "revoke_identity_secret":
        arguments["secret_id"] = cast.identity_secret().id
    elif function == "leave_address":
        arguments["conversation_id"] = cast.owner(actor).conversation
    values = {name: arguments[name] for name in names}
    if function == "get_next_ai_response_job":
        cast.run(_WAITING, [cast.owner(actor).customer])
    before = cast.fingerprint()
    data = answer(cast.rest(who).rpc(function, values))

    assert (data != REFUSED) == bool(verbs)
    if any("nothing" in of_role for of_role in FUNCTIONS[function].values()):
        assert bool(data) == ("call" in verbs)
    if "call" not in verbs:
        assert cast.fingerprint() == before
    # A turn that nobody answers is handed over by cron, in the middle of another test.
    cast.run("delete from public.ai_response_queue where status in ('pending', 'processing')")


def test_the_page_names_every_table_and_function(cast: Cast) -> None:
    """A new object without a row in the page is one that nobody has thought about."""
    tables = cast.run(
        "select relname as name from pg_class"
        " where relnamespace = 'public'::regnamespace and relkind = any ('{r,p,v,m,f}')"
    )
    functions = cast.run(
        "select proname as name from pg_proc where pronamespace = 'public'::regnamespace"
    )
    elsewhere = cast.run(
        "select proname as name from pg_proc where pronamespace = 'graphql_public'::regnamespace"
        " union all select relname from pg_class"
        " where relnamespace = 'graphql_public'::regnamespace"
    )

    assert {row["name"] for row in tables} == set(TABLES)
    assert {row["name"] for row in functions} == set(FUNCTIONS)
    assert {row["name"] for row in elsewhere} <= {"graphql"}


def test_the_page_names_the_columns_of_every_write() -> None:
    """Whoever may insert or update has columns that say what."""
    writes = {
        (table, verb)
        for table, roles in TABLES.items()
        for verb in ("insert", "update")
        if any(verb in verbs for role, verbs in roles.items() if role != "service role")
    }

    assert writes == set(COLUMNS)
