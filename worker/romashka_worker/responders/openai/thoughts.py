"""Where a model's thoughts end, and where its answer begins, in a text that has both.

Each family of models has marks of its own; servers take them out, or the first of them, or none.
"""

import re
from typing import Final

_NAMES = "think|thinking|thought|thoughts|reasoning|reflection|analysis|scratchpad"
_CHANNEL = r"(?:<\|start\|>\s*assistant\s*)?<\|channel\|>\s*"
_FINAL = rf"{_CHANNEL}final[^<]*(?:<\|constrain\|>[^<]*)?<\|message\|>"
_OPENS = re.compile(
    rf"<(?:[a-z]+:)?(?:{_NAMES})>|\[think(?:ing)?\]|◁think▷|<\|(?:start_thinking\||channel>thought)"
    rf"|{_CHANNEL}(?:analysis|commentary)",
    re.IGNORECASE,
)
_CLOSES = re.compile(
    rf"</(?:[a-z]+:)?(?:{_NAMES})>|\[/think(?:ing)?\]|◁/think▷|<\|end_thinking\|>|<channel\|>"
    rf"|{_FINAL}|<\|end\|>|assistantfinal",  # the last one is left of a server that drops marks
    re.IGNORECASE,
)
_SKIPPED = re.compile(rf"[\s\ufeff]+|{_FINAL}|```[\w-]*(?=\s|\{{)")
_ENDING = re.compile(
    r"(?:\s|```|<\|(?:end|return|im_end|eot_id|end_of_text|end_response)\|>|</(?:s|answer|response)>)+\Z",
    re.IGNORECASE,
)
_LONGEST_MARK = 100
_MARKS_BEGIN = "<[`◁"

UNDECIDED: Final = -1
NOWHERE: Final = -2


def beginning(text: str) -> int:
    """Return where the answer's object begins, if nothing but whole thoughts is before it.

    UNDECIDED: more has to be there. NOWHERE: there is something else; only the end will tell.
    """
    at = 0
    while at < len(text):
        if text[at] == "{":
            return at
        if skipped := _SKIPPED.match(text, at):
            at = skipped.end()
        elif opened := _OPENS.match(text, at):
            closed = _CLOSES.search(text, opened.end())
            if closed is None:
                return UNDECIDED
            at = closed.end()
        elif text[at] in _MARKS_BEGIN and len(text) - at < _LONGEST_MARK:
            return UNDECIDED
        else:
            return NOWHERE
    return UNDECIDED


def without_ending(text: str) -> str:
    """Return a text without the marks that say that it ends."""
    return _ENDING.sub("", text)


def is_thought(text: str, start: int, end: int) -> bool:
    """Is that part of a text thought, not said? Thoughts were opened before it, or close after."""
    if _CLOSES.search(text, end):
        return True
    opened = [match.start() for match in _OPENS.finditer(text, 0, start)]
    closed = [match.start() for match in _CLOSES.finditer(text, 0, start)]
    return bool(opened) and opened[-1] > (closed[-1] if closed else -1)


def has_thoughts(text: str) -> bool:
    """Is there any mark of thoughts?"""
    return bool(_OPENS.search(text) or _CLOSES.search(text))
