"""Visitors, customers whom the page's server vouches for, and what they see."""

import hashlib
import hmac
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.database.inbox import Inbox

IDENTIFY = "select public.identify_customer(%s, %s, %s) as id"
HELLO = "I am Anna"


def new_visitor(inbox: Inbox) -> str:
    """Sign somebody in anonymously, just now."""
    user_id = str(uuid4())
    inbox.run(
        "insert into auth.users (id, is_anonymous, created_at)"
        " values (%s, true, private.test_clock())",
        user_id,
    )
    return user_id


def new_secret(inbox: Inbox, overlap_hours: int = 24, by: str = "service_role") -> str:
    row = inbox.one("select public.rotate_identity_secret(%s) as secret", overlap_hours, by=by)
    return str(row["secret"])


def sign(secret: str, message: str) -> str:
    """Sign as the page's server does."""
    return hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()


def identify(
    inbox: Inbox, user: str | None, secret: str, page_id: str, *, expires_at: int | None = None
) -> UUID:
    message = page_id if expires_at is None else f"{page_id}\n{expires_at}"
    row = inbox.one(IDENTIFY, page_id, sign(secret, message), expires_at, by=user)
    return UUID(str(row["id"]))


def known_device(inbox: Inbox, secret: str, page_id: str) -> str:
    """Return a new device of a customer whom the page knows."""
    user = new_visitor(inbox)
    identify(inbox, user, secret, page_id)
    return user


def refusal(inbox: Inbox, statement: str, *values: Any, by: str | None) -> str | None:
    with pytest.raises(psycopg.Error) as refused:
        inbox.run(statement, *values, by=by)
    return refused.value.diag.message_detail or refused.value.sqlstate


def conversations_of(inbox: Inbox, user: str) -> set[UUID]:
    return {row["id"] for row in inbox.run("select id from public.conversations", by=user)}


def may_join(inbox: Inbox, user: str, conversation: UUID, suffix: str = "") -> bool:
    topic = f"conversation:{conversation}{suffix}"
    row = inbox.one("select private.may_join_topic(%s) as may", topic, by=user)
    return bool(row["may"])


def wait(box: Inbox, seconds: float) -> None:
    box.run("select 1")  # as `postgres` again
    box.let_pass(seconds)
