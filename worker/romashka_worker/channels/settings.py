"""What a worker is told of channels: the secrets of all accounts of a type, other addresses."""

from collections.abc import Mapping

from pydantic import Field, SecretStr

from romashka_worker.settings import EnvironmentSettings, ServerUrl, Token


class ChannelSettings(EnvironmentSettings):
    """An account's own secret, in the database, wins over these."""

    whatsapp_access_token: Token | None = Field(None, validation_alias="WHATSAPP_ACCESS_TOKEN")
    instagram_access_token: Token | None = Field(None, validation_alias="INSTAGRAM_ACCESS_TOKEN")
    email_smtp_url: SecretStr | None = Field(None, validation_alias="EMAIL_SMTP_URL")
    whatsapp_api_url: ServerUrl = Field(
        "https://graph.facebook.com/v26.0", validation_alias="WHATSAPP_API_URL"
    )
    instagram_api_url: ServerUrl = Field(
        "https://graph.instagram.com/v26.0", validation_alias="INSTAGRAM_API_URL"
    )

    @property
    def secrets(self) -> Mapping[tuple[str, str], SecretStr]:
        """The secrets that are set, by the channel's type and the secret's name."""
        secrets = {
            ("whatsapp", "access_token"): self.whatsapp_access_token,
            ("instagram", "access_token"): self.instagram_access_token,
            ("email", "smtp_url"): self.email_smtp_url,
        }
        return {name: secret for name, secret in secrets.items() if secret is not None}
