"""A roll-out in either order: the old worker with the new schema, and the new one with the old."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from romashka import AsyncRomashka, Conversation
from romashka_worker.schema import SCHEMA_VERSION

from tests.support.customers import customer_of, new_identifier, service_of
from tests.support.stacks import RunningStack, be_patient, run_stack
from tests.support.waiting import becomes
from tests.upgrade.editions import EDITIONS, extract
from tests.worker.worker_process import WorkerProcess, run_worker, start_worker

QUESTION = "What is Romashka?"
BURST = ("Which channels are supported?", "E-mail?", "And WhatsApp too?")


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The newest edition that landed before this one."""
    folder = tmp_path_factory.mktemp("old")
    extract(EDITIONS[-1].commit, folder, "worker", "sdk/python", "supabase")
    # So that its log tells that it was this code which ran.
    (folder / "worker" / "romashka_worker" / "__init__.py").write_text(
        """print('{"event": "old.code"}', flush=True)\n"""
    )
    return folder


@pytest.fixture(scope="module")
def old_stack(old: Path) -> Iterator[RunningStack]:
    """A project that has the old edition's migrations and seed."""
    with run_stack("--ephemeral", cwd=old) as running:
        be_patient(running)
        yield running


async def _open(client: AsyncRomashka) -> Conversation:
    """Open a conversation as a frontend does that knows no column of this edition."""
    opened = await client.call("create_conversation", customer_identifier=new_identifier())
    rows = client.supabase.table("conversations").select("*").eq("id", opened)
    return Conversation.from_row((await rows.single().execute()).data, client)


async def _is_answered(stack: RunningStack, worker: WorkerProcess) -> None:
    """Ask one question, then several at once; wait until every turn has its answer."""
    async with customer_of(stack) as client:
        conversation = await _open(client)
        first = await conversation.ask(QUESTION, timeout_seconds=60)
        assert first.kind == "reply"
        await asyncio.gather(*(conversation.send(text) for text in BURST))
        await becomes(lambda: _all_is_answered(conversation), 60)
        said = await conversation.messages()
    # One that the next of the burst made needless answers nobody.
    settled = [
        line
        for line in worker.logged("job.settled", conversation_id=conversation.id)
        if line["outcome"] != "superseded"
    ]

    assert [message.sender_type for message in said].count("user") == 1 + len(BURST)
    assert len(settled) == len([message for message in said if message.kind != "message"])


async def _all_is_answered(conversation: Conversation) -> bool:
    return (await conversation.messages())[-1].kind != "message"


async def test_the_old_worker_answers_on_the_new_schema(
    patient_stack: RunningStack, old: Path
) -> None:
    """`romashka migrate` comes first in an upgrade: until they are replaced, they must go on."""
    path = f"{old / 'worker'}:{old / 'sdk' / 'python'}"
    async with run_worker(patient_stack, PYTHONPATH=path) as worker:
        assert worker.logged("old.code")
        await _is_answered(patient_stack, worker)


async def test_the_new_worker_answers_on_the_old_schema_or_says_what_to_run(
    old_stack: RunningStack,
) -> None:
    """A roll-out in the wrong order stops before it fails with each turn."""
    async with service_of(old_stack) as service:
        found = (await service.call("get_romashka_installation"))["schema_version"]
    if found >= SCHEMA_VERSION:
        async with run_worker(old_stack) as worker:
            await _is_answered(old_stack, worker)
        return
    process = await start_worker(
        {
            "SUPABASE_URL": old_stack.api_url,
            "SUPABASE_SERVICE_ROLE_KEY": old_stack.service_role_key,
        }
    )
    _, said = await process.communicate()

    assert process.returncode == 2
    assert f"schema version {found}, and {SCHEMA_VERSION} is needed" in said.decode()
    assert "romashka migrate --db-url" in said.decode()
