"""A message: its participants and attachments, and its entry in threads and timelines."""

from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime

from mailmirror.domain.address import Address
from mailmirror.domain.identity import MessageKey
from mailmirror.domain.mailbox import MailboxKey
from mailmirror.domain.threads import ThreadId


@dataclass(frozen=True, slots=True)
class Participant:
    """A name and an address, as an address field has them (RFC 5322 3.4, `mailbox`)."""

    name: str
    """The display name, decoded; "" where there is none."""
    address: Address


@dataclass(frozen=True, slots=True)
class ListedAttachment:
    """What a list of messages shows of an attachment."""

    name: str
    content_type: str
    size: int
    """In bytes, decoded."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A part that is not the message's text."""

    index: int
    """From 0, in the order of the raw message."""
    name: str
    content_type: str
    size: int
    """In bytes, decoded."""
    content_id: str | None
    """Without its angle brackets."""
    inline: bool
    """Whether the HTML shows it, as a picture in a signature."""

    @property
    def listed(self) -> ListedAttachment:
        return ListedAttachment(self.name, self.content_type, self.size)


@dataclass(frozen=True, slots=True)
class Entry:
    """A content of a message of one mailbox, as its thread and its timelines have it.

    Every field follows from the message, its INTERNALDATE and its mailbox, so that whoever writes
    an entry again, late or twice, writes the same.
    """

    key: MailboxKey
    message: MessageKey
    sha256: str
    """Of the raw bytes: names the content."""
    thread: ThreadId
    """The thread that the message's own vertex points at: never changes."""
    instant: datetime
    date: datetime | None
    """What the Date field says, where it can be read."""
    participants: Set[Address]
