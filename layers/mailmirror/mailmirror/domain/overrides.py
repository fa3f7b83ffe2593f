"""Overrides: a person's attach or detach, which comes before every deal match and never expires.

An override on a message comes before one on its thread; of two at the same level the later counts
(`domain/stamp.py`). Where threads are joined, the overrides on all of them count, in whatever order
they arrived.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

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


class Standing(StrEnum):
    """What has become of an override, as one message of its thread sees it."""

    COUNTS = "counts"
    """It decides whether the message is on its deal."""
    REPLACED = "replaced"
    """A later override on the same thread or message counts in its place."""
    OUTRANKED = "outranked"
    """It counts for its thread; the message itself has an override, which comes before it."""


def standings(given: Iterable[Override], message: MessageKey) -> Mapping[Override, Standing]:
    """Say what has become of each override on a message and on its thread."""
    overrides = set(given)
    counts = {(one.message, one.deal): one for one in latest(overrides)}

    def standing(one: Override) -> Standing:
        if counts[one.message, one.deal] != one:
            return Standing.REPLACED
        outranked = one.message is None and (message, one.deal) in counts
        return Standing.OUTRANKED if outranked else Standing.COUNTS

    return {one: standing(one) for one in overrides}


class Reason(StrEnum):
    """Why a thread or a message is on a deal, or was taken off it."""

    MATCH = "match"
    """A message of the thread matches the deal (`domain.deals`)."""
    THREAD_ATTACHED = "thread_attached"
    MESSAGE_ATTACHED = "message_attached"
    THREAD_DETACHED = "thread_detached"
    MESSAGE_DETACHED = "message_detached"

    @classmethod
    def of(cls, override: Override | None) -> "Reason":
        """The reason that an override is; without one, a match."""
        if override is None:
            return cls.MATCH
        if override.message is None:
            return cls.THREAD_ATTACHED if override.attached else cls.THREAD_DETACHED
        return cls.MESSAGE_ATTACHED if override.attached else cls.MESSAGE_DETACHED
