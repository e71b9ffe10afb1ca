"""Contents on disk: one file a version, named by a random id, so that no key is ever a path."""

import asyncio
import hashlib
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that was just written."""

    version: str
    size: int
    etag: str
    stored_at: datetime


class Files:
    """The folder of a stack's stored files.

    A file is written before its row is committed and removed after its row is gone, so a crash in
    between leaves a file without a row, which nobody can see, never a row without its file.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, version: str) -> Path:
        """Return where the file of `version` is; only ids that were made here are accepted."""
        name = str(uuid.UUID(version))
        return self._folder / name[:2] / name

    async def store(self, content: IO[bytes]) -> StoredFile:
        """Write a new file and return what is to be known of it."""
        return await asyncio.to_thread(self._store, content)

    async def copy(self, version: str) -> StoredFile:
        """Write a new file with the content of another one."""

        def copy() -> StoredFile:
            with self.path(version).open("rb") as content:
                return self._store(content)

        return await asyncio.to_thread(copy)

    async def remove(self, *versions: str | None) -> None:
        """Remove the files of versions that no row names any more."""

        def remove() -> None:
            for version in filter(None, versions):
                self.path(version).unlink(missing_ok=True)

        await asyncio.to_thread(remove)

    def _store(self, content: IO[bytes]) -> StoredFile:
        version = str(uuid.uuid4())
        path = self.path(version)
        path.parent.mkdir(exist_ok=True)
        digest = hashlib.md5(usedforsecurity=False)
        size = 0
        try:
            with path.open("xb") as file:
                while chunk := content.read(_CHUNK):
                    digest.update(chunk)
                    size += len(chunk)
                    file.write(chunk)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return StoredFile(version, size, f'"{digest.hexdigest()}"', datetime.now(UTC))
