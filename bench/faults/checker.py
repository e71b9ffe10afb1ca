"""Decides what of the promises held, from the rows, the subscribers' logs and what channels got.

Shares no code with the product, and none with the rest of the harness: it reads JSON and SQL.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

ANSWER_SECONDS = 6.0
SEEN_SECONDS = 1.0
AFTERMATH_SECONDS = 12.0
"""So long after a fault of the network or of the project its clients may still be reconnecting."""
DOUBT_SECONDS = 2.0
"""Within this a copy that went out is settled, where no fault comes between."""

Row = dict[str, Any]
Span = tuple[float, float]
Held = tuple[Row, Row | None]
"""What staff did that took a conversation, and what gave it back."""


@dataclass(slots=True)
class Rows:
    """What is in the database at the end."""

    messages: list[Row]
    jobs: list[Row]
    deliveries: list[Row]


@dataclass(slots=True)
class Report:
    """What was looked at, and what was wrong with it."""

    counts: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)

    def hold(self, promise: str, is_kept: bool, otherwise: str) -> None:
        """Count one case of a promise; note it where the promise was not kept."""
        self.counts[promise] += 1
        if not is_kept:
            self.violations.append(f"{promise}: {otherwise}")

    def text(self) -> str:
        """Return the report as people read it."""
        lines = [f"{count:7}  {what}" for what, count in sorted(self.counts.items())]
        lines += [f"{value:7.2f}  {what}" for what, value in self.figures.items()]
        lines += [f"{len(self.violations):7}  violations", *self.violations]
        return "\n".join(lines)


def check_run(database_url: str, folder: Path) -> Report:
    """Keep in the folder of a run what is in its database, and decide."""
    rows = read_rows(database_url)
    (folder / "rows.json").write_text(json.dumps(asdict(rows)))
    return check_folder(folder)


def check_folder(folder: Path) -> Report:
    """Decide by what a run left in its folder."""
    rows = Rows(**json.loads((folder / "rows.json").read_text()))
    history = (folder / "history.jsonl").read_text().splitlines()
    return check(rows, [json.loads(line) for line in history])


def read_rows(database_url: str) -> Rows:
    """Return what is stored, with times as seconds since 1970."""
    with psycopg.connect(database_url, row_factory=dict_row) as database:
        return Rows(
            *(database.execute(query).fetchall() for query in (_MESSAGES, _JOBS, _DELIVERIES))
        )


_MESSAGES = """
select id::text, conversation_id::text as conversation, sender_type as sender, position,
  turn_id::text as turn, external_message_id as external, delivery_status,
  metadata ->> 'kind' as kind, extract(epoch from created_at)::float as at
from public.messages order by conversation_id, position
"""
_JOBS = """
select turn_id::text as turn, message_id::text as newest, conversation_id::text as conversation,
  status, outcome
from public.ai_response_queue
"""
_DELIVERIES = """
select id::text, message_id::text as message, conversation_id::text as conversation, position,
  status, error_code
