"""A storage server of a test, seen through supabase-py's client and through bare HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
from romashka_local.keys import Keys
from romashka_local.storage import open_storage
from storage3 import AsyncStorageClient

from tests.support.servers import URL, config_for, serving

ADA = "0aaaaaaa-0000-4000-8000-000000000001"
EVE = "0eeeeeee-0000-4000-8000-000000000002"
# Attachments as a project would keep them: everybody in a folder of their own.
POLICIES = """
drop policy if exists "owners read" on storage.objects;
drop policy if exists "owners write" on storage.objects;
drop policy if exists "owners change" on storage.objects;
drop policy if exists "owners remove" on storage.objects;
create policy "owners read" on storage.objects for select to authenticated
  using ((storage.foldername(name))[1] = (select auth.uid())::text);
create policy "owners write" on storage.objects for insert to authenticated
  with check ((storage.foldername(name))[1] = (select auth.uid())::text);
create policy "owners change" on storage.objects for update to authenticated
  using ((storage.foldername(name))[1] = (select auth.uid())::text);
create policy "owners remove" on storage.objects for delete to authenticated
  using ((storage.foldername(name))[1] = (select auth.uid())::text);
"""


@dataclass(frozen=True)
class Storage:
    """What tests call: the service role's client, a user's, and plain requests."""

    http: httpx.AsyncClient
    database_url: str
    folder: Path

    @property
    def admin(self) -> AsyncStorageClient:
        return self._client(Keys().service_role_key)

    def user(self, user_id: str) -> AsyncStorageClient:
        return self._client(Keys().sign({"sub": user_id, "role": "authenticated"}))

    @property
    def admin_headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {Keys().service_role_key}"}

    def files(self) -> list[Path]:
        """Return what is stored on disk."""
        return [path for path in self.folder.rglob("*") if path.is_file()]

    def _client(self, token: str) -> AsyncStorageClient:
        headers = {"Authorization": f"Bearer {token}"}
        return AsyncStorageClient(f"{URL}/", headers=headers, http_client=self.http)


@asynccontextmanager
async def open_for_test(database_url: str, folder: Path, **settings: Any) -> AsyncIterator[Storage]:
    """Run a storage server with a private bucket `files` and a public one `logos`."""
    with psycopg.connect(database_url) as connection:
        connection.execute(POLICIES)
    config = config_for(database_url, folder, **settings)
    async with serving(open_storage, config) as http:
        storage = Storage(http, database_url, folder / "storage")
        await storage.admin.create_bucket("files")
        await storage.admin.create_bucket("logos", options={"public": True})
        yield storage
