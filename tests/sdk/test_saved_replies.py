"""What the team answers often, through the SDK, and how it is filled in."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from romashka import Conflict, InvalidRequest, NotFound, PermissionDenied, render_saved_reply

from tests.support.customers import customer_of, staff_of
from tests.support.stacks import RunningStack

CASES = json.loads((Path(__file__).parent / "saved_reply_cases.json").read_text())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["content"])
def test_what_is_known_is_filled_in_and_the_rest_is_seen(case: dict[str, Any]) -> None:
    """The cases are those of the TypeScript SDK: one text, whoever sends it."""
    rendered = render_saved_reply(
        case["content"], customer=case.get("customer"), agent=case.get("agent")
    )

    assert rendered.text == case["text"]
    assert list(rendered.missing) == case["missing"]


async def test_the_team_has_them_together(stack: RunningStack) -> None:
    """One agent writes it, the next one sends it."""
    word = f"w{uuid4()}"
    async with staff_of(stack) as one, staff_of(stack) as other:
        english = await one.saved_replies.add(word, "We are here.", title="Hours", language="en")
        german = await one.saved_replies.add(word, "Wir sind da.", language="de")
        every = await one.saved_replies.add(word, "👋")
        with pytest.raises(Conflict):
            await other.saved_replies.add(word.upper(), "Again", language="en")
        changed = await other.saved_replies.update(replace(german, content="Ja.", title="Zeiten"))
        listed = [reply for reply in await other.saved_replies.list() if reply.shortcut == word]
        of_english = [
            reply
            for reply in await other.saved_replies.list(language="en")
            if reply.shortcut == word
        ]
        odd = await other.saved_replies.list(language='x",id.not.is.null,language.eq."')
        await other.saved_replies.remove(english.id)
        with pytest.raises(NotFound):
            await one.saved_replies.update(english)

    assert {reply.id for reply in listed} == {english.id, german.id, every.id}
    assert {reply.id for reply in of_english} == {english.id, every.id}
    assert all(reply.language is None for reply in odd)
    assert (english.title, every.title, every.language) == ("Hours", word, None)
    assert (changed.content, changed.title) == ("Ja.", "Zeiten")
    assert changed.updated_at > german.updated_at


@pytest.mark.parametrize(
    ("shortcut", "content", "language"),
    [
        ("two words", "x", None),
        ("/hours", "x", None),
        ("{{x}}", "x", None),
        ("", "x", None),
        ("x" * 51, "x", None),
        ("hours", "", None),
        ("hours", " ", None),
        ("hours", "x" * 20_001, None),
        ("hours", "x", "English"),
        ("hours", "x\0", None),
    ],
)
async def test_what_could_not_be_typed_or_sent_is_refused(
    stack: RunningStack, shortcut: str, content: str, language: str | None
) -> None:
    """It would be found out when a customer waits."""
    async with staff_of(stack) as staff:
        with pytest.raises(InvalidRequest):
            await staff.saved_replies.add(shortcut, content, title="x", language=language)


async def test_customers_have_none(stack: RunningStack) -> None:
    """What the team would say is the team's."""
    async with customer_of(stack) as customer:
        with pytest.raises(PermissionDenied):
            await customer.saved_replies.add("x", "x")
        assert await customer.saved_replies.list() == []
