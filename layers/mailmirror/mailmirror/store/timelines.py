"""Timelines: entries by (address, mailbox) and by (deal, mailbox), newest first.

An entry stands at the instant of the copy that was mirrored, and never moves. Nearly always that is
the message's Date, the same for every copy. Where it is not (no Date, or one that cannot be
believed), copies stand at several instants, of which the least counts. That is known from the
contents' lines, which a page reads in any case (`usecases.cards.shown_versions`); nothing is
written at a Date that is not believed.
"""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
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
from mailmirror.store.table import TRANSACTION, Check, Delete, Table

FURTHER = "further"
"""In the place of a SHA-256: a version that is not kept. So a message is on the cards of all who
take part in any of its versions, at one entry a card for all further ones."""

Partitions = Mapping[MailboxKey, Sequence[str]]
"""The partitions of a card, by mailbox."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A message of a timeline, and which mailboxes have it there."""

    message: MessageKey
    instant: datetime
    contents: Mapping[MailboxKey, Set[str]]
    """By mailbox the SHA-256 of its contents there, FURTHER included."""

    @property
    def cursor(self) -> str:
        """Everything older than this message comes before this text."""
        return f"{keys.time_text(self.instant)}#{self.message}"


@dataclass(frozen=True, slots=True)
class _Entry:
    key: MailboxKey
    position: str

    @property
    def place(self) -> tuple[str, str]:
        instant, message, _ = self.position.split("#")
        return instant, message

    @property
    def sha256(self) -> str:
        return self.position.rpartition("#")[2]


def person_partitions(addresses: Iterable[Address], mailboxes: Iterable[MailboxKey]) -> Partitions:
    known = list(addresses)
    return {key: [keys.card_timeline(key, address) for address in known] for key in mailboxes}


def deal_partitions(deal: DealId, mailboxes: Iterable[MailboxKey]) -> Partitions:
    return {key: [keys.deal_timeline(key, deal)] for key in mailboxes}


class TimelineStore:
    def __init__(self, table: Table) -> None:
        self._table = table

    def index_on_cards(self, entries: Iterable[tuple[Entry, Iterable[Address]]]) -> None:
        """Put messages on the timelines of addresses. One write unit an address."""
        self._table.write(
            _key(keys.card_timeline(one.key, address), one)
            for one, addresses in entries
            for address in addresses
        )

    def index_on_deals(self, entries: Sequence[Entry], deals: Iterable[DealId]) -> None:
        """Put messages on the timelines of deals. One write unit each."""
        self._table.write(
            _key(keys.deal_timeline(one.key, deal), one) for deal in deals for one in entries
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
            for key in [_key(keys.deal_timeline(one.key, deal), one)]
        }
        for some in batched(taken.values(), TRANSACTION - 1, strict=False):
            self._table.transact([unchanged, *some])

    def erase(self, entry: Entry, deals: Iterable[DealId]) -> None:
        """Take a message of a mailbox off every card and these deals."""
        partitions = [keys.card_timeline(entry.key, address) for address in entry.participants]
        partitions += [keys.deal_timeline(entry.key, deal) for deal in deals]
        self._table.write(deletes=(_key(pk, entry) for pk in partitions))

    def card(
        self, addresses: Iterable[Address], mailboxes: Sequence[MailboxKey], before: str, limit: int
    ) -> Sequence[Hit]:
        """Read a page of a person's timeline: half a read unit and some 4 KB a partition."""
        return self._page(person_partitions(addresses, mailboxes), before, limit)

    def deal(
        self, deal: DealId, mailboxes: Sequence[MailboxKey], before: str, limit: int
    ) -> Sequence[Hit]:
        """Read a page of a deal's timeline, consistently: what was just attached is there."""
        return self._page(deal_partitions(deal, mailboxes), before, limit, consistent=True)

    def standing(
        self, places: Iterable[tuple[str, datetime, MessageKey, str]]
    ) -> Set[tuple[str, datetime, MessageKey]]:
        """Which of these entries there are. A read unit each.

        Parameters:
            places: partition, instant, message, SHA-256 or FURTHER.
        """
        asked = {
            (pk, keys.position(instant, message, sha256)): (pk, instant, message)
            for pk, instant, message, sha256 in places
        }
        items = self._table.get_many(({PK: pk, SK: sk} for pk, sk in asked), consistent=True)
        return {asked[item[PK], item[SK]] for item in items}

    def _page(
        self, partitions: Partitions, before: str, limit: int, *, consistent: bool = False
    ) -> Sequence[Hit]:
        entries = heapq.merge(
            *(
                self._entries(key, pk, before, limit, consistent)
                for key, some in partitions.items()
                for pk in some
            ),
            key=attrgetter("position"),
            reverse=True,
        )
        hits: list[Hit] = []
        for (instant, message), group in groupby(entries, key=attrgetter("place")):
            contents: dict[MailboxKey, set[str]] = {}
            for entry in group:
                contents.setdefault(entry.key, set()).add(entry.sha256)
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
                entry = _Entry(key, item[SK])
                yield entry
                read, before = read + 1, entry.position


def _key(pk: str, entry: Entry) -> Key:
    return {PK: pk, SK: keys.entry_position(entry)}
