"""Sync one mailbox.

job ─► lease ─► sign in ─► each folder ─► due entry ─► release ─► (continuation)
         │held                │failed: the error is the mailbox's, and it is polled later
         └► nothing to do     │out of time: the rest is a new job
"""

from collections.abc import Mapping
from datetime import datetime

from mailmirror.domain.mailbox import Mailbox, MailboxStatus, Seen
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.verdict import Rules
from mailmirror.mail.imap import Status
from mailmirror.runtime import Runtime
from mailmirror.store.queues import SyncJob
from mailmirror.store.sync_state import FolderState, Lease, LeaseHeld, LeaseLost, SyncState
from mailmirror.usecases.crm import CrmView
from mailmirror.usecases.erase_mailbox import erase_mailbox
from mailmirror.usecases.sign_in import signed_in
from mailmirror.usecases.sync_folder import FolderSync, OutOfTime, begun, folder_id

SOCKET_GRACE_SECONDS = 10.0
"""How long after its deadline a sync may still wait for the server."""


def sync_mailbox(job: SyncJob, runtime: Runtime, until: datetime) -> None:
    """Sync a mailbox, or go on erasing it, until it is done or `until` has come.

    A sync that finds the lease held, or loses it, ends well and does nothing more.
    """
    mailbox = runtime.mailboxes.find(job.account, job.mailbox, consistent=True)
    if mailbox is None or mailbox.status is MailboxStatus.DISCONNECTED:
        return
    try:
        lease, state = runtime.sync_states.take(mailbox.key, runtime.now())
    except LeaseHeld:
        runtime.count("LeaseHeld")
        return
    try:
        if mailbox.status is MailboxStatus.ERASING:
            done = erase_mailbox(mailbox, lease, state.stale_until, runtime, until)
        else:
            done = _sync(mailbox, lease, state, runtime, until)
    except LeaseLost:
        runtime.count("LeaseLost")
        return
    if not done:
        queue = runtime.sync_queue if state.first_sync_done else runtime.first_sync_queue
        queue.send([job])
        runtime.count("Continuations")


def _sync(
    mailbox: Mailbox, lease: Lease, state: SyncState, runtime: Runtime, until: datetime
) -> bool:
    """Sync, keep the outcome and release the lease; tell whether nothing is left."""
    begun_at = runtime.now()
    try:
        folders = _sync_folders(mailbox, lease, state, runtime, until)
    except OutOfTime:
        runtime.sync_states.release(lease, first_sync_done=state.first_sync_done)
        return False
    except Refused as refusal:
        if runtime.now() >= until:  # our own deadline, met while the server was answering
            runtime.sync_states.release(lease, first_sync_done=state.first_sync_done)
            return False
        _failed(mailbox, lease, state, refusal, runtime)
        return True
    except LeaseLost:
        raise
    except Exception:
        _failed(mailbox, lease, state, Refused(Code.INTERNAL_ERROR), runtime)
        raise
    seen = {
        folder.name: Seen(folder.uidvalidity, folder.next, folder.present)
        for folder in folders.values()
    }
    runtime.due.synced(mailbox.key, seen, begun_at)
    runtime.sync_states.release(lease, first_sync_done=True)
    runtime.count("SyncsDone")
    return True


def _failed(
    mailbox: Mailbox, lease: Lease, state: SyncState, refusal: Refused, runtime: Runtime
) -> None:
    """Make the failure the mailbox's error, whoever has to do with it."""
    entry = runtime.due.find(mailbox.key)
    if entry is not None:
        runtime.due.failed(mailbox, entry.due.failures, refusal, runtime.now())
    runtime.sync_states.release(lease, first_sync_done=state.first_sync_done)
    runtime.count("SyncsFailed")


def _sync_folders(
    mailbox: Mailbox, lease: Lease, state: SyncState, runtime: Runtime, until: datetime
) -> Mapping[str, FolderState]:
    """Sync each folder. The log's head is read before people are, and people before any header."""
    account = runtime.accounts.find(mailbox.key.account)
    if account is None:
        raise Refused(Code.NOT_FOUND, "account")
    if not state.first_sync_done:
        head = runtime.change_log.head(account.id)
        runtime.sync_states.start_log(lease, head, runtime.now())
    view = CrmView(account, runtime)
    rules = Rules(mailbox.history_since, account.max_recipients)
    synced: dict[str, FolderState] = {}
    seconds = (until - runtime.now()).total_seconds() + SOCKET_GRACE_SECONDS
    with signed_in(mailbox, runtime, seconds) as session:
        for folder in session.folders():
            status = session.examine(folder)
            id = folder_id(mailbox, folder)
            known = _still_known(state.folders.get(id), status)
            sync = FolderSync(
                session=session,
                lease=lease,
                id=id,
                folder=known or begun(folder, status),
                saved=known,
                rules=rules,
                view=view,
                runtime=runtime,
                until=until,
            )
            synced[id] = sync.run(status)
            lease = sync.lease
    _forget_renamed(lease, state, synced, runtime)
    return synced


def _still_known(known: FolderState | None, status: Status) -> FolderState | None:
    """What is known of a folder, unless its UIDs are others by now."""
    if known is None or known.uidvalidity != status.uidvalidity or known.next > status.uidnext:
        return None
    return known


def _forget_renamed(
    lease: Lease, state: SyncState, synced: Mapping[str, FolderState], runtime: Runtime
) -> None:
    """Drop folders whose role another folder has now; one that is just missing is kept."""
    roles = {folder.role for folder in synced.values()}
    for id, folder in state.folders.items():
        if id not in synced and folder.role in roles:
            runtime.sync_states.forget(lease, id, runtime.now())
