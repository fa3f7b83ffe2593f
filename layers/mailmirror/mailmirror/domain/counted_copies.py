"""Whether the copies in a folder count for what a mailbox mirrors, while the folder is not read.

What is read counts. Once it was read, only the setting `folders` takes that away:

    the setting named it, and names it no more          they do not count
    `folders` is `all`                                  they count, whatever the server makes of it
    a narrower setting, and the server lists it         they do not count
    `inbox_and_sent`, and it was read as one of these   they count
    a narrower setting, and it is deleted or renamed    as when the server last listed it
"""

from enum import StrEnum

from mailmirror.domain.folder_choice import FolderChoice, LeftOut
from mailmirror.domain.mailbox import FolderRole, FolderScope, FolderSetting


class Uncounted(StrEnum):
    """Why the copies in a folder do not count while it is not read."""

    NAMED = "named"
    """It was read only because the setting named it: `all` does not bring it back."""
    SETTING = "setting"
    """The setting left it out when the server last listed it: `all` brings it back."""


def while_read(
    folder: FolderChoice, before: Uncounted | None = Uncounted.NAMED
) -> Uncounted | None:
    """Say what a folder that is read is, once it is read no more.

    Parameters:
        before: what it was; of a folder that was never read, as above.
    """
    return before if folder.only_named and before is Uncounted.NAMED else None


def while_left_out(
    before: Uncounted | None, role: FolderRole, listed: LeftOut | None, setting: FolderSetting
) -> Uncounted | None:
    """Say why the copies in a folder that is not read do not count; None where they do.

    Parameters:
        before: what this, or `while_read`, said of it last.
        role: in which it was read.
        listed: why it is not read; None where the server does not list it.
    """
    if before is Uncounted.NAMED:
        return before
    if setting is FolderScope.ALL:
        return None
    if listed in (None, LeftOut.NOT_SELECTABLE):  # deleted, where folders below it are left
        return before
    if setting is FolderScope.INBOX_AND_SENT and role in (FolderRole.INBOX, FolderRole.SENT):
        return None  # the server has changed its use
    return Uncounted.SETTING
