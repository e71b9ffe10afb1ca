"""Sessions: signing in, rotating refresh tokens, signing out."""

import asyncio
from typing import Any

import jwt
import psycopg
import pytest
from romashka_local.keys import Keys

from tests.local.auth_client import PASSWORD, Auth


async def _rotated(auth: Auth, times: int) -> list[str]:
    """Return the refresh tokens of one session, oldest first, the last one unused."""
    tokens = [(await auth.sign_up())["refresh_token"]]
    for _ in range(times):
        tokens.append((await auth.refresh(tokens[-1])).json()["refresh_token"])
    return tokens


def _used_long_ago(auth: Auth, token: str) -> None:
    with psycopg.connect(auth.database_url) as database:
        database.execute(
            "update auth.refresh_tokens set updated_at = now() - interval '11 s' where token = %s",
            [token],
        )


async def test_a_password_opens_a_session(auth: Auth) -> None:
    """The address is the same in any case, and the session knows when the user was last there."""
    user = (await auth.sign_up())["user"]
    answer = await auth.client().sign_in_with_password(
        {"email": user["email"].upper(), "password": PASSWORD}
    )

    assert answer.session is not None
    assert answer.user is not None
    assert answer.user.id == user["id"]
    assert answer.user.last_sign_in_at is not None


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"email": "nobody@example.com", "password": PASSWORD}, 400, "invalid_credentials"),
        ({"email": "known", "password": "wrong one"}, 400, "invalid_credentials"),
        ({"email": "known", "password": "x" * 100}, 400, "invalid_credentials"),
        ({"email": "known", "password": ""}, 400, "invalid_credentials"),
        ({"password": PASSWORD}, 400, "validation_failed"),
        ({"phone": "4912345", "password": PASSWORD}, 422, "phone_provider_disabled"),
        ({"email": "known", "phone": "4912345", "password": "x"}, 400, "validation_failed"),
    ],
)
async def test_wrong_credentials_tell_nothing(
    auth: Auth, body: dict[str, Any], status: int, code: str
) -> None:
    """An unknown address and a wrong password look alike."""
    known = (await auth.sign_up())["user"]["email"]
    body = {name: known if value == "known" else value for name, value in body.items()}
    answer = await auth.http.post("/token?grant_type=password", json=body)

    assert (answer.status_code, answer.json()["error_code"]) == (status, code)


async def test_a_banned_user_stays_out(auth: Auth) -> None:
    """Neither the password, nor the refresh token, nor the access token works any more."""
    session = await auth.sign_up()
    await auth.admin.update_user_by_id(session["user"]["id"], {"ban_duration": "24h"})
    body = {"email": session["user"]["email"], "password": PASSWORD}
    by_password = await auth.http.post("/token?grant_type=password", json=body)
    by_token = await auth.refresh(session["refresh_token"])
    by_session = await auth.user(session["access_token"])

    answers = [by_password, by_token, by_session]
    assert [answer.json()["error_code"] for answer in answers] == ["user_banned"] * 3
    assert [answer.status_code for answer in answers] == [400, 400, 403]


async def test_refreshing_keeps_the_session_and_changes_the_token(auth: Auth) -> None:
    """Realtime and policies see the same session id before and after a refresh."""
    before = await auth.sign_up()
    after = (await auth.refresh(before["refresh_token"])).json()
    claims = [
        jwt.decode(session["access_token"], options={"verify_signature": False})
        for session in (before, after)
    ]

    assert after["refresh_token"] != before["refresh_token"]
    assert after["user"]["id"] == before["user"]["id"]
    assert claims[0]["session_id"] == claims[1]["session_id"]
    assert claims[0]["amr"] == claims[1]["amr"]


async def test_a_client_that_lost_the_answer_gets_the_same_token_again(auth: Auth) -> None:
    """A reload in the middle of a refresh must not sign the customer out, however late it is."""
    old, new = await _rotated(auth, 1)
    _used_long_ago(auth, old)
    again = (await auth.refresh(old)).json()

    assert again["refresh_token"] == new


async def test_two_tabs_that_refresh_at_once_both_stay_signed_in(auth: Auth) -> None:
    """Refreshes of one session take turns and end with the same token."""
    token = (await auth.sign_up())["refresh_token"]
    answers = await asyncio.gather(*(auth.refresh(token) for _ in range(5)))
    tokens = {answer.json()["refresh_token"] for answer in answers}

    assert [answer.status_code for answer in answers] == [200] * 5
    assert len(tokens) == 1


async def test_within_the_reuse_interval_an_older_token_still_works(auth: Auth) -> None:
    """Slow tabs may be two refreshes behind."""
    oldest, _, newest = await _rotated(auth, 2)
    answer = await auth.refresh(oldest)

    assert answer.status_code == 200
    assert answer.json()["refresh_token"] not in (oldest, newest)


