"""What the database can store of text: all but NUL, and half of a character."""

import re
from collections.abc import Mapping
from typing import Any

from romashka._errors import InvalidRequest

_NO_TEXT = re.compile("[\x00\ud800-\udfff]")


def check_storable(value: Any) -> None:
    """Refuse text that cannot be stored, wherever in `value` it is, before it is sent.

    Raises:
        InvalidRequest: there is some.
    """
    match value:
        case str():
            if found := _NO_TEXT.search(value):
                what = "a NUL" if found[0] == "\x00" else "half of a character (a lone surrogate)"
                at = found.start()
                raise InvalidRequest(f"the text has {what} at {at}", name="unstorable_text")
        case Mapping():
            for key, each in value.items():
                check_storable(key)
                check_storable(each)
        case list() | tuple() | set() | frozenset():
            for each in value:
                check_storable(each)
