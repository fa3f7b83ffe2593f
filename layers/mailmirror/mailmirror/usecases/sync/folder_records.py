"""The folders of a mailbox as they are stored, in one sync: which need not be read, and which fail.

A folder's item is conditional on the version that was read. A sync that has lost the lease may have
written it since, which it can do no more: it is read again then, and claimed.
"""

from collections.abc import Iterable, Set
from dataclasses import dataclass, field, replace
from datetime import datetime

from mailmirror.domain.contained import FolderFailure
from mailmirror.domain.counted_copies import while_left_out
from mailmirror.domain.folder import FolderState
from mailmirror.domain.folder_choice import FolderChoice
from mailmirror.domain.mailbox import FolderRole, Mailbox
from mailmirror.domain.problems import Refused
from mailmirror.mail.imap.opening import Status
from mailmirror.runtime import Runtime
from mailmirror.store.folders import FolderChanged, StoredFolder
from mailmirror.store.sync_state import Lease
from mailmirror.usecases.sync.checkpoint import Checkpoint
from mailmirror.usecases.sync.folder_opener import as_listed
from mailmirror.usecases.sync.sync_folder import folder_id, unread_folder


@dataclass(slots=True)
class FolderRecords:
    """The folders that are stored of one mailbox."""

    mailbox: Mailbox
    lease: Lease
    runtime: Runtime
    asked_at: datetime | None
    """When a person asked for the sync."""
    stored: dict[str, StoredFolder] = field(init=False)
    """By their ids, as the table has them."""
    retried: Set[str] = field(init=False)
    """The ids of those whose pending messages are asked for again."""

    def __post_init__(self) -> None:
        self.stored, now = dict(self.runtime.folders.read_all(self.lease.key)), self.runtime.now()
        self.retried = {
            id for id, one in self.stored.items() if one.state.retry_is_due(now, self.asked_at)
        }

    def state(self, id: str, folder: FolderChoice, status: Status | None) -> FolderState:
        """What is known of a folder that the server lists, before it is read."""
        if id in self.stored:
            return self.stored[id].state
        unread = unread_folder(folder)
        return replace(unread, messages=status.messages) if status else unread

    def current(self, id: str, folder: FolderChoice, status: Status | None) -> FolderState | None:
        """What is stored of a folder, where its STATUS says that nothing of it has changed."""
        stored = self.stored.get(id)
        if stored is None or status is None or stored.state != as_listed(stored.state, folder):
            return None
        told = (status.uidvalidity, status.uidnext, status.messages)
        current = stored.state.is_current(*told, self.runtime.now(), self.asked_at)
        return stored.state if current else None

    def claimed(self, id: str) -> StoredFolder | None:
        """Read a folder again that a sync has written which has lost the lease."""
        self.runtime.count("FoldersChanged")
        return self.runtime.folders.claim(self.lease, id)

    def failed(
        self, id: str, folder: FolderChoice, refusal: Refused, reached: Checkpoint | None
    ) -> FolderState:
        """Store why a folder could not be read, and return it; since when stays as it is.

        Parameters:
            reached: how far this sync has come with the folder that it has opened last.
        """
        stored = reached.stored if reached and reached.id == id else self.stored.get(id)
        try:
            return self._store_failure(id, folder, refusal, stored)
        except FolderChanged:
            return self._store_failure(id, folder, refusal, self.claimed(id))

    def _store_failure(
        self, id: str, folder: FolderChoice, refusal: Refused, stored: StoredFolder | None
    ) -> FolderState:
        state = stored.state if stored else unread_folder(folder)
        before = state.failure
        since = before.since if before else self.runtime.now()
        failure = FolderFailure(refusal.code, refusal.detail, since)
        failed = replace(as_listed(state, folder), failure=failure)
        if failed != state:
            self.runtime.folders.save(self.lease, id, failed, stored)
        return failed

    def leave_out(
        self, folders: Set[str], listed: Iterable[FolderChoice], *, all_are_listed: bool
    ) -> Set[str]:
        """Forget the folders that are gone, and the failures of those that are not read any more.

        Nothing is erased: messages stay on their cards. A folder that comes back is read anew, by
        the headers of its messages. One that is gone and whose copies do not count stays stored, to
        say so.

        Parameters:
            folders: the ids of those that are read.
            listed: all that the server has.
            all_are_listed: whether none of them has a name that cannot be read; else none is taken
                for gone.

        Returns:
            The ids of those whose copies do not count.
        """
        there = {folder_id(self.mailbox, one): one for one in listed}
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
            state = replace(stored.state, failure=None, uncounted=uncounted, read=False)
            is_gone = choice is None and all_are_listed
            if is_gone and uncounted is None:
                self.runtime.folders.forget(self.lease, id, stored)
                continue
            if is_gone:
                state = state.without_verdicts()
            if state != stored.state:
                self.runtime.folders.save(self.lease, id, state, stored)
        return left_out
