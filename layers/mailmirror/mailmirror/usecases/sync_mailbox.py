"""Sync one mailbox.

job ─► lease ─► sign in ─► each folder ─► due entry ─► release ─► (continuation)
         │held                │failed: the error is the mailbox's, and it is polled later
         └► nothing to do     │out of time: the rest is a new job
"""

from collections.abc import Mapping
from datetime import datetime

from mailmirror.domain.mailbox import Mailbox, MailboxStatus, Seen
from mailmirror.domain.problems import Refused
from mailmirror.domain.verdict import Rules
from mailmirror.runtime import Runtime
from mailmirror.store.queues import SyncJob
from mailmirror.store.sync_state import FolderState, Lease, LeaseHeld, LeaseLost, SyncState
from mailmirror.usecases.crm import CrmView
from mailmirror.usecases.erase_mailbox import erase_mailbox
from mailmirror.usecases.sign_in import signed_in
from mailmirror.usecases.sync_folder import FolderSync, OutOfTime, begun, folder_id


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
            done = erase_mailbox(mailbox, lease, runtime, until)
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
    try:
        folders = _sync_folders(mailbox, lease, state, runtime, until)
    except OutOfTime:
        runtime.sync_states.release(lease, first_sync_done=state.first_sync_done)
        return False
    except Refused as refusal:
        entry = runtime.due.find(mailbox.key)
        if entry is not None:
            runtime.due.failed(entry, refusal, runtime.now())
        runtime.count("SyncsFailed")
        runtime.sync_states.release(lease, first_sync_done=state.first_sync_done)
        return True
    seen = {
        folder.name: Seen(folder.uidvalidity, folder.next, folder.present)
        for folder in folders.values()
    }
    runtime.due.synced(mailbox.key, seen, runtime.now())
    runtime.sync_states.release(lease, first_sync_done=True)
    runtime.count("SyncsDone")
    return True


def _sync_folders(
    mailbox: Mailbox, lease: Lease, state: SyncState, runtime: Runtime, until: datetime
) -> Mapping[str, FolderState]:
    """Sync each folder. The log's head is read before people are, and people before any header."""
    account = runtime.accounts.find(mailbox.key.account)
    if account is None:
        return {}
    if not state.first_sync_done:
        head = runtime.change_log.head(account.id)
        runtime.sync_states.start_log(lease, head, runtime.now())
    view = CrmView(account.id, account.deal_policy, runtime)
    rules = Rules(mailbox.history_since, account.max_recipients)
    synced: dict[str, FolderState] = {}
    with signed_in(mailbox, runtime) as session:
        for folder in session.folders():
            status = session.examine(folder)
            id = folder_id(folder)
            known = state.folders.get(id)
            if known is not None and known.uidvalidity != status.uidvalidity:
                known = None
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
    return synced
