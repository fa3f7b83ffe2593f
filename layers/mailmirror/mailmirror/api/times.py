"""Times in answers."""

from datetime import UTC, datetime
from typing import overload


@overload
def utc(instant: datetime) -> datetime: ...
@overload
def utc(instant: None) -> None: ...
def utc(instant: datetime | None) -> datetime | None:
    """An instant as answers write it: RFC 3339 in UTC, in whole seconds."""
    return instant.astimezone(UTC).replace(microsecond=0) if instant else None
