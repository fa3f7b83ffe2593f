"""Requests about a mailbox: sync now, pause, go on, move its window, disconnect, erase."""

from dataclasses import replace
from datetime import date, datetime

from mailmirror.aws.queues import MatchJob, SyncJob
from mailmirror.domain.mailbox import AccountId, Mailbox, MailboxId, MailboxStatus
from mailmirror.domain.problems import Code, Refused
from mailmirror.observing import log_erasure
from mailmirror.runtime import Runtime
from mailmirror.store.table import ConditionFailed
from mailmirror.usecases.cards.acting_user import viewer
from mailmirror.usecases.mailboxes.read_mailbox import is_paused

_ATTEMPTS = 5
EARLIEST_DAY = date(1970, 1, 1)
"""IMAP servers keep INTERNALDATE as seconds since then."""


def request_sync(
    account: AccountId, id: str, runtime: Runtime, *, everything: bool = False
) -> Mailbox:
    """Queue a sync of a mailbox now, which tries its pending messages again.

    Parameters:
        everything: whether it also judges again what is not mirrored.

    Raises:
        Refused: it is not there, not connected, or paused.
    """
    mailbox = _find(account, id, runtime)
    if mailbox.status is not MailboxStatus.CONNECTED:
        raise Refused(Code.MAILBOX_DISCONNECTED)
    if is_paused(mailbox, runtime):
        raise Refused(Code.MAILBOX_PAUSED)
    if everything:
        runtime.mailboxes.ask_for_everything(mailbox, runtime.now())
    runtime.sync_queue.send([SyncJob(account, mailbox.key.mailbox, runtime.now())])
    return mailbox


def request_audit(mailbox: Mailbox, runtime: Runtime) -> None:
    """Have the whole mailbox audited deeply, by the next sync and those that go on from it.

    Raises:
        Refused: it is not connected, or paused.
    """
    if mailbox.status is not MailboxStatus.CONNECTED:
        raise Refused(Code.MAILBOX_DISCONNECTED)
    if is_paused(mailbox, runtime):
        raise Refused(Code.MAILBOX_PAUSED)
    key = mailbox.key
    runtime.mailboxes.ask_for_audit(mailbox, runtime.now())
    runtime.sync_queue.send([SyncJob(key.account, key.mailbox)])


def check_window(since: date, now: datetime) -> None:
    """Check a first day of a window.

    Raises:
        Refused: it is before 1970 or after today.
    """
    if not EARLIEST_DAY <= since <= now.date():
        raise Refused(Code.INVALID_FIELD, "history_since: a day from 1970-01-01 to today")


def change_window(mailbox: Mailbox, since: date, runtime: Runtime) -> None:
    """Move the first day of a mailbox's window, and queue a sync that judges old mail by it.

    Raises:
        Refused: see `check_window`; or the mailbox is not connected.
    """
    check_window(since, runtime.now())
    if mailbox.status is not MailboxStatus.CONNECTED:
        raise Refused(Code.MAILBOX_DISCONNECTED)
    if since != mailbox.history_since:
        runtime.mailboxes.set_window(replace(mailbox, history_since=since))
        runtime.sync_queue.send([SyncJob(mailbox.key.account, mailbox.key.mailbox)])


def set_paused(mailbox: Mailbox, runtime: Runtime, *, paused: bool) -> None:
    """Pause a mailbox, or go on reading it, which queues a sync at once.

    A sync that runs when it is paused ends as it would: when all is read, or when its function's
    time is over. What is left then is not continued.

    Raises:
        Refused: it is not connected.
    """
    if mailbox.status is not MailboxStatus.CONNECTED:
        raise Refused(Code.MAILBOX_DISCONNECTED)
    entry = runtime.due.find(mailbox)
    if paused:
        runtime.due.pause(mailbox, runtime.now())
    elif entry and entry.due.paused_since:
        runtime.due.resume(mailbox, runtime.now())
        queue = runtime.sync_queue if entry.synced else runtime.first_sync_queue
        queue.send([SyncJob(mailbox.key.account, mailbox.key.mailbox)])


def disconnect(account: AccountId, id: str, runtime: Runtime) -> Mailbox:
    """Stop syncing a mailbox and delete its credential; its mail stays.

    Raises:
        Refused: it is not there, or being erased.
    """
    mailbox = _find(account, id, runtime)
    if mailbox.status is MailboxStatus.ERASING:
        raise Refused(Code.MAILBOX_BUSY)
    try:
        runtime.mailboxes.disconnect(mailbox)
    except ConditionFailed as error:
        raise Refused(Code.MAILBOX_BUSY) from error
    return _find(account, id, runtime)


def erase(account: AccountId, user: str | None, id: str, runtime: Runtime) -> Mailbox:
    """Disconnect a mailbox of the acting user's and erase its mail, which is hidden at once.

    The log names who has asked for it.

    Raises:
        Refused: there is no such user, or they own no such mailbox.
    """
    owner = viewer(account, user, runtime).user
    mailbox = _find(account, id, runtime)
    if mailbox.owner != owner:
        raise Refused(Code.NOT_FOUND)
    log_erasure(mailbox.key, owner)
    if mailbox.status is not MailboxStatus.ERASING:
        mailbox = _begin_erasing(mailbox, runtime)
    runtime.thread_queue.send([MatchJob(account)])  # the address is no longer of the team
    runtime.sync_queue.send([SyncJob(account, mailbox.key.mailbox)])
    return mailbox


def _begin_erasing(mailbox: Mailbox, runtime: Runtime) -> Mailbox:
    for _ in range(_ATTEMPTS):
        try:
            return runtime.mailboxes.begin_erasing(mailbox, runtime.now())
        except ConditionFailed:
            continue  # the log's head has moved: events come in
    raise Refused(Code.MAILBOX_BUSY)


def _find(account: AccountId, id: str, runtime: Runtime) -> Mailbox:
    mailbox = runtime.mailboxes.find(account, MailboxId(id), consistent=True)
    if mailbox is None:
        raise Refused(Code.NOT_FOUND)
    return mailbox
