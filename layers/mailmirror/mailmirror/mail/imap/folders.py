"""Which folder is the Inbox, and which holds sent mail."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mailmirror.domain.imap_answers import visible
from mailmirror.domain.limits import MAX_NAMED_FOLDERS
from mailmirror.domain.mailbox import FolderRole
from mailmirror.domain.problems import Code, Refused
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


def roles(listed: Iterable[Listed], sent_folders: Sequence[str] = ()) -> Sequence[RemoteFolder]:
    """Return the folders to sync: by SPECIAL-USE, else by name; each role at most once.

    Parameters:
        sent_folders: names of the folders of sent mail, where a setting gives them.
    """
    candidates = [folder for folder in listed if folder.selectable]
    inbox = [folder for folder in candidates if folder.name.upper() == "INBOX"]
    sent = [folder for folder in candidates if _special_use(folder) is FolderRole.SENT]
    if not sent and not sent_folders:
        named = [
            (rank, folder) for folder in candidates if (rank := _sent_rank(folder)) is not None
        ]
        sent = [folder for _, folder in sorted(named, key=lambda pair: pair[0])]
    return [
        *(RemoteFolder(folder.name, FolderRole.INBOX) for folder in inbox[:1]),
        *(
            RemoteFolder(name, FolderRole.SENT)
            for name in sent_folders or [folder.name for folder in sent[:1]]
        ),
    ]


def folders_named(names: Sequence[str], listed: Sequence[Listed]) -> tuple[str, ...]:
    """Find folders beside the Inbox by the names that a person gives, and return the server's.

    A name is the server's own or, without regard to case, the path below the Inbox, as mail
    programs show it.

    Raises:
        Refused: `folder_unknown`, with folders that there are.
    """
    others = [one for one in listed if one.selectable and one.name.upper() != "INBOX"]
    return tuple(dict.fromkeys(_named(name, others) for name in names))


def _named(name: str, folders: Sequence[Listed]) -> str:
    """The server's name of the one folder that has this name, as exactly as any has it."""
    asked = _normal(name)
    for is_meant in (
        lambda folder: folder.name == name,
        lambda folder: _shown(folder) == asked,
        lambda folder: (
            asked.casefold() in (_normal(folder.name).casefold(), _shown(folder).casefold())
        ),
    ):
        if len(found := [one.name for one in folders if is_meant(one)]) == 1:
            return found[0]
    there = ", ".join(visible(one.name) for one in folders[:MAX_NAMED_FOLDERS])
    more = ", …" if len(folders) > MAX_NAMED_FOLDERS else ""
    raise Refused(Code.FOLDER_UNKNOWN, f'"{visible(name)}" is none of: {there}{more}')


def _shown(folder: Listed) -> str:
    """The path of a folder below the Inbox, as mail programs show it."""
    name = _normal(folder.name)
    path = name.replace(folder.delimiter, "/") if folder.delimiter else name
    return path[6:] if path.casefold().startswith("inbox/") else path


def _normal(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _special_use(folder: Listed) -> FolderRole | None:
    return next((role for flag in folder.flags if (role := _SPECIAL_USE.get(flag.lower()))), None)


def _sent_rank(folder: Listed) -> int | None:
    """How common the folder's name is for sent mail; None where it is none for it."""
    found = use_by_name(folder.name, folder.delimiter)
    return found[1] if found and found[0] is FolderUse.SENT else None
