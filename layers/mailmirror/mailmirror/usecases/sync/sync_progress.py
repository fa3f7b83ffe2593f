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
    audit_caution: Caution
    """What the next batch of a deep audit takes."""
    _stored_audit: tuple[Caution, bool]
    """As stored: its caution, and whether one of its batches has begun."""
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
        return cls(
            lease=lease,
            runtime=runtime,
            _caution=state.caution,
            _deaths=state.deaths,
            _stored_at=runtime.now(),
            audit_caution=state.audit_caution.after_deaths(int(state.auditing)),
            _stored_audit=(state.audit_caution, state.auditing),
        )

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

    def audit_begins(self, caution: Caution) -> None:
        """Store what a batch of a deep audit takes, before it begins: a function may die at it."""
        self._store_audit(caution, begun=True)

    def audit_pauses(self) -> None:
        """Store that what follows is not within a batch of a deep audit."""
        if self._stored_audit[1]:
            self._store_audit(self.audit_caution, begun=False)

    def _store_audit(self, caution: Caution, *, begun: bool) -> None:
        self.audit_caution = caution
        if self._stored_audit != (caution, begun):
            now = self.runtime.now()
            self.runtime.sync_states.auditing(self.lease, caution, now, begun=begun)
            self._stored_audit = (caution, begun)

    def audit_failed(self) -> bool:
        """Count the failure of a batch of a deep audit as a death; return whether less is tried.

        The release stores it.
        """
        before, begun = self.audit_caution, self._stored_audit[1]
        self.audit_caution = before.after_deaths(int(begun))
        return self.audit_caution != before

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
        audit_caution = self.audit_caution
        self.runtime.sync_states.release(
            self.lease,
            first_sync_done=first_sync_done,
            caution=caution,
            totals=self.totals if self.folders else None,
            progressed_at=self.moved_at,
            passes=passes,
            audit_at=audit_at,
            audit_caution=None if audit_caution == self._stored_audit[0] else audit_caution,
        )
