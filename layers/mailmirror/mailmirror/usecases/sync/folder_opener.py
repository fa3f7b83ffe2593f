"""Open the folders of one session with a mail server, to judge UIDs of them."""

from dataclasses import dataclass, replace
from datetime import datetime

from mailmirror.domain.containment import FULL_BATCH, Caution
from mailmirror.domain.counted_copies import while_read
from mailmirror.domain.folder import FolderState
from mailmirror.domain.folder_choice import FolderChoice
from mailmirror.domain.verdict import Rules
from mailmirror.mail.imap.opening import Status
from mailmirror.runtime import Runtime
from mailmirror.store.folders import FolderChanged, StoredFolder
from mailmirror.store.sync_state import Lease
from mailmirror.usecases.crm_feed.crm_view import CrmView
from mailmirror.usecases.sync.checkpoint import Checkpoint
from mailmirror.usecases.sync.judge_run import RunJudge
from mailmirror.usecases.sync.mail_server import MailServer
from mailmirror.usecases.sync.sync_folder import new_folder
from mailmirror.usecases.sync.sync_progress import SyncProgress


@dataclass(slots=True)
class FolderOpener:
    """The folders of one session, and the one that was opened last."""

    lease: Lease
    record: SyncProgress
    server: MailServer
    rules: Rules
    view: CrmView
    runtime: Runtime
    first_caution: Caution
    """Of the first batch; the later ones take what the checkpoint has."""
    max_batch: int = FULL_BATCH
    """How many UIDs a batch may have, beside what the caution says."""
    checkpoint: Checkpoint | None = None
    """Of the folder that was opened last."""

    @property
    def progressed(self) -> bool:
        """Whether a cursor has moved."""
        return self.checkpoint is not None and self.checkpoint.progressed

    @property
    def caution(self) -> Caution:
        return self.checkpoint.caution if self.checkpoint else self.first_caution

    def opened(
        self, id: str, folder: FolderChoice, stored: StoredFolder | None, until: datetime
    ) -> tuple[RunJudge, Status]:
        """Open a folder, which is new where its UIDs are others than those that are stored."""
        earlier = stored.state if stored else None
        status = self.server.examine(folder, earlier.failure if earlier else None)
        known = _still_known(earlier, folder, status) or new_folder(folder, status, earlier)
        return self._judge(id, known, stored, until), status

    def opened_again(
        self, id: str, folder: FolderChoice, until: datetime
    ) -> tuple[RunJudge, Status]:
        """Open a folder that was read before in this sync.

        Raises:
            FolderChanged: its UIDs are others by now.
        """
        stored = self.runtime.folders.find(self.lease.key, id)
        status = self.server.examine(folder)
        known = _still_known(stored.state if stored else None, folder, status)
        if known is None:
            raise FolderChanged(id)
        return self._judge(id, known, stored, until), status

    def unopened(self, id: str) -> Checkpoint:
        """A stored folder, to change verdicts of it without opening it.

        Raises:
            FolderChanged: it is stored no more.
        """
        stored = self.runtime.folders.find(self.lease.key, id)
        if stored is None:
            raise FolderChanged(id)
        return self._checkpoint(id, stored.state, stored)

    def _judge(
        self, id: str, folder: FolderState, stored: StoredFolder | None, until: datetime
    ) -> RunJudge:
        self.checkpoint = self._checkpoint(id, folder, stored)
        return RunJudge(
            self.server,
            self.checkpoint,
            self.rules,
            self.view,
            self.runtime,
            until,
            self.max_batch,
        )

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


def as_listed(known: FolderState, folder: FolderChoice) -> FolderState:
    """What is known of a folder, with what the server's list says of it now."""
    uncounted = while_read(folder, known.uncounted)
    return replace(known, role=folder.role, uncounted=uncounted, read=True)


def _still_known(
    known: FolderState | None, folder: FolderChoice, status: Status
) -> FolderState | None:
    """What is known of a folder, unless its UIDs are others by now."""
    if known is None or known.uidvalidity != status.uidvalidity or known.next > status.uidnext:
        return None
    return as_listed(known, folder)
