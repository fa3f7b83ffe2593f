"""How far a card can be trusted: for whom, and as of when, it is complete."""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from mailmirror.domain.coverage_limits import Limit
from mailmirror.domain.mailbox import Due, MailboxId, MailboxState
from mailmirror.domain.problems import Code


class Gap(StrEnum):
    """Why a card may lack mail, where no problem of a mailbox is the reason."""

    NO_MAILBOX = "no_mailbox"
    """The viewer has no mailbox whose mail could be shown."""
    FIRST_SYNC = "first_sync"
    PAUSED = "paused"
    DISCONNECTED = "disconnected"
    ERASING = "erasing"
    LATE_FACTS = "late_facts"
    """The CRM sent the person or deal after the mailbox's old mail was judged."""
    THREAD_PENDING = "thread_pending"
    """A thread was put on the deal, and not all its messages are there yet."""
    MATCHES_PENDING = "matches_pending"
    """The deal or a contact of it has changed, and not all threads are matched again yet."""
    FEED_SILENT = "feed_silent"
    """The CRM has not sent any event."""
    EVENTS_REFUSED = "events_refused"
    EVENTS_WAITING = "events_waiting"
    """Events of the CRM were accepted that are not applied yet."""
    ENTRIES_UNREAD = "entries_unread"
    """Addresses of the person, or contacts of the deal, that the CRM sent could not be read."""


@dataclass(frozen=True, slots=True)
class MailboxCoverage:
    """Whether every message that a mailbox has for a card is on it."""

    mailbox: MailboxId
    as_of: datetime | None
    """When a poll or sync last found that the server has no mail without a verdict."""
    progress: int
    """Share of the mailbox's UIDs that have a verdict, in percent."""
    gap: Gap | Code | None = None
    since: datetime | None = None
    """When a problem or a pause began, where that is known."""
    contained: int = 0
    """Messages that could not be read, and are tried again: `pending` in its ledger."""
    history_since: date | None = None
    """The first day of its window, in UTC; None where no mail was read yet."""
    limits: Set[Limit] = frozenset()
    """What else may be missing although it is complete, or be there."""
    late: bool = False
    """Whether the gap `late_facts` stands behind `gap`."""

    @property
    def gaps(self) -> Sequence[Gap | Code]:
        """All gaps, `gap` first."""
        return [*([self.gap] if self.gap else []), *([Gap.LATE_FACTS] if self.late else [])]

    @property
    def complete(self) -> bool:
        return self.gap is None


_NOT_JUDGED_AGAIN = (MailboxState.FIRST_SYNC, MailboxState.ERASING)
"""States of a mailbox whose mail is just being judged for the first time, or erased."""
_GAPS = {
    MailboxState.FIRST_SYNC: Gap.FIRST_SYNC,
    MailboxState.PAUSED: Gap.PAUSED,
    MailboxState.DISCONNECTED: Gap.DISCONNECTED,
    MailboxState.ERASING: Gap.ERASING,
}


def mailbox_coverage(
    mailbox: MailboxId,
    state: MailboxState,
    problem: Code | None,
    due: Due | None,
    progress: int,
    *,
    late: bool = False,
    last_success_at: datetime | None = None,
    contained: int = 0,
    history_since: date | None = None,
    limits: Set[Limit] = frozenset(),
) -> MailboxCoverage:
    """The coverage of one mailbox.

    Parameters:
        problem: what keeps the mailbox from being read; it comes before the state.
        progress: in percent.
        late: whether the card's person or deal changed after the mailbox's old mail was judged.
        last_success_at: where the mailbox has no schedule entry any more.
        contained: messages that could not be read.
        history_since: the first day of its window.
        limits: within which it is read, as the viewer may know.
    """
    as_of = due.last_success_at if due else last_success_at
    since = _began(problem, due) if due else None
    gap = problem or _GAPS.get(state, Gap.LATE_FACTS if late else None)
    behind = late and gap is not Gap.LATE_FACTS and state not in _NOT_JUDGED_AGAIN
    return MailboxCoverage(
        mailbox, as_of, progress, gap, since, contained, history_since, limits, behind
    )


