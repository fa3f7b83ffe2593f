"""Overrides: a person's attach or detach, which comes before every deal match and never expires.

An override on a message comes before one on its thread; of two at the same level the later counts
(`domain/stamp.py`). Where threads are joined, the overrides on all of them count, in whatever order
they arrived.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from mailmirror.domain.deals import DealId
from mailmirror.domain.identity import MessageKey
from mailmirror.domain.mailbox import UserId
from mailmirror.domain.stamp import Stamp


@dataclass(frozen=True, slots=True)
class Override:
    """One attach or detach of a thread, or of one message, and one deal."""

    stamp: Stamp
    deal: DealId
    attached: bool
    """False for a detach."""
    user: UserId
    message: MessageKey | None = None
    """None where it is on the whole thread."""


def latest(overrides: Iterable[Override]) -> frozenset[Override]:
    """Return the override that counts for each deal, on the thread and on each message of it."""
    counts: dict[tuple[MessageKey | None, DealId], Override] = {}
    for override in sorted(overrides, key=lambda one: (one.stamp, one.attached, one.user)):
        counts[override.message, override.deal] = override
    return frozenset(counts.values())
