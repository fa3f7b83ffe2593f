"""Compose a message (RFC 5322, MIME) from fields that cannot add a header line."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address as HeaderAddress
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime

from mailmirror.domain.limits import MAX_WRITTEN_ID_CHARS, MAX_WRITTEN_REFERENCES
from mailmirror.mail.mime.html import text_of

_ASCII_POLICY = SMTP.clone(cte_type="7bit")
_UTF8_POLICY = SMTPUTF8.clone(cte_type="7bit")


@dataclass(frozen=True, slots=True)
class Named:
    """A mailbox of an address field: a display name, and an address with its domain in A-labels."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class File:
    """An attachment; `repr` shows none of it."""

    name: str
    content_type: str
    data: bytes

    def __repr__(self) -> str:
        return f"File({len(self.data)} bytes)"


@dataclass(frozen=True, slots=True)
class Draft:
    """The fields of a message; `repr` shows none of them."""

    sender: Named
    to: Sequence[Named]
    cc: Sequence[Named]
    subject: str
    text: str | None
    html: str | None
    files: Sequence[File]
    message_id: str
    """Without angle brackets."""
    date: datetime
    in_reply_to: str | None = None
    references: Sequence[str] = ()

    def __repr__(self) -> str:
        return f"Draft({self.message_id!r})"


def compose(draft: Draft) -> bytes:
    """Write a message with CRLF line ends, in 7 bits unless an address needs SMTPUTF8.

    Without Bcc, which is added to the copy in Sent.

    Raises:
        ValueError: a field cannot be encoded.
    """
    everybody = (draft.sender, *draft.to, *draft.cc)
    ascii_only = all(one.address.isascii() for one in everybody)
    message = EmailMessage(_ASCII_POLICY if ascii_only else _UTF8_POLICY)
    message["From"] = _address(draft.sender)
    if draft.to:
        message["To"] = [_address(one) for one in draft.to]
    if draft.cc:
        message["Cc"] = [_address(one) for one in draft.cc]
    message["Subject"] = draft.subject
    message["Date"] = format_datetime(draft.date)
    message["Message-ID"] = f"<{draft.message_id}>"
    _write_body(message, draft)
    written = message.as_bytes()
    if draft.in_reply_to and _can_be_named(draft.in_reply_to):
        # Not by the library, which writes an id of more than 77 characters as encoded words.
        named = filter(_can_be_named, (*draft.references, draft.in_reply_to))
        references = "\r\n ".join(f"<{one}>" for one in _kept(list(named)))
        written = with_field("References", references, written)
        written = with_field("In-Reply-To", f"<{draft.in_reply_to}>", written)
    return written


def with_field(name: str, value: str, raw: bytes) -> bytes:
    """A message with one more field, at its top. The value is ASCII, and folded."""
    return f"{name}: {value}\r\n".encode("ascii") + raw


def bcc_value(addresses: Sequence[str]) -> str:
    """Addresses as the value of a Bcc field: folded, without addresses that are not ASCII."""
    return ",\r\n ".join(one for one in addresses if one.isascii())


def _write_body(message: EmailMessage, draft: Draft) -> None:
    text = draft.text
    if text is None:
        text = text_of(draft.html) if draft.html is not None else ""
    message.set_content(text)
    if draft.html is not None:
        message.add_alternative(draft.html, "html")
    for file in draft.files:
        main, _, sub = file.content_type.partition("/")
        if main in ("text", "message", "multipart"):
            # The library re-encodes these; an attachment must stay as it is, byte by byte.
            message.add_attachment(file.data, "application", "octet-stream", filename=file.name)
            part = list(message.iter_attachments())[-1]
            if main == "text":
                part.set_type(file.content_type)
        else:
            message.add_attachment(file.data, main, sub, filename=file.name)


def _address(named: Named) -> HeaderAddress:
    local, _, domain = named.address.rpartition("@")
    if len(local) > 1 and local[0] == local[-1] == '"':
        local = local[1:-1]  # the library adds quotes where needed
    return HeaderAddress(named.name, local, domain)


def _can_be_named(id: str) -> bool:
    """Whether a Message-ID, which comes from a stranger, fits into a line of a field."""
    return id.isascii() and id.isprintable() and len(id) <= MAX_WRITTEN_ID_CHARS


def _kept(ids: Sequence[str]) -> list[str]:
    """The root and the near ancestors: a long thread's References would outgrow servers' limits."""
    unique = list(dict.fromkeys(ids))
    return (
        unique
        if len(unique) <= MAX_WRITTEN_REFERENCES
        else [unique[0], *unique[1 - MAX_WRITTEN_REFERENCES :]]
    )
