"""Who may bring what: Meta's subscriptions and signatures, accounts' own secrets, and replays."""

import json
from pathlib import Path
from typing import Any

import pytest
from romashka_local.keys import Keys

from tests.channels.functions import Database, serve_functions
from tests.channels.meta import message, messages, signed, whatsapp

SECRET = "app-secret-of-the-environment"
TOKEN = "verify-token-of-the-environment"
ENVIRONMENT = {"WHATSAPP_APP_SECRET": SECRET, "WHATSAPP_VERIFY_TOKEN": TOKEN}
PAYLOAD = json.dumps(whatsapp("100", messages(message("text", {"body": "hello"})))).encode()
MEGABYTE = 1024 * 1024


def subscription(**changes: str) -> dict[str, str]:
    asked = {"mode": "subscribe", "verify_token": TOKEN, "challenge": "1158201444"} | changes
    return {f"hub.{name}": value for name, value in asked.items()}


async def test_a_subscription_is_confirmed_to_who_knows_the_token(tmp_path: Path) -> None:
    """Without this Meta does not connect; with less anybody could connect an app of theirs."""
    async with serve_functions(tmp_path, Database(), **ENVIRONMENT) as http:
        answer = await http.get("/whatsapp", params=subscription())
        refused = [
            await http.get("/whatsapp", params=params)
            for params in (
                subscription(verify_token="another"),
                subscription(verify_token=""),
                subscription(mode="unsubscribe"),
                subscription(challenge=""),
                {},
            )
        ]

    assert (answer.status_code, answer.text) == (200, "1158201444")
    assert answer.headers["content-type"].startswith("text/plain")
    assert [each.status_code for each in refused] == [403] * 5


async def test_a_webhook_is_taken_with_metas_signature_alone(tmp_path: Path) -> None:
    """Otherwise anybody could write in a customer's name. Nothing is parsed before, or stored."""
    right = signed(PAYLOAD, SECRET)["x-hub-signature-256"]
    wrong = [
        None,
        "",
        "sha256=",
        "sha256=zz",
        right.removeprefix("sha256="),
        right.replace("sha256", "sha1"),
        right[:-1],
        f"{right}0",
        f"{right[:-1]}{'1' if right[-1] == '0' else '0'}",
        signed(PAYLOAD, "another secret")["x-hub-signature-256"],
        signed(PAYLOAD, "")["x-hub-signature-256"],
        signed(PAYLOAD + b" ", SECRET)["x-hub-signature-256"],
    ]
    database = Database()
    async with serve_functions(tmp_path, database, **ENVIRONMENT) as http:
        refused = [
            await http.post(
                "/whatsapp", content=body, headers={"x-hub-signature-256": each} if each else {}
            )
            for each in wrong
            for body in (PAYLOAD, b"not json")
        ]
        received_before = list(database.received)
        taken = await http.post("/whatsapp", content=PAYLOAD, headers=signed(PAYLOAD, SECRET))

    assert {answer.status_code for answer in refused} == {401}
    assert received_before == []
    assert taken.json() == {"webhook_id": "of-the-test", "outcomes": {"stored": 1}}
    assert [call["payload"] for call in database.received] == [PAYLOAD.decode()]


async def test_nonsense_is_refused_for_good(tmp_path: Path) -> None:
    """A 4xx tells Meta that sending it again does not help."""
    nonsense = [b"", b"{", b"\xff", b"[]", b"null", b'"text"', b"{}", b"[" * 9999]
    foreign = [b'{"object":"page","entry":[]}', b'{"object":"whatsapp_business_account"}']
    database = Database()
    async with serve_functions(tmp_path, database, **ENVIRONMENT) as http:
        answers = [
            await http.post("/whatsapp", content=body, headers=signed(body, SECRET))
            for body in (*nonsense, *foreign)
        ]

    assert [answer.status_code for answer in answers] == [400] * len(answers)
    assert not database.received


async def test_only_get_and_post_are_for_a_webhook_and_five_megabytes(tmp_path: Path) -> None:
    """A body without end fills nobody's memory, whether or not it tells its length."""

    async def endless() -> Any:
        for _ in range(6):
            yield b" " * MEGABYTE

    large = PAYLOAD + b" " * (5 * MEGABYTE)
    fits = PAYLOAD + b" " * (5 * MEGABYTE - len(PAYLOAD))
    async with serve_functions(tmp_path, Database(), **ENVIRONMENT) as http:
        methods = [
            await http.request(method, "/whatsapp", headers=signed(b"", SECRET))
            for method in ("PUT", "PATCH", "DELETE", "OPTIONS")
        ]
        told = await http.post("/whatsapp", content=large, headers=signed(large, SECRET))
        untold = await http.post("/whatsapp", content=endless(), headers=signed(b"", SECRET))
        strange = await http.post("/whatsapp", content=endless())  # and is not even read
        taken = await http.post("/whatsapp", content=fits, headers=signed(fits, SECRET))

    assert [answer.status_code for answer in methods] == [405] * 4
    assert methods[0].headers["allow"] == "GET, POST"
    answers = (told, untold, strange, taken)
    assert [answer.status_code for answer in answers] == [413, 413, 401, 200]


