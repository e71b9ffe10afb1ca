"""A week of a team's work, so that there is something to see: a shop that does not exist.

What happened in it stands in the two files beside this one. It is played through the functions of
the database, and then moved into the past.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from romashka_local.demo_week.past import put_into_the_past
from romashka_local.demo_week.player import ACCOUNTS, Player, item_id
from romashka_local.demo_week.script import read_events, read_knowledge
from romashka_local.errors import StackError

TEAM = {
    "mara@example.com": "Mara Lindqvist",
    "tomas@example.com": "Tomás Ferreira",
    "aylin@example.com": "Aylin Kaya",
    "noor@example.com": "Noor Haddad",
}
"""Who works there; the first one is the admin."""
_PERSONA = (
    "You are the friendly, concise assistant of Moosgarten, a shop that sends houseplants by post."
)
_KNOWN_FOR = timedelta(days=60)


def load_demo_week(url: str, data: Path) -> str | None:
    """Fill an inbox in which nobody has written yet; say what is there now, None where it was not.

    All of it, or nothing. The team must be there before.

    Args:
        url: the database of a local stack, as its superuser.
        data: the folder of that stack.

    Raises:
        StackError: it is the database of anything else.
        psycopg.Error: the database refused.
    """
    with psycopg.connect(url) as database:
        _refuse_others(database, data)
        if _one(database, "select exists (select from public.conversations)"):
            return None
        items = read_knowledge()
        _add_knowledge(database, items)
        _add_accounts(database)
        _name_team(database)
        _dress_widget(database)
        _play(database, {item["key"]: item["title"] for item in items})
        database.execute("delete from realtime.messages")  # nobody has heard of it
        count = _one(database, "select count(*) from public.conversations")
    return f"a week of demo data is loaded: {count} conversations of a shop that does not exist"


def _refuse_others(database: psycopg.Connection, data: Path) -> None:
    """Nothing of this may ever get into somebody's real inbox."""
    folder = Path(str(_one(database, "show data_directory")))
    if folder.resolve().parent != data.resolve():
        raise StackError("demo data is for the local stack of this folder alone")


def _play(database: psycopg.Connection, titles: dict[str, str]) -> None:
    loaded_at: datetime = _one(database, "select clock_timestamp()")
    player = Player(database, titles)
    moments = []
    for event in read_events():
        moments.append((_one(database, "select clock_timestamp()"), loaded_at - event.before))
        player.play(event)
    put_into_the_past(database, moments)


def _add_knowledge(database: psycopg.Connection, items: Sequence[dict[str, Any]]) -> None:
    written_at = _one(database, "select now()") - _KNOWN_FOR
    with database.cursor() as cursor:
        cursor.executemany(
            "insert into public.knowledge_items (id, title, content, language, tags, created_at)"
            " values (%s, %s, %s, %s, %s, %s) on conflict do nothing",
            [
                (
                    *(item_id(item["key"]), item["title"], item["content"]),
                    *(item.get("language", "en"), item["tags"], written_at),
                )
                for item in items
            ],
        )
    database.execute("update public.ai_settings set persona = %s", [_PERSONA])


def _add_accounts(database: psycopg.Connection) -> None:
    with database.cursor() as cursor:
        cursor.executemany(
            "insert into public.communication_channels"
            " (name, type, external_account_id, created_at, connected_at)"
            " values (%s, %s, %s, now() - %s, now() - %s) on conflict do nothing",
            [
                (name, kind, account, _KNOWN_FOR, _KNOWN_FOR)
                for kind, (name, account) in ACCOUNTS.items()
            ],
        )


def _name_team(database: psycopg.Connection) -> None:
    with database.cursor() as cursor:
        cursor.executemany(
            "update public.profiles set full_name = %s where email = %s",
            [(name, email) for email, name in TEAM.items()],
        )


def _dress_widget(database: psycopg.Connection) -> None:
    """In the shop's colour; what somebody has changed stays."""
    database.execute(
        "update public.widget_settings set color = '#2f6b45', texts = %s where texts = '{}'",
        [Jsonb({"en": {"title": "Ask Moosgarten"}})],
    )


def _one(database: psycopg.Connection, query: str) -> Any:
    row = database.execute(query.encode()).fetchone()
    return row and row[0]
