"""What a mailbox stores of its messages: the raw bytes, and what a list of messages shows.

A message may have several contents, its versions (`domain.versions`). Each has a line of its own,
which names the others; writers are the syncs of one mailbox, one at a time, so a line that names
more than before is put whole.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from mailmirror.domain.containment import Place
from mailmirror.domain.identity import MessageKey
from mailmirror.domain.limits import MAX_COUNTED_VERSIONS
from mailmirror.domain.mailbox import AccountId, MailboxId, MailboxKey
from mailmirror.domain.message import Entry
from mailmirror.domain.verdict import Verdict
from mailmirror.domain.versions import chosen
from mailmirror.store import keys
from mailmirror.store.content_lines import Summary, line_item, read_line
from mailmirror.store.entries import entry_item, read_entry
from mailmirror.store.keys import SK
from mailmirror.store.objects import ObjectStore
from mailmirror.store.packed import pack, unpack
from mailmirror.store.table import ConditionFailed, Item, Table, Update

MAX_LINE_RAW_BYTES = 2_000
"""Raw mail up to this size, compressed, is stored in the line: a page pays for lines by 4 KB."""
MAX_ITEM_RAW_BYTES = 8_000
"""Raw mail up to this size, compressed, is stored in the table: the write units cost an S3 put."""
_UPLOAD_THREADS = 8
_COUNTED_CHARS = 16
"""Of a SHA-256 in hexadecimal digits, by which further versions are told apart."""

ContentKey = tuple[MailboxId, MessageKey, str]
"""Mailbox, message and SHA-256."""


CopyName = tuple[Place, str]
"""Place and SHA-256, as a copy's item has them."""


@dataclass(frozen=True, slots=True)
class Copy:
    """One UID in one folder, the content that it names, and what its verdict depends on."""

    place: Place
    entry: Entry
    received_at: datetime
    """INTERNALDATE."""
    recipients: int
    """How many addresses stand in To, Cc and Bcc together."""
    hidden_at: datetime | None = None
    """Since when its content is hidden, because no copy of it has the verdict `mirrored`."""
    unsettled: bool = False
    """Whether its content is being hidden, or shown again: a crash may have left it half done."""
    left_at: datetime | None = None
    """When it was first found that the server has it no more, where deletions are followed."""
    standing: Verdict | None = None
    """What the server, or a later parser, has said of its UID since it was mirrored."""

    @property
    def name(self) -> CopyName:
        return self.place, self.entry.sha256

    @property
    def is_hidden(self) -> bool:
        """Whether its content is hidden wherever it was shown."""
        return self.hidden_at is not None and not self.unsettled


