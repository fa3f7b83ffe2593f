"""A submission server that puts a Message-ID and a Date of its own in place of the sender's.

So does SES, whose form of ids this one's have, and which takes 50 recipients at once. What it
accepts it hands on to a Postfix, as SES hands it to the world.
"""

import re
import smtplib
import ssl
import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.servers.authority import certify
from tests.servers.ports import free_ports
from tests.servers.postfix import Postfix

_RECIPIENTS = 50
_FIELDS = re.compile(
    rb"^(?:Message-ID|Date)[ \t]*:.*\n(?:[ \t].*\n)*", re.IGNORECASE | re.MULTILINE
)
_MESSAGE_ID = re.compile(rb"^Message-ID[ \t]*:\s*(<.*>)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What became of one message."""

    original_id: str | None
    """With its angle brackets; None where the message had none."""
    new_id: str
    """With its angle brackets. Where ids are told, the client knows what is before the `@`."""
    date: datetime


@dataclass(slots=True)
class RewritingSmtp:
    """`with RewritingSmtp(postfix, "user", "secret") as server:` runs a server within the block."""

    relay: Postfix
    """Is handed what this server accepts. It must be running."""
    username: str
    password: str
    issuer: trustme.CA | None = None
    """The authority that certifies the server; without one it makes its own."""

    host: str = field(init=False, default="127.0.0.1")
    port: int = field(init=False)
    """STARTTLS and a sign-in (AUTH PLAIN) are required."""
    authority: Path = field(init=False)
    """The certificate (PEM) of the authority that the server is certified by."""
    rewritten: list[Rewritten] = field(init=False, default_factory=list)
    tells_id: bool = field(init=False, default=True)
    """Whether the reply names the new Message-ID, as that of SES does."""

    _folder: tempfile.TemporaryDirectory[str] = field(init=False)
    _controller: Controller = field(init=False)

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="rewriting-")
        certified = certify(Path(self._folder.name), self.issuer)
        self.authority = certified.authority
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certified.chain, certified.key)
        (self.port,) = free_ports(1)
        self._controller = Controller(
            _Handler(self),
            self.host,
            self.port,
            tls_context=context,
            require_starttls=True,
            authenticator=self._authenticate,
            auth_required=True,
            auth_exclude_mechanism=["LOGIN"],
            enable_SMTPUTF8=True,
        )
        self._controller.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._controller.stop()
        self._folder.cleanup()

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, login: Any
    ) -> AuthResult:
        right = LoginPassword(self.username.encode(), self.password.encode())
        return AuthResult(success=login == right, handled=False)

    def accept(self, envelope: Envelope) -> str:
        """Rewrite a message, hand it on, and return the reply."""
        name = f"0100{time.time_ns() // 1_000_000:012x}-{uuid4()}-000000"
        date = datetime.now(UTC).replace(microsecond=0)
        content = envelope.original_content or b""
        original, raw = _rewrite(content, f"<{name}@email.amazonses.com>", date)
        options = [each for each in envelope.mail_options if "=" not in each or "BODY" in each]
        with smtplib.SMTP(self.relay.host, self.relay.port) as client:
            client.sendmail(envelope.mail_from or "", envelope.rcpt_tos, raw, options)
        self.rewritten.append(Rewritten(original, f"<{name}@email.amazonses.com>", date))
        return f"250 Ok {name}" if self.tells_id else "250 Ok"


@dataclass(frozen=True, slots=True)
class _Handler:
    server: RewritingSmtp

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if len(envelope.rcpt_tos) == _RECIPIENTS:
            return f"554 Transaction failed: Recipient count exceeds {_RECIPIENTS}."
        envelope.rcpt_tos.append(address)
        return "250 Ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        return self.server.accept(envelope)


def _rewrite(raw: bytes, message_id: str, date: datetime) -> tuple[str | None, bytes]:
    """The Message-ID that was there, and the message with another and with another Date."""
    header, blank, body = raw.partition(b"\r\n\r\n")
    found = _MESSAGE_ID.search(header)
    fields = f"Message-ID: {message_id}\r\nDate: {format_datetime(date)}\r\n".encode("ascii")
    kept = _FIELDS.sub(b"", header + b"\r\n").removesuffix(b"\r\n")
    return found[1].decode("utf-8", "replace") if found else None, fields + kept + blank + body
