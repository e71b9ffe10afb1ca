"""What a worker is told of notifications: by which server mails to the team go."""

from pydantic import AliasChoices, Field

from romashka_worker.channels.settings import MailServerUrl
from romashka_worker.settings import EnvironmentSettings


class NotificationSettings(EnvironmentSettings):
    """Mails of channels and to the team may go by the same server."""

    smtp_url: MailServerUrl | None = Field(
        None, validation_alias=AliasChoices("NOTIFICATIONS_SMTP_URL", "EMAIL_SMTP_URL")
    )
    sender: str | None = Field(None, validation_alias="NOTIFICATIONS_FROM")
    """Else the server's user, where that is an address."""
