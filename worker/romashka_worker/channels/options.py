"""What a question of the AI's offers, as channels show it below the text: buttons, rows, chips."""

from collections.abc import Sequence

from romashka_worker.channels import ChannelError, Delivery, Option, Part
from romashka_worker.channels.text import count_units, shorten


def options_of(delivery: Delivery) -> tuple[Option, ...]:
    """Return what a message offers; nothing, where it is no question of the AI's."""
    choices = delivery.metadata.get("choices") if delivery.sender_type == "ai" else None
    if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
        return ()
    labels = [" ".join(str(choice.get("label") or "").split()) for choice in choices]
    if not all(labels):  # a button has a word on it
        return ()
    return tuple(
        Option(f"choice:{delivery.message_id}:{number}", label)
        for number, label in enumerate(labels, 1)
    )


def titles_of(options: Sequence[Option], max_chars: int) -> list[str]:
    """Return a title for each, of at most `max_chars`; no two are the same, which Meta refuses."""
    titles = [shorten(option.label, max_chars, count_units) for option in options]
    if len({title.casefold() for title in titles}) == len(titles):
        return titles
    numbered = (f"{number}. {option.label}" for number, option in enumerate(options, 1))
    return [shorten(title, max_chars, count_units) for title in numbered]


def is_refused_for_options(error: ChannelError, part: Part) -> bool:
    """Is it the form that was refused? Then the text goes alone: its lines say the same."""
    return bool(part.options) and error.code == "bad_request"
