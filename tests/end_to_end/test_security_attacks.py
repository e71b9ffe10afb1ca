"""What a stranger with a valid session and a terminal tries, through HTTP."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest

from tests.end_to_end.cast import Cast, Person, cast_on
from tests.support.stacks import RunningStack


@pytest.fixture(scope="module")
def cast(stack: RunningStack) -> Iterator[Cast]:
    with cast_on(stack) as people:
        yield people


def send(cast: Cast, method: str, path: str, who: str | Person, **request: Any) -> httpx.Response:
    """Send a request to REST as somebody; `headers` are added to theirs."""
    headers = cast.headers(who) | request.pop("headers", {})
    return cast.http.request(method, f"/rest/v1/{path}", headers=headers, **request)


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize(
    "spelling",
    [
        "{email}",
        "{EMAIL}",
        " {email} ",
        "\t{email}\n",
        "{email}\u200b",
        "{email}\u00a0",
        "{wide}",
        "{phone}",
        "+{phone}",
        "+{spaced}",
        "({spaced})",
        "{phone} ",
        "{id}",
    ],
)
def test_no_spelling_of_an_identifier_opens_anothers_conversation(
    cast: Cast, spelling: str
) -> None:
    """In the original, who typed somebody's e-mail address was given their conversation."""
    email, phone = f"ada-{uuid4()}@example.com", str(uuid4().int)[:12]
    (ada,) = cast.run(
        "insert into public.customer_profiles (email, phone) values (%s, %s) returning id::text",
        [email, phone],
    )
    opened = {"customer_identifier": email, "channel_type": "website"}
    theirs = send(cast, "POST", "rpc/create_conversation", "service", json=opened).json()
    typed = spelling.format(
        email=email,
        EMAIL=email.upper(),
        phone=phone,
        spaced=f"{phone[:3]} {phone[3:7]}-{phone[7:]}",
        wide="".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in email),
        id=ada["id"],
    )
    call = {"customer_identifier": typed, "channel_type": "website", "initial_message": "hello"}
    mine = send(cast, "POST", "rpc/create_conversation", "stranger", json=call)
    seen = send(cast, "GET", "conversations?select=id,customer_id", "stranger").json()

    assert mine.status_code == 200
    assert theirs not in {row["id"] for row in seen}
    assert {row["customer_id"] for row in seen} == {cast.people["stranger"].customer}


def test_a_conversation_keeps_its_customer(cast: Cast) -> None:
    """Given to somebody else it would be a message that they seem to have written."""
    guest, stranger = cast.people["guest"], cast.people["stranger"]
    change = {"customer_id": stranger.customer}
    answers = [
        send(cast, "PATCH", f"conversations?id=eq.{guest.conversation}", actor, json=change)
        for actor in ("guest", "stranger", "agent")
    ]

    assert [refusal(answer) for answer in answers] == [(403, "42501")] * 3
    assert cast.row("conversations", guest.conversation)["customer_id"] == guest.customer


@pytest.mark.parametrize("place", [0, 1])
def test_anothers_row_in_a_batch_refuses_the_batch(cast: Cast, place: int) -> None:
    """A check of the first row alone would let the second one in."""
    message = {"sender_type": "user", "content": str(uuid4())}
    batch = [message | {"conversation_id": cast.people["stranger"].conversation}]
    batch.insert(place, message | {"conversation_id": cast.people["guest"].conversation})
    answer = send(cast, "POST", "messages", "stranger", json=batch)
    stored = cast.run("select id from public.messages where content = %s", [message["content"]])

    assert refusal(answer) == (403, "42501")
    assert stored == []


@pytest.mark.parametrize("prefer", ["resolution=merge-duplicates", "resolution=ignore-duplicates"])
def test_nobody_raises_their_role(cast: Cast, prefer: str) -> None:
    """By update, by insert, by upsert: a role is given by the service role alone."""
    guest = cast.people["guest"]
    row = {"id": guest.id, "role": "admin"}
    answers = [
        send(cast, "PATCH", f"profiles?id=eq.{guest.id}", guest, json={"role": "admin"}),
        send(cast, "POST", "profiles", guest, json=row),
        send(cast, "POST", "profiles", guest, json=row, headers={"Prefer": prefer}),
    ]

    assert [refusal(answer) for answer in answers] == [(403, "42501")] * 3
    assert cast.row("profiles", guest.id)["role"] == "user"


