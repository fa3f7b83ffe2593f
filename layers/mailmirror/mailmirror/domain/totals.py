"""What a mailbox's folders amount to: enough for a card's coverage, without reading each folder."""

from collections.abc import Iterable
from dataclasses import dataclass

from mailmirror.domain.folder import FolderState
from mailmirror.domain.mailbox import FolderRole


@dataclass(frozen=True, slots=True)
class Totals:
    """The sums over the folders that a sync has found on the server."""

    folders: int = 0
    complete_folders: int = 0
    """Those whose history has been looked at."""
    messages: int = 0
    """EXISTS, as EXAMINE last answered."""
    judged: int = 0
    """UIDs with a verdict other than `pending`; of a folder not more than it has messages."""
    pending: int = 0
    has_sent: bool = False
    """Whether a folder of sent mail is among them."""

    @classmethod
    def of(cls, folders: Iterable[FolderState]) -> "Totals":
        folders = list(folders)
        return cls(
            folders=len(folders),
            complete_folders=sum(folder.complete for folder in folders),
            messages=sum(folder.messages for folder in folders),
            judged=sum(min(folder.judged, folder.messages) for folder in folders),
            pending=sum(folder.pending for folder in folders),
            has_sent=any(folder.role is FolderRole.SENT for folder in folders),
        )

    @property
    def complete(self) -> bool:
        """Whether every folder's history has been looked at."""
        return self.complete_folders == self.folders

    @property
    def percent(self) -> int:
        """How much of the mail has been judged."""
        return 100 * self.judged // self.messages if self.messages else 0
