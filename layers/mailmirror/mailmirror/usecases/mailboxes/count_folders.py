"""List all folders of a mailbox with why they are read or not, and count their messages."""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from itertools import batched

from mailmirror.domain.coverage_limits import Limit
from mailmirror.domain.folder_choice import FolderChoice, LeftOut
from mailmirror.domain.limits import MAX_PREVIEWED_FOLDERS
from mailmirror.mail.imap.opening import Status
from mailmirror.mail.imap.session import ImapSession

_STATUS_BATCH = 100


@dataclass(frozen=True, slots=True)
class PreviewedFolder:
    folder: FolderChoice
    messages: int | None
    """EXISTS; None where the server does not say."""


@dataclass(frozen=True, slots=True)
class CountedFolders:
    folders: Sequence[PreviewedFolder]
    """Those that are read first."""
    further: int
    """Folders beyond those that are listed."""
    limits: Set[Limit]


def count_folders(
    session: ImapSession, now: Callable[[], datetime], until: datetime
) -> CountedFolders:
    """List the folders, and ask for their counts until a time.

    Raises:
        Refused: the folders cannot be listed.
    """
    found = sorted(session.choices(with_status=True), key=lambda one: bool(one.left_out))
    listed = found[:MAX_PREVIEWED_FOLDERS]
    statuses = _statuses(session, listed, now, until)
    folders = [
        PreviewedFolder(one, status.messages if (status := statuses.get(one.name)) else None)
        for one in listed
    ]
    read = (one for one in folders if one.folder.left_out is None)
    limits = session.limits(one.messages for one in read if one.messages is not None)
    return CountedFolders(folders, len(found) - len(listed), limits)


def _statuses(
    session: ImapSession,
    folders: Sequence[FolderChoice],
    now: Callable[[], datetime],
    until: datetime,
) -> Mapping[str, Status | None]:
    """Ask for the STATUS of folders, a hundred a round trip."""
    statuses: dict[str, Status | None] = {}
    asked = (one for one in folders if one.left_out is not LeftOut.NOT_SELECTABLE)
    for some in batched(asked, _STATUS_BATCH, strict=False):
        if now() >= until:
            break
        statuses |= session.statuses(some)
    return statuses
