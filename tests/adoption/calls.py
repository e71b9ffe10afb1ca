"""Replays calls of frontends that were written for the original, as they go over the wire.

`calls.json` has them. `expected` is what each comes to for an agent, for the visitor whose
conversation it is about, for another visitor, and for whoever has the anon key alone: a status,
then an error's name, or `rows` or `empty` where something is returned, then `stores` with the
tables whose rows are not as before. `returned` and `stored` say more of such rows. `without` is
what it comes to where the tables of the original's pages are not installed.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, LiteralString
from uuid import uuid4

import httpx

from tests.end_to_end.cast import Cast, Person, Row

ACTORS = {"agent": "agent", "visitor": "guest", "stranger": "stranger", "anon": "anon"}
"""Who makes each call, and who that is in the cast."""

_NOBODY = "00000000-0000-4000-8000-000000000000"

# What some calls find, beside a conversation with a question, its open job and an answer.
_GIVEN: dict[str, LiteralString] = {
    "no messages": "delete from public.messages where conversation_id = %(conversation)s",
    "answered": "update public.ai_response_queue set status = 'completed', outcome = 'replied',"
    " ai_response = 'An answer.' where id = %(job)s",
    "typing": "insert into public.typing_indicators (user_id, conversation_id, is_typing)"
    " values (%(user)s, %(conversation)s, true)",
    "figures": "insert into public.conversation_metrics (conversation_id)"
    " values (%(conversation)s)",
    "note": "insert into public.conversation_notes (conversation_id, content, author_id)"
    " values (%(conversation)s, 'Rude.', %(agent)s)",
}
_NEEDS = {"typing": "typing_indicators", "figures": "conversation_metrics"}
_MAKE_CONVERSATION = """
with made as (
  insert into public.conversations (customer_id) values (%(customer)s) returning id
), question as (
  insert into public.messages (conversation_id, sender_type, content)
  select id, 'user', 'A question.' from made returning conversation_id
)
select conversation_id::text as conversation from question
"""
_ANSWER = """
insert into public.messages (conversation_id, sender_type, content)
values (%s, 'ai', 'An answer.')
returning id::text as answer, (
  select jobs.id::text from public.ai_response_queue as jobs
  where jobs.conversation_id = messages.conversation_id
) as job
"""
_TABLES = """
select relname as name from pg_class
where relnamespace = 'public'::regnamespace and relkind = 'r' and relname <> 'realtime_metrics'
"""


# What a call may change that is not its own conversation's.
_RESTORED = dict.fromkeys(("profiles", "knowledge_items", "agent_availability"))


@dataclass(frozen=True, slots=True)
class Call:
    """A call of the original's, and what it must come to."""

    part: str
    name: str
    by: str
    method: str
    path: str
    becomes: str
    expected: dict[str, str]
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    given: tuple[str, ...] = ()
    returned: Row = field(default_factory=dict)
    stored: dict[str, Row] = field(default_factory=dict)
    without: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.part}: {self.name}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call came to."""

    said: str
    """As `calls.json` says it."""
    answer: httpx.Response
    rows: list[Row]
    stored: dict[str, list[Row]]
    """Rows that are new or changed, by their table."""
    values: dict[str, str]
    """What the call's placeholders stood for."""


def read_calls() -> list[Call]:
    return [Call(**call) for call in json.loads(Path(__file__).with_name("calls.json").read_text())]


def replay(cast: Cast, call: Call, actor: str) -> Outcome:
    """Make the call as one of `ACTORS`, and undo what came of it."""
    visitor = cast.people["guest"]
    if "newcomer" in call.given:
        visitor = cast.sign_up()
    person = visitor if actor == "visitor" else cast.people[ACTORS[actor]]
    with _scene(cast, call, person) as values:
        before, kept = _read(cast), _rows_of(cast, _RESTORED)
        answer = cast.http.request(
            call.method,
            f"/rest/v1/{filled(call.path, values)}",
            json=filled(call.body, values),
            headers=cast.headers(person) | call.headers,
        )
        after = _read(cast)
        changed = {
            table: [row_id for row_id in rows if before[table].get(row_id) != rows[row_id]]
            for table, rows in after.items()
        }
        stored = _rows_of(cast, {table: ids for table, ids in changed.items() if ids})
        lost = [table for table, rows in before.items() if rows.keys() - after[table].keys()]
        rows = _rows(answer)
        said = _said(answer, rows, sorted({*stored, *lost}))
        _undo(cast, before, kept, stored)
    return Outcome(said, answer, rows, stored, values)


