"""docs/adoption.md says what becomes of a project of the original's: it is true of one."""

import re
from pathlib import Path

import pytest
from romashka_local.postgres import Cluster

from tests.adoption.calls import ACTORS, Call, read_calls
from tests.adoption.originals import Adopted, adopt
from tests.adoption.pages import pages_over
from tests.database.inbox import Inbox
from tests.end_to_end.cast import ROWS
from tests.support import databases

_PAGE = Path(__file__).parents[2] / "docs" / "adoption.md"
_ORIGINAL = "whole product"
_FATES = """
with found as (
  select relations.oid, relations.relname as name from pg_class as relations
  where relations.relnamespace = 'public'::regnamespace and relations.relkind in ('r', 'p')
), policies as (
  select polrelid as oid, string_agg(polname, ',') as names, bool_and(
    pg_get_expr(polqual, polrelid) like '%%is_staff%%' and polcmd = 'r'
  ) as are_for_staff_to_read
  from pg_policy group by polrelid
)
select found.name, case
    when found.name like '%%\\_before\\_romashka' then 'moved'
    when found.name = any (%s) or said.comment like 'The original''s, by Romashka: %%'
      then 'adopted'
    when policies.names ~ 'romashka: not for anonymous users' then 'closed'
    when open.open_to = 'everybody' then 'open'
    when policies.are_for_staff_to_read then 'kept'
    else 'as before'
  end as fate
from found
cross join obj_description(found.oid, 'pg_class') as said (comment)
left join policies on policies.oid = found.oid
left join private.open_tables() as open on open.id = found.oid
"""


@pytest.fixture(scope="module")
def whole(cluster: Cluster) -> Adopted:
    return adopt(cluster, _ORIGINAL)


@pytest.fixture(params=[0, 1], ids=["migrate", "migrate --with original"])
def fates(
    cluster: Cluster, whole: Adopted, request: pytest.FixtureRequest
) -> tuple[int, dict[str, str]]:
    """Which command it was, and what became of each table of the original's."""
    adopted = pages_over(cluster, _ORIGINAL) if request.param else whole
    with Inbox(cluster.url("postgres", adopted.template)) as inbox:
        fates = {row["name"]: row["fate"] for row in inbox.run(_FATES, [*ROWS])}
    aside = {name for name, fate in fates.items() if fate == "moved"}
    fates |= {name.removesuffix("_before_romashka"): "moved" for name in aside}
    return request.param, {name: fates[name] for name in whole.before}


def test_the_page_says_what_becomes_of_each_table(fates: tuple[int, dict[str, str]]) -> None:
    """An owner looks for the name of a table of theirs."""
    place, became = fates
    said = {
        name: cells[place]
        for names, *cells, _ in _table("Its tables")
        for name in re.findall(r"`(\w+)`", names)
    }

    assert said == became


def test_the_page_says_what_becomes_of_each_call() -> None:
    """Whoever keeps a frontend of then looks for what it calls."""
    said = _table("Its calls")

    assert said == [_row(call) for call in read_calls()]


@pytest.mark.parametrize("call", read_calls(), ids=str)
def test_what_is_said_of_a_call_is_what_it_comes_to(call: Call) -> None:
    """For whoever makes it in the original."""
    maker = call.by if call.by in ACTORS else "visitor"
    status = int(call.expected[maker].split()[0])
    is_answered = status < 400 or status == 406  # no row
    word = call.becomes.partition(":")[0]

    assert word in ("taken", "mapped", "ignored", "refused")
    assert is_answered == (word != "refused")
    assert word != "mapped" or call.stored or "rows" in call.expected[maker]
    assert call.by != "nobody" or word == "refused"


def test_a_trigger_function_that_was_changed_is_copied_again(
    cluster: Cluster, whole: Adopted
) -> None:
    """By the call that the page names."""
    department = "select department from public.conversations where id = %s"
    with databases.clone(cluster, whole.template) as url, Inbox(url) as inbox:
        inbox.run(
            "create or replace function public.route_conversation() returns trigger"
            " language plpgsql as"
            " 'begin new.department := ''moved''; return new; end'"
        )
        before = inbox.one(department, inbox.open(inbox.user()))
        inbox.run("select private.guard_foreign_triggers()")
        after = inbox.one(department, inbox.open(inbox.user()))

    assert before["department"] != "moved"
    assert after["department"] == "moved"


def _row(call: Call) -> list[str]:
    """Return what the page has of a call."""
    statuses = [_status(call.expected.get(actor)) for actor in ACTORS]
    without = {_status(said) for said in call.without.values()}
    path = call.path.partition("?")[0]
    return [
        call.part,
        call.name,
        f"`{call.method} {path}`",
        call.becomes,
        *statuses,
        " ".join(sorted(without)),
    ]


def _status(said: str | None) -> str:
    """Return the status, and whether no row was found or changed."""
    if said is None:
        return ""
    status, *rest = said.split()
    return status if rest and rest[0] != "empty" else f"{status} none"


def _table(heading: str) -> list[list[str]]:
    section = _PAGE.read_text("utf-8").split(f"\n### {heading}\n")[1]
    section = re.split(r"\n##", section)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line[1:-1].split("|")] for line in lines[2:]]
