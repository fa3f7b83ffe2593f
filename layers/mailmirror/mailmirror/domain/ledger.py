"""The account of a folder's UIDs: one verdict each, and whether the server still has them.

A ledger is stored in ordered parts (see `ledger_parts`). The latest part that names a UID decides
its verdict and its presence, so that both can change:

        pending ─► any verdict ─► another verdict        present ─► removed ─► present
        pending ─► gone ─► any verdict
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mailmirror.domain.uids import UidSet
from mailmirror.domain.verdict import Verdict

_REMOVED = "removed"
_NOTHING = UidSet()


@dataclass(frozen=True, slots=True)
class Ledger:
    """Verdicts and presences of a folder under one UIDVALIDITY, or a part of them."""

    recorded: Mapping[Verdict, UidSet] = field(default_factory=dict)
    removed: UidSet = _NOTHING
    """Of the recorded UIDs, those that were read and have left the server since."""

    @classmethod
    def of_parts(cls, parts: Sequence["Ledger"]) -> "Ledger":
        """The ledger that these parts make up, the oldest first.

        Neighbours are joined first: n log n operations on ranges, where one part after the other
        would need n times the number of parts.
        """
        if len(parts) < 2:
            return parts[0] if parts else cls()
        middle = len(parts) // 2
        return cls.of_parts(parts[:middle]).updated(cls.of_parts(parts[middle:]))

    def updated(self, later: "Ledger") -> "Ledger":
        """The ledger after a later part, which decides about every UID that it names."""
        named = later.named
        recorded = {verdict: uids - named for verdict, uids in self.recorded.items()}
        for verdict, uids in later.recorded.items():
            recorded[verdict] = recorded.get(verdict, _NOTHING) | uids
        return Ledger(recorded, (self.removed - named) | later.removed)

    def record(self, verdicts: Mapping[int, Verdict]) -> "Ledger":
        """The ledger after these UIDs got these verdicts, and are present."""
        by_verdict: dict[Verdict, list[int]] = {}
        for uid, verdict in verdicts.items():
            by_verdict.setdefault(verdict, []).append(uid)
        recorded = {verdict: UidSet.of(uids) for verdict, uids in by_verdict.items()}
        return self.updated(Ledger(recorded))

    def remove(self, uids: UidSet) -> "Ledger":
        """The ledger after the server no longer has these UIDs; those not named are ignored."""
        return Ledger(self.recorded, self.removed | (uids & self.named))

    def restore(self, uids: UidSet) -> "Ledger":
        """The ledger after the server has these UIDs again."""
        return Ledger(self.recorded, self.removed - uids)

    def only(self, uids: UidSet) -> "Ledger":
        """What the ledger says of these UIDs: a part that can be changed and added again."""
        recorded = {verdict: members & uids for verdict, members in self.recorded.items()}
        return Ledger(recorded, self.removed & uids)

    def pieces(self, length: int) -> Iterator["Ledger"]:
        """Parts that make up this ledger, each at most `length` characters encoded.

        No two of them name the same UID.
        """
        named = self.named
        if not named:
            return
        first, last = named.ranges[0][0], named.last
        if len(self.encode()) <= length or first == last:
            yield self
            return
        middle = (first + last) // 2
        for half in (UidSet.span(first, middle), UidSet.span(middle + 1, last)):
            yield from self.only(half).pieces(length)

    def of(self, verdict: Verdict) -> UidSet:
        """The UIDs with this verdict."""
        return self.recorded.get(verdict, _NOTHING)

    @property
    def named(self) -> UidSet:
        """The UIDs that have a verdict, `pending` included."""
        return self.judged | self.pending

    @property
    def judged(self) -> UidSet:
        """The UIDs that have a verdict other than `pending`."""
        uids = _NOTHING
        for verdict, members in self.recorded.items():
            if verdict is not Verdict.PENDING:
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
        """UIDs to which one part, the latest that names them, gives two verdicts: an error."""
        seen, twice = _NOTHING, _NOTHING
        for members in self.recorded.values():
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
    left_since: UidSet
    """In the ledger as present, and no longer on the server; no sync has seen that yet."""
    extra: UidSet
    """In the ledger as present, and not on the server, though a sync has seen it so."""
    overlap: UidSet
    """With two verdicts in one part."""
    pending: int
    removed: int
    gone: int
    seen: bool
    """Whether a sync has seen the folder as the server has it now."""

    @property
    def clean(self) -> bool:
        """Whether there is no error; what has left since the last sync is none."""
        return not (self.missing or self.extra or self.overlap)

    @property
    def agrees(self) -> bool:
        """Whether server and ledger have the same UIDs."""
        return self.clean and not self.left_since

    @property
    def needs_sync(self) -> bool:
        """Whether they disagree on what no sync has seen yet, so that the next one settles it."""
        return not self.seen and bool(self.left_since or self.missing)


def audit(
    ledger: Ledger, server: UidSet, low: int, next: int, uidnext: int, *, seen: bool
) -> Audit:
    """Prove the ledger against the server's UIDs.

    Parameters:
        ledger: read after the server's list was.
        server: all UIDs of the folder.
        low: the least UID that the first sync has judged; those below it count as pending.
        next: the least UID that no sync has judged; those from it on count as pending.
        uidnext: UIDNEXT, as the last sync was answered; UIDs from it on are not counted.
        seen: whether a sync has seen the folder as the server has it now, to its end.
    """
    looked_at = UidSet.span(low, next - 1)
    unlooked = server & (UidSet.span(1, low - 1) | UidSet.span(next, uidnext - 1))
    pending = (ledger.pending | unlooked) - ledger.judged
    absent = ledger.present - server
    return Audit(
        server_uids=len(server),
        missing=(server & looked_at) - ledger.present - pending,
        left_since=_NOTHING if seen else absent,
        extra=absent if seen else _NOTHING,
        overlap=ledger.overlap(),
        pending=len(pending),
        removed=len(ledger.removed),
        gone=len(ledger.of(Verdict.GONE)),
        seen=seen,
    )
