"""Within which limits a mailbox is read: what a complete card may lack all the same."""

from collections.abc import Iterable, Set
from enum import StrEnum

from mailmirror.domain.folder_choice import FolderChoice, LeftOut
from mailmirror.domain.mailbox import FolderRole, FolderScope, FolderSetting

_GMAIL_FOLDER_LIMITS = {1_000, 2_000, 5_000, 10_000}
"""Messages: Gmail's setting "Limit IMAP folders to contain no more than this many messages"."""


class Limit(StrEnum):
    """Why mail of a mailbox may be on no card, or more than mail on some."""

    FOLDERS_LEFT_OUT = "folders_left_out"
    """The setting `folders` leaves folders out; told to the owner alone."""
    PERSONS_BLOCKED = "persons_blocked"
    """The owner has blocked persons, addresses or domains; told to the owner alone."""
    TOO_MANY_RECIPIENTS = "too_many_recipients"
    """Messages have more addresses than the account's limit of recipients allows, and may be of
    leads or contacts; told to the owner alone."""
    ALL_MAIL_HIDDEN = "all_mail_hidden"
    """Gmail does not show All Mail by IMAP, so archived mail without a label is not read."""
    FOLDER_LIMITED = "folder_limited"
    """Gmail shows only the newest messages of a folder."""
    FOLDER_UNREADABLE = "folder_unreadable"
    """The server lists a folder in a way that cannot be read, or its name is too long."""
    TRASH_NOT_FOUND = "trash_not_found"
    """No folder was recognised as Trash: if there is one, its mail is read."""
    JUNK_NOT_FOUND = "junk_not_found"
    DRAFTS_NOT_FOUND = "drafts_not_found"


OF_THE_OWNER = frozenset({Limit.FOLDERS_LEFT_OUT, Limit.PERSONS_BLOCKED, Limit.TOO_MANY_RECIPIENTS})
_NOT_FOUND = {
    LeftOut.TRASH: Limit.TRASH_NOT_FOUND,
    LeftOut.JUNK: Limit.JUNK_NOT_FOUND,
    LeftOut.DRAFTS: Limit.DRAFTS_NOT_FOUND,
}


def limits_of(
    folders: Iterable[FolderChoice],
    setting: FolderSetting,
    messages: Iterable[int] = (),
    *,
    gmail: bool,
    unreadable: int = 0,
) -> Set[Limit]:
    """Tell within which limits a mailbox is read.

    Parameters:
        folders: all that the server lists.
        messages: EXISTS of each that is read.
        unreadable: how many folders it lists in a way that cannot be read.
    """
    choices = list(folders)
    found = {Limit.FOLDERS_LEFT_OUT for one in choices if one.left_out is LeftOut.SETTING}
    if unreadable:
        found.add(Limit.FOLDER_UNREADABLE)
    if gmail and not _GMAIL_FOLDER_LIMITS.isdisjoint(messages):
        found.add(Limit.FOLDER_LIMITED)
    if setting is not FolderScope.ALL:
        return found
    if gmail and all(one.role is not FolderRole.ALL for one in choices):
        found.add(Limit.ALL_MAIL_HIDDEN)
    reasons = {one.left_out for one in choices}
    return found | {limit for reason, limit in _NOT_FOUND.items() if reason not in reasons}
