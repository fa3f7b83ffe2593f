"""The threads of a deal, and what persons have taken off it.

    on it      the deal's timelines, newest first ─► the roots of the threads ─► a thread a line, at
               its newest message of the viewer's
    taken off  the deal's overrides, the latest first ─► the roots ─► the detaches that count

Neither list is stored: each follows from items that are there for the cards. A thread is listed
where its first entry is met. On a later page it was listed before if it has an entry above the
page's beginning, which its entries say; of a thread that is too long to be read, the cursor does.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import batched, chain, islice

from mailmirror.domain.association import Root
from mailmirror.domain.coverage import Coverage
from mailmirror.domain.deals import DealId
from mailmirror.domain.identity import MessageKey
from mailmirror.domain.limits import (
    MAX_COUNTED_ENTRIES,
    MAX_COUNTED_PARTS,
    MAX_LISTED_ITEMS,
    MAX_NAMED_REASONS,
    MAX_REMEMBERED_THREADS,
)
from mailmirror.domain.mailbox import MailboxKey, UserId
from mailmirror.domain.message import Entry
from mailmirror.domain.overrides import Override
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.threads import ThreadId
from mailmirror.runtime import Runtime
from mailmirror.store.overrides import StoredOverride
from mailmirror.store.timelines import Hit, deal_partitions
from mailmirror.usecases.cards.acting_user import Viewer
from mailmirror.usecases.cards.read_card import Line, deal_coverage, lines_of
from mailmirror.usecases.cards.read_message import hit_of
from mailmirror.usecases.cards.still_matched import Holders
from mailmirror.usecases.cards.whereabouts import user_names
from mailmirror.usecases.threads.existing_deal import existing_deal

_MAX_HITS = 1_600
"""Entries of a deal that are read at once, in some 400 KB."""
_ROOTS = 100
"""Roots that are read at once."""
_END_OF_TIME = "~"
"""Sorts after every instant."""
_TIME = r"\d{4}-[0-9T:.-]{21}Z"
_HASH = "[0-9a-f]{32}"
_ID = "[A-Za-z0-9._:@+=-]{1,80}"
_ON = re.compile(rf"on#({_ID})#({_TIME}#{_HASH})#((?:{_HASH},)*)\Z")
_OFF = re.compile(rf"off#({_ID})#({_TIME}#{_ID}#{_HASH}#(?:attached|detached))\Z")


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
class _Thread:
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
class _Work:
    """Reads what a page needs, and counts the items read."""

    viewer: Viewer
    deal: DealId
    runtime: Runtime
    items: int = 0
    is_at_end: bool = False
    """Whether the list was read to its end."""
    roots: dict[ThreadId, Root] = field(default_factory=dict)
    threads: dict[ThreadId, _Thread] = field(default_factory=dict)
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

    def thread(self, root: Root) -> _Thread:
        if root.thread not in self.threads:
            self.threads[root.thread] = self._read_thread(root)
        return self.threads[root.thread]

    def _read_thread(self, root: Root) -> _Thread:
        parts = [root.thread, *sorted(root.absorbed)][:MAX_COUNTED_PARTS]
        entries = self.runtime.threads.entries(self.viewer.account, parts)
        read = list(islice(entries, MAX_COUNTED_ENTRIES + 1))
        self.items += len(parts) + len(read)
        some = read[:MAX_COUNTED_ENTRIES]
        mine = [one for one in some if one.key in self.viewer.keys]
        self.holders.look_up(address for one in mine for address in one.participants)
        mine = [one for one in mine if self.holders.any_person(one.participants)]
        whole = len(parts) == len(root.threads) and len(some) == len(read)
        return _Thread(root, self.deal, mine, whole)


def list_threads(
    viewer: Viewer, id: DealId, cursor: str | None, limit: int, runtime: Runtime
) -> ThreadsPage:
    """List the threads on a deal of which the viewer has a message on it, the newest first.

    A page ends after MAX_LISTED_ITEMS, with as many lines as there are by then.

    Raises:
        Refused: the deal is unknown or deleted, or the cursor is none of this list.
    """
    deal = existing_deal(viewer.account, id, runtime)
    before, remembered = _read_on(cursor, id)
    # Before its messages: what is mirrored or matched while they are read may not be among them.
    coverage = deal_coverage(viewer, deal, runtime)
    index = runtime.timelines.index_of(viewer.account, id, runtime.now())
    work = _Work(viewer, id, runtime)
    work.read_roots(remembered)
    begin, passed = before, {work.roots[one].thread for one in remembered}
    found: list[tuple[Hit, _Thread]] = []
    for hit, root in work.hits(index.having(viewer.keys), before, limit + 1):
        if root.thread not in passed and root.shows(hit.message, id):
            if len(found) == limit or (work.is_full() and before != begin):
                break
            thread = work.thread(root)
            passed.add(root.thread)
            if thread.whole and not thread.on_deal:
                continue  # no person has any of it now
            if cursor is None or not thread.whole or thread.newest_place < begin:
                found.append((hit, thread))
        before = hit.cursor
    long = [*remembered, *(one.root.thread for _, one in found if not one.whole)]
    lines = _lines(viewer, [_on_deal(hit, one) for hit, one in found], runtime)
    return ThreadsPage(
        lines,
        None if work.is_at_end else _encoded(_on_cursor(id, before, long)),
        replace(coverage, thread_pending=index.announced),
        _users(viewer, lines, runtime),
    )


def list_taken_off(
    viewer: Viewer, id: DealId, cursor: str | None, limit: int, runtime: Runtime
) -> ThreadsPage:
    """List what persons have taken off a deal, the latest first, where the viewer has mail of it.

    A page ends after MAX_LISTED_ITEMS, with as many lines as there are by then.

    Raises:
        Refused: the deal is unknown or deleted, or the cursor is none of this list.
    """
    existing_deal(viewer.account, id, runtime)
    begin = before = _read_off(cursor, id)
    work = _Work(viewer, id, runtime)
    seen: set[Override] = set()
    if before is not None:
        # A repeat of an event is stored twice where its thread was joined between.
        event = runtime.overrides.of_event(viewer.account, id, before)
        seen = {one.override for one in event if one.position >= before}
    found: list[_Line] = []
    for one, root in work.overrides(before):
        override = one.override
        if override in root.overrides and not override.attached and override not in seen:
            if len(found) == limit or (work.is_full() and before != begin):
                break
            seen.add(override)
            found += _taken_off(root, override, work)
        before = one.position
    lines = _lines(viewer, found, runtime)
    next_cursor = None if work.is_at_end else _encoded(f"off#{id}#{before}")
    return ThreadsPage(lines, next_cursor, None, _users(viewer, lines, runtime))


@dataclass(frozen=True, slots=True)
class _Line:
    """A line, and the messages that can stand for it, the newest first."""

    thread: _Thread
    reasons: Sequence[Override | None]
    newest: Iterator[Hit]
    message: MessageKey | None = None


def _on_deal(hit: Hit, thread: _Thread) -> _Line:
    root, deal = thread.root, thread.deal
    mine = {one.message for one in thread.entries} | {hit.message}
    alone = [
        one for one in root.overrides if one.deal == deal and one.attached and one.message in mine
    ]
    alone.sort(key=lambda one: one.stamp, reverse=True)
    whole = root.decides(None, deal)
    on = whole.attached if whole is not None else deal in root.deals
    newest = _newest(thread.on_deal)
    if not thread.whole:
        newest = chain([hit], newest)
    return _Line(thread, [*([whole] if on else []), *alone], newest)


def _taken_off(root: Root, override: Override, work: _Work) -> Iterable[_Line]:
    """The line of a detach; none where the viewer has nothing of what was detached."""
    if override.message is not None:
        hit = hit_of(work.viewer, override.message, work.runtime)
        work.items += 1
        if hit is not None:
            thread = work.thread(root)
            yield _Line(thread, [override], iter([hit]), override.message)
        return
    thread = work.thread(root)
    if thread.entries:
        yield _Line(thread, [override], _newest(thread.entries))


def _newest(entries: Sequence[Entry]) -> Iterator[Hit]:
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


def _lines(viewer: Viewer, found: Sequence[_Line], runtime: Runtime) -> Sequence[ListedThread]:
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


def _listed(one: _Line, newest: Line) -> ListedThread:
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


def _users(viewer: Viewer, lines: Iterable[ListedThread], runtime: Runtime) -> Mapping[UserId, str]:
    said = (one for line in lines for one in line.reasons if one is not None)
    return user_names(viewer.account, said, runtime)


# Cursors: each names its list and its deal, and is refused elsewhere


def _on_cursor(deal: DealId, before: str, long: Sequence[ThreadId]) -> str:
    remembered = "".join(f"{one}," for one in long[-MAX_REMEMBERED_THREADS:])
    return f"on#{deal}#{before}#{remembered}"


def _read_on(cursor: str | None, deal: DealId) -> tuple[str, Sequence[ThreadId]]:
    """Where a page of threads begins, and the long threads that pages before it had."""
    if cursor is None:
        return _END_OF_TIME, ()
    place, long = _decoded(cursor, _ON, deal)
    return place, [ThreadId(one) for one in long.split(",") if one]


def _read_off(cursor: str | None, deal: DealId) -> str | None:
    """After which override a page of what was taken off begins."""
    return _decoded(cursor, _OFF, deal)[0] if cursor is not None else None


def _encoded(cursor: str) -> str:
    return base64.urlsafe_b64encode(cursor.encode()).decode()


def _decoded(cursor: str, pattern: re.Pattern[str], deal: DealId) -> Sequence[str]:
    try:
        text = base64.urlsafe_b64decode(cursor.encode("ascii")).decode("ascii")
    except (ValueError, binascii.Error) as error:
        raise Refused(Code.INVALID_CURSOR) from error
    found = pattern.match(text)
    if found is None or found[1] != deal:
        raise Refused(Code.INVALID_CURSOR)
    return found.groups()[1:]
