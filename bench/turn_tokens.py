"""What a model is sent for a turn, and answers: letters, and tokens where a tokenizer is installed.

    pip install bpe-openai; python bench/turn_tokens.py

The tokens are those of o200k, which OpenAI's models since gpt-4o count in; others count otherwise.
docs/costs.md has the table.
"""

import json
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from romashka_worker.job import Job
from romashka_worker.knowledge import KnowledgeItem
from romashka_worker.responders import Turn
from romashka_worker.responders.openai.analysis import SCHEMA
from romashka_worker.responders.openai.prompt import prompt_for

PERSONA = "You are a friendly, concise assistant of the team."
ARTICLE = (
    "You can send anything back within thirty days, as long as it was not worn and its labels are"
    " still on it. Print the label that we have sent you by mail, put it on the parcel and bring it"
    " to any post office. We pay the postage for parcels within the country. As soon as the parcel"
    " has arrived, which takes two or three days, we look at what is in it and send the money to"
    " the account that it came from. If something is missing, we write to you first."
)
QUESTION = "Hi, I bought a jacket last week and it does not fit. How do I send it back?"
REPLY = (
    "You can send the jacket back within thirty days if it was not worn and its labels are still on"
    " it. Print the label from our mail, put it on the parcel and bring it to any post office; we"
    " pay the postage."
)


def measure() -> Mapping[str, tuple[str, str]]:
    """Return what is sent and what is answered, by the kinds of turns."""
    answer = {
        "intent": "return a jacket", "sentiment": "neutral", "language": "en",
        "sources": ["K1"], "confidence": 0.93, "needs_human": False,
        "needs_clarification": False, "open": [], "reason": "none", "reply": REPLY,
    }  # fmt: skip
    said = json.dumps(answer)
    return {
        "a first question": (_sent(QUESTION, items=4), said),
        "the fifth question of a conversation": (_sent(QUESTION, items=4, before=8), said),
        "as much as there can be": (
            _sent("Why? " * 5_000, items=8, before=50, article=ARTICLE * 10),
            said,
        ),
    }


def _sent(message: str, *, items: int, before: int = 0, article: str = ARTICLE) -> str:
    """Return all that a request has for the model to read: its messages, and the answer's form."""
    rows = [
        {"id": str(number), "sender_type": ("user", "ai")[number % 2],
         "content": (QUESTION, REPLY)[number % 2]}
        for number in range(before)
    ]  # fmt: skip
    job = Job(
        id="job",
        conversation_id="conversation",
        attempt=1,
        turn_id="turn",
        user_message=message,
        context={"recent_messages": rows},
        customer={"name": "Ada"},
        settings={"persona": PERSONA},
        deadline=0.0,
        draft_by=0.0,
    )
    found = tuple(
        KnowledgeItem(str(number), "How do I return something?", article, "en", 0.8)
        for number in range(items)
    )
    messages = prompt_for(Turn(job, "en", found)).messages(with_format=False)
    return "\n".join([*(str(one["content"]) for one in messages), json.dumps(SCHEMA)])


def main() -> None:
    """Print the table."""
    tokens = _tokenizer()
    print(f"{'':40}{'letters in':>12}{'tokens in':>12}{'letters out':>14}{'tokens out':>12}")
    for name, (sent, said) in measure().items():
        cells = (len(sent), tokens(sent), len(said), tokens(said))
        print(f"{name:40}{cells[0]:>12,}{cells[1]:>12}{cells[2]:>14,}{cells[3]:>12}")


def _tokenizer() -> Any:
    if find_spec("bpe_openai") is None:
        return lambda _: "-"
    encoding = import_module("bpe_openai").get_encoding("o200k_base")
    return lambda text: len(encoding.encode(text))


if __name__ == "__main__":
    main()
