"""Whether the copies in a folder count for what a mailbox mirrors.

    read, also where it fails or was numbered anew      they count
    composed here, in no folder                         they count
    left out by the setting `folders`                   they do not
    left out by default: Trash, Junk and their like     they do not
    its messages are read in Gmail's All Mail           they count
    not listed any more: deleted or renamed             as when it was last listed

Where the setting is `all` again, what it had left out counts, also in a folder that is gone.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from enum import StrEnum

from mailmirror.domain.folder import COMPOSED
from mailmirror.domain.folder_choice import FolderChoice, LeftOut
from mailmirror.domain.mailbox import FolderRole, FolderScope, FolderSetting


class Uncounted(StrEnum):
    """Why the copies in a folder do not count."""

    SETTING = "setting"
    """The mailbox's setting `folders` leaves it out; `all` would not."""
    DEFAULT = "default"
    """It is left out unless the setting names it."""


@dataclass(frozen=True, slots=True)
class KnownFolders:
    """The folders of a mailbox, as a sync has found them."""

    read: Set[str]
    """The ids of those that are read, or should be."""
    listed: Mapping[str, LeftOut]
    """By their ids, why the others that the server lists are not read."""
    setting: FolderSetting
    all_mail: Set[str] = frozenset()
    """The ids of Gmail's All Mail, where it is not read."""

    @classmethod
    def of(
        cls, read: Set[str], choices: Mapping[str, FolderChoice], setting: FolderSetting
    ) -> "KnownFolders":
        """The folders that the server lists, by their ids.

        Parameters:
            read: the ids of those that are read, or should be.
        """
        listed = {id: one.left_out for id, one in choices.items() if one.left_out}
        all_mail = {id for id, one in choices.items() if one.role is FolderRole.ALL}
        return cls(read, listed, setting, all_mail)

    def uncounted(self, folder: str, before: Uncounted | None) -> Uncounted | None:
        """Say why the copies in a folder do not count; None where they do.

        Parameters:
            folder: its id.
            before: what this said of it when it was last listed.
        """
        if folder in self.read or folder == COMPOSED:
            return None
        match self.listed.get(folder):
            case LeftOut.IN_ALL_MAIL:
                return None
            case None | LeftOut.NOT_SELECTABLE:  # deleted, where folders below it are left
                is_over = before is Uncounted.SETTING and self._reads_all
                return None if is_over else before
            case LeftOut.SETTING:
                return Uncounted.SETTING
            case LeftOut.COLLECTION if folder in self.all_mail and not self._reads_all:
                return Uncounted.SETTING
            case _:
                return Uncounted.DEFAULT

    @property
    def _reads_all(self) -> bool:
        return self.setting is FolderScope.ALL