async def test_a_stolen_token_ends_the_whole_session(auth: Auth) -> None:
    """A token that was used long ago in other hands: all tokens of the session are revoked."""
    oldest, middle, newest = await _rotated(auth, 2)
    _used_long_ago(auth, oldest)
    stolen = await auth.refresh(oldest)
    with psycopg.connect(auth.database_url) as database:
        alive = database.execute("select from auth.refresh_tokens where not revoked").rowcount
    for token in (middle, newest):
        _used_long_ago(auth, token)
    after = await auth.refresh(newest)

    assert stolen.status_code == 400
    assert stolen.json()["error_code"] == "refresh_token_already_used"
    assert stolen.json()["msg"] == "Invalid Refresh Token: Already Used"
    assert alive == 0
    assert after.json()["error_code"] == "refresh_token_already_used"


async def test_an_unknown_or_missing_refresh_token_is_refused(auth: Auth) -> None:
    """The two clients drop the session on these codes."""
    unknown = await auth.refresh("abcdefghijkl")
    missing = await auth.refresh("")

    assert unknown.status_code == 400
    assert unknown.json()["error_code"] == "refresh_token_not_found"
    assert missing.status_code == 400
    assert missing.json() == {
        "error": "invalid_request",
        "error_description": "refresh_token required",
    }


async def test_an_unknown_grant_is_refused(auth: Auth) -> None:
    """Also the grants that this stack cannot serve answer at once, with GoTrue's codes."""
    codes = {}
    for grant in ("", "magic", "pkce", "id_token", "web3"):
        answer = await auth.http.post(f"/token?grant_type={grant}", json={})
        codes[grant] = (answer.status_code, answer.json()["error_code"])

    assert codes == {
        "": (400, "invalid_credentials"),
        "magic": (400, "invalid_credentials"),
        "pkce": (404, "flow_state_not_found"),
        "id_token": (400, "provider_disabled"),
        "web3": (422, "web3_provider_disabled"),
    }


@pytest.mark.parametrize(
    ("scope", "here", "elsewhere"),
    [("", 403, 403), ("global", 403, 403), ("local", 403, 200), ("others", 200, 403)],
)
async def test_signing_out_closes_the_sessions_of_its_scope(
    auth: Auth, scope: str, here: int, elsewhere: int
) -> None:
    """A closed session's tokens fail at once at the auth server."""
    first = await auth.sign_up()
    body = {"email": first["user"]["email"], "password": PASSWORD}
    second = (await auth.http.post("/token?grant_type=password", json=body)).json()
    headers = {"Authorization": f"Bearer {first['access_token']}"}
    answer = await auth.http.post("/logout", params={"scope": scope}, headers=headers)
    answers = [await auth.user(session["access_token"]) for session in (first, second)]

    assert answer.status_code == 204
    assert [answer.status_code for answer in answers] == [here, elsewhere]
    closed = [answer for answer in answers if answer.status_code == 403]
    assert {answer.json()["error_code"] for answer in closed} == {"session_not_found"}


async def test_an_unknown_scope_closes_nothing(auth: Auth) -> None:
    """A typing mistake must not sign the user out everywhere."""
    session = await auth.sign_up()
    headers = {"Authorization": f"Bearer {session['access_token']}"}
    answer = await auth.http.post("/logout?scope=mine", headers=headers)

    assert answer.json()["error_code"] == "validation_failed"
    assert (await auth.user(session["access_token"])).status_code == 200


@pytest.mark.parametrize(
    ("authorization", "status", "code"),
    [
        (None, 401, "no_authorization"),
        ("Basic abc", 401, "no_authorization"),
        ("Bearer nonsense", 403, "bad_jwt"),
        ({"sub": "someone"}, 400, "bad_jwt"),
        ({"role": "authenticated"}, 403, "bad_jwt"),
        ({"sub": "01234567-0123-4123-8123-0123456789ab"}, 403, "user_not_found"),
        ({"sub": "01234567-0123-4123-8123-0123456789ab", "exp": 1000}, 403, "bad_jwt"),
    ],
)
async def test_a_bad_access_token_is_refused(
    auth: Auth, authorization: str | dict[str, Any] | None, status: int, code: str
) -> None:
    """The clients tell apart: no token, a bad one, a user that is gone."""
    if isinstance(authorization, dict):
        authorization = f"Bearer {Keys().sign(authorization)}"
    headers = {"Authorization": authorization} if authorization else {}
    answer = await auth.http.get("/user", headers=headers)

    assert (answer.status_code, answer.json()["error_code"]) == (status, code)


async def test_a_token_of_another_project_is_refused(auth: Auth) -> None:
    """Only the holder of the secret makes tokens; `alg: none` is no way around it."""
    claims = {"sub": "01234567-0123-4123-8123-0123456789ab", "role": "service_role"}
    foreign = jwt.encode(claims, "another secret, of the right length", algorithm="HS256")
    unsigned = jwt.encode(claims, None, algorithm="none")
    answers = [
        await auth.http.get("/admin/users", headers={"Authorization": f"Bearer {token}"})
        for token in (foreign, unsigned)
    ]

    for answer in answers:
        assert (answer.status_code, answer.json()["error_code"]) == (403, "bad_jwt")
        assert answer.json()["msg"].startswith("invalid JWT: unable to parse or verify signature, ")
