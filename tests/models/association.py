"""A model of how threads are put on deals without locks: announce, then read.

Each operation is one request: a consistent read of an item, a query of one partition, a conditional
write, or a transaction. Roots change by the transitions of `domain.association`; threads, entries
and deals are short texts. An entry is a content of a message (`e1a`, `e1b`), and matches alone, by
facts that may change. `Safeguard` names what can be left out, to show that it is needed.

    sync      put the entry, read the root; a deal that it lacks is announced, then the thread is
              read whole and indexed on it; at last the entry is indexed on the root's deals
    attach    override and announcement in one transaction, and a due item by which it is completed
    join      one transaction: the loser redirects, the winner announces the deals of both
    refile    deals and facts written where the version is as read; the entries read again
    erase     the entry deleted, then its index items, then the thread refiled
    tidy      what a due item names: refiled, its announcements completed, its left deals swept

A sync need not read the root, or the head of the change log, again after it has indexed its entry:
whatever changes the root later reads the entries after its change, and so this one.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Set
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import cache
from typing import NamedTuple

from mailmirror.domain.association import Root, Token
from mailmirror.domain.association import Run as RootRun
from mailmirror.domain.deals import DealId
from mailmirror.domain.identity import MessageKey
from mailmirror.domain.mailbox import UserId
from mailmirror.domain.overrides import Override, latest
from mailmirror.domain.stamp import Stamp
from mailmirror.domain.threads import ThreadId
from tests.models.exploration import Function, Operation, Program, Run, Steps, World


class Safeguard(Enum):
    TOKENS = "an announcement leaves a token until its entries are indexed"
    VERSION = "a root is written only where its version is as it was read"
    LOSER_VERSION = "a join writes only where the loser's version is as it was read"
    FACTS_AT_ROOT = "an announcement is refused where the root has newer facts"
    REFILE_AGAIN = "a refile reads the entries again after its write"
    JOIN_PENDING = "a join announces all deals of both threads anew"
    ATTACH_AT_ONCE = "an attach stores override and announcement in one write"
    DUE = "an announcement leaves a due item, by which it is completed after a crash"
    ERASED_SINCE = "what was indexed of an entry that was erased meanwhile is deleted again"
    SWEEP_AGE = "a sweep deletes only what a function put that has ended"


type Deals = frozenset[str]
type Matches = tuple[Mapping[str, str], Mapping[str, str]]
"""Before and after the facts change: the deal that an entry matches, or ""."""


class Due(NamedTuple):
    thread: str
    run: Run
    reason: str = "announced"


class Shared(NamedTuple):
    roots: tuple[Root, ...]
    entries: frozenset[tuple[str, str]]
    """(thread, entry)."""
    indexed: frozenset[tuple[str, str, Run]]
    """(deal, entry, the run that has put it last)."""
    given: frozenset[tuple[str, Override]] = frozenset()
    """Every override, with the thread that it was given on."""
    due: frozenset[Due] = frozenset()
    """What the schedule tidies once the run that put it has ended."""
    facts: int = 0
    ended: frozenset[Run] = frozenset()

    def root(self, thread: str) -> Root:
        return next(root for root in self.roots if root.thread == thread)

    def with_root(self, root: Root) -> "Shared":
        others = (one for one in self.roots if one.thread != root.thread)
        return self._replace(roots=tuple(sorted([*others, root], key=lambda one: one.thread)))

    def without_due(self, due: Set[Due]) -> "Shared":
        return self._replace(due=self.due - due)


class Found(NamedTuple):
    """A root as it is read, after its redirects."""

    root: Root
    expired: frozenset[Token]
    """Tokens whose run has ended."""


@cache
def named(run: Run) -> RootRun:
    """A function's run, as roots name it."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return RootRun(f"{run[0]}.{run[1]}", at, at)


def message_of(entry: str) -> MessageKey:
    return MessageKey(entry[:2])


@cache
def override(deal: str, second: int, *, attached: bool, entry: str = "") -> Override:
    stamp = Stamp(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=second), "id")
    message = message_of(entry) if entry else None
    return Override(stamp, DealId(deal), attached, UserId("user"), message)


# Operations


def read_root(thread: str) -> Operation:
    def read(shared: Shared) -> tuple[Shared, Hashable]:
        root = shared.root(thread)
        while root.redirect:
            root = shared.root(root.redirect)
        ended = {named(run) for run in shared.ended}
        expired = frozenset(token for token in root.pending if token.run in ended)
        return shared, Found(root, expired)

    return read


def read_facts(shared: Shared) -> tuple[Shared, Hashable]:
    return shared, shared.facts


def read_entries(thread: str) -> Operation:
    def read(shared: Shared) -> tuple[Shared, Hashable]:
        return shared, frozenset(entry for one, entry in shared.entries if one == thread)

    return read


