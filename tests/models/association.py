"""A model of how threads are put on deals without locks: announce, then read.

Each operation is one request: a consistent read of an item, a query of one partition, a conditional
write, or a transaction. Threads, entries and deals are short texts; an entry matches one deal or
none, by facts that may change. `Safeguard` names what can be left out, to show that it is needed.

    writer   put the entry, read the root; a deal that it lacks is announced, then the thread is
             read whole and indexed on it; at last the entry is indexed on the root's deals
    attach   override and announcement in one transaction, and a job that completes it
    join     one transaction: the loser redirects, the winner announces the deals of both
    refile   deals and facts written where the version is as read; the entries read again
    sweep    an index item whose root lacks the deal is deleted, unless it was put again

A writer need not read the root, or the head of the change log, again after it has indexed its
entry: whatever changes the root later reads the entries after its change, and so this one.

This is not what `usecases/threads` does yet: it is the protocol that is to replace it.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from enum import Enum
from typing import NamedTuple

from tests.models.exploration import Function, Operation, Program, Run, Steps, World


class Safeguard(Enum):
    TOKENS = "an announcement leaves a token until its entries are indexed"
    FACTS_AT_ROOT = "an announcement is refused where the root has newer facts"
    REFILE_VERSION = "a refile writes only where the root's version is as it was read"
    REFILE_AGAIN = "a refile reads the entries again after its write"
    JOIN_VERSIONS = "a join writes only where both roots' versions are as they were read"
    JOIN_PENDING = "a join announces all deals of both threads anew"
    ATTACH_AT_ONCE = "an attach stores override and announcement in one transaction"
    COMPLETION = "a job completes what an attach that died has announced"
    SWEEP_AGE = "a sweep deletes only what a function put that has ended"
    SWEEP_CONDITION = "a sweep deletes only what was not put again since it read it"


type Matches = tuple[Mapping[str, str], Mapping[str, str]]
"""Before and after the facts change: the deal that each entry matches, or ""."""


class Root(NamedTuple):
    deals: frozenset[str] = frozenset()
    messages: frozenset[tuple[str, str]] = frozenset()
    """(entry, deal): attaches of one message."""
    version: int = 0
    facts: int = 0
    """What `deals` were computed from."""
    pending: frozenset[tuple[str, Run]] = frozenset()
    """(deal, run): announced, and not known to be indexed."""
    redirect: str = ""
    absorbed: frozenset[str] = frozenset()


class Override(NamedTuple):
    thread: str
    entry: str
    """Empty where it is on the whole thread."""
    deal: str
    attached: bool


class Shared(NamedTuple):
    roots: tuple[tuple[str, Root], ...]
    entries: frozenset[tuple[str, str]]
    """(thread, entry)."""
    indexed: frozenset[tuple[str, str, Run]]
    """(deal, entry, the run that has put it last)."""
    overrides: tuple[Override, ...] = ()
    """The later counts."""
    facts: int = 0
    ended: frozenset[Run] = frozenset()

    def root(self, thread: str) -> Root:
        return dict(self.roots)[thread]

    def with_root(self, thread: str, root: Root) -> "Shared":
        return self._replace(roots=tuple(sorted({**dict(self.roots), thread: root}.items())))


class Found(NamedTuple):
    """A root as it is read, after its redirects."""

    name: str
    root: Root
    expired: frozenset[tuple[str, Run]]
    """Tokens whose run has ended."""


# Operations


def read_root(thread: str) -> Operation:
    def read(shared: Shared) -> tuple[Shared, Hashable]:
        name = thread
        while shared.root(name).redirect:
            name = shared.root(name).redirect
        root = shared.root(name)
        expired = frozenset(token for token in root.pending if token[1] in shared.ended)
        return shared, Found(name, root, expired)

    return read


def read_facts(shared: Shared) -> tuple[Shared, Hashable]:
    return shared, shared.facts


def read_entries(thread: str) -> Operation:
    def read(shared: Shared) -> tuple[Shared, Hashable]:
        return shared, frozenset(entry for one, entry in shared.entries if one == thread)

    return read


def read_overrides(threads: frozenset[str]) -> Operation:
    def read(shared: Shared) -> tuple[Shared, Hashable]:
        return shared, attached_deals(shared, threads)

    return read


def attached_deals(shared: Shared, threads: frozenset[str]) -> frozenset[str]:
    last = {o.deal: o.attached for o in shared.overrides if o.thread in threads and not o.entry}
    return frozenset(deal for deal, attached in last.items() if attached)


def put_entry(thread: str, entry: str) -> Operation:
    def put(shared: Shared) -> tuple[Shared, Hashable]:
        return shared._replace(entries=shared.entries | {(thread, entry)}), None

    return put


def put_index(deals: Iterable[str], entries: Iterable[str], run: Run) -> Operation:
    """Index entries on deals, in one step: only the sweep reads the index, an item at a time.

    A crash before the step leaves none of them, which is the worst of what it could leave.
    """
    pairs = [(deal, entry) for deal in sorted(deals) for entry in sorted(entries)]

    def put(shared: Shared) -> tuple[Shared, Hashable]:
        others = {one for one in shared.indexed if one[:2] not in pairs}
        return shared._replace(indexed=frozenset(others | {(*pair, run) for pair in pairs})), None

    return put


def drop_tokens(name: str, tokens: frozenset[tuple[str, Run]]) -> Operation:
    """Where the root has been joined since, its winner has the tokens, too: they stay there."""

    def drop(shared: Shared) -> tuple[Shared, Hashable]:
        root = shared.root(name)
        return shared.with_root(name, root._replace(pending=root.pending - tokens)), None

    return drop


class Association:
    """The protocol, without some of its safeguards."""

    def __init__(self, matches: Matches, without: frozenset[Safeguard] = frozenset()) -> None:
        self._matches = matches
        self._without = without

    def _matched(self, entries: Iterable[str], facts: int) -> frozenset[str]:
        return frozenset(filter(None, (self._matches[facts][entry] for entry in entries)))

    def _has(self, safeguard: Safeguard) -> bool:
        return safeguard not in self._without

    # A message is added to a thread

    def sync(self, run: Run, entry: str, thread: str) -> Steps:
        """Add a message; `thread` is the one that its own vertex points at."""
        facts = yield read_facts
        yield put_entry(thread, entry)
        return Program(self.settle, (entry, thread, facts))

    def settle(self, run: Run, entry: str, thread: str, facts: int) -> Steps:
        found: Found = yield read_root(thread)
        name, root, expired = found
        if root.facts > facts and self._has(Safeguard.FACTS_AT_ROOT):
            facts = yield read_facts
            return Program(self.settle, (entry, thread, facts))
        if expired:
            deals = frozenset(deal for deal, _ in expired)
            then = Program(self.settle, (entry, thread, facts))
            return Program(self.complete, (name, deals, expired, then))
        needed: frozenset[str] = self._matched([entry], facts) - root.deals
        if needed:
            announced = yield self._announce(name, needed, run, facts)
            then = Program(self.settle, (entry, thread, facts))
            if not announced:
                return then
            tokens = frozenset((deal, run) for deal in needed)
            return Program(self.complete, (name, needed, tokens, then))
        yield put_index(root.deals | {d for e, d in root.messages if e == entry}, [entry], run)
        return None

    def _announce(self, name: str, deals: frozenset[str], run: Run, facts: int) -> Operation:
        def announce(shared: Shared) -> tuple[Shared, Hashable]:
            root = shared.root(name)
            newer = root.facts > facts and self._has(Safeguard.FACTS_AT_ROOT)
            if root.redirect or newer:
                return shared, False
            return shared.with_root(name, self._announced(root, deals, run)), True

        return announce

    def _announced(self, root: Root, deals: frozenset[str], run: Run) -> Root:
        tokens = frozenset((deal, run) for deal in deals) if self._has(Safeguard.TOKENS) else set()
        return root._replace(
            deals=root.deals | deals, version=root.version + 1, pending=root.pending | tokens
        )

    def complete(
        self,
        run: Run,
        name: str,
        deals: frozenset[str],
        tokens: frozenset[tuple[str, Run]],
        then: Program | None,
    ) -> Steps:
        """Index every entry of a thread on announced deals, and drop their tokens."""
        found: Found = yield read_root(name)
        if found.name != name:
            return then  # joined since: the winner has the deals announced anew
        entries: frozenset[str] = frozenset()
        for thread in sorted({name, *found.root.absorbed}):
            entries |= yield read_entries(thread)
        yield put_index(deals, entries, run)
        yield drop_tokens(name, tokens)
        return then

    # A message joins two threads

    def join(self, run: Run, entry: str, one: str, other: str) -> Steps:
        first: Found = yield read_root(one)
        second: Found = yield read_root(other)
        if first.name == second.name:
            return Program(self.sync, (entry, one))
        winner, loser = sorted([first, second])
        joined = yield self._join(winner, loser, run)
        again = Program(self.join, (entry, one, other))
        if not joined:
            return again
        deals = winner.root.deals | loser.root.deals
        tokens = frozenset((deal, run) for deal in deals)
        return Program(self.complete, (winner.name, deals, tokens, again))

    def _join(self, winner: Found, loser: Found, run: Run) -> Operation:
        def join(shared: Shared) -> tuple[Shared, Hashable]:
            to, gone = shared.root(winner.name), shared.root(loser.name)
            as_read = (to.version, gone.version) == (winner.root.version, loser.root.version)
            if to.redirect or gone.redirect:
                return shared, False
            if not as_read and self._has(Safeguard.JOIN_VERSIONS):
                return shared, False
            # What is written was read before: the root that gains takes nothing else.
            deals = winner.root.deals | loser.root.deals
            gained = to._replace(
                deals=to.deals | deals,
                messages=to.messages | loser.root.messages,
                version=to.version + 1,
                facts=min(to.facts, gone.facts),
                pending=to.pending | loser.root.pending,
                absorbed=to.absorbed | {loser.name} | loser.root.absorbed,
            )
            if self._has(Safeguard.JOIN_PENDING):
                gained = gained._replace(pending=gained.pending | {(d, run) for d in deals})
            redirected = gone._replace(redirect=winner.name, version=gone.version + 1)
            return shared.with_root(winner.name, gained).with_root(loser.name, redirected), True

        return join

    # Facts change

    def change(self, run: Run, facts: int, threads: tuple[str, ...]) -> Steps:
        """The CRM's facts change; the threads concerned are refiled one after the other."""

        def write(shared: Shared) -> tuple[Shared, Hashable]:
            return shared._replace(facts=max(facts, shared.facts)), None

        yield write
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
        if found.expired:
            deals = frozenset(deal for deal, _ in found.expired)
            return Program(self.complete, (found.name, deals, found.expired, again))
        threads = frozenset({found.name, *found.root.absorbed})
        entries: frozenset[str] = frozenset()
        for one in sorted(threads):
            entries |= yield read_entries(one)
        attached: frozenset[str] = yield read_overrides(threads)
        matched: frozenset[str] = self._matched(entries, facts)
        wanted = matched | attached
        written = yield self._refile(found, wanted, facts, run)
        if not written:
            return again
        new = wanted - found.root.deals
        tokens = frozenset((deal, run) for deal in new)
        check = Program(self.check, (thread, facts, then))
        return Program(self.complete, (found.name, new, tokens, check)) if new else check

    def _refile(self, found: Found, wanted: frozenset[str], facts: int, run: Run) -> Operation:
        def write(shared: Shared) -> tuple[Shared, Hashable]:
            root = shared.root(found.name)
            as_read = root.version == found.root.version
            if root.redirect or root.facts > facts:
                return shared, False
            if not as_read and self._has(Safeguard.REFILE_VERSION):
                return shared, False
            new = wanted - found.root.deals
            after = self._announced(root._replace(deals=wanted), new, run)
            return shared.with_root(found.name, after._replace(facts=facts)), True

        return write

    def check(self, run: Run, thread: str, facts: int, then: Program | None) -> Steps:
        """Read again: an entry that came between the read and the write may match."""
        found: Found = yield read_root(thread)
        entries: frozenset[str] = frozenset()
        for one in sorted({found.name, *found.root.absorbed}):
            entries |= yield read_entries(one)
        matched: frozenset[str] = self._matched(entries, facts)
        if not matched <= found.root.deals and self._has(Safeguard.REFILE_AGAIN):
            return Program(self.refile, (thread, then))
        return then

    # A person attaches or detaches

    def attach(self, run: Run, thread: str, deal: str) -> Steps:
        found: Found = yield read_root(thread)
        override = Override(thread, "", deal, attached=True)
        if self._has(Safeguard.ATTACH_AT_ONCE):
            announced = yield self._attach(found.name, override, run, at_once=True)
        else:
            yield self._attach(found.name, override, run, at_once=False)
            announced = yield self._announce(found.name, frozenset([deal]), run, 99)
        if not announced:
            return Program(self.attach, (thread, deal))
        tokens = frozenset([(deal, run)])
        return Program(self.complete, (found.name, frozenset([deal]), tokens, None))

    def _attach(self, name: str, override: Override, run: Run, *, at_once: bool) -> Operation:
        def write(shared: Shared) -> tuple[Shared, Hashable]:
            root = shared.root(name)
            if root.redirect and at_once:
                return shared, False
            shared = shared._replace(overrides=_added(shared.overrides, override))
            if at_once:
                shared = shared.with_root(
                    name, self._announced(root, frozenset([override.deal]), run)
                )
            return shared, True

        return write

    def attach_message(self, run: Run, entry: str, thread: str, deal: str) -> Steps:
        """One entry: indexed before the root says so would be enough, but for a join."""
        found: Found = yield read_root(thread)

        def write(shared: Shared) -> tuple[Shared, Hashable]:
            root = shared.root(found.name)
            if root.redirect:
                return shared, False
            override = Override(thread, entry, deal, attached=True)
            after = root._replace(
                messages=root.messages | {(entry, deal)}, version=root.version + 1
            )
            shared = shared._replace(overrides=_added(shared.overrides, override))
            return shared.with_root(found.name, after), True

        yield put_index([deal], [entry], run)
        written = yield write
        return None if written else Program(self.attach_message, (entry, thread, deal))

    def detach(self, run: Run, thread: str, deal: str) -> Steps:
        """Override and version; nothing is deleted."""

        def write(shared: Shared) -> tuple[Shared, Hashable]:
            name = thread
            while shared.root(name).redirect:
                name = shared.root(name).redirect
            root = shared.root(name)
            override = Override(thread, "", deal, attached=False)
            shared = shared._replace(overrides=_added(shared.overrides, override))
            return shared.with_root(name, root._replace(version=root.version + 1)), None

        yield write
        return None

    def completion(self, run: Run, thread: str) -> Steps:
        """The job that an attach has queued before it answers; it comes when that has ended."""
        found: Found = yield read_root(thread)
        if not found.expired or not self._has(Safeguard.COMPLETION):
            return None
        deals = frozenset(deal for deal, _ in found.expired)
        return Program(self.complete, (found.name, deals, found.expired, None))

    # What is indexed on a deal that the thread is not on

    def sweep(self, run: Run, deal: str, entry: str, thread: str) -> Steps:
        item: tuple[str, str, Run] | None = yield self._old(deal, entry)
        if item is None:
            return None
        found: Found = yield read_root(thread)
        if deal in found.root.deals or (entry, deal) in found.root.messages:
            return None

        def delete(shared: Shared) -> tuple[Shared, Hashable]:
            kept = {
                one
                for one in shared.indexed
                if (one != item if self._has(Safeguard.SWEEP_CONDITION) else one[:2] != item[:2])
            }
            return shared._replace(indexed=frozenset(kept)), None

        yield delete
        return None

    def _old(self, deal: str, entry: str) -> Operation:
        def read(shared: Shared) -> tuple[Shared, Hashable]:
            item = next((one for one in shared.indexed if one[:2] == (deal, entry)), None)
            is_old = item is not None and item[2] in shared.ended
            return shared, item if is_old or not self._has(Safeguard.SWEEP_AGE) else None

        return read


