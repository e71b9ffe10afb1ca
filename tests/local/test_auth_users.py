"""Changing one's own account, and what admins do with everybody's."""

from typing import Any

import psycopg
import pytest
from supabase_auth.errors import AuthApiError

from tests.local.auth_client import PASSWORD, Auth, new_email

UNKNOWN = "01234567-0123-4123-8123-0123456789ab"


async def _change(auth: Auth, session: dict[str, Any], **fields: Any) -> Any:
    headers = {"Authorization": f"Bearer {session['access_token']}"}
    return await auth.http.put("/user", json=fields, headers=headers)


async def test_data_is_merged_and_null_removes(auth: Auth) -> None:
    """A frontend sets one field of the profile and keeps the others."""
    session = await auth.sign_up(data={"name": "Ada", "page": "/"})
    answer = await _change(auth, session, data={"page": None, "theme": "dark"})
    metadata = answer.json()["user_metadata"]

    assert metadata["name"] == "Ada"
    assert metadata["theme"] == "dark"
    assert "page" not in metadata


async def test_a_new_password_closes_the_other_sessions(auth: Auth) -> None:
    """Whoever knew the old password is out; the tab in which it was changed stays signed in."""
    session = await auth.sign_up()
    body = {"email": session["user"]["email"], "password": PASSWORD}
    other = (await auth.http.post("/token?grant_type=password", json=body)).json()
    changed = await _change(auth, session, password="a better one")
    old = await auth.http.post("/token?grant_type=password", json=body)
    new = await auth.http.post(
        "/token?grant_type=password", json=body | {"password": "a better one"}
    )

    assert changed.status_code == 200
    assert (await auth.user(session["access_token"])).status_code == 200
    assert (await auth.user(other["access_token"])).status_code == 403
    assert old.status_code == 400
    assert new.status_code == 200


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"password": PASSWORD}, 422, "same_password"),
        ({"password": "short"}, 422, "weak_password"),
        ({"email": "taken"}, 422, "email_exists"),
        ({"email": "nonsense"}, 400, "validation_failed"),
        ({"app_metadata": {"role": "admin"}}, 403, "not_admin"),
        ({"phone": "abc"}, 400, "validation_failed"),
    ],
)
async def test_a_change_that_is_not_allowed_changes_nothing(
    auth: Auth, fields: dict[str, Any], status: int, code: str
) -> None:
    """Each refusal has the code that the forms look for."""
    session = await auth.sign_up()
    taken = (await auth.sign_up())["user"]["email"]
    fields = {name: taken if value == "taken" else value for name, value in fields.items()}
    answer = await _change(auth, session, **fields)
    after = (await auth.user(session["access_token"])).json()

    assert (answer.status_code, answer.json()["error_code"]) == (status, code)
    assert after["email"] == session["user"]["email"]
    assert after["app_metadata"] == session["user"]["app_metadata"]


async def test_a_changed_address_waits_for_its_confirmation(auth: Auth) -> None:
    """The old address counts until the new one is confirmed, as on the hosted platform."""
    session = await auth.sign_up()
    answer = (await _change(auth, session, email="new@example.com")).json()

    assert answer["email"] == session["user"]["email"]
    assert answer["new_email"] == "new@example.com"


async def test_an_anonymous_customer_can_become_a_permanent_one(auth: Auth) -> None:
    """The conversation began anonymously; its id stays when the customer leaves an address."""
    session = await auth.sign_up(email="", password="")
    email = new_email()
    without = await _change(auth, session, password=PASSWORD)
    answer = (await _change(auth, session, email=email, password=PASSWORD)).json()
    again = await auth.client().sign_in_with_password({"email": email, "password": PASSWORD})

    assert without.json()["error_code"] == "validation_failed"
    assert answer["id"] == session["user"]["id"]
    assert answer["is_anonymous"] is False
    assert answer["app_metadata"] == {"provider": "email", "providers": ["email"]}
    assert again.user is not None
    assert again.user.id == session["user"]["id"]


async def test_an_admin_makes_reads_changes_and_deletes_users(auth: Auth) -> None:
    """The whole life of a user through supabase-py's admin API."""
    email = new_email()
    made = await auth.admin.create_user(
        {
            "email": email,
            "password": PASSWORD,
            "email_confirm": True,
            "user_metadata": {"name": "Ada"},
            "app_metadata": {"team": "support"},
        }
    )
    changed = await auth.admin.update_user_by_id(
        made.user.id, {"user_metadata": {"theme": "dark"}, "role": "agent"}
    )
    signed_in = await auth.client().sign_in_with_password({"email": email, "password": PASSWORD})
    await auth.admin.delete_user(made.user.id)
    with pytest.raises(AuthApiError, match="User not found"):
        await auth.admin.get_user_by_id(made.user.id)

    assert made.user.app_metadata == {
        "provider": "email",
        "providers": ["email"],
        "team": "support",
    }
    assert made.user.email_confirmed_at is not None
    assert changed.user.user_metadata["name"] == "Ada"
    assert changed.user.user_metadata["theme"] == "dark"
    assert changed.user.role == "agent"
    assert signed_in.session is not None


async def test_deleting_a_user_closes_their_sessions(auth: Auth) -> None:
    """A deleted customer's token is worth nothing at the auth server."""
    session = await auth.sign_up()
    await auth.admin.delete_user(session["user"]["id"])

    assert (await auth.user(session["access_token"])).json()["error_code"] == "user_not_found"