class ContentStore:
    def __init__(self, table: Table, objects: ObjectStore) -> None:
        self._table = table
        self._objects = objects

    def put_copies(self, copies: Iterable[Copy]) -> None:
        """Store which contents the UIDs of folders have. One write unit each.

        This comes first: an erasure finds the rest by copies, also after a crash.
        """
        self._table.write(map(_copy_item, copies))

    def mark_hidden(self, copies: Iterable[Copy], now: datetime) -> Sequence[Copy]:
        """Store that the contents of copies are being hidden. One write unit each.

        Returns:
            Those that are stored, as they now are: another function may have given a copy another
            identity since it was read, or have erased it.
        """
        marked = list(copies)
        items = self._table.update_each(
            Update(
                _copy_key(one),
                "SET hidden_at = :now, unsettled = :unsettled",
                {":now": keys.time_text(now), ":unsettled": True},
                "attribute_exists(pk)",
            )
            for one in marked
        )
        return [
            _read_copy(one.entry.key.account, item)
            for one, item in zip(marked, items, strict=True)
            if item is not None
        ]

    def note_left(
        self, key: MailboxKey, copies: Iterable[CopyName], left_at: datetime | None
    ) -> None:
        """Store when copies were first found to have left, or that they have not. One write unit
        each."""
        self._note(key, copies, "left_at", keys.time_text(left_at) if left_at else None)

    def note_standing(
        self, key: MailboxKey, copies: Iterable[CopyName], standing: Verdict | None
    ) -> None:
        """Store what was said of UIDs since they were mirrored. One write unit each."""
        self._note(key, copies, "standing", standing.value if standing else None)

    def _note(
        self, key: MailboxKey, copies: Iterable[CopyName], name: str, value: str | None
    ) -> None:
        change = f"SET {name} = :value" if value else f"REMOVE {name}"
        values = {":value": value} if value else {}
        self._table.update_each(
            Update(keys.copy(key, *one), change, values, "attribute_exists(pk)") for one in copies
        )

    def named_copies(self, key: MailboxKey, names: Iterable[CopyName]) -> Sequence[Copy]:
        """Read copies, consistently. One read unit each."""
        items = self._table.get_many((keys.copy(key, *one) for one in names), consistent=True)
        return [_read_copy(key.account, item) for item in items]

    def settle(self, copies: Iterable[Copy], hidden_at: datetime) -> Sequence[Copy]:
        """Store that the contents of marked copies are hidden. One write unit each.

        Returns:
            Those that are others by now: another function has put them since they were marked.
        """
        marked = list(copies)
        items = self._table.update_each(
            Update(
                _copy_key(one),
                "REMOVE unsettled",
                {":hidden_at": keys.time_text(hidden_at), ":message": one.entry.message},
                "hidden_at = :hidden_at AND message = :message",
            )
            for one in marked
        )
        return [one for one, item in zip(marked, items, strict=True) if item is None]

    def put(
        self, contents: Iterable[tuple[Summary, bytes]], with_them: Iterable[Item] = ()
    ) -> None:
        """Store contents with their raw bytes.

        The raw bytes are in the line up to 2 KB compressed, an item up to 8 KB, else an object.

        Parameters:
            with_them: what else is put, to fill the same requests.
        """
        items: list[Item] = []
        uploads: list[tuple[Summary, bytes]] = []
        for content, raw in contents:
            packed = pack(raw)
            in_object = len(packed) > MAX_ITEM_RAW_BYTES
            in_line = len(packed) <= MAX_LINE_RAW_BYTES
            line = replace(content, packed=packed if in_line else None)
            items.append(line_item(line, in_object=in_object))
            if in_object:
                uploads.append((content, packed))
            elif not in_line:
                key = keys.raw(content.key, content.message, content.sha256)
                items.append({**key, "raw": packed})
        self._upload(uploads)
        self._table.write([*items, *with_them])

    def put_lines(self, contents: Iterable[Summary]) -> None:
        """Put the lines of contents whose raw bytes are stored. A write unit a KB."""
        self._table.write(line_item(one, in_object=one.in_object) for one in contents)

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
        self,
        wanted: Iterable[tuple[MailboxKey, MessageKey, str]],
        *,
        with_hidden: bool = False,
    ) -> Mapping[ContentKey, Summary]:
        """Read what a list shows, consistently: one read unit each, a hundred a round trip."""
        asked = list(wanted)
        by_mailbox = {key.mailbox: key for key, _, _ in asked}
        items = self._table.get_many((keys.content(*one) for one in asked), consistent=True)
        contents = [read_line(by_mailbox[item["mailbox"]], item) for item in items]
        return {
            (one.key.mailbox, one.message, one.sha256): one
            for one in contents
            if with_hidden or one.hidden_at is None
        }

    def versions(
        self, key: MailboxKey, message: MessageKey, *, with_hidden: bool = False
    ) -> Sequence[Summary]:
        """Read the contents that a mailbox has of a message. One read unit a 4 KB."""
        items = self._table.query(keys.message(key, message), keys.CONTENTS, consistent=True)
        contents = [read_line(key, item) for item in items]
        return [one for one in contents if with_hidden or one.hidden_at is None]

    def find(self, key: MailboxKey, message: MessageKey) -> tuple[Summary, datetime] | None:
        """Read what a mailbox shows of a message, and the message's instant in it."""
        contents = {one.sha256: one for one in self.versions(key, message)}
        if not contents:
            return None
        shown = chosen(one.version for one in contents.values())
        return contents[shown.sha256], min(one.instant for one in contents.values())

    def count_further(self, content: Summary) -> None:
        """Count a content that is not kept, once, until a hundred are. One to three write units."""
        name = content.sha256[:_COUNTED_CHARS]
        with suppress(ConditionFailed):
            self._table.update(
                Update(
                    keys.further_versions(content.key, content.message),
                    "ADD digests :digest",
                    {":digest": {name}, ":most": MAX_COUNTED_VERSIONS},
                    "attribute_not_exists(digests) OR size(digests) < :most",
                )
            )

    def further(
        self, messages: Iterable[tuple[MailboxKey, MessageKey]]
    ) -> Mapping[tuple[MailboxId, MessageKey], int]:
        """How many contents beside those that are kept were counted. Half a read unit each."""
        asked = {
            (item[keys.PK], item[SK]): (key.mailbox, message)
            for key, message in messages
            for item in [keys.further_versions(key, message)]
        }
        items = self._table.get_many({keys.PK: pk, SK: sk} for pk, sk in asked)
        return {asked[item[keys.PK], item[SK]]: len(item["digests"]) for item in items}

    def raw(self, content: Summary) -> bytes:
        """Read a message's raw bytes.

        Raises:
            KeyError: they are not there, as after an erasure, or are other bytes.
        """
        where = (content.key, content.message, content.sha256)
        if content.packed is not None:
            packed = content.packed
        elif content.in_object:
            packed = self._objects.get_raw(*where)
        else:
            item = self._table.get(keys.raw(*where))
            if item is None:
                raise KeyError(content.message)
            packed = item["raw"]
        return unpack(packed, content.sha256)

    def copies(self, key: MailboxKey, limit: int) -> Sequence[Copy]:
        """Read the first copies of a mailbox, in the order of their keys."""
        items = self._table.query(keys.folders(key), keys.COPIES, limit=limit)
        return [_read_copy(key.account, item) for item in items]

    def copies_after(self, key: MailboxKey, last: Place | None = None) -> Iterator[Copy]:
        """Read what each copy of a mailbox is, as they are used: half a read unit for a dozen.

        Parameters:
            last: in the order of keys, copies up to those of this UID are left out.
        """
        between = keys.copies_after(last)
        for item in self._table.query(keys.folders(key), between=between):
            yield _read_copy(key.account, item)

    def at(self, key: MailboxKey, place: Place) -> Sequence[Copy]:
        """What is stored of one UID: a copy of each content that it has had. A read unit."""
        between = keys.copies_between(place.folder, place.uidvalidity, place.uid, place.uid)
        items = self._table.query(keys.folders(key), between=between, consistent=True)
        return [_read_copy(key.account, item) for item in items]

    def first_copy(self, content: Summary) -> Copy | None:
        """The copy of a content that was received first."""
        item = self._table.get(
            keys.copy(content.key, content.received.place, content.sha256), consistent=True
        )
        return _read_copy(content.key.account, item) if item else None

    def erase_copies(self, copies: Iterable[tuple[Place, Entry]]) -> None:
        """Delete copies; last, because an erasure finds everything else by them."""
        self._table.write(deletes=(keys.copy(one.key, at, one.sha256) for at, one in copies))

    def hide(self, entries: Iterable[Entry], now: datetime) -> None:
        """Leave the contents of entries out of what is read. A write unit a KB of a line.

        A line that is not there stays away: its message may have got another identity.
        """
        lines = {(one.key, one.message, one.sha256) for one in entries}
        self._table.update_each(
            Update(
                keys.content(*one),
                "SET hidden_at = if_not_exists(hidden_at, :now)",
                {":now": keys.time_text(now)},
                "attribute_exists(pk)",
            )
            for one in lines
        )

    def shown(self, copy: Copy) -> None:
        """Store that the content of a copy is shown again. One write unit."""
        with suppress(ConditionFailed):
            self._table.update(
                Update(
                    _copy_key(copy),
                    "REMOVE hidden_at, unsettled",
                    {},
                    "attribute_exists(hidden_at)",
                )
            )

    def erase_version(self, content: Summary) -> None:
        """Delete one content: its raw bytes, then its line."""
        where = (content.key, content.message, content.sha256)
        if content.in_object:
            self._objects.erase_raw(*where)
        self._table.write(deletes=[keys.raw(*where), keys.content(*where)])

    def erase(self, key: MailboxKey, message: MessageKey) -> None:
        """Delete everything that a mailbox stores of a message in the table."""
        items = self._table.query(keys.message(key, message))
        self._table.write(deletes=[{keys.PK: item[keys.PK], SK: item[SK]} for item in items])


def _copy_key(copy: Copy) -> keys.Key:
    return keys.copy(copy.entry.key, copy.place, copy.entry.sha256)


def _copy_item(copy: Copy) -> Item:
    return {
        **entry_item(_copy_key(copy), copy.entry),
        "received_at": keys.time_text(copy.received_at),
        "recipients": copy.recipients,
        "hidden_at": keys.time_text(copy.hidden_at) if copy.hidden_at else None,
        "unsettled": copy.unsettled or None,
        "left_at": keys.time_text(copy.left_at) if copy.left_at else None,
        "standing": copy.standing.value if copy.standing else None,
    }


def _read_copy(account: AccountId, item: Item) -> Copy:
    return Copy(
        place=keys.copy_place(item),
        entry=read_entry(account, item),
        received_at=datetime.fromisoformat(item["received_at"]),
        recipients=int(item["recipients"]),
        hidden_at=datetime.fromisoformat(item["hidden_at"]) if "hidden_at" in item else None,
        unsettled="unsettled" in item,
        left_at=datetime.fromisoformat(item["left_at"]) if "left_at" in item else None,
        standing=Verdict(item["standing"]) if "standing" in item else None,
    )