from public.channel_deliveries where kind = 'message'
"""


def check(rows: Rows, history: Iterable[Row]) -> Report:
    """Decide each promise."""
    events: dict[str, list[Row]] = defaultdict(list)
    for event in history:
        events[event["kind"]].append(event)
    run = _Run(rows, events)
    report = Report()
    for decide in (
        _nothing_is_lost,
        _places_are_right,
        _one_reply_a_turn,
        _no_silence,
        _humans_win,
        _subscribers_see_all,
        _channels_get_all,
        _nobody_reads_others,
    ):
        decide(run, report)
    _describe(run, report)
    return report


class _Run:
    """The rows and events, by what they are looked up by."""

    def __init__(self, rows: Rows, events: dict[str, list[Row]]) -> None:
        self.rows, self.events = rows, events
        self.by_id = {row["id"]: row for row in rows.messages}
        self.conversations: dict[str, list[Row]] = defaultdict(list)
        for row in sorted(rows.messages, key=lambda row: row["position"]):
            self.conversations[row["conversation"]].append(row)
        self.jobs: dict[str, list[Row]] = defaultdict(list)
        for job in rows.jobs:
            self.jobs[job["conversation"]].append(job)
        self.staff: dict[str, list[Row]] = defaultdict(list)
        for event in events["staff"]:
            self.staff[event["conversation"]].append(event)
        self.outages = _joined((event["begin"], event["end"]) for event in events["outage"])
        self.locks: dict[str, list[Span]] = defaultdict(list)
        for event in events["locked"]:
            self.locks[event["conversation"]].append((event["begin"], event["end"]))

    def held(self, conversation: str) -> list[Held]:
        """Return when staff had a conversation: from an action of theirs to what ended that."""
        spans: list[Held] = []
        for event in sorted(self.staff[conversation], key=lambda event: event["begin"]):
            is_open = bool(spans) and spans[-1][1] is None
            if event["action"] in ("take_over", "write") and not is_open:
                spans.append((event, None))
            elif event["action"] in ("return", "resolve") and is_open:
                spans[-1] = (spans[-1][0], event)
        return spans

    def time_without_outages(self, begin: float, end: float, conversation: str) -> float:
        """Return how much of a time the database took writes, and this conversation too."""
        spans = _joined([*self.outages, *self.locks[conversation]])
        return end - begin - sum(_overlap(span, (begin, end)) for span in spans)


# ---- the promises


def _nothing_is_lost(run: _Run, report: Report) -> None:
    """What was accepted is stored, once; in the order in which its customer wrote."""
    stored = Counter(row["id"] for row in run.rows.messages)
    stored += Counter(row["external"] for row in run.rows.messages if row["external"])
    places = {row["external"]: row for row in run.rows.messages if row["external"]} | run.by_id
    written: dict[str, list[Row]] = defaultdict(list)
    for event in run.events["accepted"]:
        message = event["message"]
        report.hold(
            "4 accepted messages are stored once",
            stored[message] == 1,
            f"{event['via']} {message} is stored {stored[message]} times",
        )
        if message in places:
            written[event.get("conversation") or event["customer"]].append(places[message])
    for customer, messages in written.items():
        for one, next_one in pairwise(messages):
            report.hold(
                "4 messages keep their customer's order",
                one["conversation"] != next_one["conversation"]
                or one["position"] < next_one["position"],
                f"{customer}: {next_one['id']} stands before {one['id']}",
            )
    for event in run.events["sending"]:
        report.hold(
            "4 no message is stored twice",
            stored[event["message"]] <= 1,
            f"{event['message']} is stored {stored[event['message']]} times",
        )


def _places_are_right(run: _Run, report: Report) -> None:
    """Positions have no gap, and follow the time."""
    for conversation, messages in run.conversations.items():
        report.hold(
            "4 positions have no gap",
            [row["position"] for row in messages] == list(range(1, len(messages) + 1)),
            f"{conversation} has {[row['position'] for row in messages]}",
        )
        report.hold(
            "4 positions follow the time",
            all(one["at"] <= next_one["at"] for one, next_one in pairwise(messages)),
            f"{conversation} goes back in time",
        )


def _one_reply_a_turn(run: _Run, report: Report) -> None:
    """A turn has one automatic answer at most, and all turns have ended."""
    answers = Counter(row["turn"] for row in run.rows.messages if row["sender"] == "ai")
    for turn, count in answers.items():
        first = run.by_id.get(turn)
        report.hold("2 one answer a turn", count == 1, f"turn {turn} has {count} answers")
        report.hold(
            "2 an answer follows what it answers",
            first is not None
            and first["sender"] == "user"
            and all(
                first["conversation"] == row["conversation"] and first["position"] < row["position"]
                for row in run.rows.messages
                if row["turn"] == turn
            ),
            f"turn {turn} is answered in a wrong place",
        )
    for job in run.rows.jobs:
        report.hold(
            "2 every turn has ended",
            job["status"] in ("completed", "failed"),
            f"turn {job['turn']} is still {job['status']}",
        )


def _no_silence(run: _Run, report: Report) -> None:
    """Each message of a customer has its answer, or a human; and it came in time."""
    answers = {row["turn"]: row for row in run.rows.messages if row["sender"] == "ai"}
    worst = 0.0
    for conversation, messages in run.conversations.items():
        held = run.held(conversation)
        for message in messages:
            if message["sender"] != "user":
                continue
            turns = [job for job in run.jobs[conversation] if _spans(run, job, message)]
            answer = next(
                (answers[job["turn"]] for job in turns if job["turn"] in answers),
                _handed_over_with(message, turns, messages),
            )
            report.hold(
                "1 every message is answered or a human's",
                answer is not None or _is_humans(run, message, messages, turns, held),
                f"nobody answers {message['id']} of {conversation}",
            )
            if not any(job["turn"] == message["id"] for job in turns):
                continue
            end = _end_of_waiting(message, answer, messages, held)
            if end is None:
                continue
            seconds = run.time_without_outages(message["at"], end, conversation)
            worst = max(worst, seconds)
            report.hold(
                "1 answered within six seconds",
                seconds <= ANSWER_SECONDS,
                f"{message['id']} of {conversation} waited {seconds:.2f} s",
            )
    report.figures["s, the longest that a customer waited, outages left out"] = worst


def _humans_win(run: _Run, report: Report) -> None:
    """Between a takeover and its end nothing automatic is written."""
    for conversation, messages in run.conversations.items():
        for begin, end in run.held(conversation):
            wrong = [
                row["id"]
                for row in messages
                if row["sender"] == "ai"
                and row["at"] > begin["end"]
                and (end is None or row["at"] < end["begin"])
            ]
            report.hold(
                "3 silent while a human has it",
                not wrong,
                f"{wrong} of {conversation} came after the human",
            )


def _subscribers_see_all(run: _Run, report: Report) -> None:
    """A subscriber is shown each row of the conversation once, in order, and soon."""
    seen: dict[str, list[Row]] = defaultdict(list)
    for event in run.events["seen"]:
        seen[event["subscriber"]].append(event)
    for event in run.events["subscription.ended"]:
        report.hold("4 subscriptions last", False, f"{event['subscriber']}: {event['error']}")
    left = {event["subscriber"]: event["at"] for event in run.events["left"]}
    restless = _joined(
        (event["begin"] - SEEN_SECONDS, event["end"] + AFTERMATH_SECONDS)
        for event in [*run.events["fault"], *run.events["outage"]]
        if event.get("target") in ("customers", "project", None)
    )
    worst = 0.0
    for event in run.events["subscribed"]:
        subscriber, conversation = event["subscriber"], event["conversation"]
        until = left.get(subscriber, 0)
        due = [row["id"] for row in run.conversations[conversation] if row["at"] < until - 1]
        shown = [one["message"] for one in seen[subscriber]]
        report.hold(
            "4 subscribers see every message once, in order",
            shown[: len(due)] == due and len(shown) == len(set(shown)),
            f"{subscriber} saw {shown} of {due}",
        )
        live = _Live(run, subscriber)
        for one in seen[subscriber]:
            report.hold(
                "5 subscribers see their own conversation",
                one["conversation"] == conversation,
                f"{subscriber} saw {one['message']} of {one['conversation']}",
            )
            row = run.by_id.get(one["message"])
            if row is None or not live.at(row["at"]):
                continue
            since = row["at"]
            if any(begin <= since <= end for begin, end in restless):
                continue
            worst = max(worst, one["at"] - since)
            report.hold(
                "4 seen within a second, when connected",
                one["at"] - since <= SEEN_SECONDS,
                f"{subscriber} saw {one['message']} after {one['at'] - since:.2f} s",
            )
    report.figures["s, the longest until a connected subscriber saw a message"] = worst


def _channels_get_all(run: _Run, report: Report) -> None:
    """What is written on a channel reaches it, in order; twice only where that is documented."""
    got: dict[str, list[Row]] = defaultdict(list)
    for event in run.events["got"]:
        got[event["delivery"]].append(event)
    known = {row["id"] for row in run.rows.deliveries}
    for name in got:
        report.hold(
            "4 what a channel gets was written",
            name in known,
            f"a channel got {name}, which nobody knows",
        )
    firsts: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for delivery in run.rows.deliveries:
        copies = got[delivery["id"]]
        report.hold(
            "4 every delivery has ended",
            delivery["status"] not in ("pending", "sending"),
            f"delivery {delivery['id']} is still {delivery['status']}",
        )
        report.hold(
            "4 every answer reaches its channel",
            bool(copies) if delivery["status"] != "failed" else bool(delivery["error_code"]),
            f"delivery {delivery['id']} is {delivery['status']}, and came {len(copies)} times",
        )
        for copy in copies[:-1]:
            report.hold(
                "4 a copy only where it was in doubt",
                _was_in_doubt(run, copy),
                f"delivery {delivery['id']} came {len(copies)} times",
            )
        if copies:
            firsts[delivery["conversation"]].append((copies[0]["at"], delivery["position"]))
    for conversation, places in firsts.items():
        positions = [position for _, position in sorted(places)]
        report.hold(
            "4 channels get answers in order",
            positions == sorted(positions),
            f"{conversation} got {positions}",
        )


def _nobody_reads_others(run: _Run, report: Report) -> None:
    """Strangers read nothing, and unsigned webhooks change nothing."""
    stored = {row["external"] for row in run.rows.messages}
    for event in run.events["forged"]:
        report.hold(
            "5 unsigned webhooks change nothing",
            event["message"] not in stored,
            f"the forged {event['message']} is stored",
        )
    for event in run.events["snooped"]:
        report.hold(
            "5 strangers read nothing",
            event["count"] == 0,
            f"a stranger read {event['count']} rows of {event['table']}",
        )


def _describe(run: _Run, report: Report) -> None:
    """Add what the run was made of."""
    for event in run.events["fault"]:
        report.counts[f"fault: {event['trouble']}"] += 1
    for job in run.rows.jobs:
        report.counts[f"turns {job['outcome'] or job['status']}"] += 1
    report.counts["faults"] = len(run.events["fault"])
    report.counts["workers killed at a named point"] = sum(
        len(event["workers"]) for event in run.events["point"]
    )
    report.counts["conversations"] = len(run.conversations)
    report.counts["customers' messages"] = sum(row["sender"] == "user" for row in run.rows.messages)
    report.figures["s of outages"] = sum(end - begin for begin, end in run.outages)


# ---- what is asked above


class _Live:
    """When a subscriber's connection stood, by what it was told itself."""

    def __init__(self, run: _Run, subscriber: str) -> None:
        told = [event for event in run.events["connection"] if event["subscriber"] == subscriber]
        self._changes = [(event["at"], event["is_live"]) for event in told]

    def at(self, moment: float) -> bool:
        """Tell whether it stood then."""
        return bool([is_live for at, is_live in self._changes if at <= moment][-1:] == [True])


