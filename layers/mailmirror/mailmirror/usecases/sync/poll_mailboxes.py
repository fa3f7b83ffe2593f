"""Ask mail servers whether there is news, many at once, and queue a sync where there is."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from mailmirror.aws.queues import PollJob, SyncJob
from mailmirror.domain.folder_slices import slice_hashes
from mailmirror.domain.mailbox import (
    POLL_INTERVAL,
    FolderRole,
    Mailbox,
    MailboxStatus,
    is_news,
)
from mailmirror.domain.problems import Code, Refused
from mailmirror.mail.imap.folders import RemoteFolder
from mailmirror.mail.imap.session import ImapSession
from mailmirror.runtime import Runtime, log_failure
from mailmirror.store.due import DueEntry
from mailmirror.usecases.mailboxes.server_sign_in import signed_in

FIRST_SYNC_PAUSE = timedelta(minutes=5)
"""Until a first sync or an erasure is queued again whose continuation was lost."""
STALE_AFTER = timedelta(minutes=2)
"""The schedule queues what is due once a minute: by then it has queued the same mailboxes anew."""
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
    polled = [(found[id], entry) for id, entry in entries.items() if id in found]
    if not polled:
        return
    with ThreadPoolExecutor(len(polled)) as pool:
        list(pool.map(lambda one: _poll(one[0], one[1], at, runtime), polled))


def _poll(mailbox: Mailbox, entry: DueEntry, at: datetime, runtime: Runtime) -> None:
    """Ask one server. Where there is news, the sync reports success or failure.

    Copies that the server withheld, and which are to be asked for again now, count as news.
    """
    job = SyncJob(mailbox.key.account, mailbox.key.mailbox)
    if mailbox.status is MailboxStatus.ERASING or not entry.seen:
        runtime.due.queued(mailbox, at + FIRST_SYNC_PAUSE)
        runtime.first_sync_queue.send([job])
        return
    try:
        retry = entry.retry_at is not None and at >= entry.retry_at
        news = retry or _has_news(mailbox, entry, runtime)
    except Exception as error:
        if not isinstance(error, Refused):
            log_failure(error)
            error = Refused(Code.INTERNAL_ERROR)
        runtime.due.failed(mailbox, entry.due.failures, error, at)
        runtime.count("PollsFailed")
        return
    if news:
        runtime.due.found_news(mailbox, at + POLL_INTERVAL, at)
        runtime.sync_queue.send([job])
    else:
        runtime.due.polled(mailbox, at)
    runtime.count("PollsWithNews" if news else "PollsWithoutNews")


def _has_news(mailbox: Mailbox, entry: DueEntry, runtime: Runtime) -> bool:
    """Compare each folder's STATUS with that of the last sync; a missing folder is news."""
    with signed_in(mailbox, runtime, SESSION_SECONDS) as session:
        for name, seen in entry.seen.items():
            status = session.status(RemoteFolder(name, FolderRole.INBOX))
            if status is None or is_news(seen, status.uidvalidity, status.uidnext, status.messages):
                return True
        return bool(entry.slices) and _slices(session, len(entry.slices)) != entry.slices


def _slices(session: ImapSession, slices: int) -> Sequence[int]:
    """The hashes of the other folders, as the server has them now."""
    others = [folder for folder in session.folders() if folder.role is FolderRole.OTHER]
    statuses = {folder.name: session.status(folder) for folder in others}
    marks = {
        name: (one.uidvalidity, one.uidnext) if one else (0, 0) for name, one in statuses.items()
    }
    return slice_hashes(marks, slices)
