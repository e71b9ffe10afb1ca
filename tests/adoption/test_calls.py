"""Calls of frontends that were written for the original, and what they come to for whom."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.adoption.calls import Call, Outcome, filled, read_calls, replay
from tests.adoption.originals import install_original
from tests.adoption.pages import add_pages, cast_of_pages
from tests.end_to_end.cast import Cast, cast_on
from tests.support.stacks import RunningStack, run_stack

_CALLS = read_calls()
_ITEM = "insert into public.knowledge_items (title, content) values ('Hours', 'Nine to five.')"


@pytest.fixture(scope="module")
def without_pages(stack: RunningStack) -> Iterator[Cast]:
    """The people of a stack as it is installed."""
    with cast_on(stack) as cast:
        cast.run(_ITEM)
        try:
            yield cast
        finally:
            cast.run("delete from public.knowledge_items where title = 'Hours'")


@pytest.fixture(scope="module")
def adopted_cast() -> Iterator[Cast]:
    """The people of a stack over the original's whole database."""
    with run_stack("--ephemeral", "--no-migrate") as stack:
        install_original(stack.db_url, "whole product")
        add_pages(stack.db_url)
        with cast_of_pages(stack) as cast:
            cast.run("insert into public.daily_metrics (date) values (current_date)")
            yield cast


@pytest.mark.parametrize("call", _CALLS, ids=str)
def test_a_call_comes_to_what_it_should(pages_cast: Cast, call: Call) -> None:
    """It is taken, mapped, ignored or refused, and stores what it says and no more."""
    outcomes = {actor: replay(pages_cast, call, actor) for actor in call.expected}

    assert {actor: outcome.said for actor, outcome in outcomes.items()} == call.expected
    for outcome in outcomes.values():
        _check_rows(call, outcome)
    for actor in ("stranger", "anon"):
        _check_it_tells_nothing(pages_cast, call, outcomes[actor])


@pytest.mark.parametrize("call", _CALLS, ids=str)
def test_it_does_so_without_the_pages(without_pages: Cast, call: Call) -> None:
    """The widget and the inbox need no more than what is always installed."""
    expected = call.without or call.expected
    outcomes = {actor: replay(without_pages, call, actor) for actor in expected}

    assert {actor: outcome.said for actor, outcome in outcomes.items()} == expected
    for outcome in outcomes.values():
        _check_rows(call, outcome)


@pytest.mark.parametrize("call", _CALLS, ids=str)
def test_it_does_so_over_the_original(adopted_cast: Cast, call: Call) -> None:
    """With its rows, and its triggers, which write elsewhere besides."""
    outcomes = {actor: replay(adopted_cast, call, actor) for actor in call.expected}

    for actor, expected in call.expected.items():
        answered, _, stores = expected.partition(" stores ")
        assert outcomes[actor].said.partition(" stores ")[0] == answered, actor
        assert outcomes[actor].stored.keys() >= set(stores.split()), actor
    for actor in ("stranger", "anon"):
        _check_it_tells_nothing(adopted_cast, call, outcomes[actor])


def _check_rows(call: Call, outcome: Outcome) -> None:
    """What is returned and stored has the values that the fixture names."""
    if outcome.rows:
        assert _part(outcome.rows[0], call.returned) == filled(call.returned, outcome.values)
    for table, wanted in call.stored.items():
        if rows := outcome.stored.get(table):
            values = filled(wanted, outcome.values)
            assert [_part(row, wanted) for row in rows] == [values], table


def _part(row: dict[str, Any], names: dict[str, Any]) -> dict[str, Any]:
    return {name: row.get(name) for name in names}


def _check_it_tells_nothing(cast: Cast, call: Call, outcome: Outcome) -> None:
    """Nothing of the visitor's is in an answer to somebody else, beside what was asked with."""
    asked = filled([call.path, call.body], outcome.values)
    visitor = cast.people["guest"]
    theirs = {visitor.id, visitor.customer, visitor.conversation, visitor.message}
    theirs |= {"A question.", "An answer.", "Rude."}
    theirs |= {outcome.values[name] for name in ("conversation", "answer", "job")}
    told = {each for each in theirs if each in outcome.answer.text and each not in str(asked)}
    assert told == set()