def put_entry(thread: str, entry: str) -> Operation:
    def put(shared: Shared) -> tuple[Shared, Hashable]:
        return shared._replace(entries=shared.entries | {(thread, entry)}), None

    return put


def put_index(pairs: Iterable[tuple[str, str]], run: Run) -> Operation:
    """Index entries on deals, in one step: only the sweep reads the index, an item at a time.

    A crash before the step leaves none of them, which is the worst of what it could leave.
    """
    put_pairs = frozenset(pairs)

    def put(shared: Shared) -> tuple[Shared, Hashable]:
        others = {one for one in shared.indexed if one[:2] not in put_pairs}
        return shared._replace(indexed=frozenset(others | {(*one, run) for one in put_pairs})), None

    return put


def delete_index(entries: Set[str], deals: Set[str] | None = None) -> Operation:
    def delete(shared: Shared) -> tuple[Shared, Hashable]:
        kept = {
            one
            for one in shared.indexed
            if one[1] not in entries or (deals is not None and one[0] not in deals)
        }
        return shared._replace(indexed=frozenset(kept)), None

    return delete


class Association:
    """The protocol, without some of its safeguards."""

    def __init__(self, matches: Matches, without: frozenset[Safeguard] = frozenset()) -> None:
        self._matches = matches
        self._without = without

    def _has(self, safeguard: Safeguard) -> bool:
        return safeguard not in self._without

    def _matched(self, entries: Iterable[str], facts: int) -> frozenset[DealId]:
        return matched(self._matches, entries, facts)

    def _write(self, before: Root, after: Root, run: Run) -> Operation:
        """Store a root where it is as it was read, and what is due by it, in one transaction."""
        due = set()
        if after.pending - before.pending:
            due.add(Due(after.thread, run))
        if after.left - before.left:
            due.add(Due(after.thread, run, "left"))
        if not self._has(Safeguard.TOKENS):
            after = replace(after, pending=before.pending)

        def write(shared: Shared) -> tuple[Shared, Hashable]:
            now = shared.root(before.thread)
            if now.redirect or (now.version != before.version and self._has(Safeguard.VERSION)):
                return shared, False
            shared = shared.with_root(after)
            if self._has(Safeguard.DUE):
                shared = shared._replace(due=shared.due | due)
            return shared, True

        return write

    # A message is added to a thread

    def sync(self, run: Run, entry: str, thread: str) -> Steps:
        """Add a message; `thread` is the one that its own vertex points at."""
        facts = yield read_facts
        yield put_entry(thread, entry)
        return Program(self.settle, (entry, thread, facts))

    def settle(self, run: Run, entry: str, thread: str, facts: int) -> Steps:
        """Index an entry on the deals of its root."""
        found: Found = yield read_root(thread)
        root, expired = found
        if root.facts > facts and self._has(Safeguard.FACTS_AT_ROOT):
            facts = yield read_facts
            return Program(self.settle, (entry, thread, facts))
        again = Program(self.settle, (entry, thread, facts))
        if expired:
            return Program(self.complete, (root.thread, expired, again))
        needed = root.lacks(self._matched([entry], facts))
        if needed:
            written = yield self._write(root, root.announced(needed, named(run)), run)
            if not written:
                return again
            tokens = frozenset(Token(deal, named(run)) for deal in needed)
            return Program(self.complete, (root.thread, tokens, again))
        yield put_index(((deal, entry) for deal in root.deals_of(message_of(entry))), run)
        return None

    def complete(
        self,
        run: Run,
        name: str,
        tokens: frozenset[Token],
        then: Program | None,
    ) -> Steps:
        """Index every entry of a thread on announced deals, and drop their tokens."""
        found: Found = yield read_root(name)
        if found.root.thread != name:
            return then  # joined since: the winner has the deals announced anew
        deals = {token.deal for token in tokens}
        entries: frozenset[str] = frozenset()
        for thread in sorted(found.root.threads):
            entries |= yield read_entries(thread)
        pairs = {
            (deal, entry)
            for entry in entries
            for deal in deals & found.root.deals_of(message_of(entry))
        }
        yield put_index(pairs, run)
        if self._has(Safeguard.ERASED_SINCE):
            left: frozenset[str] = frozenset()
            for thread in sorted(found.root.threads):
                left |= yield read_entries(thread)
            if entries - left:
                yield delete_index(entries - left)
        return Program(self.drop, (name, tokens, then))

    def drop(self, run: Run, name: str, tokens: frozenset[Token], then: Program | None) -> Steps:
        found: Found = yield read_root(name)
        if found.root.thread != name:
            return then
        after = found.root.indexed(tokens)
        written = yield self._write(found.root, after, run)
        if not written:
            return Program(self.drop, (name, tokens, then))
        if not any(token.run == named(run) for token in after.pending):
            yield lambda shared: (shared.without_due({Due(name, run)}), None)
        return then

    # A message joins two threads

    def join(self, run: Run, entry: str, one: str, other: str) -> Steps:
        first: Found = yield read_root(one)
        second: Found = yield read_root(other)
        if first.root.thread == second.root.thread:
            return Program(self.sync, (entry, one))
        winner, loser = sorted([first.root, second.root], key=lambda root: root.thread)
        joined = yield self._join(winner, loser, run)
        again = Program(self.join, (entry, one, other))
        if not joined:
            return again
        tokens = frozenset(Token(deal, named(run)) for deal in winner.deals | loser.deals)
        return Program(self.complete, (winner.thread, tokens, again))

    def _join(self, winner: Root, loser: Root, run: Run) -> Operation:
        after = winner.joined(loser, named(run))
        if not self._has(Safeguard.JOIN_PENDING):
            after = replace(after, pending=winner.pending | loser.pending)
        write = self._write(winner, after, run)

        def join(shared: Shared) -> tuple[Shared, Hashable]:
            gone = shared.root(loser.thread)
            as_read = gone.version == loser.version or not self._has(Safeguard.LOSER_VERSION)
            if gone.redirect or not as_read:
                return shared, False
            joined, written = write(shared)
            if written is False:
                return shared, False
            return joined.with_root(gone.redirected(winner.thread)), True

        return join

    # Facts change

    def change(self, run: Run, facts: int, threads: tuple[str, ...]) -> Steps:
        """The CRM's facts change; the threads concerned are refiled one after the other."""
        yield lambda shared: (shared._replace(facts=max(facts, shared.facts)), None)
        return Program(self.refile_all, (threads,))

    def refile_all(self, run: Run, threads: tuple[str, ...]) -> Steps:
        then = Program(self.refile_all, (threads[1:],)) if threads[1:] else None
        yield read_facts
        return Program(self.refile, (threads[0], then))

    def refile(self, run: Run, thread: str, then: Program | None = None) -> Steps:
        """Compute a thread's deals from the present facts, and write them."""
        again = Program(self.refile, (thread, then))
        facts = yield read_facts
        found: Found = yield read_root(thread)
        root = found.root
        if found.expired:
            return Program(self.complete, (root.thread, found.expired, again))
        entries: frozenset[str] = frozenset()
        for one in sorted(root.threads):
            entries |= yield read_entries(one)
        if root.facts > facts:
            return again
        after = root.refiled(self._matched(entries, facts), facts, named(run))
        written = yield self._write(root, after, run)
        if not written:
            return again
        tokens = after.pending - root.pending
        check = Program(self.check, (thread, facts, then))
        return Program(self.complete, (root.thread, tokens, check)) if tokens else check

    def check(self, run: Run, thread: str, facts: int, then: Program | None) -> Steps:
        """Read again: an entry that came between the read and the write may match."""
        found: Found = yield read_root(thread)
        entries: frozenset[str] = frozenset()
        for one in sorted(found.root.threads):
            entries |= yield read_entries(one)
        wanted = found.root.wanted(self._matched(entries, facts))
        if not wanted <= found.root.deals and self._has(Safeguard.REFILE_AGAIN):
            return Program(self.refile, (thread, then))
        return then

    # A person attaches or detaches

    def give(self, run: Run, thread: str, given: Override) -> Steps:
        """Attach or detach a thread or a message."""
        found: Found = yield read_root(thread)
        after = found.root.overridden(given, named(run))
        if not self._has(Safeguard.ATTACH_AT_ONCE):
            bare = replace(after, deals=found.root.deals, pending=found.root.pending)
            written: bool = yield self._given(thread, given, found.root, bare, run)
            after = replace(after, version=after.version + 1)
            written = written and (yield self._write(bare, after, run))
        else:
            written = yield self._given(thread, given, found.root, after, run)
        if not written:
            return Program(self.give, (thread, given))
        tokens = after.pending - found.root.pending
        return Program(self.complete, (after.thread, tokens, None)) if tokens else None

    def _given(
        self, thread: str, given: Override, before: Root, after: Root, run: Run
    ) -> Operation:
        write = self._write(before, after, run)

        def give(shared: Shared) -> tuple[Shared, Hashable]:
            stored, written = write(shared)
            if written is False:
                return shared, False
            return stored._replace(given=stored.given | {(thread, given)}), True

        return give

    # A mailbox is erased

    def erase(self, run: Run, entry: str, thread: str) -> Steps:
        def delete(shared: Shared) -> tuple[Shared, Hashable]:
            return shared._replace(entries=shared.entries - {(thread, entry)}), None

        yield delete
        found: Found = yield read_root(thread)
        root = found.root
        yield delete_index({entry}, root.indexed_on)
        return Program(self.refile, (thread,))

    # What is left over

    def tidy(self, run: Run, thread: str) -> Steps:
        """The jobs of a thread's due items, which come when the functions that put them ended."""
        due: frozenset[Due] = yield lambda shared: (
            shared,
            frozenset(
                one for one in shared.due if one.thread == thread and one.run in shared.ended
            ),
        )
        if not due:
            return None
        return Program(self.refile, (thread, Program(self.sweep, (thread, due))))

    def sweep(self, run: Run, thread: str, due: frozenset[Due]) -> Steps:
        """Delete what is indexed on left deals, if it is older than any function that runs now."""
        old: frozenset[Run] = yield lambda shared: (shared, shared.ended)
        found: Found = yield read_root(thread)
        root = found.root
        entries: frozenset[str] = frozenset()
        for one in sorted(root.threads):
            entries |= yield read_entries(one)
        for entry in sorted(entries):
            left = {one.deal for one in root.left}
            for deal in sorted(left - root.deals_of(message_of(entry))):
                yield self._sweep_one(deal, entry, old)
        written = (yield self._write(root, root.swept(root.left), run)) if root.left else True
        if not written:
            return Program(self.sweep, (thread, due))
        yield lambda shared: (shared.without_due(due), None)
        return None

    def _sweep_one(self, deal: str, entry: str, old: frozenset[Run]) -> Operation:
        def delete(shared: Shared) -> tuple[Shared, Hashable]:
            kept = {
                one
                for one in shared.indexed
                if one[:2] != (deal, entry)
                or (self._has(Safeguard.SWEEP_AGE) and one[2] not in old)
            }
            return shared._replace(indexed=frozenset(kept)), None

        return delete


