"""What a list of messages shows of a content, as an item."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from mailmirror.domain.address import Address
from mailmirror.domain.identity import MessageKey
from mailmirror.domain.mailbox import FolderRole, MailboxKey
from mailmirror.domain.message import ListedAttachment, Participant
from mailmirror.domain.threads import ThreadId
from mailmirror.domain.versions import Received, Version
from mailmirror.store import keys
from mailmirror.store.table import Item

_MAX_LISTED = 200
"""Participants of a field, or attachments, that a list shows; the message itself has them all."""
_MAX_NAME_CHARS = 100
_MAX_TEXT_CHARS = 1_000


@dataclass(frozen=True, slots=True)
class Summary:
    """What a list shows of a message, as one mailbox has it: one content of it."""

    key: MailboxKey
    message: MessageKey
    sha256: str
    """Of the raw bytes."""
    thread: ThreadId
    message_id: str | None
    subject: str
    from_: Sequence[Participant]
    to: Sequence[Participant]
    cc: Sequence[Participant]
    date: datetime | None
    snippet: str
    attachments: Sequence[ListedAttachment]
    warnings: Sequence[str]
    instant: datetime
    """The least of its copies'."""
    received: Received
    """The least of its copies'."""
    lines: int
    """How many lines that are not blank its text has."""
    extends: frozenset[str] = frozenset()
    """The SHA-256 of the versions whose text this one is, with lines added."""
    others: frozenset[str] = frozenset()
    """The SHA-256 of the message's other versions in this mailbox."""
    in_object: bool = False

    @property
    def version(self) -> Version:
        return Version(self.sha256, self.received, self.lines, self.extends)

    def with_copy(self, other: "Summary") -> "Summary":
        """This content, of which another copy was stored, or read, before."""
        return replace(
            self,
            instant=min(self.instant, other.instant),
            received=min(self.received, other.received),
            extends=self.extends | other.extends,
            others=self.others | other.others,
        )


def line_item(content: Summary, *, in_object: bool) -> Item:
    """An item that `read_line` reads back."""
    received = content.received
    return {
        **keys.content(content.key, content.message, content.sha256),
        "mailbox": content.key.mailbox,
        "message": content.message,
        "sha256": content.sha256,
        "thread": content.thread,
        "message_id": content.message_id and content.message_id[:_MAX_TEXT_CHARS],
        "subject": content.subject[:_MAX_TEXT_CHARS],
        "from": _names(content.from_),
        "to": _names(content.to),
        "cc": _names(content.cc),
        "date": keys.time_text(content.date) if content.date else None,
        "snippet": content.snippet,
        "attachments": [
            [one.name[:_MAX_NAME_CHARS], one.content_type[:_MAX_NAME_CHARS], one.size]
            for one in content.attachments[:_MAX_LISTED]
        ],
        "warnings": list(content.warnings),
        "instant": keys.time_text(content.instant),
        "received": [
            keys.time_text(received.at),
            received.role,
            received.folder,
            received.uidvalidity,
            received.uid,
        ],
        "lines": content.lines,
        "extends": set(content.extends) or None,
        "others": set(content.others) or None,
        "in_object": in_object,
    }


def read_line(key: MailboxKey, item: Item) -> Summary:
    at, role, folder, uidvalidity, uid = item["received"]
    return Summary(
        key=key,
        message=MessageKey(item["message"]),
        sha256=item["sha256"],
        thread=ThreadId(item["thread"]),
        message_id=item.get("message_id"),
        subject=item["subject"],
        from_=_participants(item["from"]),
        to=_participants(item["to"]),
        cc=_participants(item["cc"]),
        date=datetime.fromisoformat(item["date"]) if "date" in item else None,
        snippet=item["snippet"],
        attachments=[
            ListedAttachment(str(name), str(content_type), int(size))
            for name, content_type, size in item["attachments"]
        ],
        warnings=[str(warning) for warning in item["warnings"]],
        instant=datetime.fromisoformat(item["instant"]),
        received=Received(
            datetime.fromisoformat(at), FolderRole(role), str(folder), int(uidvalidity), int(uid)
        ),
        lines=int(item["lines"]),
        extends=frozenset(item.get("extends", ())),
        others=frozenset(item.get("others", ())),
        in_object=bool(item["in_object"]),
    )


def _names(participants: Sequence[Participant]) -> list[list[str]]:
    return [[one.name[:_MAX_NAME_CHARS], one.address] for one in participants[:_MAX_LISTED]]


def _participants(names: list[Any]) -> Sequence[Participant]:
    return [Participant(str(name), Address(address)) for name, address in names]
