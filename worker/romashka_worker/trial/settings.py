"""What a trial needs to know."""

from pydantic import AliasChoices, Field, SecretStr

from romashka_worker.settings import Settings


class TrialSettings(Settings):
    """What a worker needs, and what a website has."""

    anon_key: SecretStr = Field(
        validation_alias=AliasChoices("SUPABASE_ANON_KEY", "SUPABASE_PUBLISHABLE_KEY")
    )
