"""Which schema this worker needs, and whether the project has it."""

import asyncio
from typing import Any

from romashka import AsyncRomashka, InvalidRequest, NotFound, ServerError, Unreachable

SCHEMA_VERSION = 3
"""The oldest that this worker can work with; the database's is in repeatable/*_installation.sql."""

_CHECK_SECONDS = 10.0


class SchemaTooOld(Exception):
    """The database lacks what this worker needs; the message says what to run."""

    def __init__(self, found: str) -> None:
        command = "romashka migrate --db-url postgresql://..."
        super().__init__(f"the database has {found}; run: {command}")
        self.found = found


async def check_schema(client: AsyncRomashka) -> dict[str, Any]:
    """Prove the URL, the key and the schema before anything else; return what is installed.

    Raises:
        SchemaTooOld: this worker cannot work here, another one could.
        InvalidRequest: no project is at the URL.
        RomashkaError, TimeoutError: the project cannot be reached, or refuses the key.
    """
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            told = await client.call("get_romashka_installation")
    except ServerError as error:
        if error.name == "404" or "no Route matched" in str(error):  # of whoever is before REST
            raise InvalidRequest("no project answers there; is there a path too many?") from error
        if not isinstance(error, NotFound):
            raise
        raise SchemaTooOld("no Romashka, or one that is older than this worker") from error
    match told:
        case {"schema_version": int(version)} if version >= SCHEMA_VERSION:
            return dict(told)
        case {"schema_version": int(version)}:
            raise SchemaTooOld(f"schema version {version}, and {SCHEMA_VERSION} is needed")
    raise Unreachable("the project does not answer; somebody else's page came in its place")
