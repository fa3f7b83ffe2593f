"""Audit a mailbox deeply: judge its messages again, check what is stored of them, and repair.

    round (`domain.deep_audit`) ─► each folder (`audit_folder`): its ledger
        ─► its UIDs, newest first, in batches ─► the folder's cursor ─► the round is stored

It works inside a sync, after new mail and passes, and only where neither a pass nor a change waits:
else a verdict that is given now may rightly differ. A slice goes on for a minute at a time, as a
pass does. Nothing is hidden or erased: a mirrored copy that no rule mirrors now is only counted.

A death is contained (`domain.containment`): that a batch begins is stored before, and the folder's
cursor after it, so that the next slice divides the batch at which a function died, down to one UID,
which is passed over. What is judged for the ledger's sake is new mail's: its deaths count as those.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from mailmirror.domain.batches import HEADER_RANGE, judged_alone, next_batch
from mailmirror.domain.containment import Caution, Place, Reading
from mailmirror.domain.deep_audit import FaultKind, Found, Round
from mailmirror.domain.folder import FolderState, Passed
from mailmirror.domain.problems import Refused
from mailmirror.domain.uids import UidSet
from mailmirror.domain.verdict import Rules, Verdict
from mailmirror.mail.imap.opening import Status
from mailmirror.observing import log_audit
from mailmirror.runtime import Runtime
from mailmirror.store.audit_rounds import Rounds
from mailmirror.store.sync_state import Lease
from mailmirror.usecases.crm_feed.crm_view import CrmView
from mailmirror.usecases.sync.audit_folder import Changed, FolderAudit, Tally
from mailmirror.usecases.sync.judge_again import PASS_TIME
from mailmirror.usecases.sync.judge_run import RunJudge
from mailmirror.usecases.sync.mail_server import MailServer, OutOfTime
from mailmirror.usecases.sync.sync_progress import SyncProgress

_AFTER_CHANGE = timedelta(minutes=1)
_AFTER_FAILURE = timedelta(hours=1)


@dataclass(slots=True)
class DeepAudit:
    """One sync's slice of the deep audit of a mailbox."""

    lease: Lease
    folders: dict[str, FolderState]
    """Those that are read, by their ids; gets what becomes of them."""
    opened: Callable[[str, datetime], tuple[RunJudge, Status]]
    """Opens a folder, to judge UIDs of it until a deadline."""
    facts: int
    """The line of the log under which every verdict holds."""
    rules: Rules
    server: MailServer
    view: CrmView
    progress: SyncProgress
    runtime: Runtime
    _present: Round = field(init=False)
    """The round, without what the tally has counted since it was stored."""
    _last: Round | None = field(init=False)
    _tally: Tally = field(default_factory=Tally)
    _left_out: int = 0
    _progressed: bool = False
    """Whether a folder's cursor has moved."""

    def run(self, until: datetime, asked_at: datetime | None) -> datetime:
        """Go on with the round, or begin one; return when the next slice is due.

        Parameters:
            asked_at: when a person has asked for the whole mailbox to be audited.
        """
        now = self.runtime.now()
        present, last = self._begun(now, asked_at)
        if present.finished_at is not None:
            return present.next_at(now)
        self._present, self._last = present, last
        total = sum(one.judged for one in self.folders.values())
        due_at: datetime | None = None
        ended = False
        slice_end = min(until, now + PASS_TIME)
        try:
            ended = self._go_on(present, present.quota(total, now), slice_end)
            if ended:
                self.progress.audit_caution = Caution()
        except OutOfTime:
            due_at = self.runtime.now()
            if not self._progressed and slice_end == now + PASS_TIME:
                self.progress.audit_failed()
        except Changed:
            due_at = self.runtime.now() + _AFTER_CHANGE
        except Refused:  # the session is lost
            due_at = self.runtime.now() + _AFTER_FAILURE
        finally:
            self._save_round(ended=ended)
        return due_at or self._present.next_at(now)

    def _begun(self, now: datetime, asked_at: datetime | None) -> tuple[Round, Round | None]:
        """The present round, which may begin now, and the one before it."""
        stored = self.runtime.audit_rounds.read(self.lease.key)
        present, last = stored.present, stored.last
        if present is None:
            present = Round(int(now.timestamp()), now, asked_at)
        elif present.is_over(now, asked_at):
            present, last = present.after(now, asked_at), present
        if asked_at is not None:
            self.runtime.audit_rounds.save(self.lease, Rounds(present, last))
            self.runtime.sync_states.audit_begun(self.lease, asked_at, now)
        return present, last

    def _save_round(self, *, ended: bool = False) -> None:
        """Store the round with what was found since it was stored, which is counted and logged."""
        tally = self._tally
        found = Found(tally.uids, disputed=tally.disputed)
        after = self._present.with_faults(found, tally.faults, tally.not_repaired)
        if ended:
            found = replace(after.found, left_out=self._left_out)
            after = replace(after, finished_at=self.runtime.now(), found=found)
        before, count = self._present.found, self.runtime.count
        count("AuditUids", tally.uids)
        count("AuditFaults", len(tally.faults))
        count("AuditRepaired", after.found.repaired - before.repaired)
        not_held = after.found.returned - before.returned
        count("AuditReturned", not_held)
        count("AuditLost", after.found.lost - before.lost + not_held)
        count("AuditDisputed", tally.disputed)
        if ended:
            count("DeepAuditsDone")
        if tally.faults:
            kinds = Counter(one.kind.value for one in tally.faults)
            log_audit(self.lease.key, kinds, len(tally.not_repaired))
        self.runtime.audit_rounds.save(self.lease, Rounds(after, self._last))
        self._present = after
        tally.clear()

    def _go_on(self, present: Round, quota: int, until: datetime) -> bool:
        """Audit so many UIDs; return whether every folder that can be read is through."""
        for id, folder in list(self.folders.items()):
            if folder.audited == Passed(present.number, 1):
                continue
            if folder.failure is not None:
                self._left_out += 1
                continue
            if quota <= 0:
                return False
            try:
                quota -= self._folder(id, present.number, quota, until)
            except Refused:
                self._left_out += 1
                if not self.server.session.alive:
                    raise
                continue
            if self.folders[id].audited != Passed(present.number, 1):
                return False
        return True

    def _folder(self, id: str, number: int, quota: int, until: datetime) -> int:
        """Audit UIDs of a folder, newest first; return how many."""
        judge, status = self.opened(id, until)
        checkpoint = judge.checkpoint
        if not checkpoint.folder.was_seen(status.uidvalidity, status.uidnext, status.messages):
            raise Changed
        done = 0
        try:
            audit = self._audit_of(judge)
            ledger = audit.ledger(status, number)
            low = checkpoint.folder.audited_down_to(number)
            kept = ledger.removed & ledger.of(Verdict.MIRRORED)
            uids = list((ledger.present | kept) & UidSet.span(1, low - 1))[::-1]
            left = [checkpoint.place(uid) for uid in uids[:quota]]
            while left:
                batch = next_batch(left, self.progress.audit_caution, HEADER_RANGE)
                left = left[len(batch) :]
                if self._passes_over(audit, batch[0]):
                    self._audited(judge, number, [batch[0].uid])
                else:
                    self._begin(batch)
                    for piece, headers in audit.pieces([one.uid for one in batch], ledger):
                        ledger = audit.audit(piece, headers, ledger)
                        self._audited(judge, number, piece)
                done += len(batch)
                self._save_round()
                checkpoint.move(checkpoint.folder)
            if len(uids) <= quota:
                checkpoint.folder = replace(checkpoint.folder, audited=Passed(number, 1))
        finally:
            checkpoint.move(checkpoint.folder)
            self.folders[id] = checkpoint.folder
        return done

    def _audit_of(self, judge: RunJudge) -> FolderAudit:
        return FolderAudit(
            key=self.lease.key,
            judge=judge,
            tally=self._tally,
            facts=self.facts,
            rules=self.rules,
            server=self.server,
            view=self.view,
            progress=self.progress,
            runtime=self.runtime,
        )

    # Deaths

    def _begin(self, batch: Sequence[Place]) -> None:
        """Store that a batch begins: a function may die at it."""
        caution = self.progress.audit_caution
        alone = judged_alone(batch[0], caution)
        self.progress.audit_begins(caution.suspecting(batch[0]) if alone else caution)

    def _passes_over(self, audit: FolderAudit, place: Place) -> bool:
        """Whether a function died while it audited this UID alone, which is then named."""
        caution = self.progress.audit_caution
        if caution.reading(place) is Reading.WHOLE:
            return False
        self.progress.audit_caution = caution.suspecting(place)
        audit.note(FaultKind.NOT_AUDITED, place.uid, repaired=False)
        return True

    def _audited(self, judge: RunJudge, number: int, piece: Sequence[int]) -> None:
        """Move the folder's cursor behind UIDs; the end of their batch stores it."""
        checkpoint, progress = judge.checkpoint, self.progress
        checkpoint.folder = replace(checkpoint.folder, audited=Passed(number, piece[-1]))
        progress.audit_caution = progress.audit_caution.after_success(len(piece))
        self._progressed = True
