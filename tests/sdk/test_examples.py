"""Every example in the SDK's documentation runs as it stands there."""

import asyncio
import hashlib
import hmac
import inspect
import re
import textwrap
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
import romashka

from tests.support.answering import answering
from tests.support.customers import customer_of, new_agent, new_identifier
from tests.support.stacks import ROOT, RunningStack

# What has none: made by the SDK alone, or shown where it is used.
WITHOUT = re.compile(r".*\.(from_row|put|refuse|tell_connection|close|is_live|kind)")


def documented() -> Iterator[tuple[str, Any]]:
    """Yield the public classes and their methods, by name."""
    for name in romashka.__all__:
        thing = getattr(romashka, name)
        if not inspect.isclass(thing):
            continue
        yield name, thing
        for attribute, member in vars(thing).items():
            function = getattr(member, "__func__", member)
            is_forwarded = name == "Romashka" and hasattr(function, "__wrapped__")
            if callable(function) and not attribute.startswith("_") and not is_forwarded:
                yield f"{name}.{attribute}", function


def example_of(thing: Any) -> str | None:
    found = re.search(r"^ *Example:\n((?: +.*\n|\n)+)", (thing.__doc__ or "") + "\n", re.MULTILINE)
    return textwrap.dedent(found[1]).strip() if found else None


EXAMPLES = {name: code for name, thing in documented() if (code := example_of(thing))}


def test_every_method_shows_how_it_is_used() -> None:
    """An example is what people read first, and often all that they read."""
    methods = {name for name, _ in documented() if "." in name and not WITHOUT.fullmatch(name)}

    assert methods <= EXAMPLES.keys()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def names(stack: RunningStack) -> AsyncIterator[dict[str, Any]]:
    """What the examples take for granted."""
    email, password = new_agent(stack)
    async with (
        romashka.AsyncRomashka.connect(stack.api_url, stack.anon_key) as staff,
        answering(stack),
    ):
        await staff.sign_in(email, password)
        async with romashka.AsyncRomashka.connect(
            stack.api_url, stack.service_role_key
        ) as operator:
            secret = await operator.identity.rotate_secret()
        yield {
            **{name: getattr(romashka, name) for name in romashka.__all__},
            "url": stack.api_url,
            "anon_key": stack.anon_key,
            "service_role_key": stack.service_role_key,
            "email": email,
            "password": password,
            "user_id": "user-7",
            "signature": hmac.new(secret.encode(), b"user-7", hashlib.sha256).hexdigest(),
            "staff": staff,
            "staff_id": (await staff.team.list())[-1].id,
            "print": lambda *_, **__: None,
        }


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", EXAMPLES)
async def test_the_example_works(stack: RunningStack, names: dict[str, Any], name: str) -> None:
    """An example that does not run teaches what is not so."""
    code = EXAMPLES[name]
    if "await " not in code and "async " not in code:
        await asyncio.to_thread(exec, code, dict(names))
        return
    body = textwrap.indent(code, "    ")
    async with customer_of(stack) as client:
        space = names | {
            "client": client,
            "conversation": await client.conversations.create(new_identifier(), message="Hello!"),
        }
        exec(f"async def example():\n{body}", space)  # noqa: S102 -- our own documentation
        async with asyncio.timeout(50):
            await space["example"]()


@pytest.mark.asyncio(loop_scope="module")
async def test_the_page_chats_in_twenty_lines(names: dict[str, Any]) -> None:
    """From the installation to an answer: the page that a newcomer reads."""
    page = (ROOT / "docs" / "sdk-python.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    printed: list[object] = []
    space = {"print": lambda *values, **_: printed.extend(values)}
    exec(code, space)  # noqa: S102 -- our own documentation
    async with asyncio.timeout(50):
        await space["main"](names["url"], names["anon_key"])

    assert "ai" in printed  # whose message ends the example
    assert len(code.strip().splitlines()) <= 20