@pytest.mark.parametrize("prefer", ["resolution=merge-duplicates", "resolution=ignore-duplicates"])
def test_an_upsert_changes_nothing_of_anothers(cast: Cast, prefer: str) -> None:
    """An upsert is an update in disguise."""
    guest = cast.people["guest"]
    before = cast.fingerprint()
    for table, row in {
        "conversations": {"id": guest.conversation, "customer_id": guest.customer},
        "messages": {
            "id": guest.message,
            "conversation_id": guest.conversation,
            "sender_type": "user",
            "content": "forged",
        },
        "customer_profiles": {"id": guest.customer, "user_id": cast.people["stranger"].id},
    }.items():
        send(cast, "POST", table, "stranger", json=row, headers={"Prefer": prefer})

    assert cast.fingerprint() == before


def test_claims_come_from_the_token_alone(cast: Cast) -> None:
    """A header or a parameter that Postgres took for a setting would make anybody anybody."""
    guest = cast.people["guest"]
    claims = json.dumps({"role": "service_role", "sub": guest.id})
    headers = {
        "request.jwt.claims": claims,
        "request.jwt.claim.sub": guest.id,
        "X-Supabase-Role": "service_role",
        "Role": "service_role",
        "Prefer": 'params=single-object, role="service_role"',
    }
    path = f"messages?conversation_id=eq.{guest.conversation}"
    answer = send(cast, "GET", path, "stranger", headers=headers)

    assert (answer.status_code, answer.json()) == (200, [])


@pytest.mark.parametrize("forge", ["none", "another secret", "edited"])
def test_a_forged_token_is_refused(cast: Cast, forge: str) -> None:
    """Whoever could sign for themselves could be everybody."""
    guest = cast.people["guest"]
    claims = {"role": "service_role", "sub": guest.id, "exp": 4_000_000_000}
    head, _, signature = guest.token.split(".")
    body = jwt.encode(claims, "", algorithm="none").split(".")[1]
    token = {
        "none": jwt.encode(claims, "", algorithm="none"),
        "another secret": jwt.encode(claims, "x" * 40, algorithm="HS256"),
        "edited": f"{head}.{body}.{signature}",
    }[forge]

    assert send(cast, "GET", "messages", Person(guest.id, token)).status_code == 401


@pytest.mark.parametrize("actor", ["anon", "guest", "admin"])
@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ("private", "channel_secrets"),
        ("private", "rpc/is_staff"),
        ("private", "rpc/store_rating"),
        ("auth", "users"),
        ("realtime", "messages"),
        ("realtime", "rpc/send"),
        ("cron", "job"),
        ("cron", "rpc/schedule"),
        ("storage", "objects"),
        ("vault", "decrypted_secrets"),
        ("pg_catalog", "pg_authid"),
    ],
)
def test_other_schemas_are_not_there(cast: Cast, schema: str, path: str, actor: str) -> None:
    """What `private` and Supabase's own schemas hold is for functions, not for requests."""
    method = "POST" if path.startswith("rpc/") else "GET"
    headers = {"Accept-Profile": schema, "Content-Profile": schema}
    named = send(cast, method, path, actor, headers=headers)

    assert refusal(named) == (406, "PGRST106")
    if (schema, path) != ("realtime", "messages"):  # without a schema that is public.messages
        assert send(cast, method, path, actor).status_code == 404


def test_an_embedding_brings_nobody_elses_rows(cast: Cast) -> None:
    """A join from one's own row must not lead to staff's notes or to an agent's profile."""
    cast.run(
        "update public.conversations set assigned_agent_id = %s where id = %s",
        [cast.people["agent"].id, cast.people["guest"].conversation],
    )
    select = "select=id,profiles(*),conversation_notes(*)"
    path = f"conversations?id=eq.{cast.people['guest'].conversation}&{select}"
    (row,) = send(cast, "GET", path, "guest").json()

    assert row["profiles"] is None
    assert row["conversation_notes"] == []


