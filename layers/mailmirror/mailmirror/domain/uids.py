"""Sets of UIDs, as IMAP writes them (RFC 9051, sequence-set)."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class UidSet:
    """An immutable set of UIDs, stored as sorted ranges that neither touch nor overlap.

    Each operation costs the number of ranges, not of UIDs: a folder of a million messages with
    one verdict is one range.

    Example:
        >>> str(UidSet.of([1, 2, 3, 7]) | UidSet.parse("4:5"))
        '1:5,7'
    """

    ranges: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, uids: Iterable[int]) -> "UidSet":
        """The set of these UIDs, in whatever order."""
        return cls._merged((uid, uid) for uid in sorted(uids))

    @classmethod
    def span(cls, first: int, last: int) -> "UidSet":
        """All UIDs from `first` to `last`, both included; none where `last` is less."""
        return cls(((first, last),)) if first <= last else cls()

    @classmethod
    def parse(cls, text: str) -> "UidSet":
        """Read a sequence-set of numbers.

        Raises:
            ValueError: it is none, or has a `*`.
        """
        pairs = []
        for part in filter(None, text.split(",")):
            first, colon, last = part.partition(":")
            bounds = (int(first), int(last if colon else first))
            if min(bounds) < 1:
                raise ValueError(f"not a UID: {part}")
            pairs.append((min(bounds), max(bounds)))
        return cls._merged(sorted(pairs))

    @classmethod
    def _merged(cls, pairs: Iterable[tuple[int, int]]) -> "UidSet":
        """From ranges sorted by their first UID."""
        merged: list[tuple[int, int]] = []
        for first, last in pairs:
            if merged and first <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(merged[-1][1], last))
            else:
                merged.append((first, last))
        return cls(tuple(merged))

    def __str__(self) -> str:
        return ",".join(str(a) if a == b else f"{a}:{b}" for a, b in self.ranges)

    def __bool__(self) -> bool:
        return bool(self.ranges)

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in self.ranges)

    def __iter__(self) -> Iterator[int]:
        for first, last in self.ranges:
            yield from range(first, last + 1)

    def __contains__(self, uid: int) -> bool:
        at = bisect_right(self.ranges, (uid, 1 << 64)) - 1
        return at >= 0 and self.ranges[at][0] <= uid <= self.ranges[at][1]

    def __or__(self, other: "UidSet") -> "UidSet":
        return UidSet._merged(sorted(self.ranges + other.ranges)) if other else self

    def __sub__(self, other: "UidSet") -> "UidSet":
        kept: list[tuple[int, int]] = []
        cuts = iter(other.ranges)
        cut = next(cuts, None)
        for first, last in self.ranges:
            while cut is not None and cut[1] < first:
                cut = next(cuts, None)
            while cut is not None and cut[0] <= last:
                if first < cut[0]:
                    kept.append((first, cut[0] - 1))
                first = cut[1] + 1
                if first > last:
                    break
                cut = next(cuts, None)
            if first <= last:
                kept.append((first, last))
        return UidSet(tuple(kept))

    def __and__(self, other: "UidSet") -> "UidSet":
        return self - (self - other)

    def newest(self, most: int) -> list[int]:
        """The greatest UIDs, at most so many, the greatest first. A server may name billions."""
        found: list[int] = []
        for first, last in reversed(self.ranges):
            found += range(last, max(first - 1, last - most + len(found)), -1)
        return found

    @property
    def last(self) -> int:
        """The greatest UID; 0 where the set is empty."""
        return self.ranges[-1][1] if self.ranges else 0
