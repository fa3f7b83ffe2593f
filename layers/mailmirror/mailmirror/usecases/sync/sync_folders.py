"""Sync the folders of one mailbox: which of them are read, and in which order.

LIST, STATUS ─► without change: left as it is stored
              ─► in a first sync: the newest mail of each, then more of each, then all
              ─► cannot be read: the failure is stored with the folder, and the next one is read
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from mailmirror.domain.contained import FolderFailure
from mailmirror.domain.containment import FULL_BATCH, SMALL_BATCH, Caution
from mailmirror.domain.counted_copies import while_left_out, while_read
from mailmirror.domain.coverage_limits import Limit
from mailmirror.domain.deep_audit import SLICE_PAUSE, first_slice_at
from mailmirror.domain.folder import FolderState
from mailmirror.domain.folder_choice import FolderChoice
from mailmirror.domain.mailbox import FolderRole, FolderScope, Mailbox
from mailmirror.domain.passes import Basis, PassState, daily_pass_at
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.verdict import Rules
from mailmirror.mail.imap.opening import Status
from mailmirror.observing import is_of_aws, log_failure
from mailmirror.runtime import Runtime
from mailmirror.store.folders import FolderChanged, StoredFolder
from mailmirror.store.sync_state import Lease, LeaseLost, SyncState
from mailmirror.usecases.crm_feed.crm_view import CrmView
from mailmirror.usecases.sync.checkpoint import Checkpoint
from mailmirror.usecases.sync.deep_audit import DeepAudit
from mailmirror.usecases.sync.judge_again import JudgeAgain, Outcome
from mailmirror.usecases.sync.judge_run import RunJudge
from mailmirror.usecases.sync.late_facts import LateFacts
from mailmirror.usecases.sync.mail_server import MailServer
from mailmirror.usecases.sync.renewed_lease import Progress
from mailmirror.usecases.sync.seen_folders import WATCHED_ROLES
from mailmirror.usecases.sync.sync_folder import (
    FolderSync,
    OldMail,
    folder_id,
    new_folder,
    unread_folder,
)
from mailmirror.usecases.sync.sync_progress import SyncProgress

_FIRST_ROUNDS = (100, 1_000)
"""Old messages of each folder that a first sync judges before it begins with further ones."""

_HIDING_LIMITS = {Limit.ALL_MAIL_HIDDEN, Limit.FOLDER_LIMITED, Limit.FOLDER_UNREADABLE}
"""The server may have mail that it does not show: what it shows no more has not left it."""

_AFTER_CHANGE = timedelta(minutes=1)
"""Until a pass or an audit goes on that has found a folder changed since its sync."""
_BEFORE_AUDIT = timedelta(minutes=5)
"""Until an audit is tried again that a change or a pass has held up, or with smaller batches."""


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
    stored: dict[str, StoredFolder] = field(default_factory=dict)
    """The folders by their ids, as the table has them."""
    retried: Set[str] = frozenset()
    """The ids of the folders whose pending messages are asked for again."""
    statuses: Mapping[str, Status | None] = field(default_factory=dict)
    """Of the folders by name, before they were read."""
    old_mail: OldMail = field(default_factory=dict)
    checkpoint: Checkpoint | None = None
    """Of the folder that is read now."""
    basis: Basis = field(init=False)
    """What verdicts are given under."""
    passes: PassState = field(init=False)
    """As stored."""
    old: Outcome = field(init=False)
    """What was done about the old mail, once all folders are read."""
    audit_at: datetime | None = field(init=False, default=None)
    """When the next slice of the deep audit is due; None where that is as stored."""
    left_out: Set[str] = field(init=False, default=frozenset())
    """The ids of the folders that the setting leaves out: copies there do not count."""
    max_batch: int = FULL_BATCH
    """How many UIDs a batch may have, beside what the caution says."""

    def __post_init__(self) -> None:
        self.passes = self.state.passes
        stale_until = self.state.stale_until
        if stale_until and self.runtime.now() < stale_until:
            # A sync that has lost the lease may hide mail: the daily pass looks at it.
            self.passes = replace(self.passes, hides=True)

    @property
    def progressed(self) -> bool:
        """Whether a cursor has moved."""
        return self.checkpoint is not None and self.checkpoint.progressed

    @property
    def caution(self) -> Caution:
        if self.checkpoint is not None:
            return self.checkpoint.caution
        return self.state.caution.after_deaths(self.state.deaths_at_mail)

    def take_smaller_batches(self) -> None:
        """AWS has failed: the next batches cost fewer requests."""
        self.max_batch = SMALL_BATCH

    def run(self) -> Mapping[str, FolderState]:
        """Sync each folder, and return them by their ids.

        The log's head is read before people, and people before any header.

        Raises:
            Refused: the server, or a folder that every poll asks for, cannot be read.
            OutOfTime, LeaseLost: what was judged before is kept.
        """
        runtime, state = self.runtime, self.state
        account = runtime.accounts.find(self.mailbox.key.account, consistent=True)
        if account is None:
            raise Refused(Code.NOT_FOUND, "account")
        rules = Rules(self.mailbox.history_since, account.max_recipients)
        view = CrmView(account, runtime, self.mailbox.owner)
        line = view.facts if self.passes.basis is None else 0
        self.basis = account.basis(line, self.mailbox)
        if (under := self.passes.judging_under(self.basis)) != self.passes:
            self._save_passes(under)  # before the first verdict is given under these rules
        self.stored = dict(runtime.folders.read_all(self.lease.key))
        self.retried = {
            id
            for id, one in self.stored.items()
            if one.state.retry_is_due(runtime.now(), self.asked_at)
        }
        synced: dict[str, FolderState] = {}
        failed: Refused | None = None
        with MailServer.opened(self.mailbox, runtime, self.until, self.progress.note) as server:
            listed = server.folders()
            self.statuses = {folder.name: status for folder, status in listed.items()}
            folders = {
                folder_id(self.mailbox, folder): (folder, status)
                for folder, status in listed.items()
            }
            session = server.session
            self.record.has_sent = any(one.has_sent_mail for one in session.found)
            self.record.limits = session.limits(one.messages for one in listed.values() if one)
            if self.mailbox.owner in account.blocking:
                self.record.limits |= {Limit.PERSONS_BLOCKED}
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
                        if folder.role in WATCHED_ROLES:
                            failed = failed or refusal
                        found = self._folder_failed(id, folder, refusal)
                        synced[id] = found
                        if not server.session.alive:
                            server.sign_in_again(refusal)
                    if most is None:
                        synced[id] = found
            self.left_out = self._leave_out(folders.keys(), server.session.found)
            if failed:
                raise failed
            self.record.folders = synced
            self.old = self._judge_again(folders, server, rules, view)
            self.audit_at = self._audit(folders, server, rules, view)
        return synced

    def _judge_again(
        self,
        folders: Mapping[str, tuple[FolderChoice, Status | None]],
        server: MailServer,
        rules: Rules,
        view: CrmView,
    ) -> Outcome:
        """Judge old mail again under what has changed since; after a first sync, in the next."""
        view.forget()  # so that no verdict that follows is given under less than the log's head
        now, passes = self.runtime.now(), self.passes
        self.basis = replace(self.basis, line=view.facts)
        if view.account.basis(0, self.mailbox).rules != self.basis.rules:
            return Outcome(passes, now)  # changed meanwhile: the next sync judges by it
        if not self.state.first_sync_done:
            begun = PassState(self.basis, hides=passes.hides)
            return Outcome(passes, None if passes == begun else now)
        if self._has_time():
            unread = self.basis.line > passes.hinted_line
            return Outcome(passes, passes.look_at if unread else passes.next_at)

        def opened(id: str, until: datetime) -> RunJudge:
            return self._opened(id, folders[id][0], server, rules, view, until)[0]

        late = LateFacts.read(view, self.basis, passes, self.runtime.change_log)
        self.basis = late.basis
        again = JudgeAgain(
            lease=self.lease,
            late=late,
            folders=self.record.folders,
            watched=[id for id, (one, _) in folders.items() if one.role in WATCHED_ROLES],
            opened=opened,
            failed=lambda id, refusal: self._folder_failed(id, folders[id][0], refusal),
            checkpoint=self._checkpoint_of,
            left_out=self.left_out,
            shows_all=self.mailbox.folders is FolderScope.ALL
            and self.record.limits.isdisjoint(_HIDING_LIMITS),
            save=self._save_passes,
            server=server,
            view=view,
            runtime=self.runtime,
        )
        try:
            return again.run(self.until, self.mailbox.everything_asked_at)
        except FolderChanged:
            return Outcome(self.passes, now + _AFTER_CHANGE)

    def _checkpoint_of(self, id: str) -> Checkpoint:
        """A stored folder, to change verdicts of it without opening it.

        Raises:
            FolderChanged: it is stored no more.
        """
        stored = self.runtime.folders.find(self.lease.key, id)
        if stored is None:
            raise FolderChanged(id)
        return self._checkpoint(id, stored.state, stored)

    def _opened(
        self,
        id: str,
        folder: FolderChoice,
        server: MailServer,
        rules: Rules,
        view: CrmView,
        until: datetime,
    ) -> tuple[RunJudge, Status]:
        """Open a folder that was read before in this sync.

        Raises:
            FolderChanged: its UIDs are others by now.
        """
        stored = self.runtime.folders.find(self.lease.key, id)
        status = server.examine(folder)
        known = _still_known(stored.state if stored else None, folder, status)
        if known is None:
            raise FolderChanged(id)
        return self._judge(id, known, stored, server, rules, view, until), status

    def _audit(
        self,
        folders: Mapping[str, tuple[FolderChoice, Status | None]],
        server: MailServer,
        rules: Rules,
        view: CrmView,
    ) -> datetime | None:
        """Go on with the deep audit, where a slice is due and nothing else waits.

        It is no part of reading mail: where it fails, the sync has succeeded nevertheless.

        Returns:
            When the next slice is due; None where that is as stored.
        """
        now, state, asked_at = self.runtime.now(), self.state, self.mailbox.audit_asked_at
        if asked_at == state.audit_asked_at:
            asked_at = None  # that one has begun
        if asked_at is None and state.audit_at is None:
            return first_slice_at(self.lease.key, now)
        if asked_at is None and state.audit_at is not None and now < state.audit_at:
            return None
        if not self._is_settled():
            return max(now + _BEFORE_AUDIT, self.old.due_at or now)
        audit = DeepAudit(
            lease=self.lease,
            folders=self.record.folders,
            opened=lambda id, until: self._opened(id, folders[id][0], server, rules, view, until),
            facts=self.basis.line,
            rules=rules,
            server=server,
            view=view,
            progress=self.record,
            runtime=self.runtime,
        )
        try:
            return audit.run(self.until, asked_at)
        except FolderChanged:
            return now + _AFTER_CHANGE
        except LeaseLost:
            raise
        except Exception as error:
            if is_of_aws(error):
                raise
            log_failure(error)
            return now + (_BEFORE_AUDIT if self.record.audit_failed() else SLICE_PAUSE)

    def _is_settled(self) -> bool:
        """Whether every verdict holds now, so that one that is given again is the same."""
        passes = self.old.passes
        due_at, now = self.old.due_at, self.runtime.now()
        waits = (due_at is not None and due_at <= now) or passes.target or passes.others
        return self.state.first_sync_done and not waits and passes.basis == self.basis

    def _save_passes(self, passes: PassState) -> None:
        self.runtime.sync_states.passing(self.lease, passes, self.runtime.now())
        self.passes = passes

    def _has_time(self) -> bool:
        """Whether nothing has changed for old mail, or what has waits for its time."""
        passes, asked_at = self.passes, self.mailbox.everything_asked_at
        if asked_at and (passes.everything_at is None or passes.everything_at < asked_at):
            return False
        if any(one.stale and not one.failure for one in self.record.folders.values()):
            return False
        if passes.target or passes.has_other_rules(self.basis):
            return False
        daily_at = daily_pass_at(passes, self.basis, self.runtime.now())
        if any(at and at <= self.runtime.now() for at in (daily_at, passes.next_at)):
            return False
        waits = passes.look_at is not None and self.runtime.now() < passes.look_at
        return waits or (passes.basis == self.basis and not passes.others)

    def _rounds(self, folders: int) -> Sequence[int | None]:
        """How many old messages of each folder are judged before those of the others.

        In a first sync the newest mail of all folders comes first.
        """
        return [None] if self.state.first_sync_done or folders < 2 else [*_FIRST_ROUNDS, None]

    def _current(self, id: str, folder: FolderChoice, status: Status | None) -> FolderState | None:
        """What is stored of a folder, where its STATUS says that nothing of it has changed."""
        stored = self.stored.get(id)
        if stored is None or status is None or stored.state != _as_listed(stored.state, folder):
            return None
        told = (status.uidvalidity, status.uidnext, status.messages)
        current = stored.state.is_current(*told, self.runtime.now(), self.asked_at)
        return stored.state if current else None

    def _leave_out(self, folders: Set[str], listed: Iterable[FolderChoice]) -> Set[str]:
        """Forget the folders that are gone, and the failures of those that are not read any more.

        Nothing is erased: messages stay on their cards. A folder that comes back is read anew, by
        the headers of its messages. None is taken for gone while the server lists one whose name
        cannot be read. One that is gone and whose copies do not count stays stored, to say so.

        Parameters:
            folders: the ids of those that are read.
            listed: all that the server has.

        Returns:
            The ids of those whose copies do not count.
        """
        there = {folder_id(self.mailbox, one): one for one in listed}
        may_be_there = Limit.FOLDER_UNREADABLE in self.record.limits
        left_out = set[str]()
        for id in (self.stored.keys() | there.keys()) - folders:
            stored, choice = self.stored.get(id), there.get(id)
            uncounted = while_left_out(
                stored.state.uncounted if stored else None,
                stored.state.role if stored else FolderRole.OTHER,
                choice.left_out if choice else None,
                self.mailbox.folders,
            )
            if uncounted:
                left_out.add(id)
            if stored is None:
                continue
            state = replace(stored.state, failure=None, uncounted=uncounted)
            is_gone = choice is None and not may_be_there
            if is_gone and uncounted is None:
                self.runtime.folders.forget(self.lease, id, stored)
                continue
            if is_gone:
                state = state.without_verdicts()
            if state != stored.state:
                self.runtime.folders.save(self.lease, id, state, stored)
        return left_out

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
        failed = replace(_as_listed(state, folder), failure=failure)
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
        known = _still_known(earlier, folder, status) or new_folder(folder, status, earlier)
        judge = self._judge(id, known, stored, server, rules, view, self.until)
        sync = FolderSync(server, judge.checkpoint, judge, self.runtime, self.old_mail)
        if most is None:
            return sync.run(status, retry_is_due=id in self.retried)
        sync.newest(status, most)
        if judge.checkpoint.stored is not None:
            self.stored[id] = judge.checkpoint.stored
        return judge.checkpoint.folder

    def _judge(
        self,
        id: str,
        folder: FolderState,
        stored: StoredFolder | None,
        server: MailServer,
        rules: Rules,
        view: CrmView,
        until: datetime,
    ) -> RunJudge:
        """What judges UIDs of the folder that was opened."""
        self.checkpoint = self._checkpoint(id, folder, stored)
        return RunJudge(server, self.checkpoint, rules, view, self.runtime, until, self.max_batch)

    def _checkpoint(self, id: str, folder: FolderState, stored: StoredFolder | None) -> Checkpoint:
        return Checkpoint(
            lease=self.lease,
            id=id,
            folder=folder,
            stored=stored,
            caution=self.caution,
            progress=self.record,
            runtime=self.runtime,
            progressed=self.progressed,
        )


def _still_known(
    known: FolderState | None, folder: FolderChoice, status: Status
) -> FolderState | None:
    """What is known of a folder, with its present role, unless its UIDs are others by now."""
    if known is None or known.uidvalidity != status.uidvalidity or known.next > status.uidnext:
        return None
    return _as_listed(known, folder)


def _as_listed(known: FolderState, folder: FolderChoice) -> FolderState:
    return replace(known, role=folder.role, uncounted=while_read(folder, known.uncounted))


def _unread(folder: FolderChoice, status: Status | None) -> FolderState:
    unread = unread_folder(folder)
    return replace(unread, messages=status.messages) if status else unread
