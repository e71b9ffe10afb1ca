"""Tells by e-mail."""

from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP

from romashka_worker.channels import ChannelError
from romashka_worker.channels.mail import parse_address
from romashka_worker.channels.smtp import MailServers, Server
from romashka_worker.notifications import Notification
from romashka_worker.notifications.settings import NotificationSettings
from romashka_worker.notifications.texts import subject_of, text_of


class Mails:
    """Sends mails to the team."""

    def __init__(self, settings: NotificationSettings, servers: MailServers) -> None:
        self._settings = settings
        self._servers = servers

    async def send(self, notification: Notification) -> None:
        """Send one mail.

        Raises:
            ChannelError: it is not, or perhaps not, out.
        """
        if self._settings.smtp_url is None:
            raise ChannelError("retry", "no_server", "NOTIFICATIONS_SMTP_URL is not set")
        server = Server.parse(self._settings.smtp_url.get_secret_value())
        sender = self._settings.sender or server.username or ""
        if "@" not in sender:
            raise ChannelError("retry", "no_sender", "NOTIFICATIONS_FROM is not set")
        sender = parse_address(sender)
        recipient = parse_address(notification.target.get_secret_value())
        mail = _write(notification, sender, recipient)
        await self._servers.send(server, sender, recipient, mail.as_bytes())


def _write(notification: Notification, sender: str, recipient: str) -> EmailMessage:
    now = datetime.now(UTC)
    mail = EmailMessage(SMTP.clone(utf8=not f"{sender}{recipient}".isascii()))
    mail["From"], mail["To"] = sender, recipient
    mail["Subject"] = subject_of(notification.body)
    mail["Date"] = now
    mail["Message-ID"] = f"<{notification.id}@{sender.rpartition('@')[2]}>"  # many drop the second
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text_of(notification.body, now) + "\n")
    return mail
