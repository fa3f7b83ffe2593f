"""What a poll compares of the folders beside Inbox, Sent and `\\All`: one hash for several.

A mailbox may have hundreds of folders, and its schedule entry must stay small. A folder's slice is
found by its name, so that a new folder changes the hash of one slice only.
"""

import hashlib
from collections.abc import Mapping, Sequence, Set

SLICE_FOLDERS = 20
"""How many folders a slice has, about."""
SLICES_A_POLL = 4
"""So many slices are mostly asked for in one round trip."""

type Marks = tuple[int, int]
"""UIDVALIDITY and UIDNEXT; both 0 of a folder that STATUS does not find."""

NOT_FOUND: Marks = (0, 0)


def marks(uidvalidity: int, uidnext: int, messages: int) -> Marks:
    """What is compared of a folder.

    UIDVALIDITY of an empty folder is left out: Courier gives one at each opening.
    """
    return (uidvalidity if messages else 0), uidnext


def slice_count(folders: int) -> int:
    """In how many slices so many folders are divided; in one where there are none yet."""
    return max(1, -(-folders // SLICE_FOLDERS))


def slices_in_turn(minute: int, slices: int) -> Set[int]:
    """The slices that are asked for at a minute, where a poll does not ask for all."""
    first = minute * SLICES_A_POLL
    return {(first + number) % slices for number in range(min(SLICES_A_POLL, slices))}


def slice_of(name: str, slices: int) -> int:
    """The slice of a folder."""
    return _hash(name) % slices


def slice_hashes(folders: Mapping[str, Marks], slices: int) -> Sequence[int]:
    """A 64-bit hash of each slice: of its folders' names, UIDVALIDITYs and UIDNEXTs.

    EXISTS is left out: a hash cannot tell removals, which are no news, from anything else.

    Parameters:
        folders: by their names, in any order.
    """
    lines: list[list[str]] = [[] for _ in range(slices)]
    for name, (uidvalidity, uidnext) in sorted(folders.items()):
        lines[slice_of(name, slices)].append(f"{uidvalidity} {uidnext} {name!r}")
    return [_hash("\n".join(some)) for some in lines]


def _hash(text: str) -> int:
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8])
