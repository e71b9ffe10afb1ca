"""What a worker is told of channels: the secrets of all accounts of a type, other addresses."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, SecretStr
from romashka._pasted import BadSetting

from romashka_worker.channels import ChannelError
from romashka_worker.settings import EnvironmentSettings, ServerUrl, Token, read_by


def _read_mail_server(text: str, name: str) -> str:
    """Return a mail server's URL, if it can be used.

    Raises:
        BadSetting: it cannot.
    """
    from romashka_worker.channels.smtp import Server

    try:
        Server.parse(text)
    except ChannelError:
        form = "smtps://user:password@host:465, with what is special in them as %40"
        raise BadSetting(f"{name} is not of the form {form}") from None
    return text


MailServerUrl = Annotated[SecretStr, read_by(_read_mail_server)]


class ChannelSettings(EnvironmentSettings):
    """An account's own secret, in the database, wins over these."""

    whatsapp_access_token: Token | None = Field(None, validation_alias="WHATSAPP_ACCESS_TOKEN")
    instagram_access_token: Token | None = Field(None, validation_alias="INSTAGRAM_ACCESS_TOKEN")
    email_smtp_url: MailServerUrl | None = Field(None, validation_alias="EMAIL_SMTP_URL")
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
