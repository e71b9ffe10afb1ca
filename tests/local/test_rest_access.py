"""Who a REST request is: tokens, roles, claims, row security, what SQL sees of the request."""

import time
from typing import Any
from uuid import uuid4

import jwt
import pytest
from postgrest import APIError

from tests.support.rest import Rest

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def context(rest: Rest, **headers: str) -> Any:
    answer = await rest.http.get("/rpc/context?", headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_request_without_a_token_is_anonymous(rest: Rest) -> None:
    """Public pages read without any header."""
    seen = await context(rest)

    assert (seen["role"], seen["claims"]) == ("anon", {"role": "anon"})
    assert seen["timeout"] == "3s"


async def test_a_token_brings_its_role_and_claims(rest: Rest) -> None:
    """Policies read the user from the claims; the role's own settings apply."""
    token = rest.token("authenticated", sub="42", app_metadata={"team": "a"})
    seen = await context(rest, Authorization=f"Bearer {token}")

    assert seen["role"] == "authenticated"
    assert (seen["claims"]["sub"], seen["claims"]["app_metadata"]) == ("42", {"team": "a"})
    assert seen["timeout"] == "8s"


async def test_sql_sees_the_request(rest: Rest) -> None:
    """Method, path, headers and cookies are settings, the cookie header itself is not."""
    seen = await context(rest, **{"X-Mixed": "a1", "Cookie": "a=1; b=two"})

    assert (seen["method"], seen["request_path"]) == ("GET", "/rpc/context")
    assert seen["headers"]["x-mixed"] == "a1"
    assert "cookie" not in seen["headers"]
    assert seen["cookies"] == {"a": "1", "b": "two"}
    assert seen["path"] == '"public", "public", "extensions"'


async def test_nothing_of_one_request_is_left_for_the_next(rest: Rest) -> None:
    """A pooled connection keeps no role, claim or header."""
    token = rest.token("authenticated", sub="left")
    for _ in range(30):
        await context(rest, Authorization=f"Bearer {token}", **{"X-Left": "over"})
        seen = await context(rest)
        assert seen["role"] == "anon"
        assert "sub" not in seen["claims"]
        assert "x-left" not in seen["headers"]


async def test_the_time_zone_can_be_chosen(rest: Rest) -> None:
    """`Prefer: timezone` shows times as the client's user reads them."""
    header = {"Prefer": "timezone=America/Los_Angeles"}
    answer = await rest.http.get("/books?id=eq.1&select=published_at", headers=header)

    assert answer.json() == [{"published_at": "2024-01-01T17:04:05.678-08:00"}]
    assert answer.headers["preference-applied"] == "timezone=America/Los_Angeles"


async def test_rows_are_seen_by_their_owner_alone(rest: Rest) -> None:
    """Row security decides on reads, writes and returned rows."""
    mine, other = str(uuid4()), str(uuid4())
    owner = rest.client("authenticated", sub=mine)
    stranger = rest.client("authenticated", sub=other)
    inserted = await owner.from_("notes").insert({"content": "secret"}).execute()
    note = inserted.data[0]["id"]
    seen = await stranger.from_("notes").select("*").eq("id", note).execute()
    stolen = await stranger.from_("notes").update({"content": "x"}).eq("id", note).execute()
    anonymous = await rest.client().from_("notes").select("*").execute()
    service = await rest.client("service_role").from_("notes").select("*").eq("id", note).execute()
    with pytest.raises(APIError) as caught:
        await stranger.from_("notes").insert({"content": "x", "owner": mine}).execute()

    assert (seen.data, stolen.data, anonymous.data) == ([], [], [])
    assert [row["content"] for row in service.data] == ["secret"]
    assert caught.value.code == "42501"


@pytest.mark.parametrize(("role", "status"), [("anon", 401), ("authenticated", 403)])
async def test_a_missing_privilege_asks_for_a_login_or_forbids(
    rest: Rest, role: str, status: int
) -> None:
    """Without a session the answer is 401, so that a frontend shows its sign-in."""
    await rest.execute("revoke all on covers from anon, authenticated")
    try:
        answer = await rest.http.get(
            "/covers", headers={"Authorization": f"Bearer {rest.token(role)}"}
        )
    finally:
        await rest.execute("grant all on covers to anon, authenticated")

    assert (answer.status_code, answer.json()["code"]) == (status, "42501")
    assert ("www-authenticate" in answer.headers) is (status == 401)


@pytest.mark.parametrize(("seconds", "accepted"), [(3600, True), (-10, True), (-40, False)])
async def test_a_token_holds_until_it_expires_give_or_take_30_seconds(
    rest: Rest, seconds: float, accepted: bool
) -> None:
    """Clocks differ a little; an expired session is told apart from a bad one."""
    token = rest.token("authenticated", seconds=seconds)
    answer = await rest.http.get("/books", headers={"Authorization": f"Bearer {token}"})

    assert (answer.status_code == 200) is accepted
    if not accepted:
        assert answer.status_code == 401
        assert answer.json()["code"] == "PGRST303"
        assert answer.json()["message"] == "JWT expired"
        assert answer.headers["www-authenticate"] == (
            'Bearer error="invalid_token", error_description="JWT expired"'
        )


def tokens(rest: Rest) -> dict[str, tuple[str, str, str]]:
    """Return tokens that are wrong in one way each, with the code and message for it."""
    secret = rest.config.keys.jwt_secret
    now = int(time.time())
    unsigned = jwt.encode({"role": "service_role"}, "", algorithm="none")
    return {
        "empty": ("", "PGRST301", "Empty JWT is sent in Authorization header"),
        "no token": ("sb_publishable_x", "PGRST301", "Expected 3 parts in JWT; got 1"),
        "another secret": (
            jwt.encode({"role": "service_role"}, secret[::-1]),
            "PGRST301",
            "No suitable key or wrong key type",
        ),
        "unsigned": (unsigned, "PGRST301", "Wrong or unsupported encoding algorithm"),
        "another algorithm": (
            jwt.encode({"role": "service_role"}, secret * 2, algorithm="HS512"),
            "PGRST301",
            "Wrong or unsupported encoding algorithm",
        ),
        "garbage": ("a.b.c", "PGRST301", "JWT cryptographic operation failed"),
        "not yet": (rest.token(nbf=now + 90), "PGRST303", "JWT not yet valid"),
        "from the future": (rest.token(iat=now + 90), "PGRST303", "JWT issued at future"),
        "odd expiry": (
            rest.config.keys.sign({"role": "anon", "exp": "soon"}),
            "PGRST303",
            "The JWT 'exp' claim must be a number",
        ),
    }


@pytest.mark.parametrize(
    "kind",
    [
        "empty",
        "no token",
        "another secret",
        "unsigned",
        "another algorithm",
        "garbage",
        "not yet",
        "from the future",
        "odd expiry",
    ],
)
async def test_a_token_that_is_not_ours_is_refused(rest: Rest, kind: str) -> None:
    """Nobody becomes the service role with a token of their own making."""
    token, code, message = tokens(rest)[kind]
    answer = await rest.http.get("/books", headers={"Authorization": f"Bearer {token}"})

    assert answer.status_code == 401
    assert (answer.json()["code"], answer.json()["message"]) == (code, message)
    assert message in answer.headers["www-authenticate"]


async def test_a_role_that_does_not_exist_is_refused(rest: Rest) -> None:
    """A token with an unknown role opens nothing, and neither does a superuser's name."""
    unknown = rest.token("nobody")
    powerful = rest.token("postgres")
    first = await rest.http.get("/books", headers={"Authorization": f"Bearer {unknown}"})
    second = await rest.http.get("/books", headers={"Authorization": f"Bearer {powerful}"})

    assert (first.status_code, first.json()["message"]) == (401, 'role "nobody" does not exist')
    assert (second.status_code, second.json()["code"]) == (403, "42501")


async def test_another_scheme_than_bearer_is_no_token(rest: Rest) -> None:
    """Basic authentication of a proxy does not get in the way."""
    answer = await rest.http.get("/books?limit=1", headers={"Authorization": "Basic eDp5"})

    assert answer.status_code == 200
