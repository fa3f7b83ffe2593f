"""Which items a mirrored copy needs, and whether a stored one is as it should be."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from mailmirror.domain.association import Root
from mailmirror.domain.containment import Place
from mailmirror.domain.deep_audit import FaultKind
from mailmirror.domain.message import Entry
from mailmirror.domain.threads import ThreadId
from mailmirror.store import keys
from mailmirror.store.content_lines import line_item
from mailmirror.store.entries import entry_item
from mailmirror.store.keys import PK, SK, Key
from mailmirror.store.table import Item
from mailmirror.usecases.crm_feed.crm_view import CrmView
from mailmirror.usecases.sync.copy_sources import Source
from mailmirror.usecases.sync.stored_copies import (
    StoredCopies,
    StoredCopy,
    content_key,
    is_of_copy,
)

ENTRY = ("mailbox", "epoch", "message", "sha256", "thread", "instant", "date", "participants")
"""What of an entry follows from the bytes, its thread and who is known."""
_LINE = (
    "mailbox",
    "message",
    "sha256",
    "thread",
    "message_id",
    "subject",
    "from",
    "to",
    "cc",
    "date",
    "snippet",
    "attachments",
    "warnings",
    "lines",
)
"""What of a line follows from the bytes alone."""


@dataclass(frozen=True, slots=True)
class Needed:
    """One item that a copy needs."""

    kind: FaultKind
    key: Key
    uid: int
    is_right: Callable[[Item | None], bool]


@dataclass(frozen=True, slots=True)
class NeededItems:
    """Says what copies of one folder need."""

    view: CrmView
    stored: StoredCopies

    def of(self, source: Source) -> Iterator[Needed]:
        """What a copy needs by itself."""
        entry, uid, where = source.entry, source.copy.uid, self.stored.where
        key = keys.copy(where.mailbox, Place(where.folder, where.uidvalidity, uid), entry.sha256)
        wanted = entry_item(key, entry) | {"recipients": source.read.content.headers.recipients}
        yield Needed(FaultKind.COPY, key, uid, is_as(wanted, (*ENTRY, "recipients")))
        yield Needed(
            FaultKind.CONTENT,
            content_key(entry),
            uid,
            lambda item: self._line_is_right(source, item),
        )
        yield from self._on_cards(entry, uid)
        for vertex in source.read.vertices:
            at = keys.vertex(entry.key.account, vertex)
            if ThreadId(vertex) != entry.thread:  # that one is the root
                yield Needed(FaultKind.VERTEX, at, uid, _has_thread)
        if source.read.was_sent:
            yield Needed(
                FaultKind.SENT_MARK,
                keys.sent_mark(entry.key.account, entry.message),
                uid,
                _is_there,
            )

    def of_further(self, copy: StoredCopy) -> Iterator[Needed]:
        """What a copy needs whose content is a further version."""
        if copy.entry is not None:
            yield from self._on_cards(copy.entry, copy.uid)

    def _on_cards(self, entry: Entry, uid: int) -> Iterator[Needed]:
        for address in entry.participants - self.view.team:
            at = {PK: keys.card_timeline(entry.key, address), SK: keys.entry_position(entry)}
            yield Needed(FaultKind.TIMELINE, at, uid, _is_there)
            at = keys.address(entry.key.account, address)
            yield Needed(FaultKind.ADDRESS, at, uid, self._names_mailbox)

    def on_deals(self, source: Source, roots: Mapping[ThreadId, Root]) -> Iterator[Needed]:
        """What a copy needs on the deals of its thread, but for those that are being indexed."""
        entry, uid = source.entry, source.copy.uid
        if (root := roots.get(entry.thread)) is None:
            return
        for deal in root.deals_of(entry.message) - {token.deal for token in root.pending}:
            at = {PK: keys.deal_timeline(entry.key, deal), SK: keys.entry_position(entry)}
            yield Needed(
                FaultKind.DEAL_ENTRY, at, uid, is_as({"thread": entry.thread}, ("thread",))
            )
            at = keys.deal_mailboxes(entry.key.account, deal)
            yield Needed(FaultKind.DEAL, at, uid, self._names_mailbox)

    def _names_mailbox(self, item: Item | None) -> bool:
        name = keys.mailbox_name(self.stored.where.mailbox)
        return item is not None and name in item.get("mailboxes", ())

    def _line_is_right(self, source: Source, item: Item | None) -> bool:
        line = self.stored.line(item) if item else None
        if line is None or item is None:
            return False
        own, at = source.summary, line.received
        wanted = line_item(replace(own, in_object=line.in_object), in_object=line.in_object)
        if not is_as(wanted, _LINE)(item) or at > own.received or line.instant > own.instant:
            return False
        return not is_of_copy(line, self.stored.where, source.copy.uid) or at.at == own.received.at


def _is_there(item: Item | None) -> bool:
    return item is not None


def _has_thread(item: Item | None) -> bool:
    return item is not None and isinstance(item.get("thread"), str)


def is_as(wanted: Item, names: Iterable[str]) -> Callable[[Item | None], bool]:
    """Whether an item has these attributes as they should be; an empty one may be missing."""

    def is_right(item: Item | None) -> bool:
        return item is not None and all(item.get(one) == wanted.get(one) for one in names)

    return is_right