async def test_a_soft_deleted_user_leaves_the_id_alone(auth: Auth) -> None:
    """Rows that refer to the user stay, and the address is free again."""
    session = await auth.sign_up()
    await auth.admin.delete_user(session["user"]["id"], should_soft_delete=True)
    again = await auth.sign_up(email=session["user"]["email"])
    husk = (await auth.admin.get_user_by_id(session["user"]["id"])).user

    assert again["user"]["id"] != session["user"]["id"]
    assert husk.user_metadata == {}
    assert husk.email != session["user"]["email"]


async def test_users_are_listed_newest_first_in_pages(auth: Auth) -> None:
    """supabase-js reads the next page from the Link header."""
    made = [(await auth.sign_up())["user"]["id"] for _ in range(5)]
    answer = await auth.http.get("/admin/users?page=2&per_page=2", headers=auth.admin_headers)
    beyond = await auth.http.get("/admin/users?page=9", headers=auth.admin_headers)

    assert [user["id"] for user in answer.json()["users"]] == [made[2], made[1]]
    assert answer.json()["aud"] == "authenticated"
    assert answer.headers["x-total-count"] == "5"
    assert answer.headers["link"] == (
        '</admin/users?page=3&per_page=2>; rel="next", </admin/users?page=3&per_page=2>; rel="last"'
    )
    assert beyond.json()["users"] == []


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({}, 400, "validation_failed"),
        ({"email": "taken"}, 422, "email_exists"),
        ({"email": "a@b.co", "id": "one"}, 400, "validation_failed"),
        ({"email": "a@b.co", "ban_duration": "a day"}, 400, "validation_failed"),
        ({"email": "a@b.co", "password": "x" * 73}, 400, "validation_failed"),
        ({"email": "a@b.co", "password": "secret", "password_hash": "x"}, 400, "validation_failed"),
        ({"phone": "not a number"}, 400, "validation_failed"),
        ({"email": "a@b.co", "email_confirm": "yes"}, 400, "bad_json"),
    ],
)
async def test_an_admins_mistake_is_named(
    auth: Auth, fields: dict[str, Any], status: int, code: str
) -> None:
    """Scripts that import users see which field is wrong."""
    taken = (await auth.sign_up())["user"]["email"]
    fields = {name: taken if value == "taken" else value for name, value in fields.items()}
    answer = await auth.http.post("/admin/users", json=fields, headers=auth.admin_headers)

    assert (answer.status_code, answer.json()["error_code"]) == (status, code)


async def test_an_imported_password_hash_signs_in(auth: Auth) -> None:
    """Users move over from another system with their passwords."""
    session = await auth.sign_up()
    with psycopg.connect(auth.database_url) as database:
        row = database.execute("select encrypted_password from auth.users").fetchone()
    assert row is not None
    await auth.admin.delete_user(session["user"]["id"])
    fields = {"email": "moved@example.com", "password_hash": row[0], "email_confirm": True}
    await auth.http.post("/admin/users", json=fields, headers=auth.admin_headers)
    answer = await auth.client().sign_in_with_password(
        {"email": "moved@example.com", "password": PASSWORD}
    )

    assert answer.session is not None


async def test_nobody_but_the_service_role_is_an_admin(auth: Auth) -> None:
    """A customer's token, and no token at all, see no other user."""
    session = await auth.sign_up()
    headers = {"Authorization": f"Bearer {session['access_token']}"}
    refused = await auth.http.get("/admin/users", headers=headers)
    nobody = await auth.http.get("/admin/users")

    assert (refused.status_code, refused.json()["error_code"]) == (403, "not_admin")
    assert (nobody.status_code, nobody.json()["error_code"]) == (401, "no_authorization")


async def test_an_unknown_user_is_told_from_a_bad_id(auth: Auth) -> None:
    """Both are 404; the code says which."""
    codes = []
    for user_id in (UNKNOWN, "one"):
        answer = await auth.http.get(f"/admin/users/{user_id}", headers=auth.admin_headers)
        codes.append((answer.status_code, answer.json()["error_code"]))

    assert codes == [(404, "user_not_found"), (404, "validation_failed")]


async def test_what_needs_mail_or_a_provider_answers_with_gotrues_error(auth: Auth) -> None:
    """A frontend that offers more than this stack has gets an answer it understands."""
    for path in ("/recover", "/otp", "/magiclink", "/resend", "/verify", "/authorize", "/sso"):
        answer = await auth.http.post(path, json={"email": "ada@example.com"})

        assert 400 <= answer.status_code < 500
        assert answer.json()["error_code"]


async def test_the_public_facts_are_readable_without_a_key(auth: Auth) -> None:
    """Clients and dashboards probe these before anybody signs in."""
    health = await auth.http.get("/health")
    settings = (await auth.http.get("/settings")).json()
    keys = await auth.http.get("/.well-known/jwks.json")

    assert health.json()["name"] == "GoTrue"
    assert settings["external"]["email"] is True
    assert settings["external"]["anonymous_users"] is True
    assert settings["mailer_autoconfirm"] is True
    assert settings["disable_signup"] is False
    assert keys.json() == {"keys": []}
    assert keys.headers["cache-control"] == "public, max-age=600"
