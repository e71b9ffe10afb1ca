"""What anybody may send to a database, by chance: filters, writes, calls with others' ids."""

from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import UUID

from hypothesis import strategies as st
from psycopg import sql
from psycopg.types.json import Jsonb

from tests.database.inbox import Inbox, Row
from tests.support.security_page import matrix, written_columns

MATRIX = matrix("Tables")
TABLES = sorted(MATRIX)
FUNCTIONS = sorted(matrix("Functions"))
COLUMNS = written_columns()

# Which customer a row is of; a row that is nobody's is staff's.
OWNERS = {
    "profiles": "id",
    "customer_profiles": "user_id",
    "conversations": "(select user_id from customer_profiles where id = t.customer_id)",
    "messages": "private.owner_of(t.conversation_id)",
    "ai_response_queue": "private.owner_of(t.conversation_id)",
    "conversation_notes": "private.owner_of(t.conversation_id)",
}


@dataclass(frozen=True)
class World:
    """A database with customers, staff, and rows of everything for each customer."""

    inbox: Inbox
    roles: dict[str, str]
    """The role of each user; `anon` is one of them."""
    columns: dict[str, dict[str, str]]
    """The type of each column of each table."""
    values: list[str]
    """Every id and text in it: what a guess would hit."""
    ids: dict[str, list[str]]
    """The ids of each table's rows."""
    owners: dict[str, str | None]
    """The customer whose each of these ids is."""

    def rows(self) -> dict[tuple[str, str], tuple[str | None, Row]]:
        """Return every row with its owner, by table and id."""
        found = {}
        for table in TABLES:
            owner = OWNERS.get(table, "null::uuid")
            for row in self.inbox.connection.execute(
                f"select id::text, ({owner})::text as owner, to_jsonb(t) as row"
                f" from public.{table} as t"
            ):
                found[table, row["id"]] = (row["owner"], row["row"])
        return found

    def may(self, actor: str, verb: str, table: str, owner: str | None) -> bool:
        """Tell whether the page names this actor for a row of that owner."""
        role = self.roles[actor]
        if role == "user":
            role = "customer" if owner == actor else "another"
        return verb in MATRIX[table][role]


def build_world(inbox: Inbox) -> World:
    roles = {"anon": "anon"}
    for role in ("user", "user", "user", "agent", "admin"):
        person = inbox.user(role)
        roles[person] = role
        if role == "user":
            conversation = inbox.open(person, "a secret")
            for job in inbox.claim():
                inbox.settle(job)
            inbox.say(conversation, "another secret", by=person)
            inbox.run(
                "insert into public.conversation_notes (conversation_id, content)"
                " values (%s, 'a note')",
                conversation,
            )
    inbox.run("insert into public.knowledge_items (title, content) values ('secret', 'secret')")
    inbox.run("insert into public.communication_channels (name, type) values ('a', 'website')")
    # For this file alone: the owner of a conversation, without the policies.
    inbox.run(
        "create function private.owner_of(conversation uuid) returns uuid language sql"
        " set search_path = '' as 'select user_id from public.customer_profiles where id ="
        " (select customer_id from public.conversations where id = conversation)'"
    )
    columns: dict[str, dict[str, str]] = {}
    for row in inbox.run(
        "select table_name, column_name, data_type from information_schema.columns"
        " where table_schema = 'public' order by table_name, ordinal_position"
    ):
        columns.setdefault(row["table_name"], {})[row["column_name"]] = row["data_type"]
    rows = World(inbox, roles, columns, [], {}, {}).rows()
    ids: dict[str, list[str]] = {}
    for table, row_id in sorted(rows):
        ids.setdefault(table, []).append(row_id)
    owners = {row_id: owner for (_, row_id), (owner, _) in rows.items()}
    words = {"a secret", "secret", "a note", "user", "agent", "ai", "admin", "resolved", "read", ""}
    return World(inbox, roles, columns, sorted(words.union(owners)), ids, owners)


@dataclass(frozen=True)
class Statement:
    """SQL of names and placeholders, and the texts for these; types follow from the columns."""

    query: sql.Composed
    values: list[Any]


def draw_filter(data: st.DataObject, world: World, table: str) -> Statement:
    """Draw a filter as PostgREST has them, or one that fails on some rows: a failure tells, too."""
    column = sql.SQL("t.{}").format(
        sql.Identifier(data.draw(st.sampled_from(list(world.columns[table])), label="column"))
    )
    value = data.draw(st.sampled_from(world.values), label="value")
    form = data.draw(
        st.sampled_from(
            ["true", "eq", "neq", "like", "match", "null", "in", "or", "fails", "exists"]
        ),
        label="filter",
    )
    forms: dict[str, tuple[LiteralString, list[Any]]] = {
        "true": ("true", []),
        "eq": ("{c}::text = %s", [value]),
        "neq": ("{c}::text is distinct from %s", [value]),
        "like": ("{c}::text ilike '%%' || %s || '%%'", [value]),
        "match": ("{c}::text ~ '.'", []),
        "null": ("{c} is null", []),
        "in": ("{c}::text = any (%s)", [world.values]),
        "or": ("({c}::text = %s or true)", [value]),
        "fails": ("1 / (case when {c}::text = %s then 0 else 1 end) = 1", [value]),
        "exists": ("exists (select from public.messages as m where m.id::text <> {c}::text)", []),
    }
    text, values = forms[form]
    return Statement(sql.SQL(text).format(c=column), values)