def _added(overrides: tuple[Override, ...], override: Override) -> tuple[Override, ...]:
    """A repeat has the same key, and so changes nothing."""
    return overrides if override in overrides else (*overrides, override)


def wrong(matches: Matches) -> Callable[[World], str | None]:
    """Return what says what is lost in a world where every function has ended."""

    def check(world: World) -> str | None:
        if not world.is_quiet:
            return None
        shared: Shared = world.shared
        settled = (one for one in shared.roots if not one[1].redirect)
        return next(
            (why for name, root in settled if (why := _lost(shared, name, root, matches))), None
        )

    return check


def _lost(shared: Shared, name: str, root: Root, matches: Matches) -> str | None:
    threads = frozenset({name, *root.absorbed})
    entries = {entry for thread, entry in shared.entries if thread in threads}
    indexed = {(deal, entry) for deal, entry, _ in shared.indexed}
    for deal in sorted(root.deals):
        if lacking := [entry for entry in sorted(entries) if (deal, entry) not in indexed]:
            return f"{lacking} are not indexed on {deal} of {name}"
    for entry, deal in root.messages:
        if (deal, entry) not in indexed:
            return f"{entry} is attached to {deal} and not indexed on it"
    wanted = {matches[shared.facts][entry] for entry in entries} - {""}
    wanted |= attached_deals(shared, threads)
    if not wanted <= root.deals:
        return f"{name} lacks {sorted(wanted - root.deals)}"
    denied = {o.deal for o in shared.overrides if o.thread in threads and not o.attached}
    if root.facts and not root.deals <= wanted | denied:
        return f"{name} is on {sorted(root.deals - wanted)} for no reason"
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
    roots, entries, index = {}, set(), set()
    for thread, own in threads.items():
        deals = frozenset(matches[0][entry] for entry in own) - {""}
        roots[thread] = Root(deals, version=1)
        entries |= {(thread, entry) for entry in own}
        index |= {(deal, entry, before) for deal in deals for entry in own}
    shared = Shared(
        tuple(sorted(roots.items())),
        frozenset(entries),
        frozenset(index),
        ended=frozenset([before]),
    )
    return World(shared, tuple(functions), crashes)
