"""Read the threads of a deal for the lists of them, and show each by its newest message."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import batched, islice

from mailmirror.domain.association import Root
from mailmirror.domain.coverage import Coverage
from mailmirror.domain.deals import DealId
from mailmirror.domain.identity import MessageKey
from mailmirror.domain.limits import (
    MAX_COUNTED_ENTRIES,
    MAX_COUNTED_PARTS,
    MAX_LISTED_ITEMS,
    MAX_NAMED_REASONS,
)
from mailmirror.domain.mailbox import MailboxKey, UserId
from mailmirror.domain.message import Entry
from mailmirror.domain.overrides import Override
from mailmirror.domain.threads import ThreadId
from mailmirror.runtime import Runtime
from mailmirror.store.overrides import StoredOverride
from mailmirror.store.timelines import Hit, deal_partitions
from mailmirror.usecases.cards.acting_user import Viewer
from mailmirror.usecases.cards.read_card import Line, lines_of
from mailmirror.usecases.cards.still_matched import Holders
from mailmirror.usecases.cards.whereabouts import user_names

_MAX_HITS = 1_600
"""Entries of a deal that are read at once, in some 400 KB."""
_ROOTS = 100
"""Roots that are read at once."""


@dataclass(frozen=True, slots=True)
class ListedThread:
    """A thread that is on a deal, or a thread or message that was taken off it."""

    thread: ThreadId
    """Its present id."""
    message: MessageKey | None
    """The message, where it alone was taken off."""
    newest: Line
    """The newest message of the viewer's: on the deal, or of what was taken off."""
    messages: int
    """How many messages of the thread the viewer has."""
    messages_on_deal: int
    """How many of these are on the deal."""
    counted: bool
    """False for a long thread, of which there may be more."""
    reasons: Sequence[Override | None]
    """Why it is on the deal, or was taken off; None for a match."""
    further_reasons: int = 0


@dataclass(frozen=True, slots=True)
class ThreadsPage:
    lines: Sequence[ListedThread]
    next_cursor: str | None
    coverage: Coverage | None
    """Of the messages on the deal; what persons have taken off is always known whole."""
    users: Mapping[UserId, str]
    """The names of those who gave the overrides."""


@dataclass(frozen=True, slots=True)
class ViewedThread:
    """What the viewer has of a thread."""

    root: Root
    deal: DealId
    entries: Sequence[Entry]
    """Of the viewer's mailboxes, but for those that no person has any more."""
    whole: bool
    """Whether every entry was read."""

    @property
    def on_deal(self) -> Sequence[Entry]:
        return [one for one in self.entries if self.root.shows(one.message, self.deal)]

    @property
    def newest_place(self) -> str:
        return max((_hit([one]).cursor for one in self.on_deal), default="")


