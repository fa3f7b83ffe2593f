"""IMAP and SMTP as the doctor speaks them: the steps of connecting, one by one."""

import imaplib
import re
import smtplib
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Protocol

from imapclient.exceptions import IMAPClientError

from mailmirror.domain.delivery import DeliveryCode
from mailmirror.domain.imap_answers import visible
from mailmirror.domain.mailbox import Server
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.replies import Reply, classify
from mailmirror.domain.server_causes import Diagnosis, ServerCause
from mailmirror.domain.services import Service
from mailmirror.mail.connection import NetworkPolicy, TimeLimit
from mailmirror.mail.imap import sign_in as imap_steps
from mailmirror.mail.imap.client import BoundedClient, TooMuch
from mailmirror.mail.imap.heard import Heard
from mailmirror.mail.sasl import Login
from mailmirror.mail.smtp import session as smtp_steps
from mailmirror.mail.smtp.session import SubmissionSession

_OVERWRITTEN = re.compile(r"X{6,}[A-Z]?")
"""Cisco's ASA and PIX firewalls overwrite keywords that they do not know with X, as in
`250-XXXXXXXA` (cisco.com, document 118550 on "XXXXXXXA" after EHLO; 113423 on ESMTP inspection)."""


class Conversation(Protocol):
    """One connection to a server. Every method raises Refused where the server fails."""

    service: Service

    def greet(self, connection: socket.socket) -> str:
        """Read the greeting, and return it."""
        ...

    def offers_starttls(self) -> bool: ...

    def start_tls(self, policy: NetworkPolicy) -> socket.socket:
        """Go on over TLS, and return the connection."""
        ...

    def capabilities(self) -> Sequence[str]:
        """Ask what the server offers now."""
        ...

    def sign_in(self, login: Login, limit: TimeLimit) -> None: ...

    def end(self) -> None:
        """Say good-bye, if the server still listens, and close."""
        ...


class ImapConversation:
    service = Service.IMAP

    def __init__(self, server: Server) -> None:
        self._server = server
        self._heard = Heard()
        self._client: BoundedClient | None = None

    @property
    def client(self) -> BoundedClient:
        """The client, once the server has greeted."""
        if self._client is None:
            raise Refused(Code.CONNECTION_LOST)
        return self._client

    def greet(self, connection: socket.socket) -> str:
        self._client = imap_steps.greeted(connection, self._server, self._heard, None)
        return self._heard.first_line

    def offers_starttls(self) -> bool:
        return "STARTTLS" in self.capabilities()

    def start_tls(self, policy: NetworkPolicy) -> socket.socket:
        imap_steps.start_tls(self.client, policy, self._server)
        secured: socket.socket = self.client._imap.sock
        return secured

    def capabilities(self) -> Sequence[str]:
        return self.client.ask_capabilities()

    def sign_in(self, login: Login, limit: TimeLimit) -> None:
        self._heard.redact = login.redact
        imap_steps.sign_in(self.client, self._server, login, limit)

    def end(self) -> None:
        if self._client is None:
            return
        with suppress(imaplib.IMAP4.error, IMAPClientError, OSError, TooMuch, Refused):
            self._client.logout()
        with suppress(OSError):
            self._client.shutdown()


class SmtpConversation:
    service = Service.SMTP

    def __init__(self, server: Server) -> None:
        self._server = server
        self._limit = TimeLimit()
        self._redact: Callable[[str], str] = str
        self._client: smtp_steps.Smtp | None = None

    @property
    def _smtp(self) -> smtp_steps.Smtp:
        if self._client is None:
            raise Refused(Code.CONNECTION_LOST)
        return self._client

    def greet(self, connection: socket.socket) -> str:
        self._client = smtp_steps.Smtp(connection, self._server.host)
        with self._translated():
            return str(smtp_steps.read_greeting(self._client, self._server))

    def offers_starttls(self) -> bool:
        """Raises:
        Refused: also where the answer to EHLO is no SMTP.
        """
        offered = self.capabilities()
        return "STARTTLS" in (one.upper() for one in offered)

    def start_tls(self, policy: NetworkPolicy) -> socket.socket:
        with self._translated():
            smtp_steps.start_tls(self._smtp, self._server, policy)
        secured = self._smtp.sock
        if secured is None:
            raise Refused(Code.CONNECTION_LOST)
        return secured

    def capabilities(self) -> Sequence[str]:
        with self._translated():
            smtp_steps.greet(self._smtp)
        features = self._smtp.esmtp_features.items()
        return [f"{name.upper()} {values}".strip() for name, values in features]

    def sign_in(self, login: Login, limit: TimeLimit) -> None:
        self._redact = login.redact
        with smtp_steps.translated(self._redact, limit), limit.signing_in():
            smtp_steps.authenticate(self._smtp, self._server, login)

    @property
    def size_limit(self) -> int | None:
        """The longest message in bytes that the server takes, where it says so."""
        return SubmissionSession(self._smtp).size_limit

    def sender(self, address: str) -> tuple[Reply, Diagnosis | None]:
        """Name a sender, and withdraw it: the server's reply, and why it refuses the sender."""
        session = SubmissionSession(self._smtp, self._redact)
        utf8 = "" if address.isascii() else " SMTPUTF8"
        with self._translated():
            (code, said), _ = session.ask([f"MAIL FROM:<{address}>{utf8}", "RSET"])
        text = said.decode("utf-8", "replace")
        cause = None if code == 250 else _why_no_sender(Reply.parse(code, text))
        return Reply.parse(code, session.redact(text)), cause

    def end(self) -> None:
        if self._client is None:
            return
        with suppress(smtplib.SMTPException, OSError, ValueError, Refused):
            self._client.quit()
        self._client.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        with smtp_steps.translated(self._redact, self._limit):
            yield


CONVERSATIONS: dict[Service, type[ImapConversation] | type[SmtpConversation]] = {
    Service.IMAP: ImapConversation,
    Service.SMTP: SmtpConversation,
}


def is_overwritten(capabilities: Sequence[str]) -> bool:
    """Whether a device between has overwritten what the server offers."""
    return any(_OVERWRITTEN.fullmatch(word) for one in capabilities for word in one.split())


def shown(capabilities: Sequence[str]) -> str:
    """What a server offers, as far as it is shown."""
    return visible(" ".join(sorted(capabilities)))


def _why_no_sender(reply: Reply) -> Diagnosis:
    match classify(reply):
        case DeliveryCode.MAILBOX_FULL:
            return ServerCause.OVER_QUOTA
        case DeliveryCode.SENDING_LIMIT_REACHED:
            return ServerCause.THROTTLED
        case _:
            return Code.SERVER_UNAVAILABLE if reply.for_now else DeliveryCode.SENDER_NOT_ALLOWED
