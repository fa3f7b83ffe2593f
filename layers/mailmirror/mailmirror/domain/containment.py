"""Smaller batches after a function has died, until the message that causes it is found.

A function that runs out of memory or time raises no exception, so the next sync detects the death:
it finds a lease that expired without a release. After a death the UIDs of the batch at which
the function died are judged in batches of 25, after a death in one of those one by one. Of a UID
at which a function died while it was judged alone only the headers are read; where that fails
too, the UID is pending.

After a failure of AWS the batches of the same job have 25 UIDs as well, so that less is repeated;
that is not stored, for it makes no UID suspect.

    500 ──death──► 25 ──death──► 1 ──death──► headers only ──death──► pending
     ▲              │            │
     └── doubled ◄──┴── the UIDs of the batch that died are judged

A deep audit has a caution of its own, for a death within one of its batches is no new mail's: a UID
at which a function died while it was audited alone is passed over in this round, and named.

A sync that comes to its end and leaves nothing pending has judged them too, and full batches
follow: a small mailbox would else remember deaths for months, and blame a message.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto

FULL_BATCH = 500
"""UIDs in a batch of a mailbox at which no function died."""
SMALL_BATCH = 25
_MAX_SUSPECTS = 11
"""Beyond these the oldest is forgotten: the state item stays small."""


class Reading(Enum):
    """How much of a copy is read."""

    WHOLE = auto()
    HEADERS_ONLY = auto()
    NOTHING = auto()
    """The copy is pending."""


@dataclass(frozen=True, slots=True)
class Place:
    """One UID of a mailbox."""

    folder: str
    uidvalidity: int
    uid: int


@dataclass(frozen=True, slots=True)
class Caution:
    """How many UIDs the next batches may have, and which UIDs are judged alone."""

    batch: int = FULL_BATCH
    remaining: int = 0
    """How many UIDs of the batch at which the function died have no verdict yet."""
    suspects: Mapping[Place, int] = field(default_factory=dict)
    """UIDs at which a function may have died while it judged them alone, and how often."""
    current: Place | None = None
    """The one that is judged alone now."""

    def after_deaths(self, deaths: int) -> "Caution":
        """The caution to take after functions died without progress."""
        caution = self
        for _ in range(min(deaths, 10)):
            caution = caution._after_death()
        return caution

    def _after_death(self) -> "Caution":
        if self.current is None:
            return self.smaller()
        deaths = self.suspects.get(self.current, 0) + 1
        return replace(self, suspects={**self.suspects, self.current: deaths})

    def smaller(self) -> "Caution":
        """The caution to take where the time was too short for one batch: no UID is suspected."""
        size = SMALL_BATCH if self.batch > SMALL_BATCH else 1
        remaining = self.batch if self.batch > 1 else max(1, self.remaining)
        return replace(self, batch=size, remaining=remaining)

    def after_success(self, uids: int) -> "Caution":
        """The caution to take after so many UIDs were judged."""
        suspects = {
            place: deaths for place, deaths in self.suspects.items() if place != self.current
        }
        if self.batch == FULL_BATCH:
            return Caution(suspects=suspects)
        remaining = self.remaining - uids
        if remaining > 0:
            return Caution(self.batch, remaining, suspects)
        return Caution(min(2 * self.batch, FULL_BATCH), suspects=suspects)

    def after_sync(self) -> "Caution":
        """The caution to take after a sync that left no UID without a verdict, and none pending."""
        return Caution(suspects=self.suspects)

    def suspecting(self, place: Place) -> "Caution":
        """The caution while a UID is judged alone."""
        suspects = dict(list(self.suspects.items())[-_MAX_SUSPECTS:])
        return replace(self, suspects={place: 0} | suspects, current=place)

    def reading(self, place: Place) -> Reading:
        """How much of a copy may be read."""
        deaths = self.suspects.get(place, 0)
        return (Reading.WHOLE, Reading.HEADERS_ONLY, Reading.NOTHING)[min(deaths, 2)]
