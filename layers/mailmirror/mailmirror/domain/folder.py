"""How far one folder has been judged, and what a sync of it does next.

        new mail, oldest first      next ──►
        old mail, newest first      1  ◄── low
        pending UIDs                tried again with backoff, or gone
        UIDs that left the server   removed, and present again where they are listed again

At any moment, whatever crashes, every UID of [low, next) that the server lists has a verdict,
`pending` included. `next` follows the greatest UID that was listed, never UIDNEXT: a server that
once says too much would else have the mail that arrives below it passed over.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from mailmirror.domain.contained import FolderFailure
from mailmirror.domain.counted_copies import Uncounted
from mailmirror.domain.ledger import Ledger
from mailmirror.domain.ledger_parts import LedgerParts
from mailmirror.domain.mailbox import FolderRole
from mailmirror.domain.uids import UidSet
from mailmirror.domain.verdict import Verdict

COMPOSED = "outbox"
"""The folder, on no server, of copies that were composed here."""

_RETRY_MINUTES = 5
"""Before the first retry of pending UIDs; doubled after each retry that returns none of them."""
_RETRY_STEP = 25
"""By how many pending UIDs a retry begins further on than the one before.

Where the server returns none of them, so many are asked for before FETCH has failed too often.
"""
_MAX_RETRY_PAUSE = timedelta(days=1)
_LISTED_MARGIN = 1_000
"""Messages that may have arrived between EXAMINE and FETCH."""


@dataclass(frozen=True, slots=True)
class Passed:
    """How far a pass, or a round, has judged the folder's UIDs again, newest first."""

    number: int
    """Of the pass, or of the round."""
    low: int
    """The least UID that it has looked at; 1 once it is through."""