@dataclass(slots=True)
class Reading:
    """Reads what a page needs, and counts the items read."""

    viewer: Viewer
    deal: DealId
    runtime: Runtime
    items: int = 0
    is_at_end: bool = False
    """Whether the list was read to its end."""
    roots: dict[ThreadId, Root] = field(default_factory=dict)
    threads: dict[ThreadId, ViewedThread] = field(default_factory=dict)
    holders: Holders = field(init=False)

    def __post_init__(self) -> None:
        self.holders = Holders(self.viewer.account, self.runtime)

    def is_full(self) -> bool:
        return self.items >= MAX_LISTED_ITEMS

    def hits(
        self, mailboxes: Sequence[MailboxKey], before: str, size: int
    ) -> Iterator[tuple[Hit, Root]]:
        """Read what mailboxes have on the deal, the newest first, until it is full.

        Parameters:
            size: how many messages are read first.
        """
        partitions = deal_partitions(self.deal, mailboxes)
        while True:
            hits = self.runtime.timelines.deal(partitions, before, size)
            self.items += len(hits)
            self.read_roots(hit.thread for hit in hits if hit.thread)
            yield from ((hit, self.roots[hit.thread]) for hit in hits if hit.thread)
            if len(hits) < size:
                self.is_at_end = True
                return
            if self.is_full():
                return
            before, size = hits[-1].cursor, min(4 * size, _MAX_HITS)

    def overrides(self, before: str | None) -> Iterator[tuple[StoredOverride, Root]]:
        """Read the deal's overrides, the latest first, until it is full."""
        given = self.runtime.overrides.of_deal(self.viewer.account, self.deal, before)
        for some in batched(given, _ROOTS, strict=False):
            self.items += len(some)
            self.read_roots(one.thread for one in some)
            yield from ((one, self.roots[one.thread]) for one in some)
            if self.is_full():
                return
        self.is_at_end = True

    def read_roots(self, threads: Iterable[ThreadId]) -> None:
        unread = set(threads) - self.roots.keys()
        self.roots |= self.runtime.roots.read_many(self.viewer.account, unread)
        self.items += len(unread)

    def thread(self, root: Root) -> ViewedThread:
        if root.thread not in self.threads:
            self.threads[root.thread] = self._read_thread(root)
        return self.threads[root.thread]

    def _read_thread(self, root: Root) -> ViewedThread:
        parts = [root.thread, *sorted(root.absorbed)][:MAX_COUNTED_PARTS]
        entries = self.runtime.threads.entries(self.viewer.account, parts)
        read = list(islice(entries, MAX_COUNTED_ENTRIES + 1))
        self.items += len(parts) + len(read)
        some = read[:MAX_COUNTED_ENTRIES]
        mine = [one for one in some if one.key in self.viewer.keys]
        self.holders.look_up(address for one in mine for address in one.participants)
        mine = [one for one in mine if self.holders.any_person(one.participants)]
        whole = len(parts) == len(root.threads) and len(some) == len(read)
        return ViewedThread(root, self.deal, mine, whole)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A line, and the messages that can stand for it, the newest first."""

    thread: ViewedThread
    reasons: Sequence[Override | None]
    newest: Iterator[Hit]
    message: MessageKey | None = None


def newest_first(entries: Sequence[Entry]) -> Iterator[Hit]:
    """The messages of entries, each at the least of its instants, the newest first."""
    by_message: dict[MessageKey, list[Entry]] = {}
    for one in entries:
        by_message.setdefault(one.message, []).append(one)
    hits = [_hit(some) for some in by_message.values()]
    return iter(sorted(hits, key=lambda hit: hit.cursor, reverse=True))


def _hit(entries: Sequence[Entry]) -> Hit:
    """A message by its entries."""
    contents: dict[MailboxKey, set[str]] = {}
    for one in entries:
        contents.setdefault(one.key, set()).add(one.sha256)
    return Hit(entries[0].message, min(one.instant for one in entries), contents)


def shown_lines(
    viewer: Viewer, found: Sequence[Candidate], runtime: Runtime
) -> Sequence[ListedThread]:
    """Show each line by its newest message that can be shown.

    That is its newest one, but where a message was cancelled before it was sent.
    """
    newest: dict[int, Line] = {}
    left = dict(enumerate(found))
    while left:
        hits = {n: hit for n, one in left.items() if (hit := next(one.newest, None))}
        shown = {
            (line.summary.message, line.instant): line
            for line in lines_of(viewer, list(hits.values()), {}, runtime)
        }
        newest |= {
            n: line for n, hit in hits.items() if (line := shown.get((hit.message, hit.instant)))
        }
        left = {n: left[n] for n in hits if n not in newest}
    return [_listed(one, newest[n]) for n, one in enumerate(found) if n in newest]


def _listed(one: Candidate, newest: Line) -> ListedThread:
    thread, told = one.thread, one.reasons[:MAX_NAMED_REASONS]
    return ListedThread(
        thread=thread.root.thread,
        message=one.message,
        newest=newest,
        messages=len({each.message for each in thread.entries}),
        messages_on_deal=len({each.message for each in thread.on_deal}),
        counted=thread.whole,
        reasons=told,
        further_reasons=len(one.reasons) - len(told),
    )


def users_named(
    viewer: Viewer, lines: Iterable[ListedThread], runtime: Runtime
) -> Mapping[UserId, str]:
    users = (one.user for line in lines for one in line.reasons if one is not None)
    return user_names(viewer.account, users, runtime)
