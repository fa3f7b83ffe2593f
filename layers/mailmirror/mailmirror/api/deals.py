"""Attaching to and detaching from a deal."""

from datetime import datetime

from msgspec import Struct

from mailmirror.api.times import utc
from mailmirror.usecases.threads.set_override import PlacedOverride


class Override(Struct, frozen=True):
    deal_id: str
    thread_id: str
    message_id: str | None
    """None where it is the whole thread."""
    attached: bool
    user_id: str
    at: datetime

    @classmethod
    def of(cls, placed: PlacedOverride) -> "Override":
        given = placed.override
        return cls(
            given.deal,
            placed.thread,
            given.message,
            given.attached,
            given.user,
            utc(given.stamp.occurred_at),
        )
