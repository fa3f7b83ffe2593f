"""Audit a mailbox deeply: judge its messages again, check what is stored of them, and repair.

    round (`domain.deep_audit`) ─► each folder ─► its ledger: blocks, numbers, the server's list
        ─► its UIDs, newest first ─► headers fetched again ─► verdicts, compared with the ledger
        ─► what mirrored copies need (`check_copies`), those that have left the server as well

It works inside a sync, after new mail and passes, and only where neither a pass nor a change waits:
else a verdict that is given now may rightly differ. A slice goes on for a minute at a time, as a
pass does. Nothing is hidden or erased: a mirrored copy that no rule mirrors now is only counted.

A death is contained (`domain.containment`): that a batch begins is stored before, and the folder's
cursor after it, so that the next slice divides the batch at which a function died, down to one UID,
which is passed over. What is judged for the ledger's sake is new mail's: its deaths count as those.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import batched

from mailmirror.domain.batches import HEADER_RANGE, judged_alone, next_batch, parts, runs
from mailmirror.domain.contained import Judged
from mailmirror.domain.containment import Caution, Place, Reading
from mailmirror.domain.deep_audit import Fault, FaultKind, Found, Round
from mailmirror.domain.folder import FolderState, Passed, difference
from mailmirror.domain.ledger import Ledger
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.uids import UidSet
from mailmirror.domain.verdict import Rules, Verdict, outside_window
from mailmirror.mail.imap.fetched import FetchedHeader
from mailmirror.mail.imap.opening import Status
from mailmirror.runtime import Runtime, log_audit
from mailmirror.store.audit_rounds import Rounds
from mailmirror.store.sync_state import Lease
from mailmirror.usecases.crm_feed.crm_view import CrmView
from mailmirror.usecases.sync.check_copies import CheckCopies
from mailmirror.usecases.sync.judge_again import PASS_TIME
from mailmirror.usecases.sync.judge_copies import judge_copies
from mailmirror.usecases.sync.judge_run import RunJudge
from mailmirror.usecases.sync.mail_server import MailServer, OutOfTime, fetched_bytes
from mailmirror.usecases.sync.mirror_copies import FolderKey
from mailmirror.usecases.sync.sync_folder import FolderSync
from mailmirror.usecases.sync.sync_progress import SyncProgress

_AFTER_CHANGE = timedelta(minutes=1)
_AFTER_FAILURE = timedelta(hours=1)
_REMOVED_BYTES = 1 << 20
"""What a copy counts that has left the server: its size is not known."""


class _Changed(Exception):
    """People, rules or a folder have changed: the next sync comes first."""


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
    """The round, without what is counted below since it was stored."""
    _last: Round | None = field(init=False)
    _uids: int = 0
    _faults: list[Fault] = field(default_factory=list)
    _not_repaired: list[Fault] = field(default_factory=list)
    _disputed: int = 0
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
        except _Changed:
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
        found = Found(self._uids, disputed=self._disputed)
        after = self._present.with_faults(found, self._faults, self._not_repaired)
        if ended:
            found = replace(after.found, left_out=self._left_out)
            after = replace(after, finished_at=self.runtime.now(), found=found)
        before, count = self._present.found, self.runtime.count
        count("AuditUids", self._uids)
        count("AuditFaults", len(self._faults))
        count("AuditRepaired", after.found.repaired - before.repaired)
        not_held = after.found.returned - before.returned
        count("AuditReturned", not_held)
        count("AuditLost", after.found.lost - before.lost + not_held)
        count("AuditDisputed", self._disputed)
        if ended:
            count("DeepAuditsDone")
        if self._faults:
            kinds = Counter(one.kind.value for one in self._faults)
            log_audit(self.lease.key, kinds, len(self._not_repaired))
        self.runtime.audit_rounds.save(self.lease, Rounds(after, self._last))
        self._present, self._uids, self._disputed = after, 0, 0
        self._faults, self._not_repaired = [], []

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
            raise _Changed
        done = 0
        try:
            ledger = self._ledger(judge, status, number)
            low = checkpoint.folder.audited_down_to(number)
            kept = ledger.removed & ledger.of(Verdict.MIRRORED)
            uids = list((ledger.present | kept) & UidSet.span(1, low - 1))[::-1]
            checker = self._checker(judge)
            left = [checkpoint.place(uid) for uid in uids[:quota]]
            while left:
                batch = next_batch(left, self.progress.audit_caution, HEADER_RANGE)
                left = left[len(batch) :]
                if self._passes_over(judge, batch[0]):
                    self._audited(judge, number, [batch[0].uid])
                else:
                    self._begin(batch)
                    for piece, headers in self._pieces(judge, [one.uid for one in batch], ledger):
                        ledger = self._audit(judge, checker, piece, headers, ledger)
                        self._uids += len(piece)
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

    # Deaths

    def _begin(self, batch: Sequence[Place]) -> None:
        """Store that a batch begins: a function may die at it."""
        caution = self.progress.audit_caution
        alone = judged_alone(batch[0], caution)
        self.progress.audit_begins(caution.suspecting(batch[0]) if alone else caution)

    def _passes_over(self, judge: RunJudge, place: Place) -> bool:
        """Whether a function died while it audited this UID alone, which is then named."""
        caution = self.progress.audit_caution
        if caution.reading(place) is Reading.WHOLE:
            return False
        self.progress.audit_caution = caution.suspecting(place)
        self._note(judge, FaultKind.NOT_AUDITED, place.uid, repaired=False)
        return True

    def _audited(self, judge: RunJudge, number: int, piece: Sequence[int]) -> None:
        """Move the folder's cursor behind UIDs; the end of their batch stores it."""
        checkpoint, progress = judge.checkpoint, self.progress
        checkpoint.folder = replace(checkpoint.folder, audited=Passed(number, piece[-1]))
        progress.audit_caution = progress.audit_caution.after_success(len(piece))
        self._progressed = True

    # The ledger

    def _ledger(self, judge: RunJudge, status: Status, number: int) -> Ledger:
        """Read a folder's ledger; where the folder is begun, hold it against the server's list."""
        checkpoint, id = judge.checkpoint, judge.checkpoint.id
        uidvalidity = checkpoint.folder.uidvalidity
        ledger, lost = self.runtime.ledgers.readable(self.lease.key, id, checkpoint.folder)
        for block in lost:
            self._faults.append(Fault.of(FaultKind.LEDGER_BLOCK, id, 0, id, uidvalidity, block))
        if lost:
            ledger = checkpoint.ledger()  # stores it anew
            checkpoint.folder = replace(checkpoint.folder, audited=None)
        if checkpoint.folder.audited_down_to(number) < checkpoint.folder.next:
            return ledger
        if (recounted := checkpoint.folder.recounted(ledger)) != checkpoint.folder:
            self._faults.append(Fault.of(FaultKind.FOLDER_COUNTS, id, 0, id))
            checkpoint.move(recounted)
        return self._reconciled(judge, status, ledger, counted=not lost)

    def _reconciled(
        self, judge: RunJudge, status: Status, ledger: Ledger, *, counted: bool
    ) -> Ledger:
        """Have a ledger name what the server lists.

        Parameters:
            counted: whether a UID that differs is a fault of its own.
        """
        checkpoint = judge.checkpoint
        folder = checkpoint.folder
        listed = self.server.listed(folder.looked_at, folder.max_listed)
        if status.messages and not listed:
            raise Refused(Code.PROTOCOL_ERROR, "the server lists none of its messages")
        differ = difference(ledger, listed)
        if not (differ.missed or differ.left or differ.returned):
            return ledger
        self.progress.audit_pauses()
        if checkpoint.caution == Caution():
            self._check_missed(judge, differ.missed)
        FolderSync(self.server, checkpoint, judge, self.runtime, {}).reconcile()
        after = checkpoint.ledger()
        if counted:
            still = difference(after, listed)
            left = differ.left & after.removed  # else a second list has returned it
            gone = differ.missed & ledger.of(Verdict.GONE)
            for kind, uids, wrong in (
                (FaultKind.VERDICT, differ.missed - gone, still.missed),
                (FaultKind.PRESENCE, left | differ.returned | gone, still.returned),
            ):
                for uid in uids:
                    self._note(judge, kind, uid, repaired=uid not in wrong)
        return after

    def _check_missed(self, judge: RunJudge, missed: UidSet) -> None:
        """Check copies that have lost their verdict, before they are mirrored again.

        After a death only their batches do, which are divided.
        """
        checker = self._checker(judge)
        for batch in batched(checker.stored.with_copies(missed), HEADER_RANGE, strict=False):
            self._check_time(judge)
            headers = self.server.headers(batch).found
            verdicts = judge_copies(headers, self.rules, self.view)
            mirrored = (uid for uid, one in verdicts.items() if one is Verdict.MIRRORED)
            self._check(checker, {uid: headers[uid] for uid in mirrored})

    def _note(self, judge: RunJudge, kind: FaultKind, uid: int, *, repaired: bool) -> None:
        checkpoint = judge.checkpoint
        place = (checkpoint.id, checkpoint.folder.uidvalidity, uid)
        fault = Fault.of(kind, checkpoint.id, uid, *place)
        self._faults.append(fault)
        if not repaired:
            self._not_repaired.append(fault)

    # Verdicts, and what is mirrored

    def _pieces(
        self, judge: RunJudge, batch: Sequence[int], ledger: Ledger
    ) -> Iterator[tuple[Sequence[int], Mapping[int, FetchedHeader]]]:
        """Fetch the headers of UIDs again; divide the UIDs by the work that they cause.

        Of a copy outside the window only the date is fetched.
        """
        self._check_time(judge)
        verdicts = {
            uid: verdict
            for verdict, uids in ledger.recorded.items()
            for uid in batch
            if uid in uids
        }
        removed = ledger.removed
        old = [uid for uid in batch if verdicts[uid] is Verdict.OUTSIDE_WINDOW]
        dates = self.server.dates(old) if old else {}
        outside = {uid for uid, date in dates.items() if outside_window(date, self.rules)}
        asked = [uid for uid in batch if uid not in removed and uid not in outside]
        headers = self.server.headers(asked).found if asked else {}
        sizes = {uid: fetched_bytes(one.size) for uid, one in headers.items()}
        sizes = {uid: sizes.get(uid, _REMOVED_BYTES) for uid in batch}
        header_bytes = {uid: len(one.header) for uid, one in headers.items()}
        for part in parts(batch, header_bytes):
            for run in runs({uid: verdicts[uid] for uid in part}, sizes):
                self._check_time(judge)
                piece = list(run)
                yield piece, {uid: headers[uid] for uid in piece if uid in headers}

    def _check_time(self, judge: RunJudge) -> None:
        if self.runtime.now() >= judge.until:
            raise OutOfTime

    def _checker(self, judge: RunJudge) -> CheckCopies:
        folder = judge.checkpoint.folder
        where = FolderKey(self.lease.key, judge.checkpoint.id, folder.uidvalidity, folder.role)
        return CheckCopies.of(
            where, self.view, self.runtime, self.server, lambda: self._check_time(judge)
        )

    def _audit(
        self,
        judge: RunJudge,
        checker: CheckCopies,
        piece: Sequence[int],
        headers: Mapping[int, FetchedHeader],
        ledger: Ledger,
    ) -> Ledger:
        """Compare the verdicts of UIDs, and check those that are mirrored; return the ledger."""
        fresh = judge_copies(headers, self.rules, self.view)
        if self.runtime.change_log.head(self.lease.key.account) != self.facts:
            raise _Changed
        changed = {uid: one for uid, one in fresh.items() if uid not in ledger.of(one)}
        mirrored = ledger.of(Verdict.MIRRORED)
        copied = checker.stored.with_copies(changed)
        disputed = {uid for uid in copied if uid in mirrored}
        self._disputed += len(disputed)
        stored = {uid for uid in copied if changed[uid] is Verdict.MIRRORED}
        stored |= {uid for uid in piece if uid in mirrored} - changed.keys()
        there = {uid: headers[uid] for uid in stored if uid in headers}
        self._check(checker, there, [uid for uid in stored if uid not in headers])
        wrong = {uid: one for uid, one in changed.items() if uid not in disputed}
        drafts = ledger.of(Verdict.DRAFT)  # a flag, which may be set and taken away
        ledger = self._recorded(judge, wrong, ledger)
        for uid, verdict in wrong.items():
            if verdict is not Verdict.DRAFT and uid not in drafts:
                repaired = uid in ledger.of(verdict)
                self._note(judge, FaultKind.VERDICT, uid, repaired=repaired)
        return ledger

    def _check(
        self,
        checker: CheckCopies,
        headers: Mapping[int, FetchedHeader],
        removed: Sequence[int] = (),
    ) -> None:
        findings = checker.check(headers, removed)
        self._faults += findings.faults.values()
        self._not_repaired += findings.not_repaired

    def _recorded(self, judge: RunJudge, wrong: Mapping[int, Verdict], ledger: Ledger) -> Ledger:
        """Judge UIDs as a sync does, and record their verdicts."""
        for judged in judge.runs(list(wrong)) if wrong else ():
            read = {
                uid: verdict
                for uid, verdict in judged.verdicts.items()
                if verdict is not Verdict.PENDING
            }
            contained = {uid: one for uid, one in judged.contained.items() if uid in read}
            judge.checkpoint.advance(Judged(read, contained), ledger)
            ledger = ledger.record(read)
        return ledger