def _began(problem: Code | None, due: Due) -> datetime | None:
    match problem:
        case None:
            return due.paused_since
        case Code.NEWS_WAITING:
            return due.news_since
        case Code.POLL_OVERDUE:
            return due.due_at
        case _:
            return due.failing_since


@dataclass(frozen=True, slots=True)
class FeedCoverage:
    """Whether everything that the CRM sent has been applied."""

    as_of: datetime | None
    """Until when everything that was accepted has been applied: the time of the last event that was
    applied, or of its acceptance where others wait behind it."""
    refused: int
    """Events that were refused, not sent again and not closed, up to MAX_COUNTED_GAPS."""
    waiting: bool = False
    """Whether accepted events are not applied yet."""

    @property
    def gaps(self) -> Sequence[Gap]:
        """All gaps: those that wait before those that were refused, which may become more."""
        unread = Gap.EVENTS_WAITING if self.waiting else Gap.FEED_SILENT
        silent = self.waiting or self.as_of is None
        return [*([unread] if silent else []), *([Gap.EVENTS_REFUSED] if self.refused else [])]

    @property
    def gap(self) -> Gap | None:
        return next(iter(self.gaps), None)

    @property
    def complete(self) -> bool:
        return self.gap is None


GAP_ORDER: Sequence[Gap] = (
    *(Gap.NO_MAILBOX, Gap.DISCONNECTED, Gap.PAUSED, Gap.ERASING, Gap.FIRST_SYNC),
    *(Gap.FEED_SILENT, Gap.EVENTS_WAITING, Gap.EVENTS_REFUSED, Gap.ENTRIES_UNREAD),
    *(Gap.LATE_FACTS, Gap.MATCHES_PENDING, Gap.THREAD_PENDING),
)
"""In which order gaps are named, and the first explained: behind the problems of mailboxes, first
what leaves out most, then what a person can mend, then what stays, and at last what passes within
a minute."""


def _rank(gap: Gap | Code | None) -> int:
    return GAP_ORDER.index(gap) + 1 if isinstance(gap, Gap) else 0


@dataclass(frozen=True, slots=True)
class Coverage:
    """Whether a card shows everything: of each mailbox that the viewer may read, and of the CRM."""

    mailboxes: Sequence[MailboxCoverage]
    feed: FeedCoverage
    thread_pending: bool = False
    """Whether messages of a thread are just being put on the deal."""
    matches_pending: bool = False
    """Whether threads are just being matched with the deal again."""
    unread: int = 0
    """Addresses of the person, or contacts of the deal, that could not be read."""

    @property
    def gap(self) -> Gap | None:
        """Why the card as a whole may lack mail, where no mailbox and not the feed is the cause."""
        return next((one for one in self._own if one is not Gap.ENTRIES_UNREAD), None)

    @property
    def _own(self) -> Sequence[Gap]:
        """The gaps of the card as a whole."""
        holds = {
            Gap.NO_MAILBOX: not self.mailboxes,
            Gap.ENTRIES_UNREAD: self.unread > 0,
            Gap.MATCHES_PENDING: self.matches_pending,
            Gap.THREAD_PENDING: self.thread_pending,
        }
        return [gap for gap, does in holds.items() if does]

    @property
    def gaps(self) -> Sequence[Gap | Code]:
        """Every gap of its mailboxes, of the feed and of the card as a whole, each once.

        Problems of mailboxes come first, and then the others as in GAP_ORDER.
        """
        found = [gap for one in self.mailboxes for gap in one.gaps]
        found += [*self.feed.gaps, *self._own]
        return sorted(dict.fromkeys(found), key=_rank)

    @property
    def cause(self) -> Gap | MailboxCoverage | FeedCoverage | None:
        """The first of the gaps, or the part that has it; None where the card is complete."""
        parts: list[MailboxCoverage | FeedCoverage] = [*self.mailboxes, self.feed]
        for gap in self.gaps:
            own = gap if isinstance(gap, Gap) else None
            return next((part for part in parts if part.gap is gap), own)
        return None

    @property
    def complete(self) -> bool:
        return not self.gaps
