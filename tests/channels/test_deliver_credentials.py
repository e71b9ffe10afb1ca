"""Which token a message goes out with, and what becomes of it without one."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from pydantic import SecretStr
from romashka_worker.channels import Delivery
from romashka_worker.channels.adapters import open_channels
from romashka_worker.channels.credentials import Credentials
from romashka_worker.channels.files import Files
from romashka_worker.channels.sender import Sender
from romashka_worker.channels.settings import ChannelSettings
from romashka_worker.settings import SettingsError

from tests.channels.account import Account
from tests.channels.deliveries import channels_of, delivery, file
from tests.channels.graph import TOKEN, Graph, open_graph

OWN, SHARED = "own", "shared"


@pytest.fixture
async def graph() -> AsyncIterator[Graph]:
    async with open_graph() as running:
        running.tokens = {OWN, SHARED}
        yield running


@pytest.fixture
async def sender(graph: Graph, account: Account) -> AsyncIterator[Sender]:
    """What sends with the environment's token `shared`."""
    environment = {("whatsapp", "access_token"): SecretStr(SHARED)}
    async with channels_of(graph) as channels:
        credentials = Credentials(account.service, environment)
        yield Sender(channels, credentials, Files(account.service))


def to(account: Account) -> Delivery:
    """Return a delivery of that account."""
    return replace(delivery(), channel_id=account.channel_id, account=account.id)


def used(graph: Graph) -> list[str]:
    """Return the tokens that came."""
    return [call.headers["authorization"].removeprefix("Bearer ") for call in graph.calls]


async def set_token(account: Account, token: str) -> None:
    await account.service.call(
        "set_channel_secret", channel_id=account.channel_id, name="access_token", value=token
    )


async def test_an_accounts_own_token_wins(sender: Sender, graph: Graph, account: Account) -> None:
    """The environment's serves all others of the type."""
    await set_token(account, OWN)
    own = await sender.perform(to(account))
    shared = await sender.perform(delivery())

    assert (own.outcome, shared.outcome) == ("sent", "sent")
    assert used(graph) == [OWN, SHARED]


async def test_a_renewed_token_is_found_at_once(
    sender: Sender, graph: Graph, account: Account
) -> None:
    """Secrets are kept for a minute, but not one that Meta has just refused."""
    first = await sender.perform(to(account))  # TOKEN, which is not valid here
    await set_token(account, OWN)
    second = await sender.perform(to(account))

    assert (first.outcome, first.error_code) == ("retry", "unauthorized")
    assert second.outcome == "sent"
    assert used(graph) == [TOKEN, TOKEN, OWN]


async def test_without_a_token_a_message_waits_for_one(sender: Sender, graph: Graph) -> None:
    """The account shows why; nothing is asked of Meta."""
    result = await sender.perform(replace(delivery("instagram")))

    assert (result.outcome, result.error_code) == ("retry", "unauthorized")
    assert result.error == "the account has no access_token"
    assert graph.calls == []


async def test_a_lease_that_runs_out_sends_nothing(sender: Sender, graph: Graph) -> None:
    """A process that stood still must not send what another one has by now."""
    result = await sender.perform(replace(delivery(), send_by=0.0))

    assert result.outcome == "retry"
    assert graph.calls == []


async def test_a_file_that_is_gone_fails_the_message(
    sender: Sender, graph: Graph, account: Account
) -> None:
    """The agent is told, and attaches it again."""
    await set_token(account, OWN)
    media = (replace(file(), path=f"{account.conversation_id}/gone.png"),)
    settings = ChannelSettings.model_validate({"WHATSAPP_API_URL": graph.whatsapp_url})
    async with open_channels(settings, account.service) as channels:
        sender = Sender(channels, Credentials(account.service, {}), Files(account.service))
        result = await sender.perform(replace(to(account), media=media))

    assert (result.outcome, result.error_code) == ("failed", "file_gone")


async def test_what_is_out_already_is_not_sent_again(sender: Sender, graph: Graph) -> None:
    """All parts were told by their statuses: the delivery is done."""
    result = await sender.perform(replace(delivery(), parts_sent=1))

    assert (result.outcome, result.parts_sent) == ("sent", 1)
    assert graph.calls == []


def test_an_address_that_is_none_ends_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every message would fail, one after the other."""
    monkeypatch.setenv("WHATSAPP_API_URL", "graph.example.com")
    with pytest.raises(SettingsError, match="WHATSAPP_API_URL"):
        ChannelSettings.from_environment()
