"""Timelines: entries by (address, mailbox) and by (deal, mailbox), newest first.

An entry stands at its message's instant. Nearly always that is the message's Date, the same for
every copy. Where it is not (no Date, or one that cannot be believed), copies may stand at several
instants, of which the least counts: their entries have `dated` false, and a reader looks the least
up. Where a Date was not believed, an item at that Date hides the entry of a later copy there.
"""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import batched, groupby
from operator import attrgetter

from mailmirror.domain.address import Address
from mailmirror.domain.deals import DealId
from mailmirror.domain.identity import MessageKey
from mailmirror.domain.mailbox import MailboxKey
from mailmirror.domain.message import Entry
from mailmirror.store import keys
from mailmirror.store.keys import PK, SK, Key
from mailmirror.store.table import TRANSACTION, Check, Delete, Item, Table

_HIDDEN = "hidden"
"""Sorts after any SHA-256, so before it in a timeline, which is read backwards."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A message of a timeline, and which mailboxes have it there."""

    message: MessageKey
    instant: datetime
    contents: Mapping[MailboxKey, str]
    """By mailbox the SHA-256 of its content; of several the least."""

    @property
    def cursor(self) -> str:
        """Everything older than this message comes before this text."""
        return f"{keys.time_text(self.instant)}#{self.message}"


@dataclass(frozen=True, slots=True)
class _Entry:
    key: MailboxKey
    position: str
    dated: bool

    @property
    def place(self) -> tuple[str, str]:
        instant, message, _ = self.position.split("#")
        return instant, message

    @property
    def sha256(self) -> str:
        return self.position.rpartition("#")[2]


class TimelineStore:
    def __init__(self, table: Table) -> None:
        self._table = table

    def index_on_cards(self, entries: Iterable[tuple[Entry, Iterable[Address]]]) -> None:
        """Put messages on the timelines of addresses. One write unit an address."""
        self._table.write(
            item
            for one, addresses in entries
            for address in addresses
            for item in _items(keys.card_timeline(one.key, address), one)
        )

    def index_on_deals(self, entries: Sequence[Entry], deals: Iterable[DealId]) -> None:
        """Put messages on the timelines of deals. One write unit each."""
        self._table.write(
            item
            for deal in deals
            for one in entries
            for item in _items(keys.deal_timeline(one.key, deal), one)
        )

    def take_off_deals(
        self, entries: Sequence[Entry], deals: Iterable[DealId], unchanged: Check
    ) -> None:
        """Take messages off the timelines of deals. Two write units each, and two a hundred.

        Raises:
            ConditionFailed: the thread has changed; what is left was not deleted.
        """
        taken = {
            (key[PK], key[SK]): Delete(key)
            for deal in deals
            for one in entries
            for key in _keys(keys.deal_timeline(one.key, deal), one)
        }
        for some in batched(taken.values(), TRANSACTION - 1, strict=False):
            self._table.transact([unchanged, *some])

    def erase(self, entry: Entry, deals: Iterable[DealId]) -> None:
        """Take a message of a mailbox off every card and these deals."""
        partitions = [keys.card_timeline(entry.key, address) for address in entry.participants]
        partitions += [keys.deal_timeline(entry.key, deal) for deal in deals]
        self._table.write(deletes=(key for pk in partitions for key in _keys(pk, entry)))

    def card(
        self, addresses: Iterable[Address], mailboxes: Sequence[MailboxKey], before: str, limit: int
    ) -> Sequence[Hit]:
        """Read a page of a person's timeline: half a read unit and some 4 KB a partition."""
        partitions = [
            (key, keys.card_timeline(key, address)) for address in addresses for key in mailboxes
        ]
        return self._page(partitions, before, limit)

    def deal(
        self, deal: DealId, mailboxes: Sequence[MailboxKey], before: str, limit: int
    ) -> Sequence[Hit]:
        """Read a page of a deal's timeline, consistently: what was just attached is there."""
        partitions = [(key, keys.deal_timeline(key, deal)) for key in mailboxes]
        return self._page(partitions, before, limit, consistent=True)

    def _page(
        self,
        partitions: Iterable[tuple[MailboxKey, str]],
        before: str,
        limit: int,
        *,
        consistent: bool = False,
    ) -> Sequence[Hit]:
        entries = heapq.merge(
            *(self._entries(key, pk, before, limit, consistent) for key, pk in partitions),
            key=attrgetter("position"),
            reverse=True,
        )
        hits: list[Hit] = []
        for (instant, message), group in groupby(entries, key=attrgetter("place")):
            contents = self._contents(MessageKey(message), instant, group)
            if contents:
                hits.append(Hit(MessageKey(message), datetime.fromisoformat(instant), contents))
            if len(hits) == limit:
                break
        return hits

    def _entries(
        self, key: MailboxKey, pk: str, before: str, limit: int, consistent: bool
    ) -> Iterator[_Entry]:
        asked = read = limit + 1
        while read == asked:  # fewer than were asked for are the last
            read = 0
            for item in self._table.query(
                pk, before=before, descending=True, limit=asked, consistent=consistent
            ):
                entry = _Entry(key, item[SK], bool(item.get("dated", True)))
                yield entry
                read, before = read + 1, entry.position

    def _contents(
        self, message: MessageKey, instant: str, group: Iterable[_Entry]
    ) -> Mapping[MailboxKey, str]:
        """What each mailbox shows of a message at this place, if it shows it here."""
        contents: dict[MailboxKey, str] = {}
        hidden: set[MailboxKey] = set()
        for entry in group:
            if entry.sha256 == _HIDDEN or not (
                entry.dated or self._is_least(entry.key, message, instant)
            ):
                hidden.add(entry.key)
            else:
                contents[entry.key] = min(entry.sha256, contents.get(entry.key, entry.sha256))
        return {key: sha256 for key, sha256 in contents.items() if key not in hidden}

    def _is_least(self, key: MailboxKey, message: MessageKey, instant: str) -> bool:
        items = self._table.query(keys.message(key, message), keys.INSTANTS, limit=1)
        return all(item[SK] == keys.INSTANTS + instant for item in items)


def _items(pk: str, entry: Entry) -> Iterator[Item]:
    item: Item = {PK: pk, SK: keys.entry_position(entry)}
    yield item if entry.dated else item | {"dated": False}
    if entry.date is not None and not entry.dated:
        yield {PK: pk, SK: keys.position(entry.date, entry.message, _HIDDEN)}


def _keys(pk: str, entry: Entry) -> Iterator[Key]:
    return ({PK: pk, SK: item[SK]} for item in _items(pk, entry))
