"""What Meta's error codes mean for a delivery: later, never, or nobody knows.

Codes are of the Cloud API (WhatsApp), of the Messenger platform (Instagram) and of the Graph API
itself. Meta's own words are not passed on: they may quote a recipient.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from romashka_worker.channels import ChannelError, Trouble

_MAX_PAUSE_SECONDS = 6 * 3600.0


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What staff are told, what becomes of the delivery, and for how long the account rests."""

    name: str
    text: str
    trouble: Trouble = "failed"
    pause_seconds: float | None = None
    retry_after_seconds: float | None = None


_UNAUTHORIZED = _Meaning(
    "unauthorized",
    "the access token is not valid, or may not do this",
    "retry",  # with the token that replaces it
    retry_after_seconds=60,
)
_BUSY = _Meaning("unavailable", "Meta's servers have a problem", "retry")
_IN_DOUBT = _Meaning("no_answer", "Meta's servers failed in the middle of it", "unknown")
_LIMITED = _Meaning("rate_limited", "too many messages or calls", "retry", pause_seconds=60)
_TOO_QUICK = _Meaning("rate_limited", "too many messages at a time", "retry", pause_seconds=5)
_RESTRICTED = _Meaning(
    "restricted", "Meta restricts what this account may send", "retry", pause_seconds=3600
)
_PAIR_LIMITED = _Meaning(
    "pair_rate_limited", "too many messages to this customer", "retry", retry_after_seconds=6
)
_MAINTENANCE = _Meaning("maintenance", "the account is being maintained", "retry", pause_seconds=60)
_BLOCKED = _Meaning("blocked", "Meta has blocked this account")
_UNPAID = _Meaning("unpaid", "Meta cannot charge for messages: see the account's payment method")
_UNREGISTERED = _Meaning("unregistered", "the account's number is not registered, or not verified")
_WINDOW = _Meaning("window_closed", "the customer wrote too long ago")
_UNDELIVERABLE = _Meaning("undeliverable", "the customer cannot be reached, or wants no messages")
_BAD_REQUEST = _Meaning("bad_request", "Meta does not take a message of this form")
_BAD_MEDIA = _Meaning("bad_media", "Meta cannot take this file")
_BAD_TEMPLATE = _Meaning("bad_template", "the template is not there, paused, or has other fields")

_BY_CODE: Mapping[int, _Meaning] = {
    **dict.fromkeys((0, 3, 10, 190, *range(200, 300), 131005), _UNAUTHORIZED),
    **dict.fromkeys((1, 2, 131000, 131016, 133004), _BUSY),
    **dict.fromkeys((4, 17, 32, 613, 80002, 80006, 80007), _LIMITED),
    130429: _TOO_QUICK,
    **dict.fromkeys((368, 131048), _RESTRICTED),
    131056: _PAIR_LIMITED,
    131057: _MAINTENANCE,
    131031: _BLOCKED,
    131042: _UNPAID,
    **dict.fromkeys((33, 131037, 131045, 133010), _UNREGISTERED),
    **dict.fromkeys((470, 131047), _WINDOW),
    **dict.fromkeys((551, 130472, 130497, 131021, 131026, 131030, 131049, 131050), _UNDELIVERABLE),
    **dict.fromkeys((100, 131008, 131009, 131051), _BAD_REQUEST),
    **dict.fromkeys((131052, 131053), _BAD_MEDIA),
    **dict.fromkeys((*range(132000, 132100), 135000), _BAD_TEMPLATE),
}
_BY_SUBCODE: Mapping[tuple[int, int], _Meaning] = {
    (1, 1357046): _IN_DOUBT,  # "the messages are all sent, but the endpoint returns an error"
    **dict.fromkeys(((10, 2018065), (10, 2018278), (10, 2534022)), _WINDOW),
    **dict.fromkeys(((200, 2018065), (200, 2018278), (200, 2534022)), _WINDOW),
    **dict.fromkeys(((100, 2018001), (100, 2534014), (200, 1545041)), _UNDELIVERABLE),
    **dict.fromkeys(((10, 2018108), (200, 2018108)), _UNDELIVERABLE),
}


def error_from(
    status: int, error: Mapping[str, Any] | None, headers: Mapping[str, str]
) -> ChannelError:
    """Return what an answer means: `error` is the Graph API's own, None if it said nothing."""
    code = _number(error, "code")
    meaning = _meaning(status, error, code)
    where = f"Meta's {code}" if code is not None else f"status {status}"
    wait_seconds = _asked_to_wait(headers)
    pauses = meaning.pause_seconds is not None
    return ChannelError(
        meaning.trouble,
        meaning.name,
        f"{meaning.text} ({where})",
        retry_after_seconds=wait_seconds or meaning.retry_after_seconds or meaning.pause_seconds,
        pause_seconds=(wait_seconds or meaning.pause_seconds) if pauses else None,
    )


def _meaning(status: int, error: Mapping[str, Any] | None, code: int | None) -> _Meaning:
    if error is None:  # no answer of the Graph API: of something in front of it
        return _by_status(status, _IN_DOUBT)
    if code is not None:
        known = _BY_SUBCODE.get((code, _number(error, "error_subcode") or 0)) or _BY_CODE.get(code)
        if known:
            return known
    if error.get("is_transient") is True:
        return _BUSY
    return _by_status(status, _BUSY)


def _by_status(status: int, broken: _Meaning) -> _Meaning:
    """Return what a status alone means; `broken` is what a server error does."""
    if status == 401:
        return _UNAUTHORIZED
    if status == 429:
        return _LIMITED
    if status in (408, 503):
        return _BUSY
    return broken if status >= 500 else _BAD_REQUEST


def _number(error: Mapping[str, Any] | None, name: str) -> int | None:
    value = error.get(name) if error else None
    return value if isinstance(value, int) else None


def _asked_to_wait(headers: Mapping[str, str]) -> float | None:
    """Return for how many seconds the headers say to send nothing; None if they do not say."""
    seconds = max(_retry_after(headers.get("retry-after", "")), _usage(headers))
    return min(seconds, _MAX_PAUSE_SECONDS) if seconds > 0 else None


def _retry_after(value: str) -> float:
    """Return the seconds of a Retry-After: a number, or a date."""
    try:
        return float(int(value))
    except ValueError:
        pass
    try:
        return (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError):
        return 0.0


def _usage(headers: Mapping[str, str]) -> float:
    """Return the seconds until the account may call again, of a header that tells minutes."""
    try:
        usage = json.loads(headers.get("x-business-use-case-usage", "{}"))
        minutes = [
            limit["estimated_time_to_regain_access"]
            for limits in usage.values()
            for limit in limits
        ]
        return max(map(float, minutes), default=0.0) * 60
    except (AttributeError, KeyError, TypeError, ValueError):
        return 0.0
