"""What operators see of a worker: its logs, its metrics, its probes, and the traces of its turns.

One worker answers two turns, the second one with a model that fails, with words in them that must
turn up nowhere; then its project goes away and comes back. The tests look at what that left.
"""

import asyncio
import os
import re
import signal
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.customers import customer_of, new_identifier, service_of
from tests.support.proxy import open_proxy
from tests.support.stacks import ROMASHKA, RunningStack
from tests.support.waiting import becomes
from tests.worker.provider import analysis, answers, open_provider
from tests.worker.worker_process import WorkerProcess, run_worker

pytestmark = pytest.mark.timeout(300)  # three programs start one after the other, under load too

ASKED, REPLIED, GARBLED = "asked-in-private", "replied-in-private", "garbled-in-private"
API_KEY = "sk-key-in-private"


@dataclass(frozen=True, slots=True)
class Seen:
    """What the worker has left behind."""

    events: list[dict[str, Any]]
    output: str
    metrics: str
    service_key: str
    job: dict[str, Any]
    trace: dict[str, Any]
    readiness: list[int]
    replay: str
    asked: dict[str, Any]
    messages: list[int]


@pytest.fixture(scope="module")
def seen(stack: RunningStack) -> Seen:
    return asyncio.run(observe(stack))


async def observe(stack: RunningStack) -> Seen:
    """Have a worker answer two turns, and look everywhere."""
    settings = {
        "OPENAI_API_KEY": API_KEY,
        "OPENAI_LOG": "debug",
        "ROMASHKA_LOG_LEVEL": "debug",
        "ROMASHKA_HTTP_PORT": "0",
        "ROMASHKA_CONCURRENCY": "7",
    }
    async with open_provider() as provider, open_proxy(stack.api_url) as network:
        settings["OPENAI_BASE_URL"] = provider.url
        provider.will(answers(analysis(reply=REPLIED)), answers(f"{GARBLED} {{"))
        async with (
            run_worker(stack, network.url, **settings) as worker,
            customer_of(stack) as client,
        ):
            conversation = await client.conversations.create(new_identifier())
            await conversation.ask(f"What is Romashka? {ASKED}", timeout_seconds=60)
            await conversation.ask(f"Which wine goes with octopus? {ASKED}", timeout_seconds=60)
            jobs = await becomes(lambda: two_jobs(worker, conversation.id), 60)
            async with service_of(stack) as service:
                job = (await becomes(lambda: traced(service, jobs[0]), 30))[0]
            before = len(await conversation.messages())
            provider.will(answers(analysis(reply="another reply")))
            replay = await run_replay(jobs[0], stack, settings)
            messages = [before, len(await conversation.messages())]
            url = f"http://127.0.0.1:{worker.logged('worker.started')[0]['http_port']}"
            async with httpx.AsyncClient(base_url=url) as probes:
                metrics = (await probes.get("/metrics")).text
                readiness = [await becomes(lambda: other_status(probes, 503), 30)]
                network.refuses = b""
                network.cut()
                readiness.append(await becomes(lambda: other_status(probes, readiness[-1]), 30))
                readiness.append((await probes.get("/healthz")).status_code)
                network.refuses = None
                readiness.append(await becomes(lambda: other_status(probes, 503), 30))
            await worker.end(signal.SIGTERM)
            assert worker.process.stderr is not None
            output = worker.output + (await worker.process.stderr.read()).decode()
    return Seen(
        worker.events,
        output,
        metrics,
        stack.service_role_key,
        {"id": jobs[0], "conversation_id": conversation.id},
        job["traces"][0],
        readiness,
        replay,
        provider.requests[-1],
        messages,
    )


def two_jobs(worker: WorkerProcess, conversation_id: str) -> list[str]:
    lines = worker.logged("job.settled", conversation_id=conversation_id)
    settled = [event["job_id"] for event in lines]
    return settled if len(settled) == 2 else []


