"""How a sync is kept from dying at the same message again and again.

A function that runs out of memory or time raises nothing, so a death is seen by the next sync,
which finds a lease that expired without a release. After a death the UIDs of the batch at which
the function died are judged in batches of 25, after a death in one of those one by one. Of a UID
at which a function died while it was judged alone only the headers are read; where that fails
too, the UID is pending.

    500 ──death──► 25 ──death──► 1 ──death──► headers only ──death──► pending
     ▲              │            │
     └── doubled ◄──┴── the UIDs of the batch that died are judged
"""

from dataclasses import dataclass
from enum import Enum, auto

FULL_BATCH = 500
"""UIDs in a batch of a mailbox at which no function died."""
_SMALL_BATCH = 25


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
class Suspect:
    """A UID that is judged alone."""

    place: Place
    deaths: int = 0
    """How many functions died while they judged it alone."""


@dataclass(frozen=True, slots=True)
class Caution:
    """How many UIDs the next batches may have, and which UID is judged alone now."""

    batch: int = FULL_BATCH
    remaining: int = 0
    """UIDs of the batch that died which are not judged yet."""
    suspect: Suspect | None = None

    def after_deaths(self, deaths: int) -> "Caution":
        """The caution to take after functions died without progress."""
        caution = self
        for _ in range(min(deaths, 10)):
            caution = caution._after_death()
        return caution

    def _after_death(self) -> "Caution":
        if self.batch > _SMALL_BATCH:
            return Caution(_SMALL_BATCH, self.batch)
        if self.batch > 1:
            return Caution(1, self.batch)
        suspect = self.suspect
        return Caution(
            1, max(1, self.remaining), suspect and Suspect(suspect.place, suspect.deaths + 1)
        )

    def after_success(self, uids: int) -> "Caution":
        """The caution to take after so many UIDs were judged."""
        if self.batch == FULL_BATCH:
            return self
        remaining = self.remaining - uids
        if remaining > 0:
            return Caution(self.batch, remaining)
        return Caution(min(2 * self.batch, FULL_BATCH))

    def suspecting(self, place: Place) -> "Caution":
        """The caution while a UID is judged alone."""
        if self.suspect is not None and self.suspect.place == place:
            return self
        return Caution(self.batch, self.remaining, Suspect(place))

    def reading(self, place: Place) -> Reading:
        """How much of a copy may be read."""
        deaths = self.suspect.deaths if self.suspect and self.suspect.place == place else 0
        return (Reading.WHOLE, Reading.HEADERS_ONLY, Reading.NOTHING)[min(deaths, 2)]
