"""The deep audit of a mailbox: its rounds, how fast they go, and what they may find.

    round ─► every folder's UIDs, newest first ─► faults ─► repaired, or not
      │ a slice a day: as much as the time since the round began asks for
      └ asked for by a person: all of it at once

A round that is not asked for lasts 14 days, and the next one begins after them. So two judgments of
one UID lie 28 days apart at the most, wherever it stands in its folder and however the mailbox
grows; after an outage a slice is as large as what was left undone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from math import ceil

from mailmirror.domain.mailbox import MailboxKey

ROUND = timedelta(days=14)
SLICE_PAUSE = timedelta(days=1)
_NO_QUOTA = 1 << 62
MAX_REMEMBERED = 100
"""Repairs of a round that the next one holds its own faults against."""
MAX_LISTED = 20
"""Faults that are named: those that could not be repaired, and those that have come back."""


class FaultKind(StrEnum):
    """What is not as it should be. Each fault is one item of the table, or one UID."""

    VERDICT = "verdict"
    """A UID whose verdict is another than its headers give, or that has none."""
    PRESENCE = "presence"
    """A UID that the ledger has as removed and the server lists, or the reverse."""
    LEDGER_BLOCK = "ledger_block"
    """A part of a ledger that is listed, and missing or not readable."""
    FOLDER_COUNTS = "folder_counts"
    """A folder's item, whose numbers are not those of its ledger."""
    COPY = "copy"
    """Which message a mirrored UID is."""
    CONTENT = "content"
    """What a list shows of a content."""
    RAW = "raw"
    """The raw bytes of a content, in the table or the bucket."""
    ENTRY = "entry"
    """A message in its thread."""
    TIMELINE = "timeline"
    """A message on the timeline of an address."""
    ADDRESS = "address"
    """That an address has messages in the mailbox."""
    DEAL_ENTRY = "deal_entry"
    """A message on the timeline of a deal."""
    DEAL = "deal"
    """That a deal has messages in the mailbox."""
    VERTEX = "vertex"
    """Which thread a Message-ID belongs to."""
    ROOT = "root"
    """What a thread's root says: its deals, overrides and joined threads."""
    SENT_MARK = "sent_mark"
    """That a message was sent by the team."""
    NOT_AUDITED = "not_audited"
    """A UID that was passed over: functions failed at it, or ran out of memory or time."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. Neither a name nor an address of a message is part of it."""

    kind: FaultKind
    name: str
    """A hash of the item's key, which tells it from others of its kind."""
    folder: str
    """The id of the folder in which it was found."""
    uid: int
    """The UID at which it was found; 0 where it is the folder's."""

    @classmethod
    def of(cls, kind: FaultKind, folder: str, uid: int, *key: object) -> "Fault":
        text = "\n".join(map(str, key or (folder, uid)))
        name = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
        return cls(kind, name, folder, uid)

    @property
    def same(self) -> str:
        """The same for the same item, found at another UID or in another round."""
        return f"{self.kind}.{self.name}"


@dataclass(frozen=True, slots=True)
class Found:
    """What an audit has found, in a slice or a round."""

    uids: int = 0
    """That were judged again."""
    faults: Mapping[FaultKind, int] = field(default_factory=dict)
    repaired: int = 0
    lost: int = 0
    """Faults that could not be repaired."""
    returned: int = 0
    """Faults that the round before had repaired."""
    disputed: int = 0
    """Mirrored copies that no rule mirrors now; they stay as they are."""
    left_out: int = 0
    """Folders that could not be read."""

    def plus(self, other: "Found") -> "Found":
        faults = dict(self.faults)
        for kind, count in other.faults.items():
            faults[kind] = faults.get(kind, 0) + count
        return Found(
            self.uids + other.uids,
            faults,
            self.repaired + other.repaired,
            self.lost + other.lost,
            self.returned + other.returned,
            self.disputed + other.disputed,
            self.left_out + other.left_out,
        )

    @property
    def clean(self) -> bool:
        return not self.faults


@dataclass(frozen=True, slots=True)
class Round:
    """One round of a mailbox's deep audit, as it is stored."""

    number: int
    """Greater than that of any round before, also of one that is forgotten."""
    begun_at: datetime
    asked_at: datetime | None = None
    """When a person asked for it: all of it is done at once."""
    finished_at: datetime | None = None
    found: Found = field(default_factory=Found)
    listed: tuple[Fault, ...] = ()
    """The first faults that were not repaired, or have come back."""
    repaired: tuple[str, ...] = ()
    """What was repaired (`Fault.same`), as far as it is remembered."""
    before: tuple[str, ...] = ()
    """What the round before had repaired."""

    def quota(self, uids: int, now: datetime) -> int:
        """How many UIDs are to be judged now.

        Parameters:
            uids: how many the mailbox has, or had.
        """
        due = (now - self.begun_at + SLICE_PAUSE) / ROUND
        if self.asked_at is not None or due >= 1:
            return _NO_QUOTA
        return max(0, ceil(due * uids) - self.found.uids)

    def next_at(self, now: datetime) -> datetime:
        """When the next slice is due, after one that has done what it had to."""
        if self.finished_at is not None:
            return max(self.begun_at + ROUND, now)
        return now + SLICE_PAUSE

    def is_over(self, now: datetime, asked_at: datetime | None) -> bool:
        """Whether another round begins now.

        Parameters:
            asked_at: when a person last asked for one.
        """
        if asked_at is not None and (self.asked_at is None or self.asked_at < asked_at):
            return True
        return self.finished_at is not None and now >= self.begun_at + ROUND

    def after(self, now: datetime, asked_at: datetime | None) -> "Round":
        """The round that follows."""
        number = max(self.number + 1, int(now.timestamp()))
        return Round(number, now, asked_at, before=self.repaired or self.before)

    def with_faults(self, found: Found, faults: Iterable[Fault], lost: Iterable[Fault]) -> "Round":
        """The round after a slice.

        Parameters:
            found: without the faults.
            faults: all that were found in the slice.
            lost: those of them that could not be repaired.
        """
        every, not_repaired = list(faults), set(lost)
        kinds: dict[FaultKind, int] = {}
        for one in every:
            kinds[one.kind] = kinds.get(one.kind, 0) + 1
        returned = [one for one in every if one.same in self.before]
        mended = [one.same for one in every if one not in not_repaired]
        told = [one for one in every if one in not_repaired or one.same in self.before]
        more = replace(
            found,
            faults=kinds,
            repaired=len(mended),
            lost=len(not_repaired),
            returned=len(returned),
        )
        return replace(
            self,
            found=self.found.plus(more),
            listed=(*self.listed, *told)[:MAX_LISTED],
            repaired=(*self.repaired, *mended)[:MAX_REMEMBERED],
        )


def first_slice_at(key: MailboxKey, now: datetime) -> datetime:
    """When the first slice of a mailbox is due: on its second day, spread by its id.

    On the first day its mail has just been judged.
    """
    digest = sha256(f"{key.account}{key.mailbox}".encode()).digest()
    return now + SLICE_PAUSE * (1 + int.from_bytes(digest[:4]) / (1 << 32))
