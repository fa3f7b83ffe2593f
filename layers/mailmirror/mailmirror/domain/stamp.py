"""When an event of the CRM's happened, and which of two is the later.

An id that consists of digits is a number; any other id is text. Of one instant

    two numbers   the greater number is the later; of `7` and `007`, the greater text
    two texts     the one that was accepted later is the later, by the number given at acceptance
    a number and a text   the text is the later

so that the order is total also where an account mixes both. A repeat of an event is accepted again
and has a greater number then; `Latest` recognises it by its id.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import total_ordering

from mailmirror.domain.limits import MAX_REMEMBERED_EVENTS

_MAX_ACCEPTED_DIGITS = 39
"""SQS's sequence numbers have 128 bits."""


def accepted_text(number: int) -> str:
    """Write a number at acceptance as text that sorts as numbers do."""
    return f"{number:0{_MAX_ACCEPTED_DIGITS}d}"


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class Stamp:
    """When an event happened, its id, and its number at acceptance.

    Two stamps are equal where neither is the later.
    """

    occurred_at: datetime
    event_id: str
    accepted: int = 0
    """Grows with every event of the account that is accepted; without a meaning where the id is a
    number."""

    def __str__(self) -> str:
        """Text that sorts as stamps do."""
        if self._is_number:
            digits = self.event_id.lstrip("0")
            rank = f"n{len(digits):02d}{digits}"
        else:
            rank = f"t{accepted_text(self.accepted)}"
        return f"{self._instant}#{rank}#{self.event_id}"

    @classmethod
    def parse(cls, text: str) -> "Stamp":
        occurred_at, rank, event_id = text.split("#", 2)
        accepted = int(rank[1:]) if rank.startswith("t") else 0
        return cls(datetime.fromisoformat(occurred_at), event_id, accepted)

    @property
    def name(self) -> str:
        """The instant and the id: what a repeat of the event has in common with it."""
        return f"{self._instant}#{self.event_id}"

    @property
    def _instant(self) -> str:
        # Not by %Y, which writes years before 1000 with fewer than four digits.
        instant = self.occurred_at.astimezone(UTC).replace(tzinfo=None)
        return f"{instant.isoformat(timespec='microseconds')}Z"

    @property
    def _is_number(self) -> bool:
        return self.event_id.isascii() and self.event_id.isdigit()

    @property
    def _order(self) -> tuple[datetime, bool, int, str]:
        is_number = self._is_number
        rank = int(self.event_id) if is_number else self.accepted
        return self.occurred_at, not is_number, rank, self.event_id

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stamp) and self._order == other._order

    def __lt__(self, other: "Stamp") -> bool:
        return self._order < other._order

    def __hash__(self) -> int:
        return hash(self._order)


@dataclass(frozen=True, slots=True)
class Latest:
    """The latest event of an item, and the earlier ones of its instant."""

    stamp: Stamp
    earlier: tuple[str, ...] = ()
    """Ids of events of the same instant, in the order in which they were applied: a repeat of one
    of them has a greater number than the latest, and is not later for that."""

    def then(self, stamp: Stamp) -> "Latest | None":
        """With a further event; None where it is not later than the latest, or repeats one."""
        if stamp <= self.stamp:
            return None
        if stamp.occurred_at > self.stamp.occurred_at:
            return Latest(stamp)
        seen = (*self.earlier, self.stamp.event_id)
        return None if stamp.event_id in seen else Latest(stamp, seen[-MAX_REMEMBERED_EVENTS:])
