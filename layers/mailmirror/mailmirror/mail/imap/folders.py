"""Folders by the names that a person gives."""

import unicodedata
from collections.abc import Sequence

from mailmirror.domain.folder_choice import Listed
from mailmirror.domain.imap_answers import visible
from mailmirror.domain.limits import MAX_NAMED_FOLDERS
from mailmirror.domain.problems import Code, Refused


def folders_named(names: Sequence[str], listed: Sequence[Listed]) -> tuple[str, ...]:
    """Find folders by the names that a person gives, and return the server's.

    A name is the server's own or, without regard to case, the path below the Inbox, as mail
    programs show it.

    Parameters:
        listed: the folders among which they are.

    Raises:
        Refused: `folder_unknown`, with folders that there are.
    """
    folders = sorted(listed, key=lambda one: not one.is_inbox)
    return tuple(dict.fromkeys(_named(name, folders) for name in names))


def _named(name: str, listed: Sequence[Listed]) -> str:
    """The server's name of the one folder that has this name, as exactly as any has it."""
    folders = [one for one in listed if one.selectable]
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
    below = [one for one in folders if _shown(one).startswith(f"{asked}/")]
    said = "has no mail itself; below it are" if below else "is none of"
    there = below or folders
    some = ", ".join(visible(one.name) for one in there[:MAX_NAMED_FOLDERS])
    more = ", …" if len(there) > MAX_NAMED_FOLDERS else ""
    raise Refused(Code.FOLDER_UNKNOWN, f'"{visible(name)}" {said}: {some}{more}')


def _shown(folder: Listed) -> str:
    """The path of a folder below the Inbox, as mail programs show it."""
    name = _normal(folder.name)
    path = name.replace(folder.delimiter, "/") if folder.delimiter else name
    return path[6:] if path.casefold().startswith("inbox/") else path


def _normal(name: str) -> str:
    return unicodedata.normalize("NFC", name)
