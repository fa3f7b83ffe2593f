"""Timelines: entries by (address, mailbox) and by (deal, mailbox), newest first.

An entry stands at the instant of the copy that was mirrored, and never moves. Nearly always that is
the message's Date, the same for every copy. Where it is not (no Date, or one that cannot be
believed), copies stand at several instants, of which the least counts. That is known from the
contents' lines, which a page reads in any case (`usecases.cards.shown_versions`); nothing is
written at a Date that is not believed.
"""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter

from mailmirror.domain.address import Address
from mailmirror.domain.association import Run
from mailmirror.domain.deals import DealId
from mailmirror.domain.identity import MessageKey
from mailmirror.domain.mailbox import AccountId, MailboxKey
from mailmirror.domain.message import Entry
from mailmirror.domain.threads import ThreadId
from mailmirror.store import keys
from mailmirror.store.keys import PK, SK, Key
from mailmirror.store.table import ConditionFailed, Item, Table, Update

_SAYS_NOTHING = " AND ".join(
    f"attribute_not_exists({name})" for name in ("announced", "log_line", "mailboxes", "persons")
)
_STALE_MARK = timedelta(hours=1)
"""How long after the end of a run its mark on a deal counts, where a crash has left it."""
_MAX_NAMED = 10_000
"""Pairs of a mailbox and a deal that a process remembers."""
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
    thread: ThreadId | None = None
    """On a deal: what the message's own vertex points at."""
    matched: Set[Address] = frozenset()
    """On a deal: the participants that a person had when the message was put there."""

    @property
    def cursor(self) -> str:
        """Everything older than this message comes before this text."""
        return f"{keys.time_text(self.instant)}#{self.message}"


@dataclass(frozen=True, slots=True)
class _Entry:
    key: MailboxKey
    position: str
    thread: ThreadId | None
    matched: Set[Address]

    @property
    def place(self) -> tuple[str, str]:
        instant, message, _ = self.position.split("#")
        return instant, message

    @property
    def sha256(self) -> str:
        return self.position.rpartition("#")[2]


@dataclass(frozen=True, slots=True)
class DealIndex:
    """What is stored of a deal's timelines."""

    mailboxes: frozenset[str]
    """Those that have messages there, as `keys.mailbox_name` names them."""
    announced: bool
    """Whether a thread is on the deal of which some messages may not be there yet."""

    def having(self, mailboxes: Iterable[MailboxKey]) -> Sequence[MailboxKey]:
        return [key for key in mailboxes if keys.mailbox_name(key) in self.mailboxes]


def deal_partitions(deal: DealId, mailboxes: Iterable[MailboxKey]) -> Partitions:
    return {key: [keys.deal_timeline(key, deal)] for key in mailboxes}


