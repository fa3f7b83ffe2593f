"""A thread's root: on which deals the thread is, and what is still to be indexed or deleted.

The root is the unit of consistency: announce, then read. Every change is a pure function of the
root as it was read, and is stored only where the root still has the version that was read
(optimistic concurrency). A deal is announced at the root before the thread's entries are read and
indexed on it, so that an entry which is put later finds the deal at the root. `tests/models` checks
the protocol in every interleaving.

    pending   announced; an entry that was put before the announcement may not be indexed yet
    left      no longer on the thread; entries may still be indexed, and no reader shows them
"""

from collections.abc import Iterable, Set
from dataclasses import dataclass, replace
from datetime import datetime

from mailmirror.domain.deals import DealId
from mailmirror.domain.identity import MessageKey
from mailmirror.domain.limits import MAX_ABSORBED_THREADS, MAX_OVERRIDES
from mailmirror.domain.overrides import Override, latest
from mailmirror.domain.threads import ThreadId


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a function."""

    id: str
    ends_at: datetime
    """After which it has ended, whatever became of it."""
    sweep_at: datetime
    """After which every function has ended that has read a root before this run changed it."""


@dataclass(frozen=True, slots=True)
class Token:
    """A deal that a run has announced, and has not yet indexed every entry on."""

    deal: DealId
    run: Run


@dataclass(frozen=True, slots=True)
class Left:
    """A deal that a thread is no longer on, while entries may still be indexed."""

    deal: DealId
    sweep_at: datetime
    """When what is indexed may be deleted: no function puts it again."""


@dataclass(frozen=True, slots=True)
class Root:
    """What a thread's root says, as it was read.

    Raises, from every transition:
        ValueError: the root redirects; only its winner changes.
    """

    thread: ThreadId
    version: int = 0
    facts: int = 0
    """The line of the account's change log that `deals` were last computed from."""
    deals: frozenset[DealId] = frozenset()
    """What its messages match, and what the thread is attached to."""
    overrides: frozenset[Override] = frozenset()
    """Of the overrides on the thread, and on each message of it, the latest a deal."""
    pending: frozenset[Token] = frozenset()
    left: frozenset[Left] = frozenset()
    redirect: ThreadId | None = None
    absorbed: frozenset[ThreadId] = frozenset()

    # What readers and writers of entries ask

    @property
    def threads(self) -> frozenset[ThreadId]:
        """The threads whose entries belong to it."""
        return self.absorbed | {self.thread}

    def shows(self, message: MessageKey, deal: DealId) -> bool:
        """Tell whether a message of the thread is on a deal."""
        said = self.decides(message, deal)
        return said.attached if said is not None else deal in self.deals

    def attaches(self, message: MessageKey, deal: DealId) -> bool:
        """Tell whether a person has put a message, or its whole thread, on a deal."""
        said = self.decides(message, deal)
        return said is not None and said.attached

    def decides(self, message: MessageKey | None, deal: DealId) -> Override | None:
        """The override that decides whether a message is on a deal; None where matches do.

        Parameters:
            message: None for the messages that have no override of their own.
        """
        own = self._override(message, deal)
        return own if own is not None else self._override(None, deal)

    def deals_showing(self, message: MessageKey) -> frozenset[DealId]:
        """The deals that a message of the thread is on."""
        return frozenset(deal for deal in self.deals_of(message) if self.shows(message, deal))

    def deals_of(self, message: MessageKey) -> frozenset[DealId]:
        """The deals on which the entries of a message are indexed."""
        return self.deals | {
            one.deal for one in self.overrides if one.message == message and one.attached
        }

    def lacks(self, matched: Set[DealId]) -> frozenset[DealId]:
        """The matched deals that are to be announced."""
        return frozenset(matched) - self.deals - self._off

    def wanted(self, matched: Set[DealId]) -> frozenset[DealId]:
        """The deals of the thread, given those that all its messages match."""
        return (frozenset(matched) - self._off) | self._on

    def expired(self, now: datetime) -> frozenset[Token]:
        """The tokens of runs that have ended."""
        return frozenset(token for token in self.pending if token.run.ends_at <= now)

    @property
    def indexed_on(self) -> frozenset[DealId]:
        """Every deal on which an entry of the thread may be indexed."""
        deals = self.deals | {token.deal for token in self.pending} | {x.deal for x in self.left}
        return deals | {one.deal for one in self.overrides if one.message and one.attached}

    def sweepable(self, now: datetime) -> frozenset[Left]:
        """What has been left for so long that it may be deleted."""
        return frozenset(one for one in self.left if one.sweep_at <= now)

    # Transitions

    def announced(self, deals: Set[DealId], run: Run) -> "Root":
        """With deals on which every entry is about to be indexed."""
        return self._next()._announced_too(deals, run)

    def indexed(self, tokens: Set[Token]) -> "Root":
        """Once every entry is indexed on the deals of these tokens."""
        return replace(self._next(), pending=self.pending - tokens)

    def overridden(self, override: Override, run: Run) -> "Root":
        """With an override, unless a later one on the same message or thread is there.

        A deal that it attaches is announced with it; one that it detaches is left.
        """
        overrides = latest([*self.overrides, override])
        if override not in overrides:
            return self
        after = replace(self._next(), overrides=overrides)
        deal = {override.deal}
        if override.message is None and override.attached:
            return after._announced_too(deal - self.deals, run)
        if override.message is None:
            return after._left_too(deal, run)
        if not override.attached and self._is_attached(override):
            return after._put_left(deal - self.deals, run)
        if override.attached and override.deal not in self.deals:
            return replace(after, pending=self.pending | {Token(override.deal, run)})
        return after

    def refiled(self, matched: Set[DealId], facts: int, run: Run) -> "Root":
        """With the deals that all its messages match by the facts up to a line of the log."""
        wanted = self.wanted(matched)
        after = replace(self._next(), facts=facts)._left_too(self.deals - wanted, run)
        return after._announced_too(wanted - self.deals, run)

    def swept(self, left: Set[Left]) -> "Root":
        """Once no entry is left on these deals but of messages that are attached to them."""
        return replace(self._next(), left=self.left - left)

    def may_absorb(self, loser: "Root") -> bool:
        return (
            len(self.absorbed) + len(loser.absorbed) < MAX_ABSORBED_THREADS
            and len(latest([*self.overrides, *loser.overrides])) <= MAX_OVERRIDES
        )

    def joined(self, loser: "Root", run: Run) -> "Root":
        """With the entries of another thread: every deal of both is announced anew."""
        overrides = latest([*self.overrides, *loser.overrides])
        after = replace(
            self._next(),
            facts=min(self.facts, loser.facts),
            overrides=overrides,
            pending=self.pending | loser.pending,
            left=self.left | loser.left,
            absorbed=self.absorbed | loser.absorbed | {loser.thread},
        )
        return after._announced_too(self.deals | loser.deals, run)._left_too(after._off, run)

    def redirected(self, winner: ThreadId) -> "Root":
        """Once another thread has its entries: it never changes again."""
        return replace(Root(self.thread, self.version), version=self.version + 1, redirect=winner)

    def _announced_too(self, deals: Iterable[DealId], run: Run) -> "Root":
        """As announced, in the same version."""
        tokens = {Token(deal, run) for deal in deals}
        return replace(
            self,
            deals=self.deals | {token.deal for token in tokens},
            left=self._left_but({token.deal for token in tokens}),
            pending=self.pending | tokens,
        )

    def _left_too(self, deals: Set[DealId], run: Run) -> "Root":
        """Without deals, in the same version; with tokens only where a single message is attached.

        A function that indexes entries on one of these deals nevertheless has ended before they
        are swept.
        """
        left = self._put_left(self.deals & deals, run)
        alone = {one.deal for one in self.overrides if one.message and one.attached}
        pending = {token for token in self.pending if token.deal not in deals - alone}
        return replace(left, deals=self.deals - deals, pending=frozenset(pending))

    def _put_left(self, deals: Set[DealId], run: Run) -> "Root":
        left = {Left(deal, run.sweep_at) for deal in deals}
        return replace(self, left=self._left_but(deals) | left)

    def _left_but(self, deals: Set[DealId]) -> frozenset[Left]:
        return frozenset(one for one in self.left if one.deal not in deals)

    def _is_attached(self, override: Override) -> bool:
        before = self._override(override.message, override.deal)
        return before is not None and before.attached

    def _next(self) -> "Root":
        if self.redirect is not None:
            raise ValueError(self.thread)
        return replace(self, version=self.version + 1)

    def _override(self, message: MessageKey | None, deal: DealId) -> Override | None:
        found = (one for one in self.overrides if (one.message, one.deal) == (message, deal))
        return next(found, None)

    @property
    def _on(self) -> frozenset[DealId]:
        return frozenset(o.deal for o in self.overrides if o.message is None and o.attached)

    @property
    def _off(self) -> frozenset[DealId]:
        return frozenset(o.deal for o in self.overrides if o.message is None and not o.attached)
