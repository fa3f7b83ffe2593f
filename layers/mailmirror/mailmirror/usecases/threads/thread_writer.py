"""What one run of a function does to the threads of an account: see `domain.association`."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from mailmirror.domain.association import Root, Run, Token
from mailmirror.domain.deals import DealId, match_thread
from mailmirror.domain.mailbox import AccountId
from mailmirror.domain.message import Entry
from mailmirror.domain.threads import ThreadId, TooManyAbsorbed
from mailmirror.runtime import Runtime
from mailmirror.store.due_threads import DueThread
from mailmirror.store.sync_state import MAX_RUN
from mailmirror.store.table import ConditionFailed, Put, Update
from mailmirror.usecases.crm_feed.crm_view import CrmView

SWEEP_AGE = timedelta(minutes=15)
"""Older than this, no function that put an index item is still at work."""
_ATTEMPTS = 50
_MAX_MARKED = 45
"""Deals on which a write of a root says that it is announced, or indexed: a transaction has 100
items. On further ones, coverage does not tell that a thread is being indexed."""


class Contended(Exception):
    """Others changed a thread at each of 50 attempts; the job is repeated."""


@dataclass(frozen=True, slots=True)
class ThreadWriter:
    """Writes roots, and indexes entries on deals.

    Raises, from every method:
        Contended: see there.
    """

    account: AccountId
    view: CrmView
    runtime: Runtime
    run: Run

    @classmethod
    def of(
        cls, account: AccountId, view: CrmView, runtime: Runtime, lasting: timedelta = MAX_RUN
    ) -> "ThreadWriter":
        """Begin a run.

        Parameters:
            lasting: after which the function has ended, whatever becomes of it.
        """
        now = runtime.now()
        run = Run(runtime.new_id(), now + lasting, now + SWEEP_AGE)
        return cls(account, view, runtime, run)

    def matched(self, entries: Sequence[Entry]) -> frozenset[DealId]:
        """The deals that the messages of these entries match."""
        addresses = {address for entry in entries for address in entry.participants}
        return match_thread(entries, self.view.crm(addresses))

    def write(self, before: Root, after: Root, more: Sequence[Put | Update] = ()) -> bool:
        """Store a root with what follows from it; False where it has changed since."""
        puts = [*more, *self._due(before, after)]
        try:
            self.runtime.roots.write(self.account, before, after, puts)
        except ConditionFailed:
            return False
        return True

    def _due(self, before: Root, after: Root) -> Sequence[Put | Update]:
        announced, indexed = after.pending - before.pending, before.pending - after.pending
        puts: list[Put | Update] = [
            self.runtime.timelines.announcement(self.account, deal, runs, ended=ended)
            for tokens, ended in ((announced, False), (indexed, True))
            for deal, runs in islice(_runs_by_deal(tokens).items(), _MAX_MARKED)
        ]
        if announced:
            puts.append(self._scheduled(after.thread, self.run.id, self.run.ends_at))
        if after.left - before.left:
            puts.append(self._scheduled(after.thread, f"sweep-{self.run.id}", self.run.sweep_at))
        return puts

    def _scheduled(self, thread: ThreadId, reason: str, at: datetime) -> Put:
        return self.runtime.due_threads.item(DueThread(self.account, thread, reason), at)

    def index(self, entries: Iterable[tuple[Entry, Set[DealId]]]) -> None:
        """Index entries on deals."""
        wanted = [(entry, deals) for entry, deals in entries if deals]
        self.view.look_up(entry for entry, _ in wanted)
        self.runtime.timelines.index_on_deals(
            [(entry, deals, self.view.matched(entry)) for entry, deals in wanted],
            self.runtime.now(),
        )

    def complete(self, thread: ThreadId, tokens: Set[Token], most: int | None = None) -> bool:
        """Index every entry of a thread on the deals of these tokens, and drop the tokens.

        Parameters:
            most: how many entries may be indexed now; None for any number.

        Returns:
            Whether it was done: not where there are more entries.
        """
        root = self.runtime.roots.read(self.account, thread)
        if root.thread != thread:
            return True  # joined since: the winner has the deals announced anew
        read = self.runtime.threads.entries(self.account, root.threads)
        entries = list(read if most is None else islice(read, most + 1))
        if most is not None and len(entries) > most:
            return False
        deals = {token.deal for token in tokens}
        self.index((entry, deals & root.deals_of(entry.message)) for entry in entries)
        erased = set(entries) - set(self.runtime.threads.entries(self.account, root.threads))
        for entry in erased:
            self._take_off(entry, deals)
        self.drop(thread, tokens)
        return True

    def _take_off(self, entry: Entry, deals: Set[DealId]) -> None:
        """Delete what was indexed of an entry that was erased meanwhile."""
        self.runtime.timelines.erase(entry, deals)
        mailbox = self.runtime.mailboxes.find(self.account, entry.key.mailbox, consistent=True)
        if mailbox is None or mailbox.key != entry.key:
            self.runtime.timelines.forget_mailbox(entry.key, entry.participants, deals)

    def drop(self, thread: ThreadId, tokens: Set[Token]) -> None:
        """Store that every entry is indexed on the deals of these tokens."""
        for _ in range(_ATTEMPTS):
            root = self.runtime.roots.read(self.account, thread)
            if root.thread != thread:
                return
            after = root.indexed(tokens)
            if self.write(root, after):
                runs = {token.run.id for token in tokens} - {one.run.id for one in after.pending}
                self.runtime.due_threads.done(DueThread(self.account, thread, id) for id in runs)
                return
        raise Contended(thread)

    def refile(self, thread: ThreadId) -> None:
        """Compute a thread's deals from the present facts, and index what is new."""
        for _ in range(_ATTEMPTS):
            self.view.forget()
            facts = self.view.facts
            root = self.runtime.roots.read(self.account, thread)
            if expired := root.expired(self.runtime.now()):
                self.complete(root.thread, expired)
                continue
            entries = list(self.runtime.threads.entries(self.account, root.threads))
            after = root.refiled(self.matched(entries), facts, self.run)
            if root.facts > facts or not self.write(root, after):
                continue
            if tokens := after.pending - root.pending:
                self.complete(root.thread, tokens)
            root = self.runtime.roots.read(self.account, thread)
            entries = list(self.runtime.threads.entries(self.account, root.threads))
            if root.wanted(self.matched(entries)) <= root.deals:
                return
        raise Contended(thread)

    def sweep(self, thread: ThreadId) -> None:
        """Delete what is indexed on deals that the thread has left long enough ago."""
        for _ in range(_ATTEMPTS):
            now = self.runtime.now()
            root = self.runtime.roots.read(self.account, thread)
            left = root.sweepable(now)
            if not left:
                return
            deals = {one.deal for one in left}
            for entry in self.runtime.threads.entries(self.account, root.threads):
                for deal in deals - root.deals_of(entry.message):
                    # What was put since belongs to a later announcement of the deal.
                    self.runtime.timelines.sweep(entry, deal, now - SWEEP_AGE)
            if self.write(root, root.swept(left)):
                return
        raise Contended(thread)

    def join(self, winner: ThreadId, loser: ThreadId) -> None:
        """Join two roots, unless one of them has changed since; their deals are announced anew.

        Raises:
            TooManyAbsorbed: the winner would have too many threads.
        """
        one = self.runtime.roots.read(self.account, winner)
        other = self.runtime.roots.read(self.account, loser)
        if one.thread == other.thread:
            return
        if not one.may_absorb(other):
            self.runtime.count("ThreadsNotJoined")
            raise TooManyAbsorbed(winner)
        after = one.joined(other, self.run)
        pairs = ((one, after), (other, other.redirected(one.thread)))
        try:
            self.runtime.roots.join(self.account, *pairs, self._due(one, after))
        except ConditionFailed:
            return  # the caller reads again
        own = {token for token in after.pending if token.run == self.run}
        self.complete(one.thread, own)


def _runs_by_deal(tokens: Iterable[Token]) -> Mapping[DealId, set[Run]]:
    runs: dict[DealId, set[Run]] = {}
    for token in sorted(tokens, key=lambda one: one.deal):
        runs.setdefault(token.deal, set()).add(token.run)
    return runs
