"""An auth server of a test, seen through supabase-py's client and through bare HTTP."""

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from romashka_local.config import StackConfig
from romashka_local.keys import Keys
from supabase_auth import AsyncGoTrueAdminAPI, AsyncGoTrueClient, AsyncMemoryStorage

from tests.support.servers import URL, config_for

PASSWORD = "correct horse"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Auth:
    """What tests call: `client()` for a browser's view, `admin` for the service role's."""

    http: httpx.AsyncClient
    database_url: str

    def client(self) -> AsyncGoTrueClient:
        return AsyncGoTrueClient(
            url=URL,
            http_client=self.http,
            auto_refresh_token=False,
            storage=AsyncMemoryStorage(),
        )

    @property
    def admin(self) -> AsyncGoTrueAdminAPI:
        return AsyncGoTrueAdminAPI(url=URL, headers=self.admin_headers, http_client=self.http)

    @property
    def admin_headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {Keys().service_role_key}"}

    async def sign_up(self, **fields: Any) -> dict[str, Any]:
        """Sign a new customer up and return the session."""
        body = {"email": new_email(), "password": PASSWORD} | fields
        answer = await self.http.post("/signup", json=body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def refresh(self, refresh_token: str) -> httpx.Response:
        return await self.http.post(
            "/token?grant_type=refresh_token", json={"refresh_token": refresh_token}
        )

    async def user(self, access_token: str) -> httpx.Response:
        return await self.http.get("/user", headers={"Authorization": f"Bearer {access_token}"})


def auth_config(database_url: str, folder: Path) -> StackConfig:
    """Return the configuration of a stack that lets everybody in."""
    return config_for(database_url, folder, auth={"enable_anonymous_sign_ins": True})


def new_email() -> str:
    return f"customer{next(_numbers)}@example.com"
