"""What is fetched of a copy: first what the rules need, then, where it is mirrored, its bytes."""

from dataclasses import dataclass, replace
from datetime import datetime

from mailmirror.domain.versions import HEADERS_ONLY

TOO_LARGE = "too_large"
"""The warning on a message that was mirrored without its attachments."""


@dataclass(frozen=True, slots=True)
class FetchedHeader:
    """What the header pass fetches of a copy."""

    received_at: datetime
    """INTERNALDATE."""
    size: int
    """RFC822.SIZE, in bytes: servers may estimate it."""
    header: bytes


@dataclass(frozen=True, slots=True)
class FetchedCopy:
    """A copy with its bytes."""

    uid: int
    received_at: datetime
    header: bytes
    """What the header pass fetched."""
    raw: bytes
    warnings: tuple[str, ...] = ()
    """Why `raw` is not the whole message."""

    @classmethod
    def of(cls, uid: int, fetched: FetchedHeader, raw: bytes, *warnings: str) -> "FetchedCopy":
        return cls(uid, fetched.received_at, fetched.header, raw, warnings)

    @classmethod
    def of_header(cls, uid: int, fetched: FetchedHeader) -> "FetchedCopy":
        """A copy of which only the headers are read."""
        return cls.of(uid, fetched, b"").without_body()

    def without_body(self) -> "FetchedCopy":
        """The copy without the part that cannot be read or stored."""
        return replace(self, raw=self.header.rstrip() + b"\r\n\r\n", warnings=(HEADERS_ONLY,))
