"""Which conversations: the filters of lists and of counts, as the database has them."""

from collections.abc import Sequence
from typing import Any, TypedDict

from romashka._models import ChannelType, Priority, Status

_SEARCHED = ("customer_name", "user_name", "user_email", "customer_phone", "last_message")
_EQUAL = ("channel_type", "priority", "assigned_agent_id", "requires_human")


class Filters(TypedDict, total=False):
    """Which conversations; what is None, or left out, lets all through.

    `status` is one, or any of several; `unassigned` finds those that are nobody's, and with False
    somebody's; `tags` those that have all of these; `search` looks in names, addresses, numbers
    and the last message, whatever the case.
    """

    channel_type: ChannelType | None
    status: Status | Sequence[Status] | None
    priority: Priority | None
    assigned_agent_id: str | None
    unassigned: bool | None
    requires_human: bool | None
    tags: Sequence[str] | None
    search: str | None


def given(filters: Filters) -> dict[str, Any]:
    """Return the filters that narrow something; each list is one."""
    wanted: dict[str, Any] = {
        name: value for name, value in filters.items() if value not in (None, "")
    }
    if isinstance(status := wanted.get("status"), str):
        wanted["status"] = [status]
    lists = {name: list(wanted[name]) for name in ("status", "tags") if name in wanted}
    return wanted | lists


def narrowed(query: Any, filters: Filters) -> Any:
    """Return a query of conversations as far as the filters narrow it."""
    wanted = given(filters)
    for column in _EQUAL:
        if column in wanted:
            query = query.eq(column, _as_text(wanted[column]))
    if "status" in wanted:
        query = query.in_("status", wanted["status"])
    if "unassigned" in wanted:
        nobody = query if wanted["unassigned"] else query.not_
        query = nobody.is_("assigned_agent_id", "null")
    if wanted.get("tags"):
        query = query.contains("tags", wanted["tags"])
    if "search" in wanted:
        query = query.or_(_matching(wanted["search"]))
    return query


def _as_text(value: str | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else value


def _matching(text: str) -> str:
    """Return the filter that finds `text` anywhere in a searched column, its signs as they are."""
    for sign in ("\\", "%", "_"):
        text = text.replace(sign, f"\\{sign}")
    pattern = f"%{text}%".replace("\\", "\\\\").replace('"', '\\"').replace("*", "_")
    return ",".join(f'{column}.ilike."{pattern}"' for column in _SEARCHED)
