"""Mail for a mail server to hold, and the form that connects a mailbox on it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

from tests.servers.dovecot import Dovecot


@dataclass(frozen=True, slots=True)
class Login:
    """A user of the mail server. The mailbox's address need not be the login's name."""

    username: str
    password: str


def form(server: Dovecot, login: Login, user: str, email: str) -> dict[str, Any]:
    """The body of `POST /v1/mailboxes`."""
    return {
        "user_id": user,
        "email": email,
        "provider": "imap",
        "imap": {"host": server.host, "port": server.imaps_port, "security": "tls"},
        "username": login.username,
        "password": login.password,
    }


def ago(**span: float) -> datetime:
    """A time in the past, as mail knows it: in whole seconds."""
    return (datetime.now(UTC) - timedelta(**span)).replace(microsecond=0)


def letter(
    sender: str,
    *to: str,
    subject: str = "Hello",
    text: str = "Hello.",
    date: datetime | None = None,
    message_id: str | None = None,
    **fields: str,
) -> EmailMessage:
    """A message in plain text, to which a test may add parts.

    Parameters:
        fields: further header fields, such as `Cc` and `In_Reply_To`.
    """
    message = EmailMessage()
    message["From"] = sender
    message["To"] = ", ".join(to)
    message["Subject"] = subject
    message["Date"] = format_datetime(date or ago())
    if message_id:
        message["Message-ID"] = f"<{message_id}>"
    for name, value in fields.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message
