"""The team, so that a developer can sign in: a local stack knows nobody at first."""

from dataclasses import dataclass

from romashka import AsyncRomashka, NotSignedIn
from romashka._errors import translated
from romashka._team import StaffRole

from romashka_local.demo_week import TEAM
from romashka_local.dev.parts import Stack

EMAIL = next(iter(TEAM))
PASSWORD = "romashka"  # noqa: S105 -- a loopback development server's


@dataclass(frozen=True, slots=True)
class SignIn:
    """What a developer signs in with; without a password where they have given it another."""

    email: str
    password: str | None


async def ensure_staff(stack: Stack, *, is_alone: bool) -> SignIn:
    """Make the admin, and unless they are alone their colleagues, where they are not there.

    Raises:
        RomashkaError: the project refused, or has no Romashka.
    """
    url, said = stack.said["API_URL"], stack.said
    async with AsyncRomashka.connect(url, said["SERVICE_ROLE_KEY"]) as service:
        for email in [EMAIL] if is_alone else TEAM:
            if await service.call("find_account", email=email) is None:
                await _create(service, email)
    async with AsyncRomashka.connect(url, said["ANON_KEY"]) as client:
        try:
            await client.sign_in(EMAIL, PASSWORD)
        except NotSignedIn:
            return SignIn(EMAIL, None)
    return SignIn(EMAIL, PASSWORD)


async def _create(service: AsyncRomashka, email: str) -> None:
    with translated():
        made = await service.supabase.auth.admin.create_user(
            {"email": email, "password": PASSWORD, "email_confirm": True}
        )
    role: StaffRole = "admin" if email == EMAIL else "agent"
    await service.team.set_role(str(made.user.id), role)
