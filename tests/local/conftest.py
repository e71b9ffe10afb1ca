"""What tests of the local stack's servers start from."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from romashka_local.auth import open_auth

from tests.local.auth_client import Auth
from tests.support.servers import config_for, serving


@pytest.fixture
async def auth(bare_db: str, tmp_path: Path) -> AsyncIterator[Auth]:
    """An auth server with anonymous sign-ins, on a database of its own."""
    config = config_for(bare_db, tmp_path, auth={"enable_anonymous_sign_ins": True})
    async with serving(open_auth, config) as http:
        yield Auth(http, bare_db)
