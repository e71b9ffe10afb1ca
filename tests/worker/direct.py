"""A database as the worker's client calls it, without the servers between."""

import json
from typing import Any, LiteralString

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb


class Database:
    """Calls functions as a client does, and changes what is there."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def call(self, function: str, **arguments: Any) -> Any:
        """Return what a function gives, as REST does."""
        names = ", ".join(f"{name} => %({name})s" for name in arguments)
        values = {
            name: Jsonb(value) if isinstance(value, list) else value
            for name, value in arguments.items()
        }
        async with await AsyncConnection.connect(self._url, row_factory=dict_row) as connection:
            cursor = await connection.execute(f"select * from public.{function}({names})", values)  # type: ignore[arg-type]  # a test's own
            rows = await cursor.fetchall()
        if rows and function in rows[0]:
            return rows[0][function]
        return json.loads(json.dumps(rows, default=str))

    async def _call_counted(self, function: str, **arguments: Any) -> tuple[Any, int]:
        rows = await self.call(function, **arguments)
        return rows, len(rows)

    async def change(self, statement: LiteralString | bytes) -> None:
        """Execute one statement, or several."""
        async with await AsyncConnection.connect(self._url) as connection:
            await connection.execute(statement)
