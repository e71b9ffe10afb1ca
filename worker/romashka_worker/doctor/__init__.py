"""Looks at every piece of a worker's configuration, through the API alone, and changes nothing."""

from collections.abc import AsyncIterator

from romashka import (
    AsyncRomashka,
    InvalidRequest,
    NotSignedIn,
    PermissionDenied,
    RomashkaError,
)

from romashka_worker.channels.settings import ChannelSettings
from romashka_worker.doctor.auth import look_at_sign_up
from romashka_worker.doctor.channels import look_at_channels
from romashka_worker.doctor.finding import Finding
from romashka_worker.doctor.project import (
    KEY_FIX,
    look_at_functions,
    look_at_grants,
    look_at_guards,
    look_at_installation,
    look_at_key,
    look_at_realtime,
    migrate_command,
)
from romashka_worker.doctor.readiness import look_at_readiness
from romashka_worker.notifications.settings import NotificationSettings
from romashka_worker.schema import SchemaTooOld, check_schema
from romashka_worker.settings import Settings, SettingsError


async def examine() -> AsyncIterator[Finding]:
    """Yield what is found, piece by piece; without settings or a project there is no more."""
    try:
        settings = Settings.from_environment()
        ChannelSettings.from_environment()  # as the worker, which starts with all of them or none
        NotificationSettings.from_environment()
    except SettingsError as error:
        name = str(error).partition(" ")[0].rstrip(":")
        yield Finding.problem("settings", str(error), f"export {name}=...")
        return
    yield Finding.ok("settings", f"for the project at {settings.supabase_url}")
    async for finding in examine_project(settings):
        yield finding
    # With openai, which takes a second, and of which who looks at a project alone needs nothing.
    from romashka_worker.doctor.models import look_at_embeddings, look_at_models

    async for finding in look_at_models(settings):
        yield finding
    yield await look_at_embeddings(settings)


async def examine_project(settings: Settings, *, is_in_use: bool = True) -> AsyncIterator[Finding]:
    """Yield what is found about the project alone.

    One that is not in use yet is not asked whether customers could be answered there.
    """
    key = settings.supabase_key.get_secret_value()
    if wrong := look_at_key(key):
        yield wrong
        return
    try:
        async with AsyncRomashka.connect(settings.supabase_url, key) as client:
            installed = await check_schema(client)
            yield Finding.ok("key", "the service role's")
            yield Finding.ok("schema", f"version {installed['schema_version']}")
            for finding in look_at_installation(installed, settings):
                yield finding
            yield await look_at_grants(client, settings)
            async for finding in look_at_guards(client, installed, settings):
                yield finding
            yield await look_at_functions(client, settings)
            yield await look_at_sign_up(settings)
            yield await look_at_realtime(client, settings)
            async for finding in look_at_channels(client, settings):
                yield finding
            if is_in_use:
                async for finding in look_at_readiness(installed, settings):
                    yield finding
    except SchemaTooOld as error:
        yield Finding.problem(
            "schema", f"the database has {error.found}", migrate_command(settings)
        )
    except NotSignedIn:
        yield Finding.problem("key", "the project refuses SUPABASE_SERVICE_ROLE_KEY", KEY_FIX)
    except PermissionDenied as error:  # the key is a role's, and the role lacks a right
        yield Finding.problem("grants", f"the service role: {error}", migrate_command(settings))
    except InvalidRequest as error:
        yield Finding.problem("project", str(error), "export SUPABASE_URL=https://...")
    except (RomashkaError, TimeoutError) as error:
        reason = str(error) or "the project does not answer"
        yield Finding.problem(
            "project",
            f"{settings.supabase_url}: {reason}",
            "export SUPABASE_URL=...  # locally: romashka start",
        )
