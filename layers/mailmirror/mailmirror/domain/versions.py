"""Versions: several contents of one message in one mailbox, and which of them is shown.

A message is known by its Message-ID and Date, which every recipient can write into mail of
their own; lists, gateways and programs that merge mail write the same ones by themselves. So no
content takes another's place: each is kept beside the others, up to eight, and named.

Every function is of the contents alone: the order in which they arrive does not matter.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from mailmirror.domain.containment import Place
from mailmirror.domain.limits import MAX_ADDED_LINES, MAX_VERSIONS
from mailmirror.domain.mailbox import FolderRole


@dataclass(frozen=True, slots=True, order=True)
class Received:
    """When and where a copy was received. Of the copies of one content the least counts."""

    at: datetime
    """INTERNALDATE."""
    role: FolderRole
    folder: str
    uidvalidity: int
    uid: int

    @property
    def place(self) -> Place:
        return Place(self.folder, self.uidvalidity, self.uid)


@dataclass(frozen=True, slots=True)
class Version:
    """What the choice between contents depends on."""

    sha256: str
    received: Received
    lines: int = 0
    """How many lines that are not blank its text has."""
    extends: frozenset[str] = frozenset()
    """The SHA-256 of the versions whose text this one is, with lines added."""

    @property
    def rank(self) -> tuple[Received, int, str]:
        """Of the same copy, read twice, the content with more text comes first."""
        return self.received, -self.lines, self.sha256


def chosen(versions: Iterable[Version]) -> Version:
    """Return the version that is shown: the one received first, but of a text with lines added
    the one without them.

    Raises:
        ValueError: there are none.
    """
    known = list(versions)
    names = {one.sha256 for one in known}
    bare = [one for one in known if not one.extends & names]
    return min(bare or known, key=lambda one: one.rank)


def kept(versions: Iterable[Version]) -> tuple[Sequence[Version], Sequence[Version]]:
    """Divide versions into those that a mailbox keeps, the eight received first, and further ones.

    What arrives late never displaces the first; what was received before the eight, and is read
    after them as by a first sync, is kept instead of the last.
    """
    ordered = sorted(versions, key=lambda one: one.rank)
    return ordered[:MAX_VERSIONS], ordered[MAX_VERSIONS:]


def text_lines(text: str) -> Sequence[str]:
    """The lines of a text as they are compared: without blank ones, and with single blanks."""
    return [" ".join(words) for line in text.split("\n") if (words := line.split())]


def may_extend(longer: int, shorter: int) -> bool:
    """Tell by numbers of lines whether one text may be the other with lines added."""
    return shorter > 0 and 0 < longer - shorter <= MAX_ADDED_LINES


def extends(longer: Sequence[str], shorter: Sequence[str]) -> bool:
    """Tell whether a text is another one with lines added, at most 40; no text extends nothing."""
    if not may_extend(len(longer), len(shorter)):
        return False
    rest = iter(longer)
    return all(line in rest for line in shorter)
