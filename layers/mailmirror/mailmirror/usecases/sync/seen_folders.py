"""What the schedule entry has of a mailbox's folders after a sync: what polls compare with.

It is the STATUS from before the folders were read, and not the answer to EXAMINE: where a server
contradicts itself, that would be news for ever.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from mailmirror.domain.folder import FolderState
from mailmirror.domain.folder_slices import NOT_FOUND, Marks, marks, slice_count, slice_hashes
from mailmirror.domain.mailbox import FolderRole, Seen
from mailmirror.mail.imap.opening import Status

WATCHED_ROLES = {FolderRole.INBOX, FolderRole.ALL, FolderRole.SENT}
"""Of folders that every poll asks for."""
_MAX_WATCHED = 4
"""Folders, whose STATUS takes up to some 300 bytes each in the schedule entry."""


def seen_folders(
    folders: Iterable[FolderState], statuses: Mapping[str, Status | None]
) -> tuple[Mapping[str, Seen], Sequence[int]]:
    """The STATUS of the watched folders by name, and a hash of each slice of the others.

    Parameters:
        folders: those that the sync has read.
        statuses: their STATUS by name, from before that.
    """
    read = list(folders)
    watched = list(islice((one for one in read if one.role in WATCHED_ROLES), _MAX_WATCHED))
    seen = {one.name: _seen(one, statuses.get(one.name)) for one in watched}
    others = {one.name: _marks(statuses.get(one.name)) for one in read if one.name not in seen}
    return seen, slice_hashes(others, slice_count(len(others)))


def _seen(folder: FolderState, status: Status | None) -> Seen:
    status = status or Status(folder.uidvalidity, folder.uidnext, 0)
    present = max(folder.present + folder.pending, status.messages)
    return Seen(status.uidvalidity, status.uidnext, present)


def _marks(status: Status | None) -> Marks:
    return marks(status.uidvalidity, status.uidnext, status.messages) if status else NOT_FOUND
