"""The channels as doctor sees them: can what comes get in, and can what is due get out?"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import httpx
from romashka import AsyncRomashka
from romashka._client import tls_context
from romashka._rows import fetch, fetch_all

from romashka_worker.channels import ChannelError
from romashka_worker.channels.settings import ChannelSettings
from romashka_worker.channels.smtp import MailServers, Server
from romashka_worker.doctor.finding import Finding
from romashka_worker.settings import Settings

_SECONDS = 15.0
_NEWEST_MAILS = 20
# By channel: what its function proves senders with, and what the worker proves itself with.
_SECRETS = {
    "whatsapp": ("app_secret", "access_token"),
    "instagram": ("app_secret", "access_token"),
    "email": ("webhook_token", "smtp_url"),
}
# No secret makes these, so the function refuses the call, and says by its refusal that it works.
_FORGED = {"X-Hub-Signature-256": f"sha256={'0' * 64}", "Authorization": "Bearer doctor"}

Account = Mapping[str, Any]


async def look_at_channels(client: AsyncRomashka, settings: Settings) -> AsyncIterator[Finding]:
    """Yield how each channel is that has an account, or a secret in the environment."""
    environment = ChannelSettings.from_environment().secrets
    accounts = await _active_accounts(client)
    used = [
        channel
        for channel, (_, secret) in _SECRETS.items()
        if accounts.get(channel) or (channel, secret) in environment
    ]
    if not used:
        yield Finding.ok("channels", "none but the website")
    for channel in used:
        of_channel = accounts.get(channel, [])
        findings = [
            await _look_at_function(channel, settings),
            *[_in_error(account) for account in of_channel if account["status"] == "error"],
        ]
        shared = environment.get((channel, _SECRETS[channel][1]))
        if shared is None:
            findings += await _look_for_secrets(client, channel, of_channel)
        elif channel == "email":
            findings.append(await _look_at_mail_server(shared.get_secret_value()))
        if channel == "email":
            findings += [await _look_for_verdicts(client, account) for account in of_channel]
        wrong = [finding for finding in findings if finding is not None]
        for finding in wrong:
            yield finding
        if not wrong:
            accounts_there = f"{len(of_channel)} account{'s' * (len(of_channel) != 1)}"
            yield Finding.ok(channel, f"{accounts_there}; the function answers")


async def _active_accounts(client: AsyncRomashka) -> Mapping[str, Sequence[Account]]:
    table = client.supabase.table("communication_channels")
    columns = "id,type,external_account_id,status,last_error"
    accounts: dict[str, list[Account]] = {}
    for account in await fetch_all(
        lambda: (
            table.select(columns)
            .neq("status", "disabled")
            .not_.is_("external_account_id", "null")
            .order("id")
        )
    ):
        accounts.setdefault(account["type"], []).append(account)
    return accounts


def _in_error(account: Account) -> Finding:
    """Say why an account is in trouble: mostly its secret, or what that may do, is not right."""
    says = f"{account['external_account_id']}: {account['last_error'] or 'there is a problem'}"
    fix = f"{_how_to_give_secret(account)}; if it is something else: romashka channels list"
    return Finding.warning(account["type"], says, fix)


def _how_to_give_secret(account: Account) -> str:
    name = _SECRETS[account["type"]][1]
    shared = f"{account['type']}_{name}".upper()
    own = f"romashka channels secret {account['id']} {name}"
    return f"{own}  # or, for all accounts: export {shared}=..."


async def _look_for_secrets(
    client: AsyncRomashka, channel: str, accounts: Sequence[Account]
) -> list[Finding]:
    """Name the accounts of which nothing can go out."""
    name = _SECRETS[channel][1]
    rows = await client.call("get_channel_credentials", channel_type=channel)
    has_one = {row["channel_id"] for row in rows if row["name"] == name}
    return [
        Finding.problem(
            channel,
            f"{account['external_account_id']} has no {name}: nothing goes out",
            _how_to_give_secret(account),
        )
        for account in accounts
        if account["id"] not in has_one
    ]


async def _look_at_mail_server(url: str) -> Finding | None:
    servers = MailServers(tls_context())
    try:
        await servers.greet(Server.parse(url))
    except ChannelError as error:
        return Finding.problem("email", str(error), "export EMAIL_SMTP_URL=smtps://...")
    finally:
        await servers.close()
    return None


async def _look_for_verdicts(client: AsyncRomashka, account: Account) -> Finding | None:
    """Name an account whose newest mails all came without a word about who sent them."""
    table = client.supabase.table("messages")
    query = table.select("unproven:metadata->>unproven,conversations!inner(channel_id)")
    query = query.eq("conversations.channel_id", account["id"]).eq("sender_type", "user")
    mails = await fetch(query.order("created_at", desc=True).limit(_NEWEST_MAILS))
    if not mails or any(mail["unproven"] != "no_verdict" for mail in mails):
        return None
    address = account["external_account_id"]
    return Finding.warning(
        "email",
        f"{address}: no verdict on who sent its mails: each is a conversation of its own",
        f"romashka channels set {address} authentication_server NAME"
        "  # the name at the head of Authentication-Results, where the mail server writes it",
    )


async def _look_at_function(channel: str, settings: Settings) -> Finding | None:
    """Call a channel's function as a forger would."""
    url = f"{settings.supabase_url.rstrip('/')}/functions/v1/{channel}"
    try:
        async with httpx.AsyncClient(verify=tls_context(), timeout=_SECONDS) as http:
            response = await http.post(url, json={}, headers=_FORGED)
    except httpx.HTTPError as error:
        says = f"its function does not answer: {type(error).__name__}"
        return Finding.problem(channel, says, f"curl -i {url}")
    secret = f"{channel}_{_SECRETS[channel][0]}".upper()
    match _refusal(response):
        case "not_authorised":
            return None
        case "not_configured":
            says = f"its function has no {secret}: nothing gets in"
            return Finding.problem(channel, says, f"supabase secrets set {secret}=...")
        case _:
            says = f"its function does not answer (status {response.status_code})"
            deploy = f"supabase functions deploy {channel} --no-verify-jwt"
            return Finding.problem(channel, says, deploy)


def _refusal(response: httpx.Response) -> str | None:
    """Return the reason that a function of ours gave."""
    try:
        told = response.json()
    except ValueError:
        return None
    return told.get("error") if isinstance(told, dict) else None
