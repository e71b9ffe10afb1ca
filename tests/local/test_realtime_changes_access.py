"""Which subscriber of `postgres_changes` is told: row security, column rights, filters."""

from typing import Any

import pytest

from tests.support.realtime import RealtimeServer

ALICE, BOB = (f"00000000-0000-4000-8000-00000000000{letter}" for letter in "ab")
NOTES = (
    "create table public.notes (id int primary key, owner uuid, body text, size int)",
    "alter publication supabase_realtime add table public.notes",
)
ROW_SECURITY = (
    "alter table public.notes enable row level security",
    "create policy own on public.notes for select to authenticated using (owner = auth.uid())",
)
ALL_NOTES = {"event": "*", "schema": "public", "table": "notes"}


async def test_each_subscriber_sees_the_rows_that_their_policies_show(
    realtime: RealtimeServer,
) -> None:
    """The customer of one conversation must never see another's messages."""
    await realtime.execute(*NOTES, *ROW_SECURITY)
    keys = {
        "alice": realtime.token(sub=ALICE),
        "bob": realtime.token(sub=BOB),
        "anon": realtime.config.keys.anon_key,
        "service": realtime.config.keys.service_role_key,
    }
    seen: dict[str, list[int]] = {}
    async with realtime.connect(key=keys["anon"]) as socket:
        for who, key in keys.items():
            await socket.subscribe(who, ALL_NOTES, token=key)
        await realtime.execute(
            f"insert into public.notes values (1, '{ALICE}'), (2, '{BOB}'), (3, null)",
            "delete from public.notes where id = 3",
        )
        for who in keys:
            deleted: dict[str, Any] = {}
            seen[who] = []
            while deleted.get("type") != "DELETE":
                deleted = (await socket.next("postgres_changes", who)).payload["data"]
                seen[who] += [deleted["record"]["id"]] if "record" in deleted else []

    # Row 3 was gone before anybody could look at it, or not: that is a race on the platform too.
    assert seen["alice"] == [1]
    assert seen["bob"] == [2]
    assert seen["anon"] == []
    assert [number for number in seen["service"] if number != 3] == [1, 2]


async def test_a_delete_tells_only_the_key_when_rows_are_secured(realtime: RealtimeServer) -> None:
    """A deleted row cannot be checked any more, so its values stay hidden."""
    await realtime.execute(
        *NOTES, *ROW_SECURITY, "alter table public.notes replica identity full",
        f"insert into public.notes values (1, '{BOB}', 'secret')",
    )  # fmt: skip
    async with realtime.connect(key=realtime.token(sub=ALICE)) as socket:
        await socket.subscribe("room", ALL_NOTES)
        await realtime.execute("delete from public.notes")
        data = (await socket.next("postgres_changes")).payload["data"]

    assert data["old_record"] == {"id": 1}


async def test_a_new_token_is_the_one_that_counts(realtime: RealtimeServer) -> None:
    """After another user signed in, changes must be theirs."""
    await realtime.execute(*NOTES, *ROW_SECURITY)
    async with realtime.connect(key=realtime.token(sub=ALICE)) as socket:
        await socket.subscribe("room", ALL_NOTES)
        await socket.push("room", "access_token", {"access_token": realtime.token(sub=BOB)})
        system = await socket.next("system")
        await realtime.execute(f"insert into public.notes values (1, '{ALICE}'), (2, '{BOB}')")
        data = (await socket.next("postgres_changes")).payload["data"]

    assert system.payload["message"] == "Subscribed to PostgreSQL"
    assert data["record"]["id"] == 2


async def test_a_policy_that_raises_hides_the_row_from_its_role_alone(
    realtime: RealtimeServer,
) -> None:
    """One broken policy must not stop the stream for everybody."""
    await realtime.execute(
        *NOTES,
        "alter table public.notes enable row level security",
        "create policy broken on public.notes to authenticated using (1 / (size - 1) > 0)",
    )
    async with realtime.connect(key=realtime.token()) as broken, realtime.connect() as other:
        await broken.subscribe("room", ALL_NOTES)
        await other.subscribe("room", ALL_NOTES, token=realtime.config.keys.service_role_key)
        await realtime.execute("insert into public.notes (id, size) values (1, 1), (2, 2)")

        assert (await broken.next("postgres_changes")).payload["data"]["record"]["id"] == 2
        for number in (1, 2):
            message = await other.next("postgres_changes")
            assert message.payload["data"]["record"]["id"] == number


async def test_only_columns_that_the_role_may_read_are_told(realtime: RealtimeServer) -> None:
    """A column grant hides values from REST, and must hide them here."""
    await realtime.execute(
        *NOTES,
        "revoke select on public.notes from anon",
        "grant select (id) on public.notes to anon",
    )
    async with realtime.connect() as socket:
        await socket.subscribe("room", ALL_NOTES)
        await realtime.execute("insert into public.notes (id, body) values (1, 'secret')")
        data = (await socket.next("postgres_changes")).payload["data"]

    assert data["record"] == {"id": 1}
    assert data["columns"] == [{"name": "id", "type": "int4"}]


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("alter table public.notes drop constraint notes_pkey", "400: Bad Request, no primary key"),
        ("revoke select on public.notes from anon", "401: Unauthorized"),
    ],
)
async def test_a_row_that_cannot_be_checked_is_told_as_an_error(
    realtime: RealtimeServer, statement: str, error: str
) -> None:
    """The developer learns what is missing, and no value leaks."""
    await realtime.execute(*NOTES, statement)
    async with realtime.connect() as socket:
        await socket.subscribe("room", ALL_NOTES)
        await realtime.execute("insert into public.notes (id, body) values (1, 'secret')")
        data = (await socket.next("postgres_changes")).payload["data"]

    assert data["errors"] == [f"Error {error}"]
    assert (data["record"], data["columns"], data["commit_timestamp"]) == ({}, [], None)


