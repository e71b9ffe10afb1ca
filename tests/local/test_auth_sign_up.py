"""Signing up: what a new customer, and the project's own triggers, see of it."""

import asyncio
from pathlib import Path
from typing import Any

import jwt
import psycopg
import pytest
from romashka_local.auth import open_auth
from romashka_local.errors import StackError
from romashka_local.keys import DEFAULT_JWT_SECRET

from tests.local.auth_client import PASSWORD, Auth, new_email
from tests.support.servers import config_for, serving

_REFUSE = """
create function public.refuse() returns trigger language plpgsql as
  $$ begin raise exception 'no more customers' using hint = 'ask sales'; end $$;
create trigger refuse after insert on auth.users for each row execute function public.refuse();
"""
_RECORD = """
create table public.seen (step text, email text, data jsonb, confirmed boolean);
create function public.record() returns trigger language plpgsql security definer as $$ begin
  insert into public.seen values (tg_op, new.email, new.raw_user_meta_data,
    new.email_confirmed_at is not null);
  return new;
end $$;
create trigger record after insert or update on auth.users
  for each row execute function public.record();
"""


async def test_signing_up_gives_a_session_at_once(auth: Auth) -> None:
    """A frontend expects to be signed in after sign_up, as on `supabase start`."""
    client = auth.client()
    answer = await client.sign_up(
        {"email": "Ada@Example.com", "password": PASSWORD, "options": {"data": {"name": "Ada"}}}
    )

    assert answer.session is not None
    assert answer.user is not None
    assert answer.user.email == "ada@example.com"
    assert answer.user.email_confirmed_at is not None
    assert answer.user.user_metadata["name"] == "Ada"
    assert answer.user.user_metadata["email_verified"] is True
    assert [identity.provider for identity in answer.user.identities or []] == ["email"]


async def test_the_access_token_carries_what_policies_read(auth: Auth) -> None:
    """Policies and Realtime read these claims; a missing one would lock everybody out."""
    session = await auth.sign_up(data={"name": "Ada"})
    claims = jwt.decode(
        session["access_token"], DEFAULT_JWT_SECRET, algorithms=["HS256"], audience="authenticated"
    )

    assert claims["iss"] == "http://127.0.0.1:54321/auth/v1"
    assert claims["sub"] == session["user"]["id"]
    assert claims["role"] == "authenticated"
    assert claims["exp"] == claims["iat"] + 3600 == session["expires_at"]
    assert claims["app_metadata"] == {"provider": "email", "providers": ["email"]}
    assert claims["user_metadata"]["name"] == "Ada"
    assert claims["amr"][0]["method"] == "password"
    assert claims["aal"] == "aal1"
    assert claims["is_anonymous"] is False
    assert claims["session_id"]


async def test_an_anonymous_customer_gets_a_user_without_address(auth: Auth) -> None:
    """Customers of the website have a session without an account."""
    answer = await auth.client().sign_in_anonymously({"options": {"data": {"page": "/pricing"}}})

    assert answer.user is not None
    assert answer.user.is_anonymous
    assert answer.user.email == ""
    assert answer.user.app_metadata == {}
    assert answer.user.user_metadata == {"page": "/pricing"}


@pytest.mark.parametrize(
    ("fields", "status", "code", "message"),
    [
        ({"password": "short"}, 422, "weak_password", "Password should be at least 6 characters."),
        ({"password": ""}, 400, "validation_failed", "Signup requires a valid password"),
        (
            {"password": "x" * 73},
            400,
            "validation_failed",
            "Password cannot be longer than 72 characters",
        ),
        (
            {"email": "nobody"},
            400,
            "validation_failed",
            "Unable to validate email address: invalid format",
        ),
        ({"email": 5}, 400, "bad_json", "Could not parse request body as JSON"),
        ({"data": []}, 400, "bad_json", "Could not parse request body as JSON"),
        ({"email": "", "phone": "4912345"}, 400, "phone_provider_disabled", "Phone signups are"),
    ],
)
async def test_bad_fields_are_refused_in_gotrues_words(
    auth: Auth, fields: dict[str, Any], status: int, code: str, message: str
) -> None:
    """Frontends show these messages and branch on these codes."""
    body = {"email": new_email(), "password": PASSWORD} | fields
    answer = await auth.http.post("/signup", json=body)

    assert answer.status_code == status
    assert answer.json()["code"] == status
    assert answer.json()["error_code"] == code
    assert answer.json()["msg"].startswith(message)
    assert answer.headers["x-sb-error-code"] == code


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"text"', b"\xff", b"NaN", b'{"email":"\\ud800"}', b"[" * 100_000]
)
async def test_a_body_that_is_no_json_object_is_refused(auth: Auth, body: bytes) -> None:
    """Whatever a client sends, it gets an answer that says what is wrong."""
    answer = await auth.http.post("/signup", content=body)

    assert (answer.status_code, answer.json()["error_code"]) == (400, "bad_json")