class TimelineStore:
    def __init__(self, table: Table) -> None:
        self._table = table
        self._named: set[tuple[MailboxKey, DealId]] = set()

    @staticmethod
    def items_of_cards(entries: Iterable[tuple[Entry, Iterable[Address]]]) -> Iterator[Item]:
        """Messages on the timelines of addresses. One write unit an address."""
        return (
            _key(keys.card_timeline(one.key, address), one)
            for one, addresses in entries
            for address in addresses
        )

    def put(self, entries: Iterable[tuple[Entry, Iterable[Address]]]) -> None:
        """Put messages on the timelines of addresses. One write unit an address."""
        self._table.write(self.items_of_cards(entries))

    def index_on_deals(
        self, entries: Iterable[tuple[Entry, Set[DealId], Set[Address]]], now: datetime
    ) -> None:
        """Put messages on the timelines of deals. One write unit each.

        Parameters:
            entries: each with its deals, and with the participants that a person has.
        """
        wanted = list(entries)
        self._name_on_deals((entry.key, deal) for entry, deals, _ in wanted for deal in deals)
        put_at = keys.time_text(now)
        self._table.write(
            {
                **_key(keys.deal_timeline(entry.key, deal), entry),
                "thread": entry.thread,
                "matched": set(matched) or None,
                "put_at": put_at,
            }
            for entry, deals, matched in wanted
            for deal in deals
        )

    def _name_on_deals(self, pairs: Iterable[tuple[MailboxKey, DealId]]) -> None:
        """Store which mailboxes have messages on deals, before they have. Read once a process."""
        new = set(pairs) - self._named
        accounts = {(key.account, deal) for key, deal in new}
        wanted = (keys.deal_mailboxes(*one) for one in accounts)
        items = self._table.get_many(wanted, consistent=True)
        stored = {item[PK]: set(item.get("mailboxes", ())) for item in items}
        for key, deal in new:
            at, name = keys.deal_mailboxes(key.account, deal), keys.mailbox_name(key)
            if name not in stored.get(at[PK], ()):
                self.name_on_deal(key, deal)
        self._named = (self._named | new) if len(self._named) < _MAX_NAMED else new

    def name_on_deal(self, key: MailboxKey, deal: DealId) -> None:
        """Store that a mailbox has messages on a deal, whatever is known of it. One write unit."""
        at, name = keys.deal_mailboxes(key.account, deal), keys.mailbox_name(key)
        self._table.update(Update(at, "ADD mailboxes :name", {":name": {name}}))

    @staticmethod
    def announcement(account: AccountId, deal: DealId, runs: Set[Run], *, ended: bool) -> Update:
        """Store that runs index a thread on a deal, or have ended to, with the thread's root."""
        verb = "DELETE" if ended else "ADD"
        at = keys.deal_mailboxes(account, deal)
        marks = {f"{keys.time_text(run.ends_at)}#{run.id}" for run in runs}
        return Update(at, f"{verb} announced :marks", {":marks": marks})

    def index_of(self, account: AccountId, deal: DealId, now: datetime) -> DealIndex:
        """Read what is stored of a deal's timelines, consistently. One read unit."""
        item = self._table.get(keys.deal_mailboxes(account, deal), consistent=True) or {}
        since = keys.time_text(now - _STALE_MARK)
        announced = any(mark > since for mark in item.get("announced", ()))
        return DealIndex(frozenset(item.get("mailboxes", ())), announced)

    def name_on_card(self, key: MailboxKey, address: Address) -> None:
        """Store that a mailbox has messages of an address, before it has. One write unit."""
        name = keys.mailbox_name(key)
        at = keys.address(key.account, address)
        self._table.update(Update(at, "ADD mailboxes :name", {":name": {name}}))

    def has_nothing_of(self, key: MailboxKey, address: Address) -> bool:
        """Whether a mailbox has no message on the timeline of an address. One read unit."""
        found = self._table.query(keys.card_timeline(key, address), limit=1, consistent=True)
        return next(iter(found), None) is None

    def forget_mailbox(
        self, key: MailboxKey, addresses: Iterable[Address], deals: Iterable[DealId]
    ) -> None:
        """Store that a mailbox has nothing of addresses and on deals.

        An item that says nothing else is deleted: its key is an address. A write unit each, or two.
        """
        name = keys.mailbox_name(key)
        for at in (
            *(keys.address(key.account, address) for address in addresses),
            *(keys.deal_mailboxes(key.account, deal) for deal in deals),
        ):
            with suppress(ConditionFailed):
                values = {":names": {name}, ":name": name}
                left = self._table.update(
                    Update(at, "DELETE mailboxes :names", values, "contains(mailboxes, :name)")
                )
                if left.keys() == {PK, SK}:
                    self._table.delete_where(at, _SAYS_NOTHING, {})

    def sweep(self, entry: Entry, deal: DealId, before: datetime) -> bool:
        """Take a message off a deal, where it was put there before an instant.

        Returns:
            Whether it is not on the deal any more.
        """
        condition = "attribute_not_exists(pk) OR put_at < :before"
        values = {":before": keys.time_text(before)}
        key = _key(keys.deal_timeline(entry.key, deal), entry)
        return self._table.delete_where(key, condition, values)

    def erase(self, entry: Entry, deals: Iterable[DealId]) -> None:
        """Take a message of a mailbox off every card and these deals."""
        partitions = [keys.card_timeline(entry.key, address) for address in entry.participants]
        partitions += [keys.deal_timeline(entry.key, deal) for deal in deals]
        self._table.write(deletes=(_key(pk, entry) for pk in partitions))

    def person_partitions(
        self, account: AccountId, addresses: Iterable[Address], mailboxes: Iterable[MailboxKey]
    ) -> Partitions:
        """The partitions of a person's card that have messages: half a read unit an address."""
        wanted = {keys.address(account, address)[PK]: address for address in addresses}
        items = self._table.get_many(keys.address(account, one) for one in wanted.values())
        having = {wanted[item[PK]]: frozenset(item.get("mailboxes", ())) for item in items}
        return {
            key: partitions
            for key in mailboxes
            if (
                partitions := [
                    keys.card_timeline(key, address)
                    for address, names in having.items()
                    if keys.mailbox_name(key) in names
                ]
            )
        }

    def card(
        self, partitions: Partitions, before: str, limit: int, *, consistent: bool = False
    ) -> Sequence[Hit]:
        """Read a page of a person's timeline: half a read unit and some 4 KB a partition."""
        return self._page(partitions, before, limit, consistent=consistent)

    def deal(self, partitions: Partitions, before: str, limit: int) -> Sequence[Hit]:
        """Read a page of a deal's timeline, consistently: what was just attached is there."""
        return self._page(partitions, before, limit, consistent=True)

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
            thread = None
            matched: set[Address] = set()
            for entry in group:
                matched |= entry.matched
                contents.setdefault(entry.key, set()).add(entry.sha256)
                thread = entry.thread
            at = datetime.fromisoformat(instant)
            hits.append(Hit(MessageKey(message), at, contents, thread, frozenset(matched)))
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
                thread = ThreadId(item["thread"]) if "thread" in item else None
                matched = frozenset(map(Address, item.get("matched", ())))
                entry = _Entry(key, item[SK], thread, matched)
                yield entry
                read, before = read + 1, entry.position


def _key(pk: str, entry: Entry) -> Key:
    return {PK: pk, SK: keys.entry_position(entry)}
