"""`client.team`: who is staff, and who is to be."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from romashka._core import Core
from romashka._rows import fetch, fetch_all

StaffRole = Literal["agent", "admin"]


@dataclass(frozen=True, slots=True)
class StaffMember:
    """Somebody of the team."""

    id: str
    role: StaffRole
    name: str | None
    email: str | None
    avatar_url: str | None

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "StaffMember":
        """Parse a row of `profiles`."""
        return cls(
            id=row["id"],
            role=row["role"],
            name=row["full_name"],
            email=row["email"],
            avatar_url=row["avatar_url"],
        )


@dataclass(frozen=True, slots=True)
class Invitation:
    """Somebody who is staff once they have signed up."""

    id: str
    email: str
    role: StaffRole
    expires_at: datetime

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "Invitation":
        """Parse a row of `staff_invitations`."""
        return cls(
            id=row["id"],
            email=row["email"],
            role=row["role"],
            expires_at=datetime.fromisoformat(row["expires_at"]),
        )


class Team:
    """`client.team`; staff see who is there, admins change it."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def set_role(self, user_id: str, role: Literal["agent", "admin", "user"]) -> None:
        """Give somebody who has an account a role; `user` is whoever is no staff. For admins.

        Raises:
            PermissionDenied: the caller is no admin, or it is their own role.
            Conflict: there would be no admin left.
            NotFound: there is no such user.

        Example:
            async with AsyncRomashka.connect(url, service_role_key) as operator:
                await operator.team.set_role(staff_id, "agent")
        """
        await self._core.call("set_staff_role", user_id=user_id, role=role)

    async def invite(self, email: str, role: StaffRole = "agent") -> Invitation:
        """Let somebody who has no account yet be staff, once they have signed up. For admins.

        It holds for a week, and for an address that is confirmed by a mail or by another provider.
        Nothing is sent: tell them where to sign up. Made again, it is made anew.

        Raises:
            Conflict: the address has an account: `set_role` gives it a role.
            InvalidRequest: it is no address.
            PermissionDenied: the caller is no admin.

        Example:
            async with AsyncRomashka.connect(url, service_role_key) as operator:
                invitation = await operator.team.invite("ada@example.com")
                await operator.team.revoke(invitation.id)
        """
        row = await self._core.call("invite_staff", email=email, role=role)
        return Invitation.from_row(row)

    async def invitations(self) -> list[Invitation]:
        """Return the invitations that were not accepted, those that ran out too. For admins.

        Example:
            async with AsyncRomashka.connect(url, service_role_key) as operator:
                waiting = [each.email for each in await operator.team.invitations()]
        """
        invitations = self._core.supabase.table("staff_invitations")
        rows = await fetch_all(lambda: invitations.select("*").order("email"))
        return [Invitation.from_row(row) for row in rows]

    async def revoke(self, invitation_id: str) -> None:
        """Take an invitation back; one that is gone is no error. For admins.

        Example:
            async with AsyncRomashka.connect(url, service_role_key) as operator:
                for invitation in await operator.team.invitations():
                    if invitation.email == "ada@example.com":
                        await operator.team.revoke(invitation.id)
        """
        await fetch(self._core.supabase.table("staff_invitations").delete().eq("id", invitation_id))

    async def list(self) -> list[StaffMember]:
        """Return everybody who is staff.

        Example:
            names = {member.id: member.name for member in await staff.team.list()}
        """
        profiles = self._core.supabase.table("profiles")
        rows = await fetch_all(
            lambda: (
                profiles.select("id,role,full_name,email,avatar_url")
                .in_("role", ["agent", "admin"])
                .order("created_at")
                .order("id")
            )
        )
        return [StaffMember.from_row(row) for row in rows]
