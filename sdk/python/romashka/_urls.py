"""Addresses of servers, as settings give them."""

import re

URL_FORM = "URL is of the form https://host/path, without a user, a password or any @"
"""What a refusal says; never the value."""

_BARE = re.compile(
    r"https?://(\[[0-9a-f:.]+\]|[^\s@/?#:\\\[\]]+)(:\d{1,5})?([/?#][^\s@]*)?", re.IGNORECASE
)


def is_bare_url(url: str) -> bool:
    """Has a URL no user and no password, however it is read?

    Some clients send them as a header, others refuse the URL and quote it in what they raise. A
    password with a slash ends the host for one reader and not for another: so `@` is nowhere.
    """
    return _BARE.fullmatch(url.strip()) is not None
