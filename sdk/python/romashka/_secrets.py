"""What is said to people and logs holds no secret, wherever the words come from.

Secrets are known by their value, as the environment has it or a command was given it, in each form
in which a library quotes it; and, where nobody told us the value, by what they look like.
"""

import os
import re
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import quote, unquote

_HIDDEN = "***"
_IN_URL = re.compile(r"(?<=://)(?!(?:\w+:)?password@)\S+@", re.IGNORECASE)
"""All up to the last @: a password that was not encoded may have any character. What shows the form
of a URL says `password` itself."""
_NAMED = re.compile(
    r"(?<![a-z])([\w-]*(?:key|token|secret|password|passwd|pwd|signature)=)(?![.…\"'$]|password\b)"
    r"[^&\s#\"']+",
    re.IGNORECASE,
)
_BY_FORM = re.compile(
    r"\beyJ[\w-]{5,}\.[\w-]+\.[\w-]*"  # a JWT, as the keys of Supabase were
    r"|\bsb_secret_[\w-]+|\bsk-[\w-]{8,}"
    r"|\bEAA[0-9A-Za-z]{20,}"  # Meta's
    r"|(?<=Bearer )[\w.~+/-]{8,}=*"
)
_SECRET_NAME = re.compile(
    r"(?:^|_)(?:key|keys|token|secret|secrets|password|passwd|credentials?)(?:$|_)|._pwd$",
    re.IGNORECASE,
)
_NOT_SECRET = re.compile(r"(?:^|_)(?:file|path|dir|name|id|socket|sock)$", re.IGNORECASE)
_WORDS = frozenset(
    "postgres postgresql password romashka supabase service_role"
    " anon none null true false bearer".split()
)
"""What a password of a local database may be, or stands before a key: other messages say it too."""
_SHORTEST = 6
_given: set[str] = set()


def keep_secret(value: str) -> None:
    """Hide this value from now on, too: it was given to a command, not to its environment."""
    _given.update(_forms(value))


def keep_url(url: str) -> None:
    """Hide the password of this URL from now on."""
    _given.update(_of_setting("", url))


def hide_secrets(text: str) -> str:
    """Return `text` with *** in the place of passwords, tokens and keys."""
    values = _given.union(*map(_of_setting, os.environ, os.environ.values()))
    if values:
        text = _any_of(frozenset(values)).sub(_HIDDEN, text)
    text = _IN_URL.sub(f"{_HIDDEN}@", text)
    text = _NAMED.sub(rf"\g<1>{_HIDDEN}", text)
    return _BY_FORM.sub(_HIDDEN, text)


@lru_cache(maxsize=512)
def _of_setting(name: str, value: str) -> frozenset[str]:
    """Return what is secret of a setting."""
    if _SECRET_NAME.search(name) and not _NOT_SECRET.search(name):
        return frozenset(_forms(value))
    if found := re.search(r"://[^\s:/@]*:(.+)@", value, re.DOTALL):
        return frozenset(_forms(found[1]))
    if found := re.search(r"\bpassword\s*=\s*('(?:[^'\\]|\\.)*'?|\S+)", value):
        return frozenset(_forms(found[1].strip("'")))
    return frozenset()


def _forms(value: str) -> Iterator[str]:
    """Yield a value as it may be quoted: in one piece, encoded, or in the pieces it breaks into."""
    for whole in {value.strip(), unquote(value.strip())}:
        yield from (form for form in (whole, quote(whole), quote(whole, safe="")) if _is_one(form))
        # A line break, a quote or what is no ASCII is written in another way by who quotes it.
        yield from filter(_is_one, re.split(r"[^!-~]+|[\"'\\@]", whole))


def _is_one(value: str) -> bool:
    return len(value) >= _SHORTEST and value.lower() not in _WORDS


@lru_cache(maxsize=8)
def _any_of(values: frozenset[str]) -> re.Pattern[str]:
    longest_first = sorted(values, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)))
