"""`romashka eval`: what a dataset may be, the figures, and one small run through everything."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from romashka_worker.evaluation.ask import Asked
from romashka_worker.evaluation.dataset import (
    Base,
    DatasetError,
    Message,
    Question,
    read_dataset,
)
from romashka_worker.evaluation.findings import Run
from romashka_worker.evaluation.measures import (
    Figure,
    auroc,
    f1,
    macro_f1,
    precision,
    recall,
    share,
)
from romashka_worker.job import Answer
from romashka_worker.understanding import Signals

from tests.support.stacks import ROMASHKA

ARTICLES = [
    {"id": "a/hours", "title": "Opening hours", "body": "We are open from nine to six."},
    {"id": "a/parking", "title": "Parking", "body": "There are free places behind the house."},
    {"id": "a/pets", "title": "Pets", "body": "Dogs are welcome, on a lead."},
    {"id": "b/hours", "title": "Opening hours", "body": "The pool is open all night."},
]
QUESTIONS = [
    {"id": "1", "text": "Can I park my car?", "collection": "a", "article_id": "a/parking"},
    {"id": "2", "text": "May I bring my dog?", "collection": "a", "article_id": "a/pets"},
    {"id": "3", "text": "Who won the world cup in 1990?", "collection": "a", "article_id": None},
    {"id": "4", "text": "Is the pool open now?", "collection": "b", "article_id": "b/hours"},
]


def write(file: Path, rows: list[dict[str, Any]]) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Two teams; their articles lie beside the folder, as where several datasets share them."""
    write(
        tmp_path / "kb.jsonl",
        [row | {"collection": row["id"][0], "language": "en"} for row in ARTICLES],
    )
    write(tmp_path / "mine" / "questions.jsonl", [row | {"language": "en"} for row in QUESTIONS])
    return tmp_path / "mine"


def test_a_dataset_is_read_team_by_team(dataset: Path) -> None:
    """A question must find its own team's articles, and no others."""
    read = read_dataset(dataset)
    teams = {
        base: ([article.id for article in articles], [question.id for question in questions])
        for base, articles, questions in read.questions_by_base()
    }

    assert teams == {
        Base("a"): (["a/hours", "a/parking", "a/pets"], ["1", "2", "3"]),
        Base("b"): (["b/hours"], ["4"]),
    }
    assert read.missing == ["escalation.jsonl", "sentiment.jsonl", "multilingual.jsonl"]


def test_a_sample_is_the_same_each_time(dataset: Path) -> None:
    """Two runs of a sample can be compared."""
    first, again = (read_dataset(dataset, sample=2).questions for _ in range(2))

    assert first == again
    assert len(first) == 2


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "questions.jsonl, line 1: not JSON"),
        ("[]", "questions.jsonl, line 1: not a row"),
        ('{"id": "1"}', "questions.jsonl, line 1: not a row of this file; 'text'"),
    ],
)
def test_a_file_that_is_wrong_is_named(tmp_path: Path, content: str, problem: str) -> None:
    """Whoever makes a dataset of their own reads which line to mend."""
    (tmp_path / "questions.jsonl").write_text(content)

    with pytest.raises(DatasetError) as caught:
        read_dataset(tmp_path)
    assert problem in str(caught.value)


def test_the_figures_are_the_known_ones() -> None:
    """A wrong formula would look like a good result."""
    verdicts = [(True, True), (True, False), (False, True), (False, False), (True, True)]

    assert precision(verdicts) == recall(verdicts) == f1(verdicts) == pytest.approx(2 / 3)
    assert macro_f1([("a", "a"), ("a", "b"), ("b", "b")]) == pytest.approx(2 / 3)
    assert auroc([(True, 0.9), (False, 0.1), (True, 0.4), (False, 0.4)]) == pytest.approx(3.5 / 4)
    assert auroc([(True, 1.0), (True, 0.5)]) == 0.5
    half = share([True] * 50 + [False] * 50)
    assert half is not None
    assert (half.value, round(half.low, 3), round(half.high, 3)) == (0.5, 0.404, 0.596)


def _asked(article: str | None, confidence: float, second: Answer | None = None) -> Asked:
    """Return a question; a customer who is asked has two articles to choose from."""
    row = {"id": "1", "text": "x", "collection": "a", "article_id": article, "language": "en"}
    return Asked(
        question=Question.from_row(row),
        answer=Answer(action="reply", text="y", confidence=confidence),
        signals=Signals(),
        is_right=confidence > 0.7,
        seconds=0.1,
        likely=("one", "two"),
        likelihood=0.5,
        second=second,
        is_right_at_last=second is not None and second.action == "reply",
    )


def test_a_customer_who_chooses_is_answered_in_two_turns() -> None:
    """In one: .9 is right and .65 wrong. In two, of those who are asked, one more is answered."""
    reply, handover = Answer(action="reply", text="y"), Answer(action="escalate")
    settings = {"min_confidence": 0.6, "min_choice_confidence": 0.3, "escalation_topics": []}
    asked = [
        *(_asked("a", 0.9), _asked("a", 0.65)),
        *(_asked("a", 0.3, reply), _asked("a", 0.3, handover), _asked(None, 0.3, handover)),
    ]
    tables = {table.title: table for table in Run("knowledge", settings, asked).tables()}
    in_one = tables["Answers by the responder knowledge"].rows[2]
    in_two = tables["In at most two turns"].rows[2]

    assert [cell.value for cell in in_one if isinstance(cell, Figure)][1:3] == [0.25, 0.2]
    assert [cell.value for cell in in_two if isinstance(cell, Figure)] == [0.5, 0.2, 0.6, 0.25]


def test_where_nobody_has_said_the_language_nothing_is_said_of_it() -> None:
    """A dataset without `language` was told that none of its replies kept it."""
    settings = {"min_confidence": 0.6, "min_choice_confidence": 0.3, "escalation_topics": []}
    asked = _asked("a", 0.9)
    unsaid = replace(asked, question=replace(asked.question, language=None))
    messages = [
        Message("1", "Guten Tag", "", language=None),
        Message("2", "Hallo", "", language="de"),
    ]
    run = Run("knowledge", settings, [unsaid], languages=[(one, "de") for one in messages])
    tables = {table.title: table for table in run.tables()}
    languages = tables["Language, of one message by itself"].rows

    assert tables["Answers by the responder knowledge"].rows[0][-1] is None
    assert languages[0][:2] == ("all", 1)
    assert "?" not in [row[0] for row in languages]


def test_a_run_asks_through_everything_and_reports(dataset: Path) -> None:
    """What a team sees of its own questions before customers do."""
    command = [str(ROMASHKA), "eval", str(dataset), "--json"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    report = json.loads(run.stdout)
    questions = {row["id"]: row for row in report["questions"]}

    assert [questions[name]["is_right"] for name in "1234"] == [True, True, False, True]
    assert not questions["3"]["is_reply"]
    assert report["missing"] == ["escalation.jsonl", "sentiment.jsonl", "multilingual.jsonl"]
    assert report["tables"][0]["rows"][0]["article found"]["value"] == 1


def test_a_folder_that_is_none_is_one_clear_line(tmp_path: Path) -> None:
    """No stack is started for it, and no stack trace shown."""
    command = [str(ROMASHKA), "eval", str(tmp_path / "nowhere")]
    run = subprocess.run(command, capture_output=True, text=True, check=False)

    assert run.returncode == 1
    assert run.stderr == f"romashka: {tmp_path / 'nowhere'} is not a folder\n"
