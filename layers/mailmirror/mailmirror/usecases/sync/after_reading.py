"""What a sync does once new mail is read: it judges old mail again, and audits a slice deeply.

    people or rules have changed ─► a pass (`judge_again`) ─► nothing waits ─► audit (`deep_audit`)

A first sync leaves both to the next one.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mailmirror.domain.coverage_limits import Limit
from mailmirror.domain.deep_audit import SLICE_PAUSE, first_slice_at
from mailmirror.domain.folder_choice import FolderChoice
from mailmirror.domain.mailbox import FolderScope, Mailbox
from mailmirror.domain.passes import Basis, PassState, daily_pass_at
from mailmirror.observing import is_of_aws, log_failure
from mailmirror.runtime import Runtime
from mailmirror.store.folders import FolderChanged
from mailmirror.store.sync_state import Lease, LeaseLost, SyncState
from mailmirror.usecases.sync.deep_audit import DeepAudit
from mailmirror.usecases.sync.folder_opener import FolderOpener
from mailmirror.usecases.sync.folder_records import FolderRecords
from mailmirror.usecases.sync.judge_again import JudgeAgain, Outcome
from mailmirror.usecases.sync.late_facts import LateFacts
from mailmirror.usecases.sync.seen_folders import WATCHED_ROLES
from mailmirror.usecases.sync.sync_progress import SyncProgress

_HIDING_LIMITS = {Limit.ALL_MAIL_HIDDEN, Limit.FOLDER_LIMITED, Limit.FOLDER_UNREADABLE}
"""The server may have mail that it does not show: what it shows no more has not left it."""

_AFTER_CHANGE = timedelta(minutes=1)
"""Until a pass or an audit goes on that has found a folder changed since its sync."""
_BEFORE_AUDIT = timedelta(minutes=5)
"""Until an audit is tried again that a change or a pass has held up, or with smaller batches."""


@dataclass(slots=True)
class PassRecord:
    """How far a mailbox's passes have come, as `state` has it."""

    lease: Lease
    passes: PassState
    runtime: Runtime

    def save(self, passes: PassState) -> None:
        """Raises:
        LeaseLost: another sync holds the lease; nothing was changed.
        """
        self.runtime.sync_states.passing(self.lease, passes, self.runtime.now())
        self.passes = passes


@dataclass(slots=True)
class AfterReading:
    """The rest of one sync, after its folders were read."""

    mailbox: Mailbox
    state: SyncState
    """As it was when the lease was taken."""
    folders: Mapping[str, FolderChoice]
    """Those that are read, by their ids."""
    left_out: Set[str]
    """The ids of the folders whose copies do not count."""
    basis: Basis
    """What verdicts were given under; gets the line of the log up to which they hold."""
    passes: PassRecord
    opener: FolderOpener
    records: FolderRecords
    record: SyncProgress
    runtime: Runtime
    until: datetime

    def judge_again(self) -> Outcome:
        """Judge old mail again under what has changed since."""
        view = self.opener.view
        view.forget()  # so that no verdict that follows is given under less than the log's head
        now, passes = self.runtime.now(), self.passes.passes
        self.basis = replace(self.basis, line=view.facts)
        if view.account.basis(0, self.mailbox).rules != self.basis.rules:
            return Outcome(passes, now)  # changed meanwhile: the next sync judges by it
        if not self.state.first_sync_done:
            begun = PassState(self.basis, hides=passes.hides)
            return Outcome(passes, None if passes == begun else now)
        if self._has_time():
            unread = not self._holds and self.basis.line > passes.hinted_line
            return Outcome(passes, passes.look_at if unread else passes.next_at)
        late = LateFacts.read(view, self.basis, passes, self.runtime.change_log)
        self.basis = late.basis
        again = JudgeAgain(
            lease=self.opener.lease,
            late=late,
            folders=self.record.folders,
            watched=[id for id, one in self.folders.items() if one.role in WATCHED_ROLES],
            opened=lambda id, until: self.opener.opened_again(id, self.folders[id], until)[0],
            failed=lambda id, refusal: self.records.failed(
                id, self.folders[id], refusal, self.opener.checkpoint
            ),
            checkpoint=self.opener.unopened,
            left_out=self.left_out,
            shows_all=self.mailbox.folders is FolderScope.ALL
            and self.record.limits.isdisjoint(_HIDING_LIMITS),
            save=self.passes.save,
            server=self.opener.server,
            view=view,
            runtime=self.runtime,
        )
        try:
            return again.run(self.until, self.mailbox.everything_asked_at)
        except FolderChanged:
            return Outcome(self.passes.passes, now + _AFTER_CHANGE)

    def _has_time(self) -> bool:
        """Whether nothing has changed for old mail, or what has waits for its time."""
        passes, asked_at = self.passes.passes, self.mailbox.everything_asked_at
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
        return waits or self._holds

    @property
    def _holds(self) -> bool:
        """Whether every verdict was given under the present facts, so that no line waits."""
        passes = self.passes.passes
        return passes.basis == self.basis and not passes.others

    def audit(self, old: Outcome) -> datetime | None:
        """Go on with the deep audit, where a slice is due and nothing else waits.

        It is no part of reading mail: where it fails, the sync has succeeded nevertheless.

        Parameters:
            old: what was done about old mail.

        Returns:
            When the next slice is due; None where that is as stored.
        """
        now, state, asked_at = self.runtime.now(), self.state, self.mailbox.audit_asked_at
        if asked_at == state.audit_asked_at:
            asked_at = None  # that one has begun
        if asked_at is None and state.audit_at is None:
            return first_slice_at(self.opener.lease.key, now)
        if asked_at is None and state.audit_at is not None and now < state.audit_at:
            return None
        if not self._is_settled(old):
            return max(now + _BEFORE_AUDIT, old.due_at or now)
        audit = DeepAudit(
            lease=self.opener.lease,
            folders=self.record.folders,
            opened=lambda id, until: self.opener.opened_again(id, self.folders[id], until),
            facts=self.basis.line,
            rules=self.opener.rules,
            server=self.opener.server,
            view=self.opener.view,
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

    def _is_settled(self, old: Outcome) -> bool:
        """Whether every verdict holds now, so that one that is given again is the same."""
        now, passes = self.runtime.now(), old.passes
        waits = (old.due_at is not None and old.due_at <= now) or passes.target or passes.others
        return self.state.first_sync_done and not waits and passes.basis == self.basis
