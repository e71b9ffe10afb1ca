"""What is said to people and logs holds no secret, wherever the words come from."""

import re

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


def hide_secrets(text: str) -> str:
    """Return `text` with *** in the place of passwords, tokens and keys."""
    text = _IN_URL.sub(f"{_HIDDEN}@", text)
    text = _NAMED.sub(rf"\g<1>{_HIDDEN}", text)
    return _BY_FORM.sub(_HIDDEN, text)
