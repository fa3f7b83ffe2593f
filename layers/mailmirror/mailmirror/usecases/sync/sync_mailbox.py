"""Sync one mailbox.

job ─► lease ─► sign in ─► each folder ─► due entry ─► release ─► (continuation)
         │held                │failed: the error is stored on the mailbox, which is polled later
         └► nothing to do     │out of time: the rest is a new job
                              │AWS failed: again after a pause, in smaller batches
                              └ died: the next sync finds the lease expired, and is more cautious
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice

from mailmirror.aws.queues import SyncJob
from mailmirror.domain.contained import FolderFailure
from mailmirror.domain.containment import FULL_BATCH, SMALL_BATCH, Caution
from mailmirror.domain.coverage_limits import limits_of
from mailmirror.domain.folder import FolderState
from mailmirror.domain.folder_choice import FolderChoice
from mailmirror.domain.folder_slices import NOT_FOUND, Marks, marks, slice_count, slice_hashes
from mailmirror.domain.mailbox import FolderRole, Mailbox, MailboxStatus, Seen
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.verdict import Rules
from mailmirror.mail.imap.opening import Status
from mailmirror.mail.imap.session import ImapSession
from mailmirror.runtime import Runtime, is_of_aws
from mailmirror.store.folders import FolderChanged, StoredFolder
from mailmirror.store.sync_state import Lease, LeaseHeld, LeaseLost, SyncState
from mailmirror.usecases.crm_feed.crm_view import CrmView
from mailmirror.usecases.mailboxes.erase_mailbox import erase_mailbox
from mailmirror.usecases.sync.checkpoint import Checkpoint
from mailmirror.usecases.sync.judge_run import RunJudge
from mailmirror.usecases.sync.mail_server import MailServer, OutOfTime
from mailmirror.usecases.sync.renewed_lease import Progress, renewed
from mailmirror.usecases.sync.repeated import repeated
from mailmirror.usecases.sync.sync_folder import FolderSync, folder_id, new_folder, unread_folder
from mailmirror.usecases.sync.sync_progress import SyncProgress

_WATCHED_ROLES = {FolderRole.INBOX, FolderRole.ALL, FolderRole.SENT}
_FIRST_ROUNDS = (100, 1_000)
"""Old messages of each folder that a first sync judges before it begins with further ones."""
_MAX_WATCHED = 4
"""Folders, whose STATUS takes up to some 300 bytes each in the schedule entry."""
_DIFFERENCE_PAUSE = timedelta(hours=1)
"""Until a folder is read again whose EXISTS is not the number of messages that the server lists."""
_STALLED = Refused(Code.CONNECTION_LOST, "not one batch was done in the time of a sync")


def sync_mailbox(job: SyncJob, runtime: Runtime, until: datetime) -> None:
    """Sync a mailbox, or go on erasing it, until it is done or `until` has come.

    A sync that finds the lease held, or loses it, returns without an error.
    """
    mailbox = runtime.mailboxes.find(job.account, job.mailbox, consistent=True)
    if mailbox is None or mailbox.status is MailboxStatus.DISCONNECTED:
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
                done = _Sync(
                    mailbox, lease, state, progress, runtime, until, record, job.asked_at
                ).run()
    except LeaseLost:
        runtime.count("LeaseLost")
        return
    if not done:
        queue = runtime.sync_queue if state.first_sync_done else runtime.first_sync_queue
        queue.send([job])
        runtime.count("Continuations")


@dataclass(slots=True)
class _Sync:
    """One sync of one mailbox: what it started from, and how far it has come."""

    mailbox: Mailbox
    lease: Lease
    state: SyncState
    progress: Progress
    runtime: Runtime
    until: datetime
    record: SyncProgress
    """What `state` has of this sync."""
    asked_at: datetime | None
    """When a person asked for it."""
    stored: dict[str, StoredFolder] = field(default_factory=dict)
    """The folders by their ids, as the table has them."""
    retried: Set[str] = frozenset()
    """The ids of the folders whose pending messages are asked for again."""
    told: Mapping[str, Status | None] = field(default_factory=dict)
    """The STATUS of the folders by name, before they were read. A poll compares with it, and not
    with the answers to EXAMINE: where a server contradicts itself, that would be news for ever."""
    checkpoint: Checkpoint | None = None
    """Of the folder that is read now."""
    max_batch: int = FULL_BATCH
    """How many UIDs a batch may have, beside what the caution says."""

    def run(self) -> bool:
        """Sync, store the outcome and release the lease; return whether nothing is left."""
        begun_at = self.runtime.now()
        try:
            folders = repeated(
                self._folders,
                self.runtime,
                self.until,
                moves=lambda: self.record.moves,
                failed=self._smaller,
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
            self._release(None if is_of_aws(error) else self._caution().after_deaths(1))
            raise
        seen = {one.name: self._seen(one) for one in _watched(folders.values())}
        others = {
            folder.name: self._marks(folder)
            for folder in folders.values()
            if folder.name not in seen
        }
        slices = slice_hashes(others, slice_count(len(others)))
        retries = [one.retry_at or begun_at for one in folders.values() if one.pending]
        retries += [one.failure.retry_at(begun_at) for one in folders.values() if one.failure]
        caution = self._caution() if self.state.deaths else None
        if not retries:
            caution = self._caution().after_sync()
        # Before the schedule entry, so that after a crash in between the news is found again.
        self.record.release(first_sync_done=True, caution=caution)
        retries += [begun_at + _DIFFERENCE_PAUSE for one in folders.values() if one.differs]
        retry_at = min(retries, default=None)
        self.runtime.due.synced(self.mailbox, seen, begun_at, retry_at, slices)
        self.runtime.count("SyncsDone")
        return True

    def _seen(self, folder: FolderState) -> Seen:
        """What a poll compares with the folder's STATUS."""
        told = self.told.get(folder.name) or Status(folder.uidvalidity, folder.uidnext, 0)
        present = max(folder.present + folder.pending, told.messages)
        return Seen(told.uidvalidity, told.uidnext, present)

    def _marks(self, folder: FolderState) -> Marks:
        """What a poll compares with the folder's STATUS, where it is one of a slice."""
        told = self.told.get(folder.name)
        return marks(told.uidvalidity, told.uidnext, told.messages) if told else NOT_FOUND

    def _smaller(self) -> None:
        """AWS has failed: the next batches cost fewer requests."""
        self.max_batch = SMALL_BATCH

    def _out_of_time(self) -> bool:
        """Leave the rest to a continuation; return whether there is none.

        Where no batch was finished, the next sync comes by the poll, with backoff, and has smaller
        batches.
        """
        progressed = self.checkpoint is not None and self.checkpoint.progressed
        if not progressed:
            self._failed(_STALLED)
        self._release(None if progressed else self._caution().smaller())
        return not progressed

    def _release(self, caution: Caution | None = None) -> None:
        """Release the lease before all is judged.

        Parameters:
            caution: what the next sync has to take, where it is more than is stored.
        """
        self.record.release(first_sync_done=self.state.first_sync_done, caution=caution)

    def _caution(self) -> Caution:
        if self.checkpoint is not None:
            return self.checkpoint.caution
        return self.state.caution.after_deaths(self.state.deaths)

    def _failed(self, refusal: Refused) -> None:
        """Store the error on the mailbox, whatever its cause."""
        entry = self.runtime.due.find(self.mailbox)
        if entry is not None:
            self.runtime.due.failed(self.mailbox, entry.due.failures, refusal, self.runtime.now())
        self.runtime.count("SyncsFailed")

    def _folders(self) -> Mapping[str, FolderState]:
        """Sync each folder. The log's head is read before people, and people before any header."""
        runtime, state = self.runtime, self.state
        account = runtime.accounts.find(self.mailbox.key.account)
        if account is None:
            raise Refused(Code.NOT_FOUND, "account")
        if not state.first_sync_done:
            head = runtime.change_log.head(account.id)
            runtime.sync_states.start_log(self.lease, head, runtime.now())
        self.stored = dict(runtime.folders.read_all(self.lease.key))
        self.retried = {
            id
            for id, one in self.stored.items()
            if one.state.retry_is_due(runtime.now(), self.asked_at)
        }
        view = CrmView(account, runtime)
        rules = Rules(self.mailbox.history_since, account.max_recipients)
        synced: dict[str, FolderState] = {}
        failed: Refused | None = None
        with MailServer.opened(self.mailbox, runtime, self.until, self.progress.note) as server:
            listed = server.folders()
            self.told = {folder.name: status for folder, status in listed.items()}
            folders = {
                folder_id(self.mailbox, folder): (folder, status)
                for folder, status in listed.items()
            }
            self._note_limits(server.session, [status for _, status in folders.values()])
            self.record.folders = {
                id: self.stored[id].state if id in self.stored else _unread(folder, status)
                for id, (folder, status) in folders.items()
            }
            if not state.first_sync_done:
                self.record.begun()
            for most in self._rounds(len(folders)):
                for id, (folder, status) in folders.items():
                    if id in synced:
                        continue
                    if current := self._current(id, folder, status):
                        synced[id] = current
                        continue
                    try:
                        found = self._folder(id, folder, server, rules, view, most)
                    except Refused as refusal:  # a folder fails alone
                        if runtime.now() >= self.until:
                            raise
                        if folder.role in _WATCHED_ROLES:
                            failed = failed or refusal
                        found = self._folder_failed(id, folder, refusal)
                        synced[id] = found
                        if not server.session.alive:
                            server.sign_in_again(refusal)
                    if most is None:
                        synced[id] = found
            self._forget(folders.keys(), server.session.found)
        if failed:
            raise failed
        self.record.folders = synced
        return synced

    def _note_limits(self, session: ImapSession, statuses: Sequence[Status | None]) -> None:
        """Have the state say what the server's folders leave to wish for."""
        self.record.has_sent = any(one.has_sent_mail for one in session.found)
        self.record.limits = limits_of(
            session.found,
            self.mailbox.folders,
            (status.messages for status in statuses if status),
            gmail=session.is_gmail,
        )

    def _rounds(self, folders: int) -> Sequence[int | None]:
        """How many old messages of each folder are judged before those of the others.

        In a first sync the newest mail of all folders comes first.
        """
        return [None] if self.state.first_sync_done or folders < 2 else [*_FIRST_ROUNDS, None]

    def _current(self, id: str, folder: FolderChoice, status: Status | None) -> FolderState | None:
        """What is stored of a folder, where its STATUS says that nothing of it has changed."""
        stored = self.stored.get(id)
        if stored is None or status is None or stored.state.role is not folder.role:
            return None
        told = (status.uidvalidity, status.uidnext, status.messages)
        current = stored.state.is_current(*told, self.runtime.now(), self.asked_at)
        return stored.state if current else None

    def _forget(self, folders: Set[str], listed: Iterable[FolderChoice]) -> None:
        """Forget the folders that are gone, and the failures of those that are not read any more.

        Nothing is erased: messages stay on their cards. A folder that comes back is read anew, by
        the headers of its messages.

        Parameters:
            folders: the ids of those that are read.
            listed: all that the server has.
        """
        there = {folder_id(self.mailbox, one) for one in listed}
        for id in self.stored.keys() - folders:
            stored = self.stored[id]
            if id not in there:
                self.runtime.folders.forget(self.lease, id, stored)
            elif stored.state.failure is not None:
                state = replace(stored.state, failure=None)
                self.runtime.folders.save(self.lease, id, state, stored)

    def _folder(
        self,
        id: str,
        folder: FolderChoice,
        server: MailServer,
        rules: Rules,
        view: CrmView,
        most: int | None,
    ) -> FolderState:
        try:
            return self._synced(id, folder, self.stored.get(id), server, rules, view, most)
        except FolderChanged:
            return self._synced(id, folder, self._claimed(id), server, rules, view, most)

    def _claimed(self, id: str) -> StoredFolder | None:
        """Read a folder again that a sync has written which has lost the lease; it can do so no
        more."""
        self.runtime.count("FoldersChanged")
        return self.runtime.folders.claim(self.lease, id)

    def _folder_failed(self, id: str, folder: FolderChoice, refusal: Refused) -> FolderState:
        """Store why a folder could not be read, and return it; since when stays as it is."""
        reached = self.checkpoint if self.checkpoint and self.checkpoint.id == id else None
        stored = reached.stored if reached else self.stored.get(id)
        try:
            return self._store_failure(id, folder, refusal, stored)
        except FolderChanged:
            return self._store_failure(id, folder, refusal, self._claimed(id))

    def _store_failure(
        self, id: str, folder: FolderChoice, refusal: Refused, stored: StoredFolder | None
    ) -> FolderState:
        state = stored.state if stored else unread_folder(folder)
        before = state.failure
        since = before.since if before else self.runtime.now()
        failure = FolderFailure(refusal.code, refusal.detail, since)
        failed = replace(state, role=folder.role, failure=failure)
        if failed != state:
            self.runtime.folders.save(self.lease, id, failed, stored)
        return failed

    def _synced(
        self,
        id: str,
        folder: FolderChoice,
        stored: StoredFolder | None,
        server: MailServer,
        rules: Rules,
        view: CrmView,
        most: int | None,
    ) -> FolderState:
        earlier = stored.state if stored else None
        status = server.examine(folder, earlier.failure if earlier else None)
        self.checkpoint = Checkpoint(
            lease=self.lease,
            id=id,
            folder=_still_known(earlier, folder, status) or new_folder(folder, status, earlier),
            stored=stored,
            caution=self._caution(),
            progress=self.record,
            runtime=self.runtime,
            progressed=self.checkpoint is not None and self.checkpoint.progressed,
        )
        judge = RunJudge(
            server, self.checkpoint, rules, view, self.runtime, self.until, self.max_batch
        )
        sync = FolderSync(server, self.checkpoint, judge, self.runtime)
        if most is None:
            return sync.run(status, retry_is_due=id in self.retried)
        sync.newest(status, most)
        if self.checkpoint.stored is not None:
            self.stored[id] = self.checkpoint.stored
        return self.checkpoint.folder


def _still_known(
    known: FolderState | None, folder: FolderChoice, status: Status
) -> FolderState | None:
    """What is known of a folder, with its present role, unless its UIDs are others by now."""
    if known is None or known.uidvalidity != status.uidvalidity or known.next > status.uidnext:
        return None
    return replace(known, role=folder.role)


def _unread(folder: FolderChoice, status: Status | None) -> FolderState:
    unread = unread_folder(folder)
    return replace(unread, messages=status.messages) if status else unread


def _watched(folders: Iterable[FolderState]) -> Iterable[FolderState]:
    """The folders whose STATUS the schedule entry has in full."""
    return islice((one for one in folders if one.role in _WATCHED_ROLES), _MAX_WATCHED)