def matched(matches: Matches, entries: Iterable[str], facts: int) -> frozenset[DealId]:
    """The deals that entries match."""
    return frozenset(DealId(deal) for entry in entries if (deal := matches[facts][entry]))


def wrong(matches: Matches) -> Callable[[World], str | None]:
    """Return what says what is lost in a world where every function has ended."""

    def check(world: World) -> str | None:
        if not world.is_quiet:
            return None
        shared: Shared = world.shared
        settled = (root for root in shared.roots if not root.redirect)
        return next((why for root in settled if (why := _lost(shared, root, matches))), None)

    return check


def _lost(shared: Shared, root: Root, matches: Matches) -> str | None:
    entries = {entry for thread, entry in shared.entries if thread in root.threads}
    indexed = {(deal, entry) for deal, entry, _ in shared.indexed}
    for entry in sorted(entries):
        if lacking := {d for d in root.deals_of(message_of(entry)) if (d, entry) not in indexed}:
            return f"{entry} is not indexed on {sorted(lacking)} of {root.thread}"
    given = latest(one for thread, one in shared.given if thread in root.threads)
    truth = replace(
        Root(root.thread),
        deals=matched(matches, entries, shared.facts),
        overrides=given,
    )
    for deal in {*root.deals, *truth.deals, *(one.deal for one in given)}:
        for entry in sorted(entries):
            shown, right = (one.shows(message_of(entry), deal) for one in (root, truth))
            if shown != right:
                return f"{entry} is {'' if shown else 'not '}shown on {deal} of {root.thread}"
    if root.pending or root.left:
        return f"{root.thread} has {root.pending or root.left} left to do"
    for entry in sorted(entries):
        at = root.deals_of(message_of(entry)) | root.indexed_on
        if astray := {deal for deal, one in indexed if one == entry} - at:
            return f"{entry} on {sorted(astray)} is out of reach"
    existing = {entry for _, entry in shared.entries}
    if ghosts := {entry for _, entry in indexed} - existing:
        return f"{sorted(ghosts)} are erased and still indexed"
    return None


def world(
    functions: Iterable[Function],
    threads: Mapping[str, Iterable[str]],
    matches: Matches,
    crashes: int,
) -> World:
    """A world in which some threads are settled.

    Parameters:
        threads: by thread, its entries.
    """
    before = (-1, 0)
    roots, entries, index = [], set(), set()
    for thread, own in threads.items():
        deals = matched(matches, own, 0)
        roots.append(Root(ThreadId(thread), version=1, deals=deals))
        entries |= {(thread, entry) for entry in own}
        index |= {(deal, entry, before) for deal in deals for entry in own}
    shared = Shared(
        tuple(sorted(roots, key=lambda root: root.thread)),
        frozenset(entries),
        frozenset(index),
        ended=frozenset([before]),
    )
    return World(shared, tuple(functions), crashes)
