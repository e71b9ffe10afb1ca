"""`romashka channels` and `romashka webhooks`, as operators type them."""

import json
import os
import pty
import subprocess
import uuid
from functools import partial
from typing import Any

import httpx
import psycopg
import pytest

from tests.channels.meta import message, messages, new_id, whatsapp
from tests.support.commands import Command, Done
from tests.support.stacks import ROMASHKA, RunningStack


def settings(stack: RunningStack) -> dict[str, str]:
    return {
        "SUPABASE_URL": stack.api_url,
        "SUPABASE_SERVICE_ROLE_KEY": stack.service_role_key,
        "COLUMNS": "200",
    }


@pytest.fixture
def romashka(stack: RunningStack, romashka: Command) -> Command:
    """Run a command on the stack."""
    return partial(romashka, **settings(stack))


def secrets_of(stack: RunningStack, account: str) -> dict[str, str]:
    with psycopg.connect(stack.admin_url()) as database:
        return dict(
            database.execute(
                "select secrets.name, secrets.value from private.channel_secrets as secrets"
                " join public.communication_channels as channels on channels.id = channel_id"
                " where external_account_id = %s",
                [account],
            ).fetchall()
        )


def test_an_account_is_added_given_a_secret_and_shown(
    stack: RunningStack, romashka: Command
) -> None:
    """A second account of a channel has secrets of its own, before its first message comes."""
    account = new_id()
    added = romashka("channels", "add", "whatsapp", account, "--name", "Returns")
    again = romashka("channels", "add", "whatsapp", account)
    given = romashka("channels", "secret", account, "access_token", typed="a-token\n")
    shown = romashka("channels", "list")
    told = romashka("channels", "list", "--json")
    kept = secrets_of(stack, account)
    taken = romashka("channels", "secret", account, "access_token", "--remove")

    assert added.output == f"whatsapp {account} is known now.\n", added.errors
    assert again.errors == f"romashka: there is whatsapp {account} already\n"
    assert given.output == f"whatsapp {account} has its own access_token.\n", given.errors
    assert kept == {"access_token": "a-token"}
    row = next(line for line in shown.output.splitlines() if account in line)
    assert row.split() == ["whatsapp", account, "active", "0", "0", "0"]
    line = next(line for line in json_lines(told) if line["external_account_id"] == account)
    assert (line["event"], line["name"], line["sent_count"]) == ("channel", "Returns", 0)
    assert "a-token" not in shown.output + told.output + given.output
    assert taken.exit_code == 0
    assert secrets_of(stack, account) == {}


def test_an_accounts_configuration_is_changed_a_member_at_a_time(
    stack: RunningStack, romashka: Command
) -> None:
    """A secret among them, where staff would read it, is refused."""
    address = f"help-{uuid.uuid4()}@example.com"
    romashka("channels", "add", "email", address, "--name", "Help")
    romashka("channels", "set", address, "plus_addressing", "false")
    romashka("channels", "set", address, "sender_name", "Help & Co.")
    removed = romashka("channels", "set", address, "plus_addressing")
    romashka("channels", "set", address, "messages_per_second", "0.5")
    romashka("channels", "set", address, "trusted_senders", "a@example.com, b@example.com")
    secret = romashka("channels", "set", address, "access_token", "a-token")
    (line,) = [
        line
        for line in json_lines(romashka("channels", "list", "--json"))
        if line["external_account_id"] == address
    ]

    assert removed.output == f"email {address} has no plus_addressing now.\n"
    assert line["configuration"] == {
        "sender_name": "Help & Co.",
        "messages_per_second": 0.5,
        "trusted_senders": "a@example.com, b@example.com",
    }
    assert secret.exit_code == 1
    assert secret.errors.startswith("romashka: staff can read access_token here, and it looks like")
    assert "a-token" not in secret.errors


def json_lines(done: Done) -> list[dict[str, Any]]:
    assert done.exit_code == 0, done.errors
    return [json.loads(line) for line in done.output.splitlines()]