@dataclass(frozen=True, slots=True)
class FolderState:
    """How far a folder has been judged under its present UIDVALIDITY."""

    name: str
    role: FolderRole
    uidvalidity: int
    next: int
    """The least UID not yet looked at on the side of new mail."""
    low: int
    """The least UID looked at on the side of old mail; 1 once history is complete."""
    ledger: LedgerParts = field(default_factory=LedgerParts)
    judged: int = 0
    """UIDs with a verdict other than `pending`."""
    present: int = 0
    """Judged UIDs that the server still has."""
    pending: int = 0
    """UIDs with the verdict `pending`."""
    over_limit: int = 0
    """UIDs with the verdict `too_many_recipients` that the server still has."""
    messages: int = 0
    """EXISTS, as EXAMINE last answered."""
    uidnext: int = 0
    """UIDNEXT, as EXAMINE last answered."""
    retries: int = 0
    """Retries in a row that returned none of the pending UIDs."""
    retry_at: datetime | None = None
    """When they are asked for again; None where that is at the next sync."""
    failure: FolderFailure | None = None
    """Why the last sync could not read it; None where it could."""
    passed: Passed | None = None
    """How far the pass has come that is under way."""
    stale: bool = False
    """Whether a pass has left it out, so that all its verdicts are given again."""
    audited: Passed | None = None
    """How far the round of the deep audit has come that is under way."""
    uncounted: Uncounted | None = None
    """Why its copies do not count while it is not read; None where they do."""
    read: bool = True
    """Whether the last sync had it among the folders that are read."""

    @property
    def left_out(self) -> Uncounted | None:
        """Why its copies do not count now; None where they do, as in every folder that is read."""
        return None if self.read else self.uncounted

    @property
    def complete(self) -> bool:
        """Whether the folder's history has been looked at."""
        return self.low <= 1

    @property
    def max_listed(self) -> int:
        """How many messages an answer may list: more arrive meanwhile, and some come twice."""
        return 2 * self.messages + _LISTED_MARGIN

    @property
    def differs(self) -> bool:
        """Whether the server has more or fewer messages than the ledger."""
        return self.messages != self.present + self.pending

    def is_current(
        self,
        uidvalidity: int,
        uidnext: int,
        messages: int,
        now: datetime,
        asked_at: datetime | None = None,
    ) -> bool:
        """Tell from a folder's STATUS that a sync has nothing to do in it.

        Where UIDs below UIDNEXT were not listed, mail may arrive there: UIDNEXT was too high once.

        Parameters:
            asked_at: when a person asked for a sync.
        """
        return (
            (uidvalidity, uidnext) == (self.uidvalidity, self.uidnext)
            and self.next >= uidnext
            and messages == self.present + self.pending
            and self.complete
            and self.failure is None
            and not self.retry_is_due(now, asked_at)
        )

    def was_seen(self, uidvalidity: int, uidnext: int, messages: int) -> bool:
        """Tell from a folder's STATUS that a sync has read the folder in this state.

        While a sync is under way, it may not be through with it.
        """
        told = (uidvalidity, uidnext, messages)
        known = (self.uidvalidity, self.uidnext, self.messages)
        return told == known and self.complete and self.failure is None

    def without_verdicts(self) -> "FolderState":
        """The state of a folder that is read anew, if it ever is: its UIDVALIDITY is not known."""
        if not self.uidvalidity:
            return self
        ledger = self.ledger.begin_again()
        anew = FolderState(self.name, self.role, 0, 2, 2, ledger)
        return replace(anew, uncounted=self.uncounted, read=self.read)

    def has_passed(self, number: int) -> bool:
        """Whether a pass is through with the folder."""
        return self.passed == Passed(number, 1)

    def passed_down_to(self, number: int) -> int:
        """The least UID that a pass has looked at; `next` where it has looked at none."""
        return self.passed.low if self.passed and self.passed.number == number else self.next

    def audited_down_to(self, round: int) -> int:
        """The least UID that a round of the deep audit has judged; `next` where it has none."""
        return self.audited.low if self.audited and self.audited.number == round else self.next

    @property
    def untouched(self) -> bool:
        """Whether no UID was looked at yet."""
        return self.next == self.low and not self.judged and not self.pending

    def unjudged_new(self, uidnext: int) -> UidSet:
        """The UIDs on the side of new mail that have no verdict yet."""
        return UidSet.span(self.next, uidnext - 1)

    @property
    def unjudged_old(self) -> UidSet:
        """The UIDs on the side of old mail that have no verdict yet."""
        return UidSet.span(1, self.low - 1)

    @property
    def looked_at(self) -> UidSet:
        """Every UID below `next`."""
        return UidSet.span(1, self.next - 1)

    def advanced(
        self,
        change: Ledger,
        before: Ledger | None = None,
        *,
        next: int | None = None,
        low: int | None = None,
    ) -> "FolderState":
        """The state after a change of the ledger, without the ledger (see LedgerStore.fold).

        Parameters:
            change: the verdicts and presences that some UIDs get.
            before: those that they had, further UIDs included; None where they had none.
            next, low: where a cursor moves.
        """
        named = change.named
        was = before.only(named) if before is not None else Ledger()
        newly_pending = bool(change.pending - was.pending)
        return replace(
            self,
            next=self.next if next is None else next,
            low=self.low if low is None else low,
            judged=self.judged + len(change.judged) - len(was.judged),
            present=self.present + len(change.present) - len(was.present),
            pending=self.pending + len(change.pending) - len(was.pending),
            over_limit=self.over_limit + len(_over_limit(change)) - len(_over_limit(was)),
            retries=0 if newly_pending else self.retries,
            retry_at=None if newly_pending else self.retry_at,
        )

    def recounted(self, ledger: Ledger) -> "FolderState":
        """The state with the numbers that its ledger gives."""
        return replace(
            self,
            judged=len(ledger.judged),
            present=len(ledger.present),
            pending=len(ledger.pending),
            over_limit=len(_over_limit(ledger)),
        )

    def retry_is_due(self, now: datetime, asked_at: datetime | None = None) -> bool:
        """Whether pending UIDs are to be asked for now.

        Parameters:
            asked_at: when a person asked for it: it is due if the last retry began before.
        """
        if not self.pending or self.retry_at is None:
            return self.pending > 0
        began_at = self.retry_at - _retry_pause(self.retries - 1)
        return now >= self.retry_at or (asked_at is not None and began_at < asked_at)

    def retrying(self, now: datetime) -> "FolderState":
        """The state while pending UIDs are retried: each retry comes after a longer pause."""
        retry_at = now + _retry_pause(self.retries)
        return replace(self, retries=self.retries + 1, retry_at=retry_at)

    def retry_order(self, uids: UidSet) -> Sequence[int]:
        """Pending UIDs in the order in which they are asked for.

        Each time begins at another UID, so that one at which functions die, or many that the
        server does not return, hide no other.
        """
        ordered = list(uids)
        step = _RETRY_STEP if len(ordered) > _RETRY_STEP else 1
        first = self.retries * step % len(ordered) if ordered else 0
        return ordered[first:] + ordered[:first]


def _over_limit(ledger: Ledger) -> UidSet:
    return ledger.of(Verdict.TOO_MANY_RECIPIENTS) & ledger.present


def _retry_pause(retries: int) -> timedelta:
    """The pause after so many retries and one more."""
    pause = timedelta(minutes=_RETRY_MINUTES << min(max(retries, 0), 16))
    return min(pause, _MAX_RETRY_PAUSE)


@dataclass(frozen=True, slots=True)
class Difference:
    """What the server's list and the ledger do not agree on."""

    missed: UidSet
    """On the server, without a verdict, or gone."""
    left: UidSet
    """Present in the ledger, not listed by the server."""
    returned: UidSet
    """Removed in the ledger, listed by the server."""


def difference(ledger: Ledger, listed: UidSet) -> Difference:
    """Compare the ledger with the UIDs that the server lists."""
    known = ledger.present | ledger.removed | ledger.pending
    return Difference(
        missed=listed - known, left=ledger.present - listed, returned=ledger.removed & listed
    )
