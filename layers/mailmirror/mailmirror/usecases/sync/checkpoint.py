"""What is stored of a folder's sync: its ledger, its cursors and the caution, moved together."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from mailmirror.domain.contained import Judged
from mailmirror.domain.containment import Caution, Place
from mailmirror.domain.folder import FolderState
from mailmirror.domain.ledger import Ledger
from mailmirror.domain.uids import UidSet
from mailmirror.domain.verdict import Verdict
from mailmirror.runtime import Runtime
from mailmirror.store.folders import StoredFolder
from mailmirror.store.keys import copy_place
from mailmirror.store.ledgers import BlockMissing
from mailmirror.store.sync_state import Lease
from mailmirror.usecases.sync.sync_progress import SyncProgress


@dataclass(slots=True)
class Checkpoint:
    """One folder, as stored. Each change is one write, conditional on the lease.

    Raises, from every method that writes:
        LeaseLost: another sync holds the lease; nothing was changed.
        FolderChanged: a sync that has lost the lease has written the folder meanwhile.
    """

    lease: Lease
    id: str
    folder: FolderState
    stored: StoredFolder | None
    """What the table has of it; None where the folder is new."""
    caution: Caution
    progress: SyncProgress
    runtime: Runtime
    progressed: bool = False
    """Whether a cursor has moved in this job."""

    def place(self, uid: int) -> Place:
        return Place(self.id, self.folder.uidvalidity, uid)

    def ledger(self) -> Ledger:
        """Read the whole ledger of the folder, without the blocks of it that are lost."""
        try:
            return self.runtime.ledgers.read(self.lease.key, self.id, self.folder)
        except BlockMissing:
            return self._without_lost_blocks()

    def _without_lost_blocks(self) -> Ledger:
        """Store the ledger anew without the blocks that are missing, or are none.

        The folder's numbers then differ from the server's, so that the reconciling that follows
        judges again what has no verdict; a pass judges the rest, whose verdict may be one that a
        lost block had overruled. Mirrored copies that have left the server are known by their
        items; of others that have, nothing is kept.
        """
        key, uidvalidity = self.lease.key, self.folder.uidvalidity
        ledger, lost = self.runtime.ledgers.readable(key, self.id, self.folder)
        span = (1, self.folder.next - 1)
        copies = self.runtime.stored_items.copies(key, self.id, uidvalidity, *span)
        kept = UidSet.of({copy_place(item).uid for item in copies}) - ledger.named
        mirrored = Ledger({Verdict.MIRRORED: kept}, kept) if kept else Ledger()
        whole = ledger.updated(mirrored)
        new = self.folder.ledger.compact(whole)
        if self.stored is None or self.stored.fence != self.lease.token:
            self._save(self.folder)  # no earlier holder can list these blocks from here on
        self.runtime.ledgers.write(self.lease, self.id, uidvalidity, new.written)
        self.move(replace(self.folder, ledger=new.parts, stale=True).recounted(whole))
        self.runtime.count("LedgerBlocksLost", len(lost))
        return whole

    def advance(
        self,
        judged: Judged,
        before: Ledger | None = None,
        *,
        next: int | None = None,
        low: int | None = None,
    ) -> None:
        """Record verdicts and move a cursor; the parameters are those of FolderState.advanced."""
        verdicts, key = judged.verdicts, self.lease.key
        if not verdicts:
            return
        self.caution = self.caution.after_success(len(verdicts))
        self.progressed = True
        contained = {self.place(uid): one for uid, one in judged.contained.items()}
        self.runtime.contained.put(key, contained, self.runtime.now())
        self._change(Ledger().record(verdicts), before, next=next, low=low)
        was_pending = before.pending & UidSet.of(verdicts) if before else UidSet()
        read = [self.place(uid) for uid in was_pending if uid not in judged.contained]
        self.runtime.contained.delete(key, read)
        for verdict, count in Counter(verdicts.values()).items():
            self.runtime.count(f"Verdict_{verdict}", count)

    def judge_again(self, verdicts: Mapping[int, Verdict]) -> None:
        """Record other verdicts; what the server has no more stays removed."""
        before = self.ledger()
        self._change(Ledger().record(verdicts).remove(before.removed), before)
        self.runtime.count("VerdictsChanged", len(verdicts))

    def remove(self, uids: UidSet, before: Ledger) -> None:
        """Record that the server has these UIDs no more; `before` names them."""
        if uids:
            self._change(before.only(uids).remove(uids), before)
        self.runtime.count("CopiesRemoved", len(uids))

    def restore(self, uids: UidSet, before: Ledger) -> None:
        """Record that the server has these removed UIDs again; `before` names them."""
        if uids:
            self._change(before.only(uids).restore(uids), before)
        self.runtime.count("CopiesReturned", len(uids))

    def suspect(self, uid: int) -> None:
        """Record which UID is judged alone, before it is: a function may die at it."""
        self.caution = self.caution.suspecting(self.place(uid))
        self.progress.suspect(self.caution)

    def move(self, folder: FolderState) -> None:
        """Store the folder, unless it is stored like this already."""
        self.folder = folder
        if self.stored is not None and folder == self.stored.state:
            return
        self._save(folder)
        self.progress.moved(self.id, folder, self.caution)

    def _save(self, folder: FolderState) -> None:
        self.stored = self.runtime.folders.save(self.lease, self.id, folder, self.stored)

    def _change(
        self,
        change: Ledger,
        before: Ledger | None,
        *,
        next: int | None = None,
        low: int | None = None,
    ) -> None:
        folder = self.folder.advanced(change, before, next=next, low=low)
        try:
            new = self.runtime.ledgers.fold(self.lease.key, self.id, self.folder, change)
        except BlockMissing:
            before = self._without_lost_blocks()
            folder = self.folder.advanced(change, before, next=next, low=low)
            new = self.runtime.ledgers.fold(self.lease.key, self.id, self.folder, change)
        if new.written:
            if self.stored is None or self.stored.fence != self.lease.token:
                self._save(self.folder)  # no earlier holder can list these blocks from here on
            self.runtime.ledgers.write(self.lease, self.id, folder.uidvalidity, new.written)
        self.move(replace(folder, ledger=new.parts))
