"""The mail of a scripted IMAP server: folders of copies, in memory."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

RECEIVED_AT = datetime(2026, 3, 1, 9, tzinfo=UTC)


@dataclass(slots=True, eq=False)
class Letter:
    """A message, which may have copies in several folders."""

    raw: bytes
    received_at: datetime = RECEIVED_AT
    flags: set[str] = field(default_factory=set)
    labels: set[str] = field(default_factory=set)
    """Gmail's: `\\Inbox`, `\\Sent`, `\\Draft`, or a folder's name."""


@dataclass(slots=True, eq=False)
class MemoryFolder:
    """A folder. UIDs are given in the order in which copies come."""

    name: str
    attributes: tuple[str, ...] = ("\\HasNoChildren",)
    uidvalidity: int = 1
    uidnext: int = 1
    copies: dict[int, Letter] = field(default_factory=dict)

    @property
    def selectable(self) -> bool:
        return "\\noselect" not in {one.lower() for one in self.attributes}

    def add(self, letter: Letter) -> int:
        """Put a copy into the folder, and return its UID."""
        uid = self.uidnext
        self.copies[uid] = letter
        self.uidnext += 1
        return uid

    def remove(self, letter: Letter) -> None:
        self.copies = {uid: one for uid, one in self.copies.items() if one is not letter}


def by_name(folders: Iterable[MemoryFolder]) -> dict[str, MemoryFolder]:
    return {one.name: one for one in folders}
