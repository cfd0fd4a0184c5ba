"""One message to the mail server of the settings."""

import smtplib
import ssl
from email.message import EmailMessage

from models.settings import MailSecurity, Settings


def send(settings: Settings, message: EmailMessage) -> None:
    """Send it to all recipients of the settings.

    Raises:
        OSError: the server cannot be reached, or its certificate is not to be trusted.
        smtplib.SMTPException: it does not take the message.
    """
    with _connected(settings) as server:
        if settings.smtp_username:
            server.login(settings.smtp_username, settings.smtp_password.get_secret_value())
        server.send_message(message, settings.smtp_from, list(settings.smtp_to))


def _connected(settings: Settings) -> smtplib.SMTP:
    host, port, seconds = settings.smtp_host, settings.smtp_port, settings.smtp_timeout_seconds
    if settings.smtp_security is MailSecurity.TLS:
        return smtplib.SMTP_SSL(host, port, timeout=seconds, context=ssl.create_default_context())
    server = smtplib.SMTP(host, port, timeout=seconds)
    if settings.smtp_security is MailSecurity.STARTTLS:
        try:
            server.starttls(context=ssl.create_default_context())
        except BaseException:
            server.close()
            raise
    return server
