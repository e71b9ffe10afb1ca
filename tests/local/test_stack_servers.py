"""Auth, Storage and Functions behind the gateway, as a frontend meets them."""

from pathlib import Path

import httpx
import psutil
import pytest
from supabase import AsyncClientOptions, acreate_client

from tests.local.function_files import write_functions
from tests.support.stacks import run_stack, said, start_stack, stop_stack

_CONFIG = """
[auth]
enable_anonymous_sign_ins = true
"""
_WHO = """
Deno.serve(async (request) => {
  const apikey = Deno.env.get("SUPABASE_ANON_KEY")!;
  const headers = { Authorization: request.headers.get("authorization")!, apikey };
  const user = await fetch(`${Deno.env.get("SUPABASE_URL")}/auth/v1/user`, { headers });
  return Response.json(await user.json());
});
"""
_POLICY = """
create policy "everybody" on storage.objects to authenticated
  using (owner_id = (select auth.uid())::text) with check (true);
"""


def _project(folder: Path, config: str) -> Path:
    """Make an empty project and return its folder."""
    (folder / "supabase" / "migrations").mkdir(parents=True)
    (folder / "supabase" / "config.toml").write_text(config)
    (folder / "supabase" / "migrations" / "20260101000000_policy.sql").write_text(_POLICY)
    return folder


# supabase-py's own client still passes on what its parts call deprecated.
@pytest.mark.filterwarnings("ignore:The '[a-z]+' parameter is deprecated:DeprecationWarning")
async def test_a_customers_session_opens_auth_storage_and_functions(tmp_path: Path) -> None:
    """One anonymous session, with the opaque keys: a file is stored, a function knows who calls."""
    project = _project(tmp_path, _CONFIG)
    write_functions(project / "supabase", {"who": _WHO})
    with run_stack("--ephemeral", cwd=project) as stack:
        async with httpx.AsyncClient(timeout=30) as http:
            options = AsyncClientOptions(httpx_client=http, auto_refresh_token=False)
            admin = await acreate_client(stack.api_url, stack.secret_key, options)
            await admin.storage.create_bucket("files")
            customer = await acreate_client(stack.api_url, stack.publishable_key, options)
            session = await customer.auth.sign_in_anonymously()
            await customer.storage.from_("files").upload("a.txt", b"text")
            content = await customer.storage.from_("files").download("a.txt")
            who = await customer.functions.invoke("who", {"responseType": "json"})
        started = psutil.Process(stack.process.pid).children(recursive=True)
        names = [process.name() for process in started]

    assert content == b"text"
    assert session.user is not None
    assert who["id"] == session.user.id
    assert any("deno" in name for name in names)
    assert not any(process.is_running() for process in started)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ('[auth]\njwt_expiry = "an hour"', "auth.jwt_expiry = 'an hour'"),
        ('[api]\nauto_expose_new_tables = "no"', "api.auto_expose_new_tables = 'no'"),
        ('[storage]\nfile_size_limit = "lots"', "storage.file_size_limit = 'lots'"),
    ],
)
def test_a_setting_that_cannot_be_used_is_one_line(
    tmp_path: Path, config: str, message: str
) -> None:
    """A typing mistake in config.toml is named, without a trace of our own code."""
    process = start_stack("--ephemeral", "--no-migrate", cwd=_project(tmp_path, config))
    exit_code = process.wait(50)
    text = said(process)
    stop_stack(process)

    assert exit_code == 1
    assert message in text
    assert len(text.strip().splitlines()) == 1