@pytest.fixture
def small_limits(cast: Cast) -> Iterator[None]:
    names = ("max_messages_per_minute", "max_conversations_per_hour", "max_message_chars")
    (before,) = cast.run(f"select {', '.join(names)} from public.ai_settings")
    change = "update public.ai_settings set " + ", ".join(f"{name} = %({name})s" for name in names)
    cast.run(change, {"max_message_chars": 50} | dict.fromkeys(names[:2], 3))
    yield
    cast.run(change, before)


@pytest.mark.usefixtures("small_limits")
def test_floods_and_oversize_have_their_status_and_name_the_limit(cast: Cast) -> None:
    """A client that is told the limit can keep to it; one that is not tries again."""
    newcomer = cast.sign_up()
    opened = {"customer_identifier": "x", "channel_type": "website"}
    conversation = send(cast, "POST", "rpc/create_conversation", newcomer, json=opened).json()
    cast.run("update public.conversations set requires_human = true where id = %s", [conversation])
    message = {"conversation_id": conversation, "sender_type": "user", "content": "x"}
    too_long = send(cast, "POST", "messages", newcomer, json=message | {"content": "x" * 51})
    too_heavy = send(
        cast, "POST", "messages", newcomer, json=message | {"metadata": {"x": "y" * 51}}
    )
    batch = send(cast, "POST", "messages", newcomer, json=[message] * 4)
    for _ in range(3):
        assert send(cast, "POST", "messages", newcomer, json=message).status_code == 201
    too_many = send(cast, "POST", "messages", newcomer, json=message)
    (row,) = send(cast, "GET", "conversations?select=customer_id", newcomer).json()
    too_open = send(cast, "POST", "conversations", newcomer, json=[row] * 3)

    for answer, status, name, limit in (
        (too_long, 413, "message_too_long", "50"),
        (too_heavy, 413, "message_too_long", "50"),
        (batch, 429, "too_many_messages", "3 messages a minute"),
        (too_many, 429, "too_many_messages", "3 messages a minute"),
        (too_open, 429, "too_many_conversations", "3 an hour"),
    ):
        assert (answer.status_code, answer.json()["details"]) == (status, name)
        assert answer.json()["message"].endswith(f"the limit is {limit}")


def test_a_guest_who_makes_an_account_keeps_the_conversation(cast: Cast) -> None:
    """They leave an address to come back to it, and come back to nothing."""
    guest = cast.sign_up()
    call = {"customer_identifier": "x", "channel_type": "website"}
    conversation = send(cast, "POST", "rpc/create_conversation", guest, json=call).json()
    account = {"email": f"{uuid4()}@example.com", "password": "correct horse"}
    cast.http.put("/auth/v1/user", json=account, headers=cast.headers(guest)).raise_for_status()
    session = cast.http.post(
        "/auth/v1/token?grant_type=password", json=account, headers=cast.headers("anon")
    ).json()
    permanent = Person(session["user"]["id"], session["access_token"])

    assert (
        send(cast, "POST", "rpc/create_conversation", permanent, json=call).json() == conversation
    )
    assert [row["id"] for row in send(cast, "GET", "conversations", permanent).json()] == [
        conversation
    ]


@pytest.mark.parametrize("actor", ["anon", "guest", "admin"])
def test_nobody_makes_a_bucket(cast: Cast, actor: str) -> None:
    """A bucket that anybody may make is one that somebody fills."""
    bucket = {"id": str(uuid4()), "name": str(uuid4())}
    made = cast.http.post("/storage/v1/bucket", json=bucket, headers=cast.headers(actor))
    listed = cast.http.get("/storage/v1/bucket", headers=cast.headers(actor))

    assert made.status_code >= 400
    assert listed.json() == []
