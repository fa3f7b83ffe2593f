"""Where a mailbox stands in the schedule: chosen when it is connected, and kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

SHARDS = 4
"""In how many shards mailboxes are put. It may be raised on a running stack, and never lowered.

Each takes 1,000 updates a second: 240,000 mailboxes polled once a minute."""
_INTERVALS_MINUTES = (1,)
"""The interval classes that there are."""


@dataclass(frozen=True, slots=True)
class Slot:
    """When a mailbox's poll is due, and in which shard of the schedule its entry is."""

    interval_minutes: int
    minute: int
    """Within the interval: a poll is due where the minutes since 1970 leave this remainder."""
    shard: int

    @classmethod
    def chosen(cls, name: str) -> "Slot":
        """The slot of a mailbox that is connected now.

        Parameters:
            name: of the mailbox, with its account; equal names get equal slots.
        """
        number = crc32(name.encode())
        interval = _INTERVALS_MINUTES[0]
        return cls(interval, number // SHARDS % interval, number % SHARDS)

    @classmethod
    def all(cls) -> Sequence["Slot"]:
        """Every slot that a mailbox may be in, whenever it was connected."""
        return [
            cls(interval, minute, shard)
            for interval in _INTERVALS_MINUTES
            for minute in range(interval)
            for shard in range(SHARDS)
        ]
