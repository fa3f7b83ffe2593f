"""What a mailbox's folders amount to: enough for a card's coverage, without reading each folder."""

from collections.abc import Iterable, Set
from dataclasses import dataclass
from datetime import timedelta

from mailmirror.domain.coverage_limits import Limit
from mailmirror.domain.folder import FolderState


@dataclass(frozen=True, slots=True)
class Totals:
    """The sums over the folders that a sync has found on the server."""

    folders: int = 0
    complete_folders: int = 0
    """Those whose history has been looked at, or that cannot be read at present."""
    messages: int = 0
    """EXISTS, as EXAMINE last answered."""
    judged: int = 0
    """UIDs with a verdict other than `pending`; of a folder not more than it has messages."""
    pending: int = 0
    has_sent: bool = False
    """Whether the server has a folder of sent mail."""
    failing: int = 0
    """Folders that cannot be read at present."""
    limits: Set[Limit] = frozenset()
    """Within which the mailbox is read."""
    stale: int = 0
    """Folders whose verdicts are all to be given again."""

    @classmethod
    def of(
        cls, folders: Iterable[FolderState], *, has_sent: bool, limits: Set[Limit] = frozenset()
    ) -> "Totals":
        """Sum up folders.

        Parameters:
            limits: those that the server's folders and the settings make.
        """
        folders = list(folders)
        if any(one.over_limit > 0 for one in folders):
            limits = limits | {Limit.TOO_MANY_RECIPIENTS}
        return cls(
            folders=len(folders),
            complete_folders=sum(one.complete or one.failure is not None for one in folders),
            messages=sum(folder.messages for folder in folders),
            judged=sum(min(folder.judged, folder.messages) for folder in folders),
            pending=sum(folder.pending for folder in folders),
            has_sent=has_sent,
            limits=frozenset(limits),
            failing=sum(folder.failure is not None for folder in folders),
            stale=sum(folder.stale for folder in folders),
        )

    @property
    def complete(self) -> bool:
        """Whether every folder's history has been looked at."""
        return self.complete_folders == self.folders

    @property
    def percent(self) -> int:
        """How much of the mail has been judged."""
        return 100 * self.judged // self.messages if self.messages else 0

    @property
    def left(self) -> int:
        """Messages that have no verdict yet."""
        return 0 if self.complete else max(0, self.messages - self.judged)

    def time_left(self, elapsed: timedelta) -> timedelta | None:
        """Estimate how long the rest takes, at the rate so far; None where nothing tells it.

        Parameters:
            elapsed: in which the judged messages were judged.
        """
        if self.complete:
            return timedelta()
        return elapsed * self.left / self.judged if self.judged and elapsed else None
