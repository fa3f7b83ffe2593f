"""How far a card can be trusted: for whom, and as of when, it is complete."""

from dataclasses import dataclass
from datetime import datetime

from mailmirror.domain.mailbox import Due, MailboxId, MailboxState
from mailmirror.domain.problems import PROBLEMS, Code


@dataclass(frozen=True, slots=True)
class MailboxCoverage:
    """Whether all that a mailbox has for a card is on it."""

    mailbox: MailboxId
    complete: bool
    as_of: datetime | None
    """When the server last confirmed that there is nothing else."""
    progress: int
    """How much of the mailbox has been judged, in percent."""
    reason: str | None
    remedy: str | None


_REASONS = {
    MailboxState.FIRST_SYNC: ("The first sync is at {progress} %.", "Wait until it is done."),
    MailboxState.DISCONNECTED: (
        "The mailbox is disconnected: newer mail is missing.",
        "Connect it again.",
    ),
    MailboxState.ERASING: ("The mailbox's mail is being erased.", "Nothing to do."),
}


_LATE = (
    "The CRM has told of this after the mailbox was first synced: earlier mail is not looked for"
    " again yet.",
    "Nothing to do for newer mail, which is on the card.",
)


def mailbox_coverage(
    mailbox: MailboxId,
    state: MailboxState,
    problem: Code | None,
    due: Due | None,
    progress: int,
    *,
    late: bool = False,
) -> MailboxCoverage:
    """Say what a mailbox's part of a card is worth.

    Parameters:
        late: whether the card's person or deal has changed after the mailbox's old mail was
            judged.
    """
    as_of = due.last_success_at if due else None
    if problem is not None:
        explanation = PROBLEMS[problem]
        began = due and _began(problem, due)
        since = f" Since {began:%Y-%m-%d %H:%M} UTC." if began else ""
        reason, remedy = explanation.reason + since, explanation.remedy
        return MailboxCoverage(mailbox, False, as_of, progress, reason, remedy)
    if state in _REASONS:
        reason, remedy = _REASONS[state]
        return MailboxCoverage(
            mailbox, False, as_of, progress, reason.format(progress=progress), remedy
        )
    if late:
        return MailboxCoverage(mailbox, False, as_of, progress, *_LATE)
    return MailboxCoverage(mailbox, True, as_of, progress, None, None)


def _began(problem: Code, due: Due) -> datetime | None:
    match problem:
        case Code.NEWS_WAITING:
            return due.news_since
        case Code.POLL_OVERDUE:
            return due.due_at
        case _:
            return due.failing_since


@dataclass(frozen=True, slots=True)
class FeedCoverage:
    """Whether all that the CRM has told us is known here."""

    complete: bool
    as_of: datetime | None
    reason: str | None
    remedy: str | None


def feed_coverage(as_of: datetime | None, refused: int) -> FeedCoverage:
    """Say what the CRM's side of a card is worth."""
    if as_of is None:
        return FeedCoverage(
            False,
            None,
            "The CRM has not sent any event yet.",
            "Point the CRM's webhook at this deployment.",
        )
    if refused:
        events = "An event" if refused == 1 else f"{refused} events"
        return FeedCoverage(
            False,
            as_of,
            f"{events} of the CRM's could not be applied.",
            "Correct them as `GET /v1/events/refused` says, and send them again by the same ids.",
        )
    return FeedCoverage(True, as_of, None, None)
