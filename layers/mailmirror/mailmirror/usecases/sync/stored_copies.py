"""Copies as they are stored, with their lines and raw bytes: what cannot be read is left out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime

from mailmirror.domain.containment import Place
from mailmirror.domain.message import Entry
from mailmirror.runtime import Runtime
from mailmirror.store import keys
from mailmirror.store.content_lines import Summary, read_line
from mailmirror.store.entries import read_entry
from mailmirror.store.keys import SK, Key
from mailmirror.store.packed import unpack
from mailmirror.store.stored_items import ItemName, name_of
from mailmirror.store.table import Item
from mailmirror.store.timelines import FURTHER
from mailmirror.usecases.sync.mirror_copies import FolderKey

_READERS = 8
_UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError)
"""What reading an item raises that is not what it should be."""


@dataclass(frozen=True, slots=True)
class StoredCopy:
    """A copy as it is stored, as far as it can be read."""

    uid: int
    item: Item
    entry: Entry | None
    line: Summary | None = None
    raw: bytes | None = None

    @property
    def is_hidden(self) -> bool:
        """Whether its content is hidden: because the server has it no more, whatever its verdict.

        Mirroring it again would show it.
        """
        return "hidden_at" in self.item

    @property
    def is_whole(self) -> bool:
        return self.entry is not None and self.line is not None and self.raw is not None

    @property
    def received_at(self) -> datetime | None:
        """When it was received; None where its item does not say so."""
        try:
            return datetime.fromisoformat(self.item["received_at"])
        except _UNREADABLE:
            return None


@dataclass(frozen=True, slots=True)
class StoredCopies:
    """What is stored of the copies of one folder."""

    where: FolderKey
    runtime: Runtime

    def with_copies(self, uids: Iterable[int]) -> Set[int]:
        """Which of these UIDs have an item as a copy. A read unit for a dozen."""
        wanted = set(uids)
        return {uid for uid, _ in self._items(wanted)} if wanted else set()

    def read(self, group: Sequence[int]) -> Sequence[StoredCopy]:
        """Read the copies of UIDs with their lines and bytes, as far as they can be read."""
        copies = [StoredCopy(uid, item, self._entry(item)) for uid, item in self._items(set(group))]
        named = {
            name_of(content_key(one.entry)): one.entry
            for one in copies
            if one.entry is not None and one.entry.sha256 != FURTHER
        }
        lines = self.runtime.stored_items.read(map(content_key, named.values()))
        texts = {name: self.line(lines[name]) for name in named if name in lines}
        raws = self.raws(named, texts)
        result = []
        for one in copies:
            if one.entry is None:
                result.append(one)
                continue
            at = name_of(content_key(one.entry))
            result.append(replace(one, line=texts.get(at), raw=raws.get(at)))
        return result

    def raws(
        self, entries: Mapping[ItemName, Entry], lines: Mapping[ItemName, Summary | None]
    ) -> Mapping[ItemName, bytes | None]:
        """The raw bytes of contents, from their lines, their items or the bucket."""
        packed: dict[ItemName, bytes] = {
            name: line.packed for name, line in lines.items() if line and line.packed is not None
        }
        rest = {name: entry for name, entry in entries.items() if name not in packed}
        asked = {
            name: keys.raw(one.key, one.message, one.sha256)
            for name, one in rest.items()
            if (line := lines.get(name)) is None or not line.in_object
        }
        items = self.runtime.stored_items.read(asked.values())
        for name, key in asked.items():
            if isinstance(value := items.get(name_of(key), {}).get("raw"), bytes):
                packed[name] = value
        found: dict[ItemName, bytes | None] = {
            name: _unpacked(value, entries[name].sha256) for name, value in packed.items()
        }
        objects = [(name, one) for name, one in rest.items() if name not in packed]
        with ThreadPoolExecutor(_READERS) as readers:
            found |= dict(readers.map(self._object, objects))
        return found

    def _object(self, one: tuple[ItemName, Entry]) -> tuple[ItemName, bytes | None]:
        name, entry = one
        try:
            raw = self.runtime.stored_items.object(entry.key, entry.message, entry.sha256)
        except KeyError:
            return name, None
        return name, raw

    def _entry(self, item: Item) -> Entry | None:
        """The entry of a copy's item; None where it is not the one that its key names."""
        entry = self.entry_in_thread(item)
        if entry is None or entry.key != self.where.mailbox:
            return None
        return entry if item[SK].rpartition("#")[2] == entry.sha256 else None

    def entry_in_thread(self, item: Item) -> Entry | None:
        """An entry as its item has it; None where that cannot be read."""
        try:
            return read_entry(self.where.mailbox.account, item)
        except _UNREADABLE:
            return None

    def line(self, item: Item) -> Summary | None:
        """The line of a content; None where it cannot be read."""
        try:
            return read_line(self.where.mailbox, item)
        except _UNREADABLE:
            return None

    def _items(self, uids: Set[int]) -> Iterator[tuple[int, Item]]:
        where = self.where
        for item in self.runtime.stored_items.copies(
            where.mailbox, where.folder, where.uidvalidity, min(uids), max(uids)
        ):
            uid = keys.copy_place(item).uid
            if uid in uids:
                yield uid, item


def content_key(entry: Entry) -> Key:
    """Where the line of an entry's content stands."""
    return keys.content(entry.key, entry.message, entry.sha256)


def is_of_copy(line: Summary, where: FolderKey, uid: int) -> bool:
    """Whether a line says when and where this copy was received, of several of its content."""
    return line.received.place == Place(where.folder, where.uidvalidity, uid)


def _unpacked(packed: bytes, sha256: str) -> bytes | None:
    try:
        return unpack(packed, sha256)
    except KeyError:
        return None
