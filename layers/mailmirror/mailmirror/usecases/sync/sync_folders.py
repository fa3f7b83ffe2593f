"""Sync the folders of one mailbox: which of them are read, and in which order.

LIST, STATUS ─► without change: left as it is stored
              ─► in a first sync: the newest mail of each, then more of each, then all
              ─► cannot be read: the failure is stored with the folder, and the next one is read
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from mailmirror.domain.containment import FULL_BATCH, SMALL_BATCH, Caution
from mailmirror.domain.coverage_limits import Limit
from mailmirror.domain.folder import FolderState
from mailmirror.domain.folder_choice import FolderChoice
from mailmirror.domain.mailbox import Mailbox
from mailmirror.domain.passes import Basis
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.verdict import Rules
from mailmirror.mail.imap.opening import Status
from mailmirror.runtime import Runtime
from mailmirror.store.accounts import Account
from mailmirror.store.folders import FolderChanged, StoredFolder
from mailmirror.store.sync_state import Lease, SyncState
from mailmirror.usecases.crm_feed.crm_view import CrmView
from mailmirror.usecases.sync.after_reading import AfterReading, PassRecord
from mailmirror.usecases.sync.folder_opener import FolderOpener
from mailmirror.usecases.sync.folder_records import FolderRecords
from mailmirror.usecases.sync.judge_again import Outcome
from mailmirror.usecases.sync.mail_server import MailServer
from mailmirror.usecases.sync.renewed_lease import Progress
from mailmirror.usecases.sync.seen_folders import WATCHED_ROLES
from mailmirror.usecases.sync.sync_folder import FolderSync, OldMail, folder_id
from mailmirror.usecases.sync.sync_progress import SyncProgress

_FIRST_ROUNDS = (100, 1_000)
"""Old messages of each folder that a first sync judges before it begins with further ones."""


@dataclass(slots=True)
class FoldersSync:
    """The folders of one sync of one mailbox, and how far it has come with them."""

    mailbox: Mailbox
    lease: Lease
    state: SyncState
    """As it was when the lease was taken."""
    progress: Progress
    runtime: Runtime
    until: datetime
    record: SyncProgress
    """What `state` has of this sync."""
    asked_at: datetime | None
    """When a person asked for it."""
    statuses: Mapping[str, Status | None] = field(default_factory=dict)
    """Of the folders by name, before they were read."""
    basis: Basis = field(init=False)
    """What verdicts are given under."""
    old: Outcome = field(init=False)
    """What was done about the old mail, once all folders are read."""
    audit_at: datetime | None = field(init=False, default=None)
    """When the next slice of the deep audit is due; None where that is as stored."""
    _passes: PassRecord = field(init=False)
    _old_mail: OldMail = field(default_factory=dict)
    _opener: FolderOpener | None = None
    """Of the last session."""
    _max_batch: int = FULL_BATCH

    def __post_init__(self) -> None:
        passes, stale_until = self.state.passes, self.state.stale_until
        if stale_until and self.runtime.now() < stale_until:
            # A sync that has lost the lease may hide mail: the daily pass looks at it.
            passes = replace(passes, hides=True)
        self._passes = PassRecord(self.lease, passes, self.runtime)

    @property
    def progressed(self) -> bool:
        """Whether a cursor has moved."""
        return self._opener is not None and self._opener.progressed

    @property
    def caution(self) -> Caution:
        if self._opener is not None:
            return self._opener.caution
        return self.state.caution.after_deaths(self.state.deaths_at_mail)

    def take_smaller_batches(self) -> None:
        """AWS has failed: the next batches cost fewer requests."""
        self._max_batch = SMALL_BATCH

    def run(self) -> Mapping[str, FolderState]:
        """Sync each folder, and return them by their ids.

        The log's head is read before people, and people before any header.

        Raises:
            Refused: the server, or a folder that every poll asks for, cannot be read.
            OutOfTime, LeaseLost: what was judged before is kept.
        """
        account = self.runtime.accounts.find(self.mailbox.key.account, consistent=True)
        if account is None:
            raise Refused(Code.NOT_FOUND, "account")
        view = CrmView(account, self.runtime, self.mailbox.owner)
        passes = self._passes.passes
        self.basis = account.basis(view.facts if passes.basis is None else 0, self.mailbox)
        if (under := passes.judging_under(self.basis)) != passes:
            self._passes.save(under)  # before the first verdict is given under these rules
        records = FolderRecords(self.mailbox, self.lease, self.runtime, self.asked_at)
        with MailServer.opened(
            self.mailbox, self.runtime, self.until, self.progress.note
        ) as server:
            self._opener = FolderOpener(
                lease=self.lease,
                record=self.record,
                server=server,
                rules=Rules(self.mailbox.history_since, account.max_recipients),
                view=view,
                runtime=self.runtime,
                first_caution=self.caution,
                max_batch=self._max_batch,
                checkpoint=self._opener.checkpoint if self._opener else None,
            )
            return self._run(account, records, self._opener)

    def _run(
        self, account: Account, records: FolderRecords, opener: FolderOpener
    ) -> Mapping[str, FolderState]:
        listed = opener.server.folders()
        self.statuses = {folder.name: status for folder, status in listed.items()}
        folders = {folder_id(self.mailbox, folder): folder for folder in listed}
        session = opener.server.session
        self.record.has_sent = any(one.has_sent_mail for one in session.found)
        self.record.limits = session.limits(one.messages for one in listed.values() if one)
        if self.mailbox.owner in account.blocking:
            self.record.limits |= {Limit.PERSONS_BLOCKED}
        self.record.folders = {
            id: records.state(id, folder, listed[folder]) for id, folder in folders.items()
        }
        if not self.state.first_sync_done:
            self.record.begun()
        synced, failed = self._read(folders, records, opener)
        all_are_listed = Limit.FOLDER_UNREADABLE not in self.record.limits
        left_out = records.leave_out(
            folders.keys(), opener.server.session.found, all_are_listed=all_are_listed
        )
        if failed:
            raise failed
        self.record.folders = synced
        after = AfterReading(
            mailbox=self.mailbox,
            state=self.state,
            folders=folders,
            left_out=left_out,
            basis=self.basis,
            passes=self._passes,
            opener=opener,
            records=records,
            record=self.record,
            runtime=self.runtime,
            until=self.until,
        )
        self.old = after.judge_again()
        self.basis = after.basis
        self.audit_at = after.audit(self.old)
        return synced

    def _read(
        self, folders: Mapping[str, FolderChoice], records: FolderRecords, opener: FolderOpener
    ) -> tuple[dict[str, FolderState], Refused | None]:
        """Read each folder; return them, and why one could not be read that every poll asks for."""
        synced: dict[str, FolderState] = {}
        failed: Refused | None = None
        for most in self._rounds(len(folders)):
            for id, folder in folders.items():
                if id in synced:
                    continue
                if current := records.current(id, folder, self.statuses[folder.name]):
                    synced[id] = current
                    continue
                try:
                    found = self._folder(id, folder, records, opener, most)
                except Refused as refusal:  # a folder fails alone
                    if self.runtime.now() >= self.until:
                        raise
                    if folder.role in WATCHED_ROLES:
                        failed = failed or refusal
                    found = records.failed(id, folder, refusal, opener.checkpoint)
                    synced[id] = found
                    if not opener.server.session.alive:
                        opener.server.sign_in_again(refusal)
                if most is None:
                    synced[id] = found
        return synced, failed

    def _rounds(self, folders: int) -> Sequence[int | None]:
        """How many old messages of each folder are judged before those of the others.

        In a first sync the newest mail of all folders comes first.
        """
        return [None] if self.state.first_sync_done or folders < 2 else [*_FIRST_ROUNDS, None]

    def _folder(
        self,
        id: str,
        folder: FolderChoice,
        records: FolderRecords,
        opener: FolderOpener,
        most: int | None,
    ) -> FolderState:
        try:
            return self._synced(id, folder, records.stored.get(id), records, opener, most)
        except FolderChanged:
            return self._synced(id, folder, records.claimed(id), records, opener, most)

    def _synced(
        self,
        id: str,
        folder: FolderChoice,
        stored: StoredFolder | None,
        records: FolderRecords,
        opener: FolderOpener,
        most: int | None,
    ) -> FolderState:
        judge, status = opener.opened(id, folder, stored, self.until)
        sync = FolderSync(opener.server, judge.checkpoint, judge, self.runtime, self._old_mail)
        if most is None:
            return sync.run(status, retry_is_due=id in records.retried)
        sync.newest(status, most)
        if judge.checkpoint.stored is not None:
            records.stored[id] = judge.checkpoint.stored
        return judge.checkpoint.folder
