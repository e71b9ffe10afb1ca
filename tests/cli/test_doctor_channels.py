"""`romashka doctor` on channels: what keeps messages from getting in or out, and what mends it."""

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from romashka import AsyncRomashka
from romashka_worker.doctor.channels import look_at_channels
from romashka_worker.doctor.finding import Finding
from romashka_worker.settings import Settings

from tests.channels.file_server import serving
from tests.channels.mail_server import open_mail_server
from tests.channels.meta import new_id
from tests.cli.accounts import without_accounts
from tests.support.customers import service_of
from tests.support.stacks import RunningStack


@pytest.fixture(autouse=True)
def no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WHATSAPP_ACCESS_TOKEN", "INSTAGRAM_ACCESS_TOKEN", "EMAIL_SMTP_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def accounts(stack: RunningStack) -> Iterator[psycopg.Connection[Any]]:
    """The stack's database, where no account is active but those of the test."""
    with without_accounts(stack) as database:
        yield database


def add(database: psycopg.Connection[Any], **account: str) -> str:
    """Add an account of WhatsApp's; return what it is called there."""
    row = {"type": "whatsapp", "external_account_id": new_id(), "name": "Desk"} | account
    names, places = ", ".join(row), ", ".join(["%s"] * len(row))
    database.execute(
        f"insert into public.communication_channels ({names}) values ({places})", [*row.values()]
    )
    return row["external_account_id"]


async def look(client: AsyncRomashka, url: str) -> list[Finding]:
    settings = Settings.model_validate({"SUPABASE_URL": url, "SUPABASE_SECRET_KEY": "key"})
    return [finding async for finding in look_at_channels(client, settings)]


async def test_an_account_without_its_secret_and_one_in_trouble_are_named(
    stack: RunningStack, accounts: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers that never get out look, in the inbox, as if the customer had them."""
    async with service_of(stack) as client:
        nothing = await look(client, stack.api_url)
        poor = add(accounts)
        troubled = add(accounts, status="error", last_error="190 token")
        without = await look(client, stack.api_url)
        monkeypatch.setenv("WHATSAPP_ACCESS_TOKEN", "for all of them")
        with_one = await look(client, stack.api_url)

    assert nothing == [Finding.ok("channels", "none but the website")]
    assert {(one.state, one.says.partition(":")[0]) for one in without} == {
        ("warning", troubled),
        ("problem", f"{poor} has no access_token"),
        ("problem", f"{troubled} has no access_token"),
    }
    assert all("romashka channels" in str(one.fix) for one in without)
    (refused,) = with_one
    assert (refused.state, refused.says) == ("warning", f"{troubled}: 190 token")
    assert "export WHATSAPP_ACCESS_TOKEN=" in str(refused.fix)


async def test_an_account_whose_mails_carry_no_verdict_is_named(
    stack: RunningStack, accounts: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each mail is a conversation of its own then, and nobody would know why."""
    monkeypatch.setenv("EMAIL_SMTP_URL", "smtp://127.0.0.1:9")
    address = f"{new_id()}@example.com"
    add(accounts, type="email", external_account_id=address)
    said = []
    async with service_of(stack) as client:
        for unproven in ("no_verdict", None):
            message = {
                "id": f"<{new_id()}@mail.example.org>",
                "kind": "message",
                "account": address,
                "customer": {"id": "desk@example.org"},
                "type": "text",
                "content": "Hello.",
                "is_automatic": True,
                "metadata": {"unproven": unproven},
            }
            await client.call("ingest_channel_message", channel_type="email", message=message)
            found = await look(client, stack.api_url)
            said.append([one for one in found if "no verdict" in one.says])

    assert [one.says.partition(":")[0] for one in said[0]] == [address]
    assert f"romashka channels set {address} authentication_server" in str(said[0][0].fix)
    assert said[1] == []


@pytest.mark.parametrize(
    ("status", "body", "says", "fix"),
    [
        ("403 Forbidden", {"error": "not_configured"}, "WHATSAPP_APP_SECRET", "secrets set"),
        ("404 Not Found", {"code": "NOT_FOUND"}, "status 404", "functions deploy whatsapp"),
        ("401 Unauthorized", {"msg": "Invalid JWT"}, "status 401", "--no-verify-jwt"),
        ("200 OK", None, "does not answer", "curl -i"),
    ],
    ids=["no secret", "not deployed", "wants a session", "cut off"],
)
async def test_a_function_that_lets_nothing_in_is_found(
    stack: RunningStack,
    accounts: psycopg.Connection[Any],
    monkeypatch: pytest.MonkeyPatch,
    status: str,
    body: dict[str, str] | None,
    says: str,
    fix: str,
) -> None:
    """The provider knows, and tells nobody."""
    monkeypatch.setenv("WHATSAPP_ACCESS_TOKEN", "for all of them")
    async with service_of(stack) as client, serving() as project:
        headers = () if body else ("Content-Length: 10",)  # and then nothing comes
        project.put("/functions/v1/whatsapp", status, *headers, body=json.dumps(body).encode())
        (finding,) = await look(client, project.origin)

    assert (finding.name, finding.state) == ("whatsapp", "problem")
    assert says in finding.says
    assert fix in str(finding.fix)


async def test_a_mail_server_is_greeted_and_says_what_is_wrong(
    stack: RunningStack, accounts: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A password that was mistyped shows before the first answer waits for it."""
    async with service_of(stack) as client, open_mail_server() as server:
        monkeypatch.setenv("EMAIL_SMTP_URL", server.url)
        good = await look(client, stack.api_url)
        monkeypatch.setenv("EMAIL_SMTP_URL", server.url.replace("word", "w"))
        (wrong,) = await look(client, stack.api_url)

    assert [finding.state for finding in good] == ["ok"]
    assert server.received == []
    assert "refuses the user or the password (535)" in wrong.says
    assert (wrong.name, wrong.state) == ("email", "problem")
    assert "export EMAIL_SMTP_URL=" in str(wrong.fix)
