"""Which folder is the Inbox, and which holds sent mail."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mailmirror.domain.mailbox import FolderRole
from mailmirror.mail.imap.folder_names import NAMES, FolderUse, use_by_name

SENT_NAMES = NAMES[FolderUse.SENT]
_SPECIAL_USE = {b"\\sent": FolderRole.SENT}
"""RFC 6154."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of LIST."""

    flags: frozenset[bytes]
    delimiter: str
    name: str
    """Decoded."""
    wire: bytes = b""
    """As the server writes it."""

    @property
    def selectable(self) -> bool:
        lowered = {flag.lower() for flag in self.flags}
        return lowered.isdisjoint({b"\\noselect", b"\\nonexistent"})


@dataclass(frozen=True, slots=True)
class RemoteFolder:
    name: str
    role: FolderRole


def roles(listed: Iterable[Listed]) -> Sequence[RemoteFolder]:
    """Return the folders to sync: by SPECIAL-USE, else by name; each role at most once."""
    candidates = [folder for folder in listed if folder.selectable]
    inbox = [folder for folder in candidates if folder.name.upper() == "INBOX"]
    sent = [folder for folder in candidates if _special_use(folder) is FolderRole.SENT]
    if not sent:
        named = [
            (rank, folder) for folder in candidates if (rank := _sent_rank(folder)) is not None
        ]
        sent = [folder for _, folder in sorted(named, key=lambda pair: pair[0])]
    return [
        *(RemoteFolder(folder.name, FolderRole.INBOX) for folder in inbox[:1]),
        *(RemoteFolder(folder.name, FolderRole.SENT) for folder in sent[:1]),
    ]


def _special_use(folder: Listed) -> FolderRole | None:
    return next((role for flag in folder.flags if (role := _SPECIAL_USE.get(flag.lower()))), None)


def _sent_rank(folder: Listed) -> int | None:
    """How common the folder's name is for sent mail; None where it is none for it."""
    found = use_by_name(folder.name, folder.delimiter)
    return found[1] if found and found[0] is FolderUse.SENT else None
