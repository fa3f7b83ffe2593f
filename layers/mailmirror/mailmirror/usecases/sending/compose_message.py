"""What a person wants to send: every field checked, nothing stored yet."""

from collections.abc import Sequence
from dataclasses import dataclass

from mailmirror.mail.mime.compose import Named


@dataclass(frozen=True, slots=True)
class Attached:
    """An upload, and how it is to be called."""

    upload: str
    name: str
    content_type: str


@dataclass(frozen=True, slots=True)
class Composition:
    """A message to be sent. Its text form shows none of it."""

    sender: Named
    to: Sequence[Named]
    cc: Sequence[Named]
    bcc: Sequence[Named]
    subject: str
    text: str | None
    html: str | None
    attachments: Sequence[Attached]
    in_reply_to: str | None
    transport: str
    """`auto`, `smtp` or `ses`."""

    def __repr__(self) -> str:
        return "Composition(…)"

    @property
    def recipients(self) -> list[str]:
        """Every recipient once; addresses are compared in their normalised form."""
        everybody = (*self.to, *self.cc, *self.bcc)
        return list({one.address.casefold(): one.address for one in everybody}.values())
