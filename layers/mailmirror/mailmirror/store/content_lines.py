"""What a list of messages shows of a content, as an item."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from mailmirror.domain.address import Address
from mailmirror.domain.identity import MessageKey
from mailmirror.domain.limits import (
    MAX_LINE_ATTACHMENTS_BYTES,
    MAX_LINE_BYTES,
    MAX_LINE_FROM_BYTES,
    MAX_LINE_ID_BYTES,
    MAX_LINE_NAME_BYTES,
    MAX_LINE_SNIPPET_BYTES,
    MAX_LINE_SUBJECT_BYTES,
)
from mailmirror.domain.mailbox import FolderRole, MailboxKey
from mailmirror.domain.message import ListedAttachment, Participant
from mailmirror.domain.threads import ThreadId
from mailmirror.domain.versions import Received, Version
from mailmirror.store import keys
from mailmirror.store.table import Item

_ELEMENT_BYTES = 12
"""What DynamoDB adds for an element that is a list of three."""


SHORTENED = "shortened"
"""The warning of a line that does not show all of its subject, participants or attachments."""


Element = list[str | int]
"""Of a list: name and address, or name, type and size."""


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
    packed: bytes | None = None
    """The raw bytes, compressed by zstd, where they are stored in the line."""
    hidden_at: datetime | None = None
    """Since when no copy of it has the verdict `mirrored`: it is not shown, and erased later."""

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
    """An item that `read_line` reads back, of at most MAX_LINE_BYTES and one more KB.

    Text is cut within a character never, an address never; of a list, the first elements stay.
    Where subject, senders, recipients or attachments are cut, it has the warning SHORTENED.
    """
    received = content.received
    subject = _cut(content.subject, MAX_LINE_SUBJECT_BYTES)
    message_id = _cut(content.message_id, MAX_LINE_ID_BYTES) if content.message_id else None
    snippet = _cut(content.snippet, MAX_LINE_SNIPPET_BYTES)
    from_ = _first(_names(content.from_), MAX_LINE_FROM_BYTES)
    attachments = _first(_files(content.attachments), MAX_LINE_ATTACHMENTS_BYTES)
    left = MAX_LINE_BYTES - sum(map(_octets, (subject, message_id or "", snippet)))
    left -= sum(map(_size, (*from_, *attachments)))
    to = _first(_names(content.to), left)
    cc = _first(_names(content.cc), left - sum(map(_size, to)))
    lists = (content.from_, from_), (content.to, to), (content.cc, cc)
    shortened = (
        _octets(content.subject) > MAX_LINE_SUBJECT_BYTES
        or len(attachments) < len(content.attachments)
        or any(len(kept) < len(whole) for whole, kept in lists)
    )
    return {
        **keys.content(content.key, content.message, content.sha256),
        "mailbox": content.key.mailbox,
        "message": content.message,
        "sha256": content.sha256,
        "thread": content.thread,
        "message_id": message_id,
        "subject": subject,
        "from": from_,
        "to": to,
        "cc": cc,
        "date": keys.time_text(content.date) if content.date else None,
        "snippet": snippet,
        "attachments": attachments,
        "warnings": list(dict.fromkeys([*content.warnings, *([SHORTENED] if shortened else [])])),
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
        "raw": content.packed,
        "hidden_at": keys.time_text(content.hidden_at) if content.hidden_at else None,
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
        packed=item.get("raw"),
        hidden_at=datetime.fromisoformat(item["hidden_at"]) if "hidden_at" in item else None,
    )


def _names(participants: Iterable[Participant]) -> Iterator[Element]:
    return ([_cut(one.name, MAX_LINE_NAME_BYTES), one.address] for one in participants)


def _files(attachments: Iterable[ListedAttachment]) -> Iterator[Element]:
    return (
        [_cut(one.name, MAX_LINE_NAME_BYTES), _cut(one.content_type, MAX_LINE_NAME_BYTES), one.size]
        for one in attachments
    )


def _first(elements: Iterable[Element], max_bytes: int) -> list[Element]:
    """The first elements that have at most so many octets together."""
    found: list[Element] = []
    for one in elements:
        max_bytes -= _size(one)
        if max_bytes < 0:
            break
        found.append(one)
    return found


def _size(element: Element) -> int:
    return _ELEMENT_BYTES + sum(_octets(str(one)) for one in element)


def _octets(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def _cut(text: str, max_bytes: int) -> str:
    return text[:max_bytes].encode("utf-8", "replace")[:max_bytes].decode("utf-8", "ignore")


def _participants(names: list[Any]) -> Sequence[Participant]:
    return [Participant(str(name), Address(address)) for name, address in names]
