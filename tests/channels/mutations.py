"""Webhooks as nobody should send them: parts dropped, replaced, doubled, nested, with odd text."""

import copy
from typing import Any

from hypothesis import strategies as st

Path = tuple[str | int, ...]


def nested(depth: int) -> Any:
    """Return lists in objects in lists, that deep."""
    value: Any = "deep"
    for level in range(depth):
        value = [value] if level % 2 else {"text": value}
    return value


ODD = st.sampled_from(
    [
        None,
        True,
        0,
        -1,
        1e308,
        10**400,  # beyond what JavaScript can hold
        2**63,
        "",
        " ",
        "\0",
        "nul\0inside",
        "half of a pair \ud83d",
        "\udc00",
        "right \u202e to left, \ufeff and \U0001f469\u200d\U0001f469",
        "x" * 5000,
        [],
        {},
        [[]],
        [None, 1, "two"],
        {"toString": 1, "valueOf": {}, "__proto__": {"id": "wamid.stolen"}, "constructor": None},
        {"id": "\0", "text": "\ud800"},
        nested(200),
    ]
)


def paths(value: Any, path: Path = ()) -> list[Path]:
    """Return where everything in `value` is, but for the depths of what is odd already."""
    parts: list[tuple[str | int, Any]] = []
    if len(path) > 12:
        return []
    if isinstance(value, dict):
        parts = list(value.items())
    elif isinstance(value, list):
        parts = list(enumerate(value))
    return [path, *(found for key, part in parts for found in paths(part, (*path, key)))]


@st.composite
def mutated(draw: st.DrawFn, original: Any) -> Any:
    """Change `original` in up to three places."""
    value = [copy.deepcopy(original)]  # so that it can be changed as a whole
    for _ in range(draw(st.integers(1, 3))):
        if not value:
            return None
        *way, last = draw(st.sampled_from(paths(value)[1:]))
        holder: Any = value
        for key in way:
            holder = holder[key]
        change(draw, holder, last)
    return value[0] if value else None


def change(draw: st.DrawFn, holder: Any, place: Any) -> None:
    kind = draw(st.sampled_from(["drop", "replace", "odd text", "double", "nest", "rename"]))
    part = holder[place]
    if kind == "drop":
        del holder[place]
    elif kind == "double" and isinstance(holder, list):
        holder.append(copy.deepcopy(part))
    elif kind == "rename" and isinstance(holder, dict):
        holder[draw(st.sampled_from(["__proto__", "type", "id", "\0", "\ud800"]))] = holder.pop(
            place
        )
    elif kind == "odd text" and isinstance(part, str):
        holder[place] = draw(st.sampled_from(["{}\0", "\ud800{}", "{}" + "y" * 400])).format(part)
    elif kind == "nest":
        holder[place] = draw(st.sampled_from([[part], {"id": part}, [[part], copy.deepcopy(part)]]))
    else:
        holder[place] = copy.deepcopy(draw(ODD))  # further changes are not to last
