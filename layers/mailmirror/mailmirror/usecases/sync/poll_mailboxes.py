"""Ask mail servers whether there is news, many at once, and queue a sync where there is."""

from collections.abc import Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailmirror.aws.queues import MatchJob, PollJob, SyncJob
from mailmirror.domain.folder_choice import FolderChoice
from mailmirror.domain.folder_slices import NOT_FOUND, marks, slice_hashes, slice_of, slices_in_turn
from mailmirror.domain.mailbox import (
    POLL_INTERVAL,
    AccountId,
    FolderRole,
    Mailbox,
    MailboxStatus,
    is_news,
)
from mailmirror.domain.problems import Code, Refused
from mailmirror.observing import log_failure
from mailmirror.runtime import Runtime
from mailmirror.store.due import DueEntry
from mailmirror.usecases.mailboxes.server_sign_in import signed_in

FIRST_SYNC_PAUSE = timedelta(minutes=5)
"""Until a first sync or an erasure is queued again whose continuation was lost."""
STALE_AFTER = timedelta(minutes=2)
"""The schedule queues what is due once a minute: by then it has queued the same mailboxes anew."""
_MATCH_MINUTES = 10
"""How often a poll looks for changes of deals and persons that no run works off."""
SESSION_SECONDS = 45.0
"""How long a server may take: others wait for the same function."""


def poll_mailboxes(job: PollJob, runtime: Runtime, received: int = 1) -> None:
    """Poll mailboxes; a failure of one server is stored on its mailbox alone.

    A stale job that comes for the first time has waited in the queue, and is dropped: of an outage
    of the pollers only the newest jobs are left to do. One that comes again has failed, or its
    function has died of it: the mailboxes that no later job has polled are polled, so that a job
    that kills its function ends in the dead-letter queue.

    Parameters:
        received: how often the queue has delivered the job, this time included.
    """
    now = runtime.now()
    stale = now - job.at > STALE_AFTER
    if stale and received == 1:
        runtime.count("PollsStale")
        return
    at = now if stale else job.at
    found = {one.key.mailbox: one for one in runtime.mailboxes.find_many(list(job.mailboxes))}
    for key in job.mailboxes:
        if key.mailbox not in found:  # an erasure that was cut off left its entry
            runtime.due.delete_everywhere(key)
    entries = runtime.due.find_many(found.values())
    if stale:
        entries = {id: entry for id, entry in entries.items() if entry.due.due_at <= now}
    polled = [
        (found[id], entry)
        for id, entry in entries.items()
        if id in found and entry.due.paused_since is None
    ]
    if not polled:
        return
    with ThreadPoolExecutor(len(polled)) as pool:
        list(pool.map(lambda one: _poll(one[0], one[1], at, runtime), polled))
    if at.minute % _MATCH_MINUTES == 0:
        _match_what_waits({mailbox.key.account for mailbox, _ in polled}, runtime)


def _match_what_waits(accounts: Set[AccountId], runtime: Runtime) -> None:
    """Queue a job for accounts whose log is not worked off: the job of a change may be lost."""
    for account in accounts:
        heads = runtime.change_log.heads(account, consistent=False)
        if runtime.matching.read(account).is_behind(heads):
            runtime.thread_queue.send([MatchJob(account)])


def _poll(mailbox: Mailbox, entry: DueEntry, at: datetime, runtime: Runtime) -> None:
    """Ask one server. Where there is news, the sync reports success or failure.

    Copies that the server withheld, and which are to be asked for again now, count as news.
    """
    job = SyncJob(mailbox.key.account, mailbox.key.mailbox)
    if mailbox.status is MailboxStatus.ERASING or not entry.synced:
        runtime.due.queued(mailbox, at + FIRST_SYNC_PAUSE)
        runtime.first_sync_queue.send([job])
        return
    try:
        asked = _ask(mailbox, entry, at, runtime)
    except Exception as error:
        if not isinstance(error, Refused):
            log_failure(error)
            error = Refused(Code.INTERNAL_ERROR)
        runtime.due.failed(mailbox, entry.due.failures, error, at)
        runtime.count("PollsFailed")
        return
    if (
        asked.news
        or (entry.retry_at is not None and at >= entry.retry_at)
        or _has_late_facts(mailbox, entry, at, runtime)
    ):
        runtime.due.found_news(mailbox, at + POLL_INTERVAL, at)
        runtime.sync_queue.send([job])
    else:
        runtime.due.polled(mailbox, at, asked.slices_at)
    runtime.count("PollsWithNews" if asked.news else "PollsWithoutNews")


def _has_late_facts(mailbox: Mailbox, entry: DueEntry, at: datetime, runtime: Runtime) -> bool:
    """Whether people or rules have changed since the last finished sync, which looks at them."""
    account = runtime.accounts.find(mailbox.key.account)
    if account is None:
        return False
    head = runtime.change_log.heads(account.id, consistent=False).judging
    basis = account.basis(head, mailbox)
    if basis.rules != entry.rules:
        return True
    return head > entry.log_line and (entry.look_at is None or at >= entry.look_at)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a server has answered to a poll."""

    news: bool
    slices_at: Sequence[datetime]
    """When the folders of each slice were last asked for."""


def _ask(mailbox: Mailbox, entry: DueEntry, at: datetime, runtime: Runtime) -> _Asked:
    """Compare each folder's STATUS with that of the last sync; a missing folder is news.

    Inbox, Sent and `\\All` at each poll; the other folders in slices.
    """
    with signed_in(mailbox, runtime, SESSION_SECONDS) as session:
        watched = [FolderChoice(name, FolderRole.OTHER) for name in entry.seen]
        listed = session.folders(with_status=True)
        others = [one for one in listed if one.name not in entry.seen]
        slices = len(entry.slices)
        turn = _turn(others, session.told_by_list, slices, at) if slices else frozenset()
        others = [one for one in others if slices and slice_of(one.name, slices) in turn]
        statuses = session.statuses([*watched, *others])
    news = any(
        status is None or is_news(seen, status.uidvalidity, status.uidnext, status.messages)
        for name, seen in entry.seen.items()
        for status in [statuses[name]]
    )
    told = {
        one.name: marks(status.uidvalidity, status.uidnext, status.messages)
        if status
        else NOT_FOUND
        for one in others
        for status in [statuses[one.name]]
    }
    hashes = slice_hashes(told, slices)
    news = news or any(hashes[number] != entry.slices[number] for number in turn)
    before = entry.slices_at or [entry.due.last_success_at or at] * slices
    return _Asked(news, [at if one in turn else asked for one, asked in enumerate(before)])


def _turn(folders: Sequence[FolderChoice], told: Set[str], slices: int, at: datetime) -> Set[int]:
    """The slices that a poll asks for: those in turn, and those that LIST has told whole."""
    untold = {slice_of(one.name, slices) for one in folders if one.name not in told}
    in_turn = slices_in_turn(int(at.timestamp()) // 60, slices)
    return in_turn | (set(range(slices)) - untold)
