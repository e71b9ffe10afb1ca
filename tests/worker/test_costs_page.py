"""docs/costs.md: its figures are those that are measured."""

import json
import re
import runpy

import psycopg
import pytest
from romashka_worker.job import Answer
from romashka_worker.trace import Trace

from tests.support.stacks import ROOT, RunningStack
from tests.worker.turns import job

PAGE = (ROOT / "docs" / "costs.md").read_text()
SPEED = (ROOT / "docs" / "speed.md").read_text()


def figures(page: str, heading: str) -> dict[str, list[float]]:
    """Return the numbers of a table, by its first column."""
    rows = page.split(heading)[1].split("\n\n")[0].splitlines()[2:]
    cells = [[cell.strip().replace(",", "") for cell in row.split("|")[1:-1]] for row in rows]
    return {
        first: [float(cell) for cell in rest if cell.replace(".", "").isdigit()]
        for first, *rest in cells
    }


TOKENS = figures(PAGE, "\n| a turn | letters in |")


def test_the_page_says_what_a_model_is_sent_today() -> None:
    """Rules that grow cost with each turn; whoever lets them says so here."""
    measured = runpy.run_path(str(ROOT / "bench" / "turn_tokens.py"))["measure"]()

    assert list(TOKENS) == list(measured)
    for name, (sent, said) in measured.items():
        letters_in, tokens_in, letters_out, tokens_out = TOKENS[name]
        assert letters_in == pytest.approx(len(sent), rel=0.03), name
        assert letters_out == pytest.approx(len(said), rel=0.03), name
        assert 3 < letters_in / tokens_in < 5
        assert 3 < letters_out / tokens_out < 5


def test_a_thousand_turns_are_what_the_table_makes_of_them() -> None:
    """Most turns are the first ones of a conversation."""
    factors = re.search(r"a thousand turns = ([\d.]+) . \*P\* \+ ([\d.]+) . \*Q\*", PAGE)
    first, fifth, _ = TOKENS.values()

    assert factors is not None
    assert float(factors[1]) == pytest.approx((first[1] + fifth[1]) / 2 / 1000, abs=0.05)
    assert float(factors[2]) == pytest.approx(first[3] / 1000, abs=0.005)


def test_the_events_are_those_of_the_other_page() -> None:
    """One of them is measured; the other repeats it."""
    measured = figures(SPEED, "\n| | events | WAL, bytes |")
    told = figures(PAGE, "\n| a turn | events |")

    for kind, (events, of_a_thousand) in told.items():
        assert events == measured[kind][0]
        assert of_a_thousand == 1000 * events


def test_the_statement_of_the_page_runs(stack: RunningStack) -> None:
    """It reads the traces as they are written."""
    [statement] = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
    traces = []
    for tokens in (700, None):
        trace = Trace(job())
        trace.answer = Answer(action="reply", text="It is an inbox.", tokens_used=tokens)
        traces.append(json.dumps(trace.record()))
    with psycopg.connect(stack.admin_url()) as database:
        database.execute("set session_replication_role = replica")  # they have no jobs
        before = database.execute(statement.encode()).fetchone()
        database.execute(
            "insert into private.job_traces (job_id, attempt, trace)"
            " select gen_random_uuid(), 1, unnest(%s::jsonb[])",
            [traces],
        )
        after = database.execute(statement.encode()).fetchone()
        database.rollback()

    assert before is not None
    assert after is not None
    assert after[0] == before[0] + 2
    assert after[1] == (before[1] or 0) + 700
