"""How a sync divides the UIDs of a folder: what is fetched, judged and written at once.

    uids ──► chunks of DATE_RANGE ──► batches (the caution) ──► parts (header bytes) ──► runs

The cursor moves after each run, so that a crash repeats at most one.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from itertools import takewhile

from mailmirror.domain.containment import FULL_BATCH, Caution, Place
from mailmirror.domain.verdict import Verdict

DATE_RANGE = 5_000
"""UIDs whose INTERNALDATE alone is fetched at once, to pass over what is outside the window."""
HEADER_RANGE = FULL_BATCH
"""UIDs whose headers are fetched at once."""
_HEADER_BYTES = 1 << 20
"""Bytes of headers that are judged between two moves of the cursor: some 20,000 addresses."""
_RUN_BYTES = 4 << 20
"""Bytes of mail that are fetched and written between two moves of the cursor."""
_RUN_MIRRORED = 100
"""Messages that are written between two moves of the cursor.

One costs half a request, and with forty references that no one has named before two.
"""


def next_batch(uids: Sequence[Place], caution: Caution, most: int) -> Sequence[Place]:
    """The first UIDs of a batch: as many as the caution allows, up to one that is judged alone."""
    if judged_alone(uids[0], caution):
        return uids[:1]
    batch = uids[: min(caution.batch, most)]
    return list(takewhile(lambda place: place not in caution.suspects, batch))


def judged_alone(place: Place, caution: Caution) -> bool:
    """Whether a function may have died at this UID, so that it is judged apart from others."""
    return caution.batch == 1 or place in caution.suspects


def before(uids: Iterable[int], unasked: Set[int]) -> Sequence[int]:
    """The UIDs before the first that was not asked for."""
    return list(takewhile(lambda uid: uid not in unasked, uids))


def parts(uids: Sequence[int], header_bytes: Mapping[int, int]) -> Iterator[Sequence[int]]:
    """Divide a batch into parts that are judged within seconds, whatever their headers hold.

    Parameters:
        header_bytes: by UID; one whose headers were not fetched is missing.
    """
    part: list[int] = []
    size = 0
    for uid in uids:
        part.append(uid)
        size += header_bytes.get(uid, 0)
        if size > _HEADER_BYTES:
            yield part
            part, size = [], 0
    if part:
        yield part


def runs(
    verdicts: Mapping[int, Verdict], fetched_bytes: Mapping[int, int]
) -> Iterator[dict[int, Verdict]]:
    """Divide a part into runs, bounded by what they mirror.

    Parameters:
        fetched_bytes: by UID, how much of the message will be fetched.
    """
    run: dict[int, Verdict] = {}
    size = mirrored = 0
    for uid, verdict in verdicts.items():
        if verdict is Verdict.MIRRORED:
            if mirrored and (size + fetched_bytes[uid] > _RUN_BYTES or mirrored == _RUN_MIRRORED):
                yield run
                run, size, mirrored = {}, 0, 0
            size += fetched_bytes[uid]
            mirrored += 1
        run[uid] = verdict
    if run:
        yield run