FILTERED = {
    "size=eq.2": [2],
    "size=neq.2": [1, 3],
    "size=lt.2": [1],
    "size=lte.2": [1, 2],
    "size=gt.2": [3],
    "size=gte.2": [2, 3],
    "size=in.(1,3)": [1, 3],
    "size=not.in.(1,3)": [2],
    "size=not.eq.2": [1, 3],
    "size=is.null": [4],
    "size=not.is.null": [1, 2, 3],
    "size=isdistinct.2": [1, 3, 4],
    "size=not.isdistinct.2": [2],
    "body=like.a%": [1, 2],
    "body=ilike.%C%": [2, 3],
    "body=match.^a.$": [2],
    "body=imatch.^C": [3],
    'body=eq."a,c"': [],
    'body=in.("a","c,d")': [1, 3],
    "size=gt.1,body=like.a%": [2],
    "  ": [1, 2, 3, 4],
}


async def test_filters_compare_as_the_columns_type_does(realtime: RealtimeServer) -> None:
    """Frontends filter by conversation; a wrong comparison shows them the wrong messages."""
    await realtime.execute(*NOTES)
    async with realtime.connect() as socket:
        for condition in FILTERED:
            await socket.subscribe(condition, ALL_NOTES | {"filter": condition})
        await socket.subscribe("end", ALL_NOTES | {"filter": "id=eq.9"})
        await realtime.execute(
            "insert into public.notes (id, body, size)"
            " values (1, 'a', 1), (2, 'ac', 2), (3, 'c,d', 3), (4, null, null), (9, null, -1)"
        )
        await socket.next("postgres_changes", "end")
        seen: dict[str, list[int]] = {condition: [] for condition in FILTERED}
        for message in await socket.settle():
            number = message.payload["data"]["record"]["id"]
            seen[message.topic.removeprefix("realtime:")] += [number] if number != 9 else []

    assert seen == FILTERED


async def test_a_delete_is_matched_by_what_the_identity_carries(realtime: RealtimeServer) -> None:
    """With the default identity only a filter on the key can match a delete."""
    await realtime.execute(*NOTES, "insert into public.notes (id, size) values (1, 5), (2, 5)")
    async with realtime.connect() as socket:
        await socket.subscribe("by_size", ALL_NOTES | {"filter": "size=eq.5"})
        await socket.subscribe("by_key", ALL_NOTES | {"filter": "id=eq.2"})
        await realtime.execute("delete from public.notes where id = 1", "delete from public.notes")
        message = await socket.next("postgres_changes")
        rest = await socket.settle()

    assert (message.topic, message.payload["data"]["old_record"]) == ("realtime:by_key", {"id": 2})
    assert rest == []


PROBLEMS: list[tuple[dict[str, Any], str]] = [
    ({"table": "nothing"}, "Please check Realtime is enabled for the given connect parameters"),
    ({"table": "notes", "filter": "nope=eq.1"}, "invalid column for filter nope"),
    ({"table": "notes", "filter": "size=eq.x"}, "invalid input syntax for type integer"),
    ({"table": "notes", "filter": "size=like.x"}, "requires a text-compatible column type"),
    ({"table": "notes", "filter": "body=match.("}, "invalid regular expression"),
    ({"table": "notes", "filter": "size=is.maybe"}, "invalid value for is filter"),
    ({"table": "notes", "filter": "size=is.true"}, "requires a boolean column"),
    ({"table": "notes", "filter": "size=foo.1"}, 'Error parsing `filter` params: ["foo", "1"]'),
    ({"table": "notes", "filter": "size=eq.1,"}, "must not contain empty segments"),
    ({"table": "notes", "filter": "size=in.1"}, "must be wrapped by parentheses"),
    (
        {"table": "notes", "filter": f"size=in.({','.join(map(str, range(101)))})"},
        "too many values for `in` filter. Maximum 100",
    ),
    ({"table": "notes", "select": "body"}, "Error parsing `select` params"),
    ({"table": "notes", "select": ["nope"]}, "invalid column for select nope"),
    ({"schema": "*", "select": ["id"]}, "not supported for wildcard subscriptions"),
    ({"event": "*"}, "No subscription params provided"),
]


async def test_a_subscription_that_cannot_work_is_told_why(realtime: RealtimeServer) -> None:
    """The channel stays joined, so this message is all that a developer gets."""
    await realtime.execute(*NOTES)
    async with realtime.connect() as socket:
        for number, (change, problem) in enumerate(PROBLEMS):
            reply = await socket.join(f"room-{number}", postgres_changes=[change])
            told = (await socket.next("system")).payload

            assert reply.payload["status"] == "ok"
            assert (told["extension"], told["status"]) == ("postgres_changes", "error")
            assert problem in told["message"]
