"""Who is staff, through the SDK: with an admin's own token, and no secret key."""

from uuid import uuid4

import httpx
import psycopg
import pytest
from romashka import Conflict, InvalidRequest, NotFound, PermissionDenied

from tests.support.customers import customer_of, staff_of
from tests.support.stacks import RunningStack


def _make_admin(stack: RunningStack, user_id: str) -> None:
    with psycopg.connect(stack.db_url) as database:
        database.execute("update public.profiles set role = 'admin' where id = %s", [user_id])


def _sign_up(stack: RunningStack, email: str) -> str:
    account = {"email": email, "password": "correct horse"}
    url, headers = f"{stack.api_url}/auth/v1/signup", {"apikey": stack.anon_key}
    answer = httpx.post(url, json=account, headers=headers)
    return str(answer.raise_for_status().json()["user"]["id"])


async def test_an_admin_gives_and_takes_roles(stack: RunningStack) -> None:
    """The browser has the anon key, and whoever is signed in."""
    async with staff_of(stack) as admin, staff_of(stack) as agent:
        me, colleague = [
            str((await client.supabase.auth.get_user()).user.id)  # type: ignore[union-attr]  # signed in
            for client in (admin, agent)
        ]
        _make_admin(stack, me)
        with pytest.raises(PermissionDenied) as own:
            await admin.team.set_role(me, "agent")
        with pytest.raises(PermissionDenied) as not_admin:
            await agent.team.set_role(colleague, "admin")
        with pytest.raises(NotFound):
            await admin.team.set_role(str(uuid4()), "agent")
        team = {member.id: member for member in await agent.team.list()}
        await admin.team.set_role(colleague, "user")
        after = {member.id for member in await admin.team.list()}

    assert (own.value.name, not_admin.value.name) == ("own_role", "admin_only")
    assert (team[me].role, team[colleague].role) == ("admin", "agent")
    assert (team[colleague].email or "").endswith("@example.com")
    assert me in after
    assert colleague not in after


async def test_an_invitation_waits_for_a_proven_address(stack: RunningStack) -> None:
    """The local stack sends no mails: whoever signs up there has proven nothing."""
    email = f"Ada-{uuid4()}@Example.com"
    async with staff_of(stack) as admin, customer_of(stack) as customer:
        _make_admin(stack, str((await admin.supabase.auth.get_user()).user.id))  # type: ignore[union-attr]  # signed in
        made = await admin.team.invite(email, "admin")
        with pytest.raises(InvalidRequest):
            await admin.team.invite("nobody")
        with pytest.raises(PermissionDenied):
            await customer.team.invite(email)
        hidden = await customer.team.invitations()
        user_id = _sign_up(stack, email)
        waiting = [each for each in await admin.team.invitations() if each.id == made.id]
        with pytest.raises(Conflict) as exists:
            await admin.team.invite(email)
        staff = {member.id for member in await admin.team.list()}
        await admin.team.set_role(user_id, "agent")
        await admin.team.revoke(made.id)
        left = {each.id for each in await admin.team.invitations()}

    assert (made.email, made.role) == (email.lower(), "admin")
    assert waiting == [made]
    assert hidden == []
    assert exists.value.name == "account_exists"
    assert user_id not in staff
    assert made.id not in left