def test_a_secret_that_is_typed_is_not_shown(stack: RunningStack, romashka: Command) -> None:
    """Whoever looks over the shoulder, or at the terminal's history, sees nothing."""
    address = f"help-{uuid.uuid4()}@example.com"
    romashka("channels", "add", "email", address.upper())
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"}
    terminal, theirs = pty.openpty()
    with subprocess.Popen(
        [ROMASHKA, "channels", "secret", address, "smtp_url"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=clean | settings(stack),
        start_new_session=True,
    ) as process:
        os.close(theirs)
        seen = read_until(terminal, "smtp_url: ")
        os.write(terminal, b"smtps://team:typed@mail.example.com\n")
        seen += read_until(terminal, "has its own smtp_url.")
        exit_code = process.wait()
    os.close(terminal)

    assert exit_code == 0
    assert "typed" not in seen
    assert secrets_of(stack, address) == {"smtp_url": "smtps://team:typed@mail.example.com"}


def read_until(terminal: int, end: str) -> str:
    seen = ""
    while end not in seen:
        seen += os.read(terminal, 1024).decode()
    return seen


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["channels", "disable", "nobody"], "there is no account nobody; romashka channels list"),
        (["channels", "secret", "nobody", "smtp_url"], "the secret is empty"),
        (["channels", "add", "whatsapp", "+15550100"], "'+15550100' is not the phone number's id"),
        (["channels", "add", "instagram", ""], "'' is not the account's id"),
        (["channels", "add", "email", "support"], "'support' is no address"),
        (["channels", "set", "x", "plus_addressing", "maybe"], "plus_addressing cannot be that"),
        (["channels", "set", "x", "trusted_senders", "a@b.example,"], "trusted_senders cannot be"),
        (["channels", "set", "x", "template", "hello"], "template cannot be that; give it an obj"),
        (["channels", "set", "x", "messages_per_second", "0"], "messages_per_second cannot be"),
        (["webhooks", "replay"], "which webhooks?"),
        (["webhooks", "replay", "--since", "soon"], "soon is no time; write 30m, 6h, 2d or "),
    ],
)
def test_what_is_wrong_is_one_clear_line(romashka: Command, command: list[str], says: str) -> None:
    """Neither a trace nor a silence."""
    done = romashka(*command)

    assert done.exit_code == 1
    assert done.errors.startswith(f"romashka: {says}")
    assert done.errors.count("\n") == 1


def receive(stack: RunningStack, account: str, text: str) -> str:
    """Let a customer write to an account; return the webhook's id."""
    answer = httpx.post(
        f"{stack.api_url}/functions/v1/whatsapp",
        json=whatsapp(account, messages(message("text", {"body": text}))),
        headers={"Authorization": f"Bearer {stack.service_role_key}"},
        timeout=60,
    )
    webhook_id: str = answer.raise_for_status().json()["webhook_id"]
    return webhook_id


def test_what_came_while_an_account_was_disabled_is_replayed_once(
    stack: RunningStack, romashka: Command
) -> None:
    """Nothing that a customer wrote is lost, and nothing is there twice."""
    account = new_id()
    receive(stack, account, "one")
    romashka("channels", "disable", account)
    webhook_id = receive(stack, account, "two")
    listed = romashka("webhooks", "list", "--channel", "whatsapp", "--since", "1h", "--json")
    before = romashka("channels", "enable", account)
    replayed = romashka("webhooks", "replay", webhook_id)
    again = romashka("webhooks", "replay", webhook_id, "--json")
    shown = romashka("channels", "list", "--json")

    (ignored,) = [line for line in json_lines(listed) if line["id"] == webhook_id]
    assert ignored["outcomes"] == {"ignored": 1}
    assert "payload" not in ignored  # it is what customers wrote
    assert before.output == f"whatsapp {account} is active now.\n"
    assert (replayed.exit_code, replayed.output) == (0, f"{webhook_id}\t1 stored\n")
    assert json_lines(again)[0]["outcomes"] == {"duplicate": 1}
    assert "two" not in listed.output + replayed.output
    (line,) = [line for line in json_lines(shown) if line["external_account_id"] == account]
    assert line["received_count"] == 2


def test_a_webhook_that_cannot_be_replayed_is_told_and_the_others_are_replayed(
    stack: RunningStack, romashka: Command
) -> None:
    """The exit code is what a script looks at."""
    webhook_id = receive(stack, new_id(), "hello")
    broken = uuid.uuid4()
    with psycopg.connect(stack.admin_url()) as database:
        database.execute(
            "insert into public.webhook_events (id, channel_type, digest, payload, events, error)"
            " values (%s, 'whatsapp', %s, 'no json', '[]', 'it makes no sense')",
            [broken, broken.bytes],
        )
    listed = romashka("webhooks", "list", "--failed", "--limit", "1000")
    done = romashka("webhooks", "replay", str(broken), str(uuid.UUID(int=0)), "x", webhook_id)

    assert f"{broken}\t" in listed.output
    assert webhook_id not in listed.output
    assert done.output.splitlines() == [
        f"{broken}\tnot taken: not_json (status 400)",
        f"{uuid.UUID(int=0)}\tnot taken: there is none, or no longer: they are kept for 14 days",
        "x\tnot taken: this is no id",
        f"{webhook_id}\t1 duplicate",
    ]
    assert done.exit_code == 1
