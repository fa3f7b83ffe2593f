"""Letters as mail programs write them, in the charsets that real mail has."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.charset import BASE64, add_charset
from email.header import Header
from email.message import Message
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.mime.text import MIMEText
from email.policy import compat32
from email.utils import format_datetime, formataddr
from hashlib import sha256
from typing import NamedTuple

# The standard library would write ISO-2022-JP in its place; Windows' mail programs do not.
add_charset("shift_jis", BASE64, BASE64, "shift_jis")


class Person(NamedTuple):
    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Letter:
    """What a person wrote, and to whom."""

    sender: Person
    to: Sequence[Person]
    subject: str
    text: str
    date: datetime
    id: str | None
    """The Message-ID."""
    cc: Sequence[Person] = ()
    references: Sequence[str] = ()
    parts: Sequence[Message] = ()
    """Beside the text, attachments for example."""
    charset: str = "utf-8"
    subtype: str = "mixed"
    """Of the multipart, where there are further parts; parameters of its own behind a `;`."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """Further header fields."""

    @property
    def recipients(self) -> list[str]:
        return [person.address for person in (*self.to, *self.cc)]

    def to_bytes(self) -> bytes:
        """The message in RFC 5322 form, with CRLF line ends."""
        message: Message = MIMEText(self.text, "plain", self.charset)
        if self.parts:
            message = MIMEMultipart(self.subtype, _subparts=[message, *self.parts])
        message["Date"] = format_datetime(self.date)
        message["From"] = formataddr(self.sender, self.charset)
        for name, people in (("To", self.to), ("Cc", self.cc)):
            if people:
                message[name] = ", ".join(formataddr(one, self.charset) for one in people)
        message["Subject"] = Header(self.subject, self.charset).encode()
        if self.id:
            message["Message-ID"] = self.id
        if self.references:
            message["In-Reply-To"] = self.references[-1]
            message["References"] = " ".join(self.references)
        for name, value in self.fields.items():
            message[name] = value
        return message.as_bytes(policy=compat32.clone(linesep="\r\n", mangle_from_=False))


def message_id(key: str, domain: str) -> str:
    """A Message-ID that is the same at each run."""
    return f"<{sha256(key.encode()).hexdigest()[:24]}@{domain}>"


def attached(name: str, kind: str, text: str) -> Message:
    """A file of text; its name is written by RFC 2231 where it is not ASCII."""
    main, _, sub = kind.partition("/")
    part = MIMENonMultipart(main, sub)
    part.set_payload(text, "utf-8")
    filename = name if name.isascii() else ("utf-8", "", name)
    part.add_header("Content-Disposition", "attachment", filename=filename)
    return part
