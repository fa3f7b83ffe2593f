"""What a mailbox stores of its messages: the raw bytes, and what a list of messages shows."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from backports import zstd

from mailmirror.domain.address import Address
from mailmirror.domain.identity import MessageKey
from mailmirror.domain.mailbox import MailboxId, MailboxKey
from mailmirror.domain.message import Entry, ListedAttachment, Participant
from mailmirror.domain.threads import ThreadId
from mailmirror.store import keys
from mailmirror.store.entries import entry_item, read_entry
from mailmirror.store.keys import SK
from mailmirror.store.objects import ObjectStore
from mailmirror.store.table import Item, Table

MAX_ITEM_RAW_BYTES = 8_000
"""Raw mail up to this size, compressed, is stored in the table: the write units cost an S3 put."""
_UPLOAD_THREADS = 8
_MAX_LISTED = 200
"""Participants of a field, or attachments, that a list shows; the message itself has them all."""
_MAX_NAME_CHARS = 100
_MAX_TEXT_CHARS = 1_000


@dataclass(frozen=True, slots=True)
class Summary:
    """What a list shows of a message, as one mailbox has it."""

    key: MailboxKey
    message: MessageKey
    sha256: str
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
    in_object: bool = False


@dataclass(frozen=True, slots=True)
class Copy:
    """One UID in one folder, and the content that it names."""

    folder: str
    uidvalidity: int
    uid: int
    entry: Entry


class ContentStore:
    def __init__(self, table: Table, objects: ObjectStore) -> None:
        self._table = table
        self._objects = objects

    def put(self, contents: Iterable[tuple[Summary, bytes]], copies: Iterable[Copy]) -> None:
        """Store contents with their raw bytes, and the copies that name them.

        The copies come first: an erasure finds the rest by them, also after a crash.
        A message costs two items (its list line and its copy), and a third with the raw bytes
        up to 8 KB compressed, else an object.
        """
        items: list[Item] = []
        for copy in copies:
            entry = copy.entry
            key = keys.copy(entry.key, copy.folder, copy.uidvalidity, copy.uid, entry.sha256)
            items.append(entry_item(key, entry))
            if not entry.dated:
                items.append(keys.message_instant(entry.key, entry.message, entry.instant))
        self._table.write(items)
        items = []
        uploads: list[tuple[Summary, bytes]] = []
        for content, raw in contents:
            packed = zstd.compress(raw, level=3)
            in_object = len(packed) > MAX_ITEM_RAW_BYTES
            items.append(_summary_item(content, in_object=in_object))
            if in_object:
                uploads.append((content, packed))
            else:
                key = keys.raw(content.key, content.message, content.sha256)
                items.append({**key, "raw": packed})
        self._upload(uploads)
        self._table.write(items)

    def _upload(self, uploads: Sequence[tuple[Summary, bytes]]) -> None:
        with ThreadPoolExecutor(_UPLOAD_THREADS) as pool:
            list(
                pool.map(
                    lambda one: self._objects.put_raw(
                        one[0].key, one[0].message, one[0].sha256, one[1]
                    ),
                    uploads,
                )
            )

    def read_many(
        self, wanted: Sequence[tuple[MailboxKey, MessageKey, str]]
    ) -> Mapping[tuple[MailboxId, MessageKey], Summary]:
        """Read what a list shows, consistently: one read unit each, a hundred a round trip."""
        by_mailbox = {key.mailbox: key for key, _, _ in wanted}
        items = self._table.get_many((keys.content(*one) for one in wanted), consistent=True)
        contents = [_summary(by_mailbox[item["mailbox"]], item) for item in items]
        return {(content.key.mailbox, content.message): content for content in contents}

    def find(self, key: MailboxKey, message: MessageKey) -> tuple[Summary, datetime] | None:
        """Read what a mailbox shows of a message, and the message's instant in it."""
        items = list(self._table.query(keys.message(key, message), keys.CONTENTS, limit=1))
        if not items:
            return None
        content = _summary(key, items[0])
        instants = list(self._table.query(keys.message(key, message), keys.INSTANTS, limit=1))
        text = instants[0][SK].removeprefix(keys.INSTANTS) if instants else None
        instant = datetime.fromisoformat(text) if text else content.date
        return (content, instant) if instant else None

    def raw(self, content: Summary) -> bytes:
        """Read a message's raw bytes.

        Raises:
            KeyError: they are not there, as after an erasure.
        """
        where = (content.key, content.message, content.sha256)
        if content.in_object:
            packed = self._objects.get_raw(*where)
        else:
            item = self._table.get(keys.raw(*where))
            if item is None:
                raise KeyError(content.message)
            packed = item["raw"]
        return zstd.decompress(packed)

    def copies(self, key: MailboxKey, limit: int) -> Sequence[tuple[keys.Key, Entry]]:
        """Read the first copies of a mailbox, in the order of their keys."""
        items = self._table.query(keys.folders(key), keys.COPIES, limit=limit)
        return [
            ({keys.PK: item[keys.PK], SK: item[SK]}, read_entry(key.account, item))
            for item in items
        ]

    def erase_copies(self, copies: Iterable[keys.Key]) -> None:
        """Delete copies; last, because an erasure finds everything else by them."""
        self._table.write(deletes=copies)

    def erase(self, key: MailboxKey, message: MessageKey) -> None:
        """Delete everything that a mailbox stores of a message in the table."""
        items = self._table.query(keys.message(key, message))
        self._table.write(deletes=[{keys.PK: item[keys.PK], SK: item[SK]} for item in items])


def _summary_item(content: Summary, *, in_object: bool) -> Item:
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
        "in_object": in_object,
    }


def _summary(key: MailboxKey, item: Item) -> Summary:
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
        in_object=bool(item["in_object"]),
    )


def _names(participants: Sequence[Participant]) -> list[list[str]]:
    return [[one.name[:_MAX_NAME_CHARS], one.address] for one in participants[:_MAX_LISTED]]


def _participants(names: list[Any]) -> Sequence[Participant]:
    return [Participant(str(name), Address(address)) for name, address in names]
