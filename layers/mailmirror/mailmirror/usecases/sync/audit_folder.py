"""Audit one folder deeply, as `deep_audit` goes through it.

its ledger: blocks, counts, the server's list ─► repaired, and each difference counted
a piece of UIDs: headers fetched again ─► verdicts, compared with the ledger and recorded
                 ─► what mirrored copies need (`check_copies`), also of those that have left
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import batched

from mailmirror.domain.batches import HEADER_RANGE, parts, runs
from mailmirror.domain.contained import Judged
from mailmirror.domain.containment import Caution
from mailmirror.domain.deep_audit import Fault, FaultKind
from mailmirror.domain.folder import difference
from mailmirror.domain.ledger import Ledger
from mailmirror.domain.mailbox import MailboxKey
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.uids import UidSet
from mailmirror.domain.verdict import Rules, Verdict, outside_window
from mailmirror.mail.imap.fetched import FetchedHeader
from mailmirror.mail.imap.opening import Status
from mailmirror.runtime import Runtime
from mailmirror.usecases.crm_feed.crm_view import CrmView
from mailmirror.usecases.sync.check_copies import CheckCopies
from mailmirror.usecases.sync.judge_copies import judge_copies
from mailmirror.usecases.sync.judge_run import RunJudge
from mailmirror.usecases.sync.mail_server import MailServer, OutOfTime, fetched_bytes
from mailmirror.usecases.sync.mirror_copies import FolderKey
from mailmirror.usecases.sync.sync_folder import FolderSync
from mailmirror.usecases.sync.sync_progress import SyncProgress

_REMOVED_BYTES = 1 << 20
"""What a copy counts that has left the server: its size is not known."""


class Changed(Exception):
    """People, rules or a folder have changed: the next sync comes first."""


@dataclass(slots=True)
class Tally:
    """What an audit has found since its round was last stored."""

    uids: int = 0
    disputed: int = 0
    faults: list[Fault] = field(default_factory=list)
    not_repaired: list[Fault] = field(default_factory=list)

    def add(self, fault: Fault, *, repaired: bool) -> None:
        self.faults.append(fault)
        if not repaired:
            self.not_repaired.append(fault)

    def clear(self) -> None:
        """Begin anew, once all of it is stored."""
        self.uids = self.disputed = 0
        self.faults.clear()
        self.not_repaired.clear()


@dataclass(slots=True)
class FolderAudit:
    """The audit of one folder that is open."""

    key: MailboxKey
    judge: RunJudge
    tally: Tally
    facts: int
    """The line of the log under which every verdict holds."""
    rules: Rules
    server: MailServer
    view: CrmView
    progress: SyncProgress
    runtime: Runtime
    checker: CheckCopies = field(init=False)

    def __post_init__(self) -> None:
        id, folder = self.judge.checkpoint.id, self.judge.checkpoint.folder
        where = FolderKey(self.key, id, folder.uidvalidity, folder.role)
        self.checker = CheckCopies.of(where, self.view, self.runtime, self.server, self._check_time)

    def ledger(self, status: Status, number: int) -> Ledger:
        """Read the ledger; where the folder is begun, compare it with the server's list."""
        checkpoint, id = self.judge.checkpoint, self.judge.checkpoint.id
        uidvalidity = checkpoint.folder.uidvalidity
        ledger, lost = self.runtime.ledgers.readable(self.key, id, checkpoint.folder)
        for block in lost:
            self.tally.faults.append(
                Fault.of(FaultKind.LEDGER_BLOCK, id, 0, id, uidvalidity, block)
            )
        if lost:
            ledger = checkpoint.ledger()  # stores it anew
            checkpoint.folder = replace(checkpoint.folder, audited=None)
        if checkpoint.folder.audited_down_to(number) < checkpoint.folder.next:
            return ledger
        if (recounted := checkpoint.folder.recounted(ledger)) != checkpoint.folder:
            self.tally.add(Fault.of(FaultKind.FOLDER_COUNTS, id, 0, id), repaired=True)
            checkpoint.move(recounted)
        return self._reconciled(status, ledger, counted=not lost)

    def _reconciled(self, status: Status, ledger: Ledger, *, counted: bool) -> Ledger:
        """Have a ledger name what the server lists.

        Parameters:
            counted: whether a UID that differs is a fault of its own.
        """
        checkpoint = self.judge.checkpoint
        folder = checkpoint.folder
        listed = self.server.listed(folder.looked_at, folder.max_listed)
        if status.messages and not listed:
            raise Refused(Code.PROTOCOL_ERROR, "the server lists none of its messages")
        differ = difference(ledger, listed)
        if not (differ.missed or differ.left or differ.returned):
            return ledger
        self.progress.audit_pauses()
        if checkpoint.caution == Caution():
            self._check_missed(differ.missed)
        FolderSync(self.server, checkpoint, self.judge, self.runtime, {}).reconcile()
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
                    self.note(kind, uid, repaired=uid not in wrong)
        return after

    def _check_missed(self, missed: UidSet) -> None:
        """Check copies that have lost their verdict, before they are mirrored again.

        After a death only their batches do, which are divided.
        """
        for batch in batched(self.checker.stored.with_copies(missed), HEADER_RANGE, strict=False):
            self._check_time()
            headers = self.server.headers(batch).found
            verdicts = judge_copies(headers, self.rules, self.view)
            mirrored = (uid for uid, one in verdicts.items() if one is Verdict.MIRRORED)
            self._check({uid: headers[uid] for uid in mirrored})

    def note(self, kind: FaultKind, uid: int, *, repaired: bool) -> None:
        """Count a fault of a UID."""
        checkpoint = self.judge.checkpoint
        place = (checkpoint.id, checkpoint.folder.uidvalidity, uid)
        self.tally.add(Fault.of(kind, checkpoint.id, uid, *place), repaired=repaired)

    def pieces(
        self, batch: Sequence[int], ledger: Ledger
    ) -> Iterator[tuple[Sequence[int], Mapping[int, FetchedHeader]]]:
        """Fetch the headers of UIDs again; divide the UIDs by the work that they cause.

        Of a copy outside the window only the date is fetched.
        """
        self._check_time()
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
                self._check_time()
                piece = list(run)
                yield piece, {uid: headers[uid] for uid in piece if uid in headers}

    def _check_time(self) -> None:
        if self.runtime.now() >= self.judge.until:
            raise OutOfTime

    def audit(
        self, piece: Sequence[int], headers: Mapping[int, FetchedHeader], ledger: Ledger
    ) -> Ledger:
        """Compare the verdicts of UIDs, and check those that are mirrored; return the ledger.

        Raises:
            Changed: people or rules have changed since the slice began.
        """
        fresh = judge_copies(headers, self.rules, self.view)
        if self.runtime.change_log.head(self.key.account) != self.facts:
            raise Changed
        changed = {uid: one for uid, one in fresh.items() if uid not in ledger.of(one)}
        mirrored = ledger.of(Verdict.MIRRORED)
        copied = self.checker.stored.with_copies(changed)
        disputed = {uid for uid in copied if uid in mirrored}
        self.tally.disputed += len(disputed)
        stored = {uid for uid in copied if changed[uid] is Verdict.MIRRORED}
        stored |= {uid for uid in piece if uid in mirrored} - changed.keys()
        there = {uid: headers[uid] for uid in stored if uid in headers}
        self._check(there, [uid for uid in stored if uid not in headers])
        wrong = {uid: one for uid, one in changed.items() if uid not in disputed}
        drafts = ledger.of(Verdict.DRAFT)  # a flag, which may be set and taken away
        ledger = self._recorded(wrong, ledger)
        for uid, verdict in wrong.items():
            if verdict is not Verdict.DRAFT and uid not in drafts:
                repaired = uid in ledger.of(verdict)
                self.note(FaultKind.VERDICT, uid, repaired=repaired)
        self.tally.uids += len(piece)
        return ledger

    def _check(self, headers: Mapping[int, FetchedHeader], removed: Sequence[int] = ()) -> None:
        findings = self.checker.check(headers, removed)
        self.tally.faults += findings.faults.values()
        self.tally.not_repaired += findings.not_repaired

    def _recorded(self, wrong: Mapping[int, Verdict], ledger: Ledger) -> Ledger:
        """Judge UIDs as a sync does, and record their verdicts."""
        for judged in self.judge.runs(list(wrong)) if wrong else ():
            read = {
                uid: verdict
                for uid, verdict in judged.verdicts.items()
                if verdict is not Verdict.PENDING
            }
            contained = {uid: one for uid, one in judged.contained.items() if uid in read}
            self.judge.checkpoint.advance(Judged(read, contained), ledger)
            ledger = ledger.record(read)
        return ledger
