"""Reply or hand over: each rule by itself, with its setting."""

from dataclasses import replace
from typing import Any

import pytest
from romashka_worker.policy import decide
from romashka_worker.responders import Analysis
from romashka_worker.understanding import Signals, Understanding

from tests.worker.turns import job

SETTINGS: dict[str, Any] = {
    "min_confidence": 0.6,
    "escalation_topics": [
        "human_requested",
        "legal",
        "safety",
        "fraud_or_loss",
        "refund",
        "cancel",
        "complaint",
    ],
    "escalation_probability": 0.5,
    "max_negative_sentiment": 0.95,
    "max_failed_replies": 2,
}
SURE = Analysis(confidence=1)


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        ("human_requested", "human_requested"),
        ("legal", "legal"),
        ("safety", "safety"),
        ("fraud_or_loss", "safety"),
        ("refund", "out_of_scope"),
        ("cancel", "out_of_scope"),
        ("complaint", "negative_sentiment"),
    ],
)
def test_a_topic_for_humans_escalates_until_the_team_takes_it_off(topic: str, reason: str) -> None:
    """Whatever the responder thinks of its reply, and before it is asked."""
    signals = Signals(**{topic: 0.5})
    others = [name for name in SETTINGS["escalation_topics"] if name != topic]

    assert decide(None, signals, SETTINGS).reason == reason
    assert decide(SURE, signals, SETTINGS).reason == reason
    assert decide(SURE, signals, SETTINGS | {"escalation_probability": 0.51}).is_reply
    assert decide(SURE, signals, SETTINGS | {"escalation_topics": others}).is_reply
    assert decide(SURE, signals, SETTINGS | {"escalation_topics": []}).is_reply


@pytest.mark.parametrize("topic", ["refund", "cancel"])
def test_a_question_about_the_policy_is_not_the_wish(topic: str) -> None:
    """A sure article answers it; else it goes to a human as any other question does."""
    signals = Signals(**{topic: 0.9}, asks_about=0.8)

    assert decide(None, signals, SETTINGS).is_reply
    assert decide(SURE, signals, SETTINGS).is_reply
    assert decide(replace(SURE, confidence=0.5), signals, SETTINGS).reason == "low_confidence"
    assert not decide(SURE, replace(signals, asks_about=0.79), SETTINGS).is_reply
    assert not decide(SURE, replace(signals, legal=0.5), SETTINGS).is_reply


def test_topics_that_are_not_sure_add_up() -> None:
    """A message that is either a threat or a complaint is for a human in both cases."""
    signals = Signals(legal=0.3, complaint=0.25)

    assert decide(None, signals, SETTINGS).reason == "legal"
    assert decide(None, Signals(legal=0.3), SETTINGS).is_reply


def test_replies_that_fail_escalate_from_the_limit_on() -> None:
    """Nobody wants the third answer of a machine that did not understand twice."""
    assert decide(SURE, Signals(failed_replies=1), SETTINGS).is_reply
    assert decide(None, Signals(failed_replies=2), SETTINGS).reason == "repeated_failure"
    assert decide(SURE, Signals(failed_replies=9), SETTINGS | {"max_failed_replies": None}).is_reply


def test_anger_escalates_only_when_it_is_strong() -> None:
    """A customer who says that something is broken is not angry yet."""
    angry = Signals(negative_sentiment=0.96)

    assert decide(SURE, Signals(negative_sentiment=0.9), SETTINGS).is_reply
    assert decide(None, angry, SETTINGS).reason == "negative_sentiment"
    assert decide(SURE, angry, SETTINGS | {"max_negative_sentiment": None}).is_reply


@pytest.mark.parametrize(
    ("analysis", "reason"),
    [
        (Analysis(confidence=0.6), None),
        (Analysis(confidence=0.59), "low_confidence"),
        (Analysis(confidence=0.59, reason="out_of_scope"), "out_of_scope"),
        (Analysis(confidence=1, needs_human=True, reason="legal"), "legal"),
        (Analysis(confidence=1, needs_human=True), "low_confidence"),
    ],
)
def test_a_draft_is_sent_or_handed_over(analysis: Analysis, reason: str | None) -> None:
    """A weak answer must reach a human instead of the customer, and say why."""
    decision = decide(analysis, Signals(), SETTINGS)

    assert decision.reason == reason
    assert decision.is_reply == (reason is None)


def test_what_a_human_gave_back_is_handed_over_by_confidence_alone() -> None:
    """It would go round in circles: for the same words it was escalated before."""
    returned = Signals(is_returned=True)

    assert decide(Analysis(confidence=1, needs_human=True), returned, SETTINGS).is_reply
    assert decide(Analysis(confidence=0.1), returned, SETTINGS).reason == "low_confidence"
    asks_again = Signals(is_returned=True, human_requested=1)
    assert decide(None, asks_again, SETTINGS).reason == "human_requested"


@pytest.mark.parametrize(
    ("written_since", "reason"), [("", None), ("I want to talk to a human", "human_requested")]
)
async def test_guards_look_only_at_what_came_after_a_return(
    written_since: str, reason: str | None
) -> None:
    """Of the turn that a return opens a human has seen the rest."""
    context = {"written_since_return": written_since}
    returned = job(user_message="I want to talk to a human. Your hours?", context=context)
    signals = await Understanding().read(returned)

    assert decide(None, signals, SETTINGS).reason == reason
