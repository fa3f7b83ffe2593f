"""The account of a folder's UIDs: one verdict each, and whether the server still has them.

A ledger is made of parts (a head and sealed blocks) that only ever gain UIDs, so that their
union is right in whatever order they were written: a UID that one part calls `pending` and
another `mirrored` is mirrored; one that any part calls removed has left the server.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from mailmirror.domain.uids import UidSet
from mailmirror.domain.verdict import Verdict

_REMOVED = "removed"
_NOTHING = UidSet()
_PASSING = (Verdict.PENDING, Verdict.GONE)
"""Verdicts of a UID that the server has not returned."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """Verdicts and presences of a folder under one UIDVALIDITY, or a part of them."""

    recorded: Mapping[Verdict, UidSet] = field(default_factory=dict)
    removed: UidSet = _NOTHING

    @classmethod
    def union(cls, parts: Iterable["Ledger"]) -> "Ledger":
        """The ledger that these parts make up."""
        recorded: dict[Verdict, UidSet] = {}
        removed = _NOTHING
        for part in parts:
            for verdict, uids in part.recorded.items():
                recorded[verdict] = recorded.get(verdict, _NOTHING) | uids
            removed |= part.removed
        return cls(recorded, removed)

    def record(self, verdicts: Mapping[int, Verdict]) -> "Ledger":
        """The ledger with these UIDs' verdicts added."""
        by_verdict: dict[Verdict, list[int]] = {}
        for uid, verdict in verdicts.items():
            by_verdict.setdefault(verdict, []).append(uid)
        added = {verdict: UidSet.of(uids) for verdict, uids in by_verdict.items()}
        return Ledger.union([self, Ledger(added)])

    def remove(self, uids: UidSet) -> "Ledger":
        """The ledger with these UIDs recorded as no longer on the server."""
        return Ledger(self.recorded, self.removed | uids)

    def pieces(self, length: int) -> Iterator["Ledger"]:
        """Parts that make up this ledger, each at most `length` characters encoded."""
        everything = [*self.recorded.values(), self.removed]
        first = min((uids.ranges[0][0] for uids in everything if uids), default=0)
        last = max((uids.last for uids in everything), default=0)
        if len(self.encode()) <= length or first == last:
            yield self
            return
        middle = (first + last) // 2
        for half in (UidSet.span(first, middle), UidSet.span(middle + 1, last)):
            kept = {verdict: uids & half for verdict, uids in self.recorded.items()}
            yield from Ledger(kept, self.removed & half).pieces(length)

    def of(self, verdict: Verdict) -> UidSet:
        """The UIDs with this verdict. A pending or gone one has no other yet."""
        uids = self.recorded.get(verdict, _NOTHING)
        match verdict:
            case Verdict.PENDING:
                return uids - self.judged
            case Verdict.GONE:
                return uids - self._read
            case _:
                return uids

    @property
    def judged(self) -> UidSet:
        """The UIDs that have a verdict other than pending."""
        return self._read | self.recorded.get(Verdict.GONE, _NOTHING)

    @property
    def _read(self) -> UidSet:
        """The UIDs that were judged by their headers."""
        uids = _NOTHING
        for verdict, members in self.recorded.items():
            if verdict not in _PASSING:
                uids |= members
        return uids

    @property
    def pending(self) -> UidSet:
        return self.of(Verdict.PENDING)

    @property
    def present(self) -> UidSet:
        """The judged UIDs that the server had when it was last asked."""
        return self.judged - self.of(Verdict.GONE) - self.removed

    def counts(self) -> dict[str, int]:
        """How many UIDs have each verdict."""
        return {verdict.value: len(self.of(verdict)) for verdict in Verdict}

    def overlap(self) -> UidSet:
        """UIDs with two verdicts: an error."""
        seen, twice = _NOTHING, _NOTHING
        for verdict, members in self.recorded.items():
            if verdict not in _PASSING:
                twice |= seen & members
                seen |= members
        return twice

    def encode(self) -> str:
        """One line, read back by `decode`; it grows with runs of one verdict, not with UIDs."""
        parts = [(verdict.value, str(uids)) for verdict, uids in self.recorded.items() if uids]
        if self.removed:
            parts.append((_REMOVED, str(self.removed)))
        return ";".join(f"{name}={uids}" for name, uids in sorted(parts))

    @classmethod
    def decode(cls, line: str) -> "Ledger":
        """Read what `encode` wrote."""
        parts = dict(part.split("=", 1) for part in line.split(";") if part)
        removed = UidSet.parse(parts.pop(_REMOVED, ""))
        return cls({Verdict(name): UidSet.parse(uids) for name, uids in parts.items()}, removed)


@dataclass(frozen=True, slots=True)
class Audit:
    """A folder's ledger held against the server's own list."""

    server_uids: int
    missing: UidSet
    """On the server, and neither present nor pending here: mail that was lost."""
    extra: UidSet
    """In the ledger as present, and not on the server."""
    overlap: UidSet
    """With two verdicts."""
    pending: int
    removed: int
    gone: int

    @property
    def clean(self) -> bool:
        return not (self.missing or self.extra or self.overlap)


def audit(ledger: Ledger, server: UidSet, low: int, next: int) -> Audit:
    """Prove the ledger against the server's UIDs.

    Parameters:
        ledger: read after the server's list was.
        server: all UIDs of the folder.
        low: the least UID that the first sync has judged; those below it count as pending.
        next: the least UID that no sync has seen; those from it on are not counted.
    """
    looked_at = UidSet.span(low, next - 1)
    unlooked = server & UidSet.span(1, low - 1)
    pending = (ledger.pending | unlooked) - ledger.judged
    return Audit(
        server_uids=len(server),
        missing=(server & looked_at) - ledger.present - pending,
        extra=ledger.present - server,
        overlap=ledger.overlap(),
        pending=len(pending),
        removed=len(ledger.removed),
        gone=len(ledger.of(Verdict.GONE)),
    )
