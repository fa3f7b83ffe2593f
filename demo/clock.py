"""When people write: in their own office hours, and before now."""

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from itertools import pairwise

OPENS, CLOSES = 8, 19
"""Hours of the day."""
SATURDAY = 5


def at_work(moment: datetime, zone: tzinfo) -> datetime:
    """The first instant from `moment` on that lies in office hours, in that zone."""
    local = moment.astimezone(zone)
    if local.hour < OPENS:
        local = local.replace(hour=OPENS)
    elif local.hour >= CLOSES:
        local = (local + timedelta(days=1)).replace(hour=OPENS)
    while local.weekday() >= SATURDAY:
        local += timedelta(days=1)
    return local.replace(microsecond=0)


def at_work_before(moment: datetime, zone: tzinfo) -> datetime:
    """The last instant up to `moment` that lies in office hours, in that zone."""
    local = moment.astimezone(zone)
    if local.hour < OPENS:
        local = (local - timedelta(days=1)).replace(hour=CLOSES - 1)
    elif local.hour >= CLOSES:
        local = local.replace(hour=CLOSES - 1)
    while local.weekday() >= SATURDAY:
        local -= timedelta(days=1)
    return local.replace(microsecond=0)


def conversation(
    start: datetime, gaps: Sequence[timedelta], zones: Sequence[tzinfo], before: datetime
) -> list[datetime]:
    """When each turn is written: `gaps` after the one before it, in its writer's zone.

    A conversation that would not have ended `before` then begins some days earlier.
    """
    while True:
        written: list[datetime] = []
        moment = start
        for gap, zone in zip(gaps, zones, strict=True):
            moment = at_work(moment + gap, zone)
            written.append(moment)
        assert all(earlier <= later for earlier, later in pairwise(written))
        if written[-1] < before:
            return written
        start -= timedelta(days=1)
