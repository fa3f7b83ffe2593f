"""What is wrong with a mailbox: itself, its folders, and the messages that could not be read."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from mailmirror.domain.contained import Cause, Contained
from mailmirror.domain.containment import Place
from mailmirror.domain.folder import FolderState
from mailmirror.domain.ledger import Ledger
from mailmirror.domain.mailbox import Mailbox
from mailmirror.domain.problems import Code
from mailmirror.domain.uids import UidSet
from mailmirror.domain.verdict import Verdict
from mailmirror.runtime import Runtime
from mailmirror.store.contained import StoredContained
from mailmirror.usecases.mailboxes.read_mailbox import report

MAX_LISTED = 100
"""Messages of a list; the others are counted."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something of a mailbox that fails, or that could not be read."""

    code: Code | Cause
    detail: str = ""
    since: datetime | None = None
    next_try_at: datetime | None = None
    """None where it is not tried again."""
    folder: str | None = None
    """The name of the folder that fails, or that a message is in."""
    uid: int | None = None
    """Of a message."""
    contained: Contained | None = None
    """What is known of a message."""


@dataclass(frozen=True, slots=True)
class Problems:
    listed: Sequence[Problem]
    further: int
    """Messages that are not listed."""


def list_problems(mailbox: Mailbox, runtime: Runtime) -> Problems:
    """List a mailbox's problems, its own first, then its folders', then its messages'.

    Of the messages those that are tried again come first, and those that are unreadable last. Two
    requests more than reading the mailbox, and its whole ledger, as its owner reads the mailbox.
    """
    (read,) = report([mailbox], runtime)
    due = read.due
    next_poll = due.next_poll_at if due else None
    found: list[Problem] = []
    if read.problem is not None and read.problem is not Code.MESSAGES_PENDING:
        detail = due.error_detail if due and due.error is read.problem else ""
        since = due.failing_since if due and due.error is read.problem else None
        found.append(Problem(read.problem, detail, since, next_poll))
    if due and due.sending_error:
        found.append(Problem(due.sending_error, due.sending_detail))
    messages: list[Problem] = []
    unreadable: list[Problem] = []
    count = 0
    contained = {one.place: one for one in runtime.contained.list_all(mailbox.key)}
    for id, folder in runtime.folders.read_all(mailbox.key).items():
        state = folder.state
        if (failure := state.failure) is not None:
            detail, since = failure.detail, failure.since
            found.append(Problem(failure.code, detail, since, next_poll, folder=state.name))
        if state.left_out:
            continue  # its messages are not tried again, and are on no card
        if current := runtime.ledgers.read_current(mailbox.key, id, state):
            messages += _of_folder(id, *current, contained, next_poll)
            uids = current[1].of(Verdict.UNREADABLE) & current[1].present
            count += len(uids)
            unreadable += [
                Problem(Cause.UNREADABLE, folder=state.name, uid=uid)
                for uid in islice(uids, MAX_LISTED)
            ]
    count += len(messages)
    return Problems([*found, *(messages + unreadable)[:MAX_LISTED]], max(0, count - MAX_LISTED))


def _of_folder(
    id: str,
    folder: FolderState,
    ledger: Ledger,
    contained: Mapping[Place, StoredContained],
    next_poll: datetime | None,
) -> Iterator[Problem]:
    """The messages of a folder that are pending, or mirrored by their headers."""
    by_headers = UidSet.of(
        place.uid
        for place, one in contained.items()
        if (place.folder, place.uidvalidity) == (id, folder.uidvalidity)
        and one.contained.cause is Cause.HEADERS_ONLY
    )
    for uid in ledger.pending | (by_headers & ledger.of(Verdict.MIRRORED) & ledger.present):
        stored = contained.get(Place(id, folder.uidvalidity, uid))
        known = stored.contained if stored else Contained(Cause.NOT_RETURNED)
        is_pending = uid in ledger.pending
        yield Problem(
            known.cause,
            since=stored.since if stored else None,
            next_try_at=next_poll and (folder.retry_at or next_poll) if is_pending else None,
            folder=folder.name,
            uid=uid,
            contained=known,
        )