def filled(template: Any, values: dict[str, str]) -> Any:
    """Put values in the place of their names in braces."""
    if isinstance(template, list):
        return [filled(each, values) for each in template]
    if isinstance(template, dict):
        return {name: filled(each, values) for name, each in template.items()}
    if not isinstance(template, str):
        return template
    return re.sub(r"\{(\w+)\}", lambda match: values[match[1]], template)


@contextmanager
def _scene(cast: Cast, call: Call, person: Person) -> Iterator[dict[str, str]]:
    """Make a conversation of the guest's for this call, and remove it."""
    values = {
        "user": person.id or _NOBODY,
        "another": cast.people["admin"].id,
        "agent": cast.people["agent"].id,
        "customer": cast.people["guest"].customer,
        "new": str(uuid4()),
        "now": "2026-11-30T12:00:00+00:00",
    }
    values |= cast.run("select id::text as item from public.knowledge_items where title = 'Hours'")[
        0
    ]
    values |= cast.run(_MAKE_CONVERSATION, values)[0]
    values |= cast.run(_ANSWER, [values["conversation"]])[0]
    is_there = {row["name"] for row in cast.run(_TABLES)}
    for name in call.given:
        if name in _GIVEN and _NEEDS.get(name, "messages") in is_there:
            cast.run(_GIVEN[name], values)
    try:
        yield values
    finally:
        made = [values["conversation"], values["new"]]
        cast.run("delete from public.conversations where id = any (%s::uuid[])", [made])


def _read(cast: Cast) -> dict[str, dict[str, str]]:
    """Return what every row of the project is, in short, by its table and id."""
    tables = sorted(row["name"] for row in cast.run(_TABLES))
    query = " union all ".join(
        f"select '{table}' as name, id::text, md5(t::text) as row from public.{table} as t"
        for table in tables
    )
    read: dict[str, dict[str, str]] = {table: {} for table in tables}
    for found in cast.run(query):
        read[found["name"]][found["id"]] = found["row"]
    return read


def _rows_of(cast: Cast, tables: Mapping[str, Sequence[str] | None]) -> dict[str, list[Row]]:
    """Return the rows of those tables that have these ids; None: all that there are."""
    is_there = {row["name"] for row in cast.run(_TABLES)}
    return {
        table: [
            found["row"]
            for found in cast.run(
                f"select to_jsonb(t) as row from public.{table} as t"
                " where %(ids)s::text[] is null or id::text = any (%(ids)s)",
                {"ids": ids},
            )
        ]
        for table, ids in tables.items()
        if table in is_there
    }


def _undo(
    cast: Cast,
    before: dict[str, dict[str, str]],
    kept: dict[str, list[Row]],
    stored: dict[str, list[Row]],
) -> None:
    """Remove what was made outside of the call's conversation."""
    for table in ("conversations", "knowledge_items", "knowledge_categories", "agent_availability"):
        made = [row["id"] for row in stored.get(table, []) if str(row["id"]) not in before[table]]
        if made:
            cast.run(f"delete from public.{table} where id::text = any (%s)", [made])
    for table, rows in kept.items():
        changed = {row["id"] for row in stored.get(table, [])}
        for old in rows:
            if old["id"] in changed:
                columns = ", ".join(f"{name} = old.{name}" for name in old if name != "id")
                cast.run(
                    f"update public.{table} as t set {columns}"
                    f" from jsonb_populate_record(null::public.{table}, %s) as old"
                    " where t.id = old.id",
                    [json.dumps(old)],
                )


def _rows(answer: httpx.Response) -> list[Row]:
    if not answer.is_success or not answer.content:
        return []
    body = answer.json()
    return body if isinstance(body, list) else [body]


def _said(answer: httpx.Response, rows: list[Row], tables: list[str]) -> str:
    said = [str(answer.status_code)]
    if not answer.is_success:
        error = answer.json()
        details = error.get("details") or ""
        said.append(details if re.fullmatch(r"[a-z_]+", details) else error["code"])
    elif answer.content:
        said.append("rows" if rows else "empty")
    return " ".join(said + (["stores", *tables] if tables else []))