# What a column or parameter of that name refers to.
REFERS = {
    "conversation_id": "conversations",
    "customer_id": "customer_profiles",
    "user_id": "profiles",
    "sender_id": "profiles",
    "assigned_agent_id": "profiles",
    "agent_id": "profiles",
    "message_id": "messages",
    "turn_id": "messages",
    "job_id": "ai_response_queue",
}
FITTING: dict[str, list[Any]] = {
    "boolean": ["true", "false"],
    "integer": ["-1", "0", "1", "5", "99999999999"],
    "bigint": ["-1", "0", "1", "5", "99999999999"],
    "numeric": ["-1", "0", "1", "5", "NaN", "1e400"],
    "jsonb": ["[]", "{}", '{"kind": "handover"}', '{"role": "service_role"}', "null"],
    "ARRAY": ["{}", "{admin}"],
    "role": ["admin", "agent", "user"],
    "sender_type": ["user", "user", "user", "agent", "ai"],
    "channel_type": ["website", "email", "x"],
    "timestamp with time zone": ["infinity", "-infinity", "2020-01-01", "9999-01-01"],
}


def draw_value(
    data: st.DataObject, world: World, actor: str, name: str, kind: str, table: str
) -> Any:
    """Draw what a client may send: what fits the type, others' ids above all; now and then not."""
    anything = st.sampled_from([None, *world.values]) | st.text(
        st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12
    )
    if data.draw(st.integers(0, 19), label="misfits") == 0:
        return data.draw(anything, label=name)
    if kind == "uuid":
        known = world.ids.get(REFERS.get(name, table), [str(UUID(int=0))])
        if name in ("conversation_id", "customer_id", "user_id"):  # half of them one's own
            mine = [row_id for row_id in known if world.owners[row_id] == actor]
            known = known + mine * len(known)
        fresh = st.uuids(version=4).map(str) if name == "id" else st.nothing()
        return data.draw(fresh | st.sampled_from(known), label=name)
    fitting = FITTING.get(name) or FITTING.get(kind)
    return data.draw(st.sampled_from(fitting) if fitting else anything, label=name)


# What an insert needs to get as far as the policies.
NEEDED = {
    "messages": ["conversation_id", "sender_type", "content"],
    "conversations": ["customer_id"],
    "customer_profiles": ["user_id"],
    "conversation_notes": ["conversation_id", "content"],
}


# What a customer would like to write, and may not.
DECISIVE = ("role", "position", "turn_id", "user_id", "requires_human", "attempt", "outcome")


def draw_write(data: st.DataObject, world: World, actor: str) -> Statement:
    """Draw an insert, upsert, update or delete with a random subset of the columns."""
    verb = data.draw(st.sampled_from(["insert", "insert", "upsert", "update", "update", "delete"]))
    writable = [table for table, of_verb in COLUMNS if of_verb == verb or verb == "upsert"]
    table = data.draw(st.sampled_from([*TABLES, *writable * 3, *["messages"] * 6]), label="table")
    kinds = world.columns[table]
    granted = COLUMNS.get((table, "insert" if verb == "upsert" else verb), ["all"])
    is_granted = granted != ["all"] and data.draw(st.integers(0, 2), label="grant") > 0
    decisive = [name for name in DECISIVE if name in kinds]
    choice = st.sampled_from(granted if is_granted else [*kinds, *decisive * 5])
    most = 4 if is_granted else 1  # one that may not be written refuses all the others
    names = set(data.draw(st.lists(choice, min_size=1, max_size=most), label="columns"))
    if verb in ("insert", "upsert"):
        names |= set(NEEDED.get(table, ()))
    values = {
        name: draw_value(data, world, actor, name, kinds[name], table) for name in sorted(names)
    }
    columns = sql.SQL(", ").join(map(sql.Identifier, values))
    # As PostgREST does: the row is populated from the JSON that the client sent.
    source = sql.SQL("select {} from jsonb_populate_record(null::public.{}, %s)").format(
        columns, sql.Identifier(table)
    )
    if verb == "delete":
        return Statement(sql.SQL("delete from public.{}").format(sql.Identifier(table)), [])
    if verb == "update":
        sets = sql.SQL(", ").join(sql.SQL("{0} = s.{0}").format(sql.Identifier(n)) for n in values)
        query = sql.SQL("update public.{} set {} from ({}) as s").format(
            sql.Identifier(table), sets, source
        )
        return Statement(query, [Jsonb(values)])
    query = sql.SQL("insert into public.{} ({}) {}").format(sql.Identifier(table), columns, source)
    if verb == "upsert" and data.draw(st.booleans(), label="ignores"):
        query += sql.SQL(" on conflict do nothing")
    elif verb == "upsert":
        sets = sql.SQL(", ").join(
            sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in values
        )
        query += sql.SQL(" on conflict (id) do update set {}").format(sets)
    return Statement(query, [Jsonb(values)])


def draw_call(data: st.DataObject, world: World, actor: str) -> Statement:
    """Draw a call with as many arguments as the function has, or fewer."""
    name = data.draw(st.sampled_from(FUNCTIONS), label="function")
    (found,) = world.inbox.connection.execute(
        "select proargnames as names, proargtypes::regtype[]::text[] as types from pg_proc"
        " where pronamespace = 'public'::regnamespace and proname = %s",
        [name],
    )
    types = found["types"]
    count = data.draw(st.integers(0, len(types)) | st.just(len(types)), label="count")
    values = [
        draw_value(data, world, actor, parameter, kind, "conversations")
        for parameter, kind in zip(found["names"] or (), types[:count], strict=False)
    ]
    arguments = sql.SQL(", ").join(sql.SQL("%s::" + kind) for kind in types[:count])
    query = sql.SQL("select * from public.{}({})").format(sql.Identifier(name), arguments)
    return Statement(query, values)