async def traced(service: Any, job_id: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = await service.call("get_ai_response_trace", job_id=job_id)
    return rows if rows[0]["traces"] else []


async def other_status(probes: httpx.AsyncClient, than: int) -> int:
    now = (await probes.get("/readyz")).status_code
    return now if now != than else 0


async def run_replay(job_id: str, stack: RunningStack, settings: dict[str, str]) -> str:
    """Return what `romashka replay` prints, on a wide terminal."""
    environment = os.environ | settings | {"ROMASHKA_TRACE_PROMPTS": "true", "COLUMNS": "200"}
    environment |= {"SUPABASE_URL": stack.api_url, "ROMASHKA_EMBEDDINGS": "off"}
    environment["SUPABASE_SERVICE_ROLE_KEY"] = stack.service_role_key
    process = await asyncio.create_subprocess_exec(
        *(ROMASHKA, "replay", job_id), env=environment, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    return output.decode()


def test_every_line_of_a_turn_names_it_and_the_last_one_its_outcome(seen: Seen) -> None:
    """Whoever looks for one customer's turn finds all of it, and nothing else."""
    of_turns = [event for event in seen.events if "job_id" in event]
    settled = [event for event in of_turns if event["event"] == "job.settled"]

    assert all({"conversation_id", "attempt"} <= event.keys() for event in of_turns)
    assert "responder.failed" in [event["event"] for event in of_turns]
    assert [(event["outcome"], event["reason"]) for event in settled] == [
        ("replied", None),
        ("escalated", "ai_failure"),
    ]


@pytest.mark.parametrize("words", [ASKED, REPLIED, GARBLED, API_KEY, "service key"])
def test_no_line_says_what_anybody_wrote_or_a_key(seen: Seen, words: str) -> None:
    """Logs go to many places: at debug level too, and from the libraries, none says a word."""
    assert (seen.service_key if words == "service key" else words) not in seen.output


def test_the_metrics_count_turns_and_measure_their_stages(seen: Seen) -> None:
    """Alerts are built on these names."""
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(seen.metrics)
        for sample in family.samples
    }

    assert samples["romashka_turns_total", "replied", ""] == 1
    assert samples["romashka_turns_total", "escalated", "ai_failure"] == 1
    for stage in ("wait", "search", "settle", "total"):
        assert samples["romashka_stage_seconds_count", stage] == 2
    assert samples["romashka_stage_seconds_count", "first_text"] == 1
    assert samples["romashka_model_calls_total", "primary", "ok"] == 1
    assert samples["romashka_claims_total", "turns", "some"] == 2
    assert samples["romashka_slots",] == 7


def test_a_worker_that_cannot_claim_is_alive_but_not_ready(seen: Seen) -> None:
    """A restart would not help it; it should only get no blame and no traffic."""
    assert seen.readiness == [200, 503, 200, 200]


def test_a_trace_says_what_a_turn_saw_and_decided_and_took_without_its_words(seen: Seen) -> None:
    """`Why did it say that?` has an answer the next day; the customer's words stay in messages."""
    trace = seen.trace

    assert trace["outcome"] == "replied"
    assert trace["decided"]["action"] == "reply"
    assert trace["decided"]["model"] == "model-of-the-test"
    assert set(trace["decided"]["knowledge_sources"]) < set(trace["knowledge"])
    assert trace["history"] == 1
    assert {"wait", "search", "draft", "first_text", "settle", "total"} <= set(
        trace["milliseconds"]
    )
    for words in (ASKED, REPLIED, API_KEY):
        assert words not in str(trace)


def test_a_replay_shows_both_answers_and_changes_nothing(seen: Seen) -> None:
    """A new model is tried on a turn that went wrong, and its customer hears nothing of it."""
    assert REPLIED in seen.replay
    assert "another reply" in seen.replay
    assert seen.job["conversation_id"] in seen.replay
    assert ASKED in seen.replay, "the prompt was asked for"
    assert re.search(r"^knowledge +What is Romashka\? 0\.", seen.replay, re.MULTILINE), seen.replay
    assert ASKED in str(seen.asked)
    assert "octopus" not in str(seen.asked), "what came after the turn is not part of it"
    assert seen.messages[0] == seen.messages[1]
