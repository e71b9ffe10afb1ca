"""`client.identity`: who the customer is, by the page's word, and what the page signs with."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from romashka._core import Core
from romashka._errors import Unreachable

_SECRET = re.compile("idsec_[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class IdentitySecret:
    """What a page's server signs with, but for what it is: that is shown once, when it is made."""

    id: str
    created_at: datetime
    expires_at: datetime | None
    is_good: bool
    """Does it sign?"""
    sessions: int
    """How many are somebody by it."""

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "IdentitySecret":
        """Parse one of `get_identity_secrets`."""
        expires_at = row["expires_at"]
        return cls(
            id=row["id"],
            created_at=datetime.fromisoformat(row["created_at"]),
            expires_at=datetime.fromisoformat(expires_at) if expires_at else None,
            is_good=row["is_good"],
            sessions=row["sessions"],
        )


class Identity:
    """`client.identity`; sessions become who the page signs, admins have the secret."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def identify(self, user_id: str, hmac: str, expires_at: int | None = None) -> str:
        """Be the customer whose id the page's server signed; return the customer's id.

        The session is an anonymous one that was just made (`sign_in_anonymously`). On each device
        that does so the customer sees the same conversations.

        Args:
            user_id: the page's own id of its user.
            hmac: the hex of HMAC-SHA256 of it, with the project's secret.
            expires_at: in seconds since 1970, where the server signed a time, too.

        Raises:
            InvalidRequest: it is no id of a user.
            PermissionDenied: the signature is not this id's, or has run out.
            Conflict: the session has been in use, has an account, or is another customer's.

        Example:
            async with AsyncRomashka.connect(url, anon_key) as customer:
                await customer.sign_in_anonymously()
                await customer.identity.identify(user_id, signature)
        """
        signed = {"id": user_id, "hmac": hmac}
        if expires_at is not None:
            signed["expires_at"] = str(expires_at)
        return str(await self._core.call("identify_customer", **signed))

    async def sign_out(self) -> None:
        """Be the customer no more: this session sees nothing of theirs, nor does a copy of it.

        Example:
            async with AsyncRomashka.connect(url, anon_key) as customer:
                await customer.sign_in_anonymously()
                await customer.identity.identify(user_id, signature)
                await customer.identity.sign_out()
        """
        await self._core.call("sign_out_customer")

    async def offer_conversations(self) -> str | None:
        """Return a word with which a signed-in session takes this visitor's open conversations.

        It is good for ten minutes, and once. None: nothing is open.

        Raises:
            Conflict: the session is signed in, and keeps what it has.

        Example:
            async with AsyncRomashka.connect(url, anon_key) as visitor:
                await visitor.sign_in_anonymously()
                word = await visitor.identity.offer_conversations()
        """
        word = await self._core.call("offer_conversations")
        return None if word is None else str(word)

    async def bring_conversations(self, word: str) -> int:
        """Take the open conversations that a visitor offered; return how many.

        Raises:
            NotFound: nobody offers this, or no more.
            PermissionDenied: the session is a visitor's itself, or staff's.
            RateLimited: this customer has had so many within an hour.

        Example:
            async with (
                AsyncRomashka.connect(url, anon_key) as visitor,
                AsyncRomashka.connect(url, anon_key) as customer,
            ):
                await visitor.sign_in_anonymously()
                await visitor.conversations.create("visitor-17")
                word = await visitor.identity.offer_conversations()
                await customer.sign_in_anonymously()
                await customer.identity.identify(user_id, signature)
                await customer.identity.bring_conversations(word or "")
        """
        return int(await self._core.call("bring_conversations", token=word))

    async def rotate_secret(self, overlap_hours: int = 24) -> str:
        """Make the secret that signs, and return it, this once. For admins.

        Args:
            overlap_hours: for so long the old one goes on, 0 to 720.

        Raises:
            InvalidRequest: the overlap is none.
            PermissionDenied: the caller is no admin.

        Example:
            async with AsyncRomashka.connect(url, service_role_key) as operator:
                secret = await operator.identity.rotate_secret(overlap_hours=1)
        """
        made = await self._core.call("rotate_identity_secret", overlap_hours=overlap_hours)
        if not (isinstance(made, str) and _SECRET.fullmatch(made)):
            raise Unreachable("the project does not answer; somebody else's page came")
        return made

    async def secrets(self) -> list[IdentitySecret]:
        """Return the secrets, the newest first, without what they are. For admins.

        Raises:
            PermissionDenied: the caller is no admin.

        Example:
            async with AsyncRomashka.connect(url, service_role_key) as operator:
                good = [each.id for each in await operator.identity.secrets() if each.is_good]
        """
        return [
            IdentitySecret.from_row(row) for row in await self._core.call("get_identity_secrets")
        ]

    async def revoke_secret(self, secret_id: str) -> int:
        """Take a secret away at once, and the sessions that it signed; return how many. For admins.

        Raises:
            NotFound: there is no such secret.
            PermissionDenied: the caller is no admin.

        Example:
            async with AsyncRomashka.connect(url, service_role_key) as operator:
                for secret in await operator.identity.secrets():
                    if not secret.is_good:
                        await operator.identity.revoke_secret(secret.id)
        """
        return int(await self._core.call("revoke_identity_secret", secret_id=secret_id))
