"""What every feature is made of: the wrapped client, its topics, and calls that end in time."""

from collections.abc import Mapping
from typing import Any

from postgrest import CountMethod
from supabase import AsyncClient

from romashka._errors import Unreachable, translated
from romashka._limits import in_time
from romashka._session import Session
from romashka._storable import check_storable
from romashka._topics import Topics


class Core:
    """One project, one identity, without the features that hang on it."""

    def __init__(self, supabase: AsyncClient, session: Session) -> None:
        self.supabase = supabase
        """The wrapped client, for everything that this package does not cover."""
        self._session = session
        self.topics = Topics(supabase.realtime, session)
        """Private broadcast topics, kept subscribed."""

    async def call(self, function: str, /, **arguments: Any) -> Any:
        """Call a database function by its parameters' names; return its result as JSON.

        It has 35 seconds, as a function may wait for 30.

        Raises:
            ServerError: it refused.
            Unreachable: the project did not answer; the call may still have taken effect.

        Example:
            found = await staff.call("search_knowledge", query="channels", language="en")
        """
        check_storable((function, arguments))
        with translated():
            async with in_time("call"):
                return (await self.supabase.rpc(function, arguments).execute()).data

    async def _call_counted(
        self, function: str, /, _after: int = 0, **arguments: Any
    ) -> tuple[Any, int | None]:
        """Do what `call` does; return also how many rows there were, if the project says so.

        It gives no more than its `max_rows` of them, and of the others not a word.
        """
        check_storable(arguments)
        query = self.supabase.rpc(function, arguments, CountMethod.exact)
        if _after:
            query.request.params = query.request.params.set("offset", _after)
        with translated():
            async with in_time("call"):
                answer = await query.execute()
        return answer.data, answer.count

    async def _read(self, function: str, /, **arguments: Any) -> list[Mapping[str, Any]]:
        """Return all rows of a function that reads, however few the project gives at a time."""
        rows, count = await self._call_counted(function, **arguments)
        while count and len(rows) < count:
            more, _ = await self._call_counted(function, len(rows), **arguments)
            if not more:
                break
            rows = [*rows, *more]
        if not isinstance(rows, list):
            raise Unreachable("the project does not answer; somebody else's page came")
        return rows
