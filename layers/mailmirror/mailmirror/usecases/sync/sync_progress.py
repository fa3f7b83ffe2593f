"""What a sync stores in the mailbox's `state` while it works.

A batch is one write, of its folder's item. That it has moved a cursor is stored in `state` at once
only where deaths are counted there or the caution changes; else with the first batch after
`PROGRESS_SECONDS`, and with the release.
"""

from collections.abc import Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mailmirror.domain.containment import Caution
from mailmirror.domain.coverage_limits import Limit
from mailmirror.domain.folder import FolderState
from mailmirror.domain.passes import PassState
from mailmirror.domain.totals import Totals
from mailmirror.runtime import Runtime
from mailmirror.store.sync_state import Lease, SyncState

PROGRESS_SECONDS = 20
"""How old the totals may be of which a first sync's progress is read."""


@dataclass(slots=True)
class SyncProgress:
    """One sync of one mailbox, as its `state` item has it.

    Raises, from every method that writes:
        LeaseLost: another sync holds the lease; nothing was changed.
    """

    lease: Lease
    runtime: Runtime
    _caution: Caution
    """As stored."""
    _deaths: int
    """As stored."""
    _stored_at: datetime
    """When `state` was last written by this sync."""
    folders: dict[str, FolderState] = field(default_factory=dict)
    """Those that were found on the server, by their ids."""
    has_sent: bool = False
    """Whether a folder of sent mail is among those of the server, read or not."""
    limits: Set[Limit] = frozenset()
    """Within which the mailbox is read."""
    moved_at: datetime | None = None
    """When a cursor last moved."""
    moves: int = 0
    """How often this sync has moved one."""

    @classmethod
    def of(cls, lease: Lease, state: SyncState, runtime: Runtime) -> "SyncProgress":
        """The progress of a sync that has just taken the lease."""
        return cls(lease, runtime, state.caution, state.deaths, runtime.now())

    @property
    def totals(self) -> Totals:
        return Totals.of(self.folders.values(), has_sent=self.has_sent, limits=self.limits)

    def moved(self, id: str, folder: FolderState, caution: Caution) -> None:
        """A folder was written: store it in `state` where that cannot wait."""
        now = self.runtime.now()
        self.folders[id], self.moved_at = folder, now
        self.moves += 1
        waits = now - self._stored_at < timedelta(seconds=PROGRESS_SECONDS)
        if waits and not self._deaths and caution == self._caution:
            return
        self.runtime.sync_states.progressed(self.lease, self.totals, caution, now)
        self._caution, self._deaths, self._stored_at = caution, 0, now

    def begun(self) -> None:
        """A first sync has found the folders: their messages can be read at once as its progress.

        Nothing is stored where deaths are counted, which only a cursor that moves forgets.
        """
        if not self._deaths:
            now = self.runtime.now()
            self.runtime.sync_states.progressed(self.lease, self.totals, self._caution, now)

    def suspect(self, caution: Caution) -> None:
        """Store which UID is judged alone, before it is: a function may die at it."""
        now = self.runtime.now()
        self.runtime.sync_states.suspect(self.lease, caution, now)
        self._caution, self._deaths = caution, 0

    def release(
        self,
        *,
        first_sync_done: bool,
        caution: Caution | None = None,
        passes: PassState | None = None,
        audit_at: datetime | None = None,
    ) -> None:
        """Release the lease.

        Parameters:
            passes: how far passes have come; None leaves it as stored.
            audit_at: when the next slice of the deep audit is due; None leaves it as stored.
            caution: what the next sync has to take; None leaves it, and the deaths, as stored.
        """
        if caution == self._caution and not self._deaths:
            caution = None
        self.runtime.sync_states.release(
            self.lease,
            first_sync_done=first_sync_done,
            caution=caution,
            totals=self.totals if self.folders else None,
            progressed_at=self.moved_at,
            passes=passes,
            audit_at=audit_at,
        )