async def test_where_nothing_is_configured_nothing_is_taken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A forgotten secret closes the door, and the log says what to set."""
    database = Database()
    empty = {"WHATSAPP_APP_SECRET": "", "WHATSAPP_VERIFY_TOKEN": ""}
    async with serve_functions(tmp_path, database, **empty) as http:
        answers = [
            await http.post("/whatsapp", content=PAYLOAD, headers=signed(PAYLOAD, "")),
            await http.get("/whatsapp", params=subscription(verify_token="")),
        ]
    log = capsys.readouterr().err

    assert [answer.status_code for answer in answers] == [403, 403]
    assert not database.received
    assert "Set WHATSAPP_APP_SECRET" in log
    assert "Set WHATSAPP_VERIFY_TOKEN" in log


async def test_an_accounts_own_secret_is_good_for_that_account_alone(tmp_path: Path) -> None:
    """Two businesses share the project: neither can write in the name of the other."""
    mine, theirs = "100", "200"
    names = {"app_secret": "secret", "verify_token": "token"}
    database = Database()
    database.credentials = [
        {"channel_id": account, "account": account, "name": name, "value": f"{value} of {account}"}
        for account in (mine, theirs)
        for name, value in names.items()
    ]
    sent = message("text", {"body": "hello"})
    both = whatsapp(mine, messages(sent))
    both["entry"] += whatsapp(theirs, messages(sent))["entry"]
    own, foreign = (whatsapp(account, messages(sent)) for account in (mine, theirs))
    bodies = [json.dumps(payload).encode() for payload in (own, foreign, both)]
    async with serve_functions(tmp_path, database, **ENVIRONMENT) as http:
        with_own = [
            await http.post("/whatsapp", content=body, headers=signed(body, f"secret of {mine}"))
            for body in bodies
        ]
        received_with_own = len(database.received)
        with_shared = [
            await http.post("/whatsapp", content=body, headers=signed(body, SECRET))
            for body in bodies
        ]
        subscribed = await http.get("/whatsapp", params=subscription(verify_token="token of 200"))

    assert [answer.status_code for answer in with_own] == [200, 403, 403]
    assert received_with_own == 1
    assert [answer.status_code for answer in with_shared] == [200, 200, 200]
    assert subscribed.status_code == 200


async def test_an_account_without_a_name_learns_it_from_its_first_webhook(tmp_path: Path) -> None:
    """The original kept a secret and no number; with other accounts beside it, it could be any."""
    secret: dict[str, Any] = {"channel_id": "1", "account": None, "name": "app_secret"}
    statuses = []
    for accounts in ([None], [None, "200"]):
        database = Database()
        database.credentials = [secret | {"value": "moved secret"}]
        database.accounts = accounts
        async with serve_functions(tmp_path, database) as http:
            answer = await http.post(
                "/whatsapp", content=PAYLOAD, headers=signed(PAYLOAD, "moved secret")
            )
        statuses.append(answer.status_code)

    assert statuses == [200, 401]


async def test_the_service_role_replays_without_a_signature(tmp_path: Path) -> None:
    """`romashka webhooks replay` sends what is kept; no other key of the project may."""
    keys = Keys()
    tokens = [keys.service_role_key, keys.secret_key, keys.anon_key, keys.publishable_key, "x"]
    database = Database()
    async with serve_functions(tmp_path, database, **ENVIRONMENT) as http:
        answers = [
            await http.post(
                "/whatsapp", content=PAYLOAD, headers={"authorization": f"Bearer {token}"}
            )
            for token in tokens
        ]

    assert [answer.status_code for answer in answers] == [200, 200, 401, 401, 401]
    assert len(database.received) == 2


async def test_what_the_database_cannot_take_comes_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Meta repeats after a 5xx, so an outage loses nothing; what is refused for good is not."""
    database = Database()
    failures = {
        (500, "40P01"): 503,
        (500, "57014"): 503,
        (503, "PGRST002"): 503,
        (404, "PGRST202"): 503,  # migrations are missing
        (401, "PGRST301"): 503,  # the function's own key is old
        (400, "PT400"): 400,
        (400, "22P02"): 400,
    }
    statuses = []
    async with serve_functions(tmp_path, database, **ENVIRONMENT) as http:
        for status, code in failures:
            database.failure = (status, {"code": code, "message": "hello", "details": None})
            answer = await http.post("/whatsapp", content=PAYLOAD, headers=signed(PAYLOAD, SECRET))
            statuses.append(answer.status_code)
    log = capsys.readouterr().err

    assert statuses == list(failures.values())
    assert "40P01" in log
    assert "hello" not in log, "the log has what was sent"


async def test_an_unreachable_database_makes_meta_try_again(tmp_path: Path) -> None:
    """Restarts and broken networks lose nothing."""
    async with serve_functions(tmp_path, None, **ENVIRONMENT) as http:
        answer = await http.post("/whatsapp", content=PAYLOAD, headers=signed(PAYLOAD, SECRET))

    assert answer.status_code == 503
