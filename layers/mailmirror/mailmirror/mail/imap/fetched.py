"""What is fetched of a copy: first what the rules need, then, where it is mirrored, its bytes."""

from dataclasses import dataclass, replace
from datetime import datetime

from mailmirror.domain.identity import BELIEVABLE_LEAD
from mailmirror.domain.mailbox import FolderRole
from mailmirror.mail.mime.headers import UnreadableHeaders, parse_headers

TOO_LARGE = "too_large"
"""The warning on a message that was mirrored without its attachments."""

HEADERS_ONLY = "headers_only"
"""The warning on a message of which only the headers could be stored."""

RECEIVED_DATE_UNKNOWN = "received_date_unknown"
"""The warning on a message whose INTERNALDATE the server does not give."""


COPY_WARNINGS = frozenset({TOO_LARGE, HEADERS_ONLY, RECEIVED_DATE_UNKNOWN})
"""What only the fetching knows; everything else is read again from the bytes."""


@dataclass(frozen=True, slots=True)
class FetchedHeader:
    """What the header pass fetches of a copy."""

    received_at: datetime
    """INTERNALDATE; see `dated`."""
    size: int
    """RFC822.SIZE, in bytes: servers may estimate it."""
    header: bytes
    warnings: tuple[str, ...] = ()
    is_draft: bool = False
    """By the flag `\\Draft`, or by Gmail's label."""
    role: FolderRole | None = None
    """What Gmail's labels say; None where the server tells none. See FolderRole.with_labels."""

    @classmethod
    def dated(
        cls, internaldate: datetime | None, size: int, header: bytes, seen_at: datetime
    ) -> "FetchedHeader":
        """Take the Date for an INTERNALDATE that is missing or cannot be read.

        Parameters:
            seen_at: taken where the Date cannot be read either, or lies ahead.
        """
        if internaldate is not None:
            return cls(internaldate, size, header)
        try:
            date = parse_headers(header).date
        except UnreadableHeaders:
            date = None
        believable = date is not None and date - seen_at <= BELIEVABLE_LEAD
        received_at = date if date is not None and believable else seen_at
        return cls(received_at, size, header, (RECEIVED_DATE_UNKNOWN,))


@dataclass(frozen=True, slots=True)
class FetchedCopy:
    """A copy with its bytes."""

    uid: int
    received_at: datetime
    header: bytes
    """What the header pass fetched."""
    raw: bytes
    warnings: tuple[str, ...] = ()
    """Why `raw` is not the whole message, or what else of the copy is not known."""
    role: FolderRole | None = None
    """As in FetchedHeader."""

    @classmethod
    def of(cls, uid: int, fetched: FetchedHeader, raw: bytes, *warnings: str) -> "FetchedCopy":
        warnings = (*fetched.warnings, *warnings)
        return cls(uid, fetched.received_at, fetched.header, raw, warnings, fetched.role)

    @classmethod
    def of_header(cls, uid: int, fetched: FetchedHeader) -> "FetchedCopy":
        """A copy of which only the headers are read."""
        return cls.of(uid, fetched, b"").without_body()

    def without_body(self) -> "FetchedCopy":
        """The copy without the part that cannot be read or stored."""
        kept = tuple(one for one in self.warnings if one == RECEIVED_DATE_UNKNOWN)
        raw = self.header.rstrip() + b"\r\n\r\n"
        return replace(self, raw=raw, warnings=(*kept, HEADERS_ONLY))