def _spans(run: _Run, job: Row, message: Row) -> bool:
    """Tell whether a job's turn is about a message: from its first one to its newest."""
    first, newest = run.by_id.get(job["turn"]), run.by_id.get(job["newest"])
    if first is None or newest is None:
        return False
    return bool(first["position"] <= message["position"] <= newest["position"])


def _is_humans(
    run: _Run,
    message: Row,
    messages: list[Row],
    turns: list[Row],
    held: list[Held],
) -> bool:
    """Tell whether a human has what a message asks, or it needs no answer."""
    if any(job["outcome"] == "not_needed" for job in turns):
        return True
    was_taken_over = any(job["outcome"] == "taken_over" for job in turns)
    for begin, end in held:
        is_before_the_end = end is None or message["at"] <= end["end"]
        if is_before_the_end and (message["at"] >= begin["begin"] or was_taken_over):
            return True
    return _was_promised(message, messages, held)


def _handed_over_with(message: Row, turns: list[Row], messages: list[Row]) -> Row | None:
    """Return the hand-over of the turn before, if it ended this one too, and speaks for both."""
    if not any(job["outcome"] == "taken_over" for job in turns):
        return None
    return next(
        (
            row
            for row in messages
            if row["kind"] == "handover" and row["position"] > message["position"]
        ),
        None,
    )


