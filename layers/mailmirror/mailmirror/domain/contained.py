"""What could not be read, or not whole: it stops nothing behind it, and its owner sees it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from mailmirror.domain.problems import Code
from mailmirror.domain.verdict import Verdict


class Cause(StrEnum):
    """Why a message could not be read, or not whole."""

    NOT_RETURNED = "message_not_returned"
    """The server lists it and does not return it."""
    REFUSED = "message_refused"
    """The server answers its FETCH with an error."""
    BREAKS_CONNECTION = "message_breaks_connection"
    """The server ends the connection at it."""
    TOO_HEAVY = "message_too_heavy"
    """Functions failed at it, or ran out of memory or time."""
    NOT_STORED = "message_not_stored"
    """Mailmirror failed at it."""
    HEADERS_ONLY = "message_headers_only"
    """It is mirrored by its headers: functions failed at its body."""
    UNREADABLE = "message_unreadable"
    """Its headers cannot be understood: it has the verdict `unreadable`."""

    @classmethod
    def of_fetch(cls, failure: Code | None) -> "Cause":
        """Why a message was not returned.

        Parameters:
            failure: what its FETCH failed with; None where the server did not mention it.
        """
        if failure is None:
            return cls.NOT_RETURNED
        return cls.BREAKS_CONNECTION if failure is Code.CONNECTION_LOST else cls.REFUSED


@dataclass(frozen=True, slots=True)
class Contained:
    """A message that could not be read, or not whole.

    Of one that is not known to match a person only the cause is kept.
    """

    cause: Cause
    received_at: datetime | None = None
    """INTERNALDATE."""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """A run of UIDs, in the order in which they were judged."""

    verdicts: Mapping[int, Verdict]
    contained: Mapping[int, Contained] = field(default_factory=dict)
    """Those that are pending, or mirrored by their headers."""


_MIN_PAUSE, _MAX_PAUSE = timedelta(minutes=5), timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class FolderFailure:
    """Why a folder could not be read in the last sync."""

    code: Code
    detail: str
    since: datetime

    def retry_at(self, now: datetime) -> datetime:
        """When the folder is tried again: after as long as it has failed, within two bounds."""
        return now + min(max(now - self.since, _MIN_PAUSE), _MAX_PAUSE)