async def test_a_taken_address_is_refused(auth: Auth) -> None:
    """The form must be able to say so, and the first account stays as it is."""
    session = await auth.sign_up()
    email = session["user"]["email"].upper()
    answer = await auth.http.post("/signup", json={"email": email, "password": "another one"})

    assert answer.status_code == 422
    assert answer.json()["error_code"] == "user_already_exists"


async def test_two_sign_ups_at_once_make_one_user(auth: Auth) -> None:
    """A double click must not leave two accounts, or a broken one."""
    body = {"email": new_email(), "password": PASSWORD}
    answers = await asyncio.gather(*(auth.http.post("/signup", json=body) for _ in range(4)))
    with psycopg.connect(auth.database_url) as database:
        count = database.execute("select count(*) from auth.users").fetchone()

    assert [answer.status_code for answer in answers].count(200) == 1
    assert count == (1,)


async def test_a_failing_trigger_of_the_project_fails_the_sign_up(own_auth: Auth) -> None:
    """A profile trigger that raises leaves no user behind, and the developer sees why."""
    with psycopg.connect(own_auth.database_url, autocommit=True) as database:
        database.execute(_REFUSE)
    body = {"email": new_email(), "password": PASSWORD}
    new = await own_auth.http.post(
        "/signup", json=body, headers={"X-Supabase-Api-Version": "2024-01-01"}
    )
    old = await own_auth.http.post("/signup", json=body)
    anonymous = await own_auth.http.post("/signup", json={})
    with psycopg.connect(own_auth.database_url) as database:
        count = database.execute("select count(*) from auth.users").fetchone()

    assert new.status_code == 500
    assert new.json()["code"] == "unexpected_failure"
    assert new.json()["message"] == "Database error saving new user"
    assert old.json() == {"code": "P0001", "message": "no more customers", "hint": "ask sales"}
    assert anonymous.status_code == 500
    assert count == (0,)


async def test_triggers_see_the_metadata_at_the_insert_and_the_confirmation_later(
    own_auth: Auth,
) -> None:
    """Profile triggers copy `raw_user_meta_data` from the inserted row."""
    with psycopg.connect(own_auth.database_url, autocommit=True) as database:
        database.execute(_RECORD)
    await own_auth.sign_up(email="ada@example.com", data={"name": "Ada"})
    with psycopg.connect(own_auth.database_url) as database:
        seen = database.execute("select * from public.seen").fetchall()

    assert seen[0] == ("INSERT", "ada@example.com", {"name": "Ada"}, False)
    assert seen[-1][0] == "UPDATE"
    assert seen[-1][3] is True


@pytest.mark.parametrize(
    ("settings", "body", "code"),
    [
        ({"enable_signup": False}, {"email": "a@b.co", "password": PASSWORD}, "signup_disabled"),
        ({}, {}, "anonymous_provider_disabled"),
        (
            {"email": {"enable_signup": False}},
            {"email": "a@b.co", "password": PASSWORD},
            "email_provider_disabled",
        ),
        (
            {"minimum_password_length": 20},
            {"email": "a@b.co", "password": PASSWORD},
            "weak_password",
        ),
        (
            {"password_requirements": "letters_digits"},
            {"email": "a@b.co", "password": PASSWORD},
            "weak_password",
        ),
    ],
)
async def test_config_toml_decides_who_may_sign_up(
    bare_db: str, tmp_path: Path, settings: dict[str, Any], body: dict[str, Any], code: str
) -> None:
    """A project that closes its sign-ups must see them closed here too."""
    config = config_for(bare_db, tmp_path, auth=settings)
    async with serving(open_auth, config) as http:
        answer = await http.post("/signup", json=body)

    assert answer.json()["error_code"] == code


async def test_where_addresses_are_confirmed_nobody_learns_who_has_an_account(
    bare_db: str, tmp_path: Path
) -> None:
    """With confirmations on, a sign-up answers with a user and no session, known address or not."""
    config = config_for(bare_db, tmp_path, auth={"email": {"enable_confirmations": True}})
    async with serving(open_auth, config) as http:
        auth = Auth(http, bare_db)
        body = {"email": "ada@example.com", "password": PASSWORD}
        first = (await http.post("/signup", json=body)).json()
        refused = await http.post("/token?grant_type=password", json=body)
        await auth.admin.update_user_by_id(first["id"], {"email_confirm": True})
        second = (await http.post("/signup", json=body)).json()

    assert "access_token" not in first
    assert first["confirmation_sent_at"]
    assert refused.json()["error_code"] == "email_not_confirmed"
    assert second["id"] != first["id"]
    assert second["identities"] == []


async def test_a_setting_of_the_wrong_type_is_named(bare_db: str, tmp_path: Path) -> None:
    """A typing mistake in config.toml is told at the start, not at the first sign-up."""
    config = config_for(bare_db, tmp_path, auth={"jwt_expiry": "an hour"})
    with pytest.raises(StackError, match=r"auth\.jwt_expiry = 'an hour'"):
        async with open_auth(config):
            pass