def _was_promised(message: Row, messages: list[Row], held: list[Held]) -> bool:
    """Tell whether a customer waits for a human already, whom a hand-over promised."""
    promised_at = max(
        (
            row["at"]
            for row in messages
            if row["kind"] == "handover" and row["position"] < message["position"]
        ),
        default=None,
    )
    return promised_at is not None and not any(
        end is not None and promised_at < end["end"] < message["at"] for _, end in held
    )


def _end_of_waiting(
    message: Row, answer: Row | None, messages: list[Row], held: list[Held]
) -> float | None:
    """Return when a turn's first message had an answer or a human, if that is a matter of time.

    What came while a human had it, or was promised, waits for that human.
    """
    if _was_promised(message, messages, held) or any(
        begin["begin"] <= message["at"] and (end is None or message["at"] <= end["end"])
        for begin, end in held
    ):
        return None
    ends = [begin["begin"] for begin, _ in held if begin["end"] >= message["at"]]
    ends += [answer["at"]] if answer else []
    ends += [
        row["at"]
        for row in messages  # of the turn before: it tells of the human for this one, too
        if row["kind"] == "handover" and row["position"] > message["position"]
    ]
    return max(message["at"], min(ends)) if ends else None


def _was_in_doubt(run: _Run, copy: Row) -> bool:
    """Tell whether something may have kept a worker from saying that a copy was out."""
    begin, end = copy["at"] - AFTERMATH_SECONDS, copy["at"] + DOUBT_SECONDS
    troubles: Iterator[Row] = (
        event
        for event in run.events["fault"]
        if event["target"] != "customers" and event["target"] != "model"
    )
    spans = [(event["begin"], event["end"]) for event in troubles]
    return any(_overlap((begin, end), span) > 0 for span in [*spans, *run.outages])


def _overlap(one: Span, other: Span) -> float:
    return max(0.0, min(one[1], other[1]) - max(one[0], other[0]))


def _joined(spans: Iterable[Span]) -> list[Span]:
    """Return the same time as spans that do not overlap."""
    joined: list[Span] = []
    for begin, end in sorted(spans):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((begin, end))
    return joined
