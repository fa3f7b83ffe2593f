"""Sync one mailbox.

job ─► lease ─► sign in ─► each folder ─► due entry ─► release ─► (continuation)
         │held                │failed: the error is stored on the mailbox, which is polled later
         └► nothing to do     │out of time: the rest is a new job
                              │AWS failed: again after a pause, in smaller batches
                              └ died: the next sync finds the lease expired, and is more cautious
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailmirror.aws.queues import SyncJob
from mailmirror.domain.containment import Caution
from mailmirror.domain.folder import FolderState
from mailmirror.domain.mailbox import Mailbox, MailboxStatus
from mailmirror.domain.problems import Code, Refused
from mailmirror.observing import is_of_aws
from mailmirror.runtime import Runtime
from mailmirror.store.sync_state import LeaseHeld, LeaseLost, SyncState
from mailmirror.usecases.mailboxes.erase_mailbox import erase_mailbox
from mailmirror.usecases.mailboxes.read_mailbox import is_paused
from mailmirror.usecases.sync.mail_server import OutOfTime
from mailmirror.usecases.sync.renewed_lease import renewed
from mailmirror.usecases.sync.repeated import repeated
from mailmirror.usecases.sync.seen_folders import seen_folders
from mailmirror.usecases.sync.sync_folders import FoldersSync
from mailmirror.usecases.sync.sync_progress import SyncProgress

_DIFFERENCE_PAUSE = timedelta(hours=1)
"""Until a folder is read again whose EXISTS is not the number of messages that the server lists."""
_STALLED = Refused(Code.CONNECTION_LOST, "not one batch was done in the time of a sync")


def sync_mailbox(job: SyncJob, runtime: Runtime, until: datetime) -> None:
    """Sync a mailbox, or go on erasing it, until it is done or `until` has come.

    A sync that finds the mailbox paused or the lease held, or loses it, returns without an error.
    A mailbox that is paused later is read to the end, or until the time is over.
    """
    mailbox = runtime.mailboxes.find(job.account, job.mailbox, consistent=True)
    if mailbox is None or mailbox.status is MailboxStatus.DISCONNECTED:
        return
    if is_paused(mailbox, runtime):  # before the lease, which a paused mailbox's job must not hold
        return
    try:
        lease, state = runtime.sync_states.take(mailbox.key, runtime.now())
    except LeaseHeld:
        runtime.count("LeaseHeld")
        return
    if state.deaths:
        runtime.count("SyncsDied")
    try:
        with renewed(lease, runtime, until) as progress:
            if mailbox.status is MailboxStatus.ERASING:
                done = repeated(
                    lambda: erase_mailbox(mailbox, lease, state.stale_until, runtime, until),
                    runtime,
                    until,
                )
            else:
                record = SyncProgress.of(lease, state, runtime)
                folders = FoldersSync(
                    mailbox, lease, state, progress, runtime, until, record, job.asked_at
                )
                done = _Sync(mailbox, state, record, folders, runtime, until).run()
    except LeaseLost:
        runtime.count("LeaseLost")
        return
    if not done:
        queue = runtime.sync_queue if state.first_sync_done else runtime.first_sync_queue
        queue.send([job])
        runtime.count("Continuations")


@dataclass(frozen=True, slots=True)
class _Sync:
    """One sync of one mailbox: its folders, and the outcome."""

    mailbox: Mailbox
    state: SyncState
    """As it was when the lease was taken."""
    record: SyncProgress
    folders: FoldersSync
    runtime: Runtime
    until: datetime

    def run(self) -> bool:
        """Sync, store the outcome and release the lease; return whether nothing is left."""
        begun_at = self.runtime.now()
        try:
            read = repeated(
                self.folders.run,
                self.runtime,
                self.until,
                moves=lambda: self.record.moves,
                failed=self.folders.take_smaller_batches,
            )
        except OutOfTime:
            return self._out_of_time()
        except Refused as refusal:
            if self.runtime.now() >= self.until:  # our deadline came while the server answered
                return self._out_of_time()
            self._failed(refusal)
            self._release()
            return True
        except LeaseLost:
            raise
        except Exception as error:
            self._failed(Refused(Code.INTERNAL_ERROR))
            # A failure of AWS is not caused by a message; a defect of ours counts as a death.
            self._release(None if is_of_aws(error) else self.folders.caution.after_deaths(1))
            raise
        return self._done(read.values(), begun_at)

    def _done(self, folders: Collection[FolderState], begun_at: datetime) -> bool:
        """Store what was found; return whether nothing is to go on at once: neither a pass over
        old mail nor an audit."""
        old = self.folders.old
        retries = [one.retry_at or begun_at for one in folders if one.pending]
        retries += [one.failure.retry_at(begun_at) for one in folders if one.failure]
        caution = self.folders.caution if self.state.deaths else None
        done = old.due_at is None or old.due_at > self.runtime.now()
        done = done and not self._is_asked_for_more()
        if done and not retries:
            caution = self.folders.caution.after_sync()
        # Before the schedule entry, so that after a crash in between the news is found again.
        audit_at = self.folders.audit_at
        self.record.release(
            first_sync_done=True, caution=caution, passes=old.passes, audit_at=audit_at
        )
        if (next_audit_at := audit_at or self.state.audit_at) is not None:
            retries.append(next_audit_at)
        done = done and (audit_at is None or audit_at > self.runtime.now())
        retries += [begun_at + _DIFFERENCE_PAUSE for one in folders if one.differs]
        seen, slices = seen_folders(folders, self.folders.statuses)
        retry_at = min([*retries, *([old.due_at] if old.due_at else [])], default=None)
        self.runtime.due.synced(
            self.mailbox,
            seen,
            begun_at,
            retry_at,
            slices,
            basis=self.folders.basis,
            look_at=old.passes.look_at,
        )
        self.runtime.count("SyncsDone")
        return done

    def _is_asked_for_more(self) -> bool:
        """Whether a person has asked for a pass or an audit of everything since this sync began.

        The job of that request may have found the lease held, and ended.
        """
        key = self.mailbox.key
        mailbox = self.runtime.mailboxes.find(key.account, key.mailbox, consistent=True)
        before = (self.mailbox.everything_asked_at, self.mailbox.audit_asked_at)
        return mailbox is not None and before != (
            mailbox.everything_asked_at,
            mailbox.audit_asked_at,
        )

    def _out_of_time(self) -> bool:
        """Leave the rest to a continuation; return whether there is none.

        Where no batch was finished, the next sync comes by the poll, with backoff, and has smaller
        batches.
        """
        progressed = self.folders.progressed
        if not progressed:
            self._failed(_STALLED)
        self._release(None if progressed else self.folders.caution.smaller())
        return not progressed

    def _release(self, caution: Caution | None = None) -> None:
        """Release the lease before all is judged.

        Parameters:
            caution: what the next sync has to take, where it is more than is stored.
        """
        self.record.release(first_sync_done=self.state.first_sync_done, caution=caution)

    def _failed(self, refusal: Refused) -> None:
        """Store the error on the mailbox, whatever its cause."""
        entry = self.runtime.due.find(self.mailbox)
        if entry is not None:
            self.runtime.due.failed(self.mailbox, entry.due.failures, refusal, self.runtime.now())
        self.runtime.count("SyncsFailed")
