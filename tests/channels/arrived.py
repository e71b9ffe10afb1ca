"""What came of webhooks, read from the database by the account that they were for."""

from typing import Any

import psycopg

Row = dict[str, Any]
Database = psycopg.Connection[Row]


def messages_of(database: Database, account: str) -> list[Row]:
    """Return the messages of an account's conversations, in their order."""
    return database.execute(
        """
        select messages.*, customers.name as customer_name, customers.phone as customer_phone,
          conversations.requires_human, conversations.customer_id
        from public.messages as messages
        join public.conversations as conversations on conversations.id = messages.conversation_id
        join public.customer_profiles as customers on customers.id = conversations.customer_id
        join public.communication_channels as channels on channels.id = conversations.channel_id
        where channels.external_account_id = %s and messages.sender_type <> 'ai'
        order by conversations.created_at, conversations.id, messages.position
        """,
        [account],
    ).fetchall()


def message_of(database: Database, account: str) -> Row:
    """Return the one message of an account."""
    (only,) = messages_of(database, account)
    return only


def jobs_of(database: Database, account: str) -> list[Row]:
    """Return the turns that an account's messages opened."""
    return database.execute(
        """
        select jobs.* from public.ai_response_queue as jobs
        join public.conversations as conversations on conversations.id = jobs.conversation_id
        join public.communication_channels as channels on channels.id = conversations.channel_id
        where channels.external_account_id = %s order by jobs.created_at
        """,
        [account],
    ).fetchall()


def webhooks_with(database: Database, text: str) -> list[Row]:
    """Return the kept webhooks whose payload has `text` in it."""
    return database.execute(
        "select * from public.webhook_events where position(%s in payload) > 0", [text]
    ).fetchall()
