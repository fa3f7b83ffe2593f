"""Which verdicts a change of people or rules may change, and when old mail is judged again.

    lines of the log, changed rules ─► concern: the copies that may get another verdict
        ─► hint   a search for the addresses that wait, at most each quarter of an hour
        ─► pass   every copy that is concerned, by its headers; it alone moves the cursor

A copy whose verdict does not depend on what has changed is not asked for.
"""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zlib import crc32

from mailmirror.domain.address import Address
from mailmirror.domain.changes import ChangeKind, LogLine
from mailmirror.domain.containment import Place
from mailmirror.domain.mailbox import FolderScope, Mailbox
from mailmirror.domain.verdict import Verdict

HEADERS_VERSION = 1
"""Raised where headers are understood that were not: `unreadable` copies are judged again."""

LOOK_PAUSE = timedelta(minutes=15)
"""Between two looks at what waits, with a search in the mailbox each."""
_FEW_ADDRESSES = 50
_QUIET = timedelta(minutes=10)
"""After the last of many addresses: an import has ended."""
_LONGEST_WAIT = timedelta(hours=1)
_HEADER_BYTES = 600
"""Of a message, as a pass fetches them: a mean."""
_BYTES_A_DAY = 500 << 20
"""What the passes of a mailbox fetch: a fifth of what Gmail lets an IMAP client fetch."""
_MOST_OTHERS = 3
"""Rules that are remembered beside a basis: the item is small."""
_MOST_SEARCHED = 100
"""Addresses that are searched for at once; an import of more is left to its pass."""

_NOTHING: frozenset[Verdict] = frozenset()
_BY_PERSONS = frozenset({Verdict.NO_PERSON, Verdict.BLOCKED, Verdict.TOO_MANY_RECIPIENTS})
_BY_TEAM = _BY_PERSONS | {Verdict.INTERNAL, Verdict.REPORT}
_BY_BLOCKS = frozenset({Verdict.BLOCKED, Verdict.TOO_MANY_RECIPIENTS})
_BY_FEWER_RECIPIENTS = frozenset({Verdict.NO_PERSON, Verdict.BLOCKED})
_BY_LATER_WINDOW = frozenset(Verdict) - {
    Verdict.OUTSIDE_WINDOW,
    Verdict.MIRRORED,
    Verdict.PENDING,
    Verdict.GONE,
}
_BY_HEADERS = frozenset(Verdict) - {Verdict.MIRRORED, Verdict.PENDING, Verdict.GONE}


@dataclass(frozen=True, slots=True)
class Basis:
    """What verdicts are given under."""

    line: int
    """Of the account's log: what it and the lines before it say of people."""
    history_since: date
    max_recipients: int
    headers: int = HEADERS_VERSION
    folders: int = 0
    """A checksum of the mailbox's setting `folders`."""
    follows: bool = False
    """Whether what was deleted at the server is hidden."""
    blocks: int = 0
    """The version of what the mailbox's owner has blocked."""

    @classmethod
    def of(
        cls, line: int, mailbox: Mailbox, max_recipients: int, *, follows: bool, blocks: int
    ) -> "Basis":
        """What verdicts about a mailbox are given under."""
        setting = mailbox.folders
        named = setting if isinstance(setting, FolderScope) else "\0".join(setting)
        folders = crc32(named.encode("utf-8", "surrogatepass"))
        since = mailbox.history_since
        return cls(line, since, max_recipients, folders=folders, follows=follows, blocks=blocks)

    @property
    def rules(self) -> str:
        """All of it but people, as a text that differs where it does."""
        numbers = f"{self.max_recipients}.{self.headers}.{self.folders:x}.{self.follows:d}"
        return f"{self.history_since}.{numbers}.{self.blocks}"

    def concerned(self, before: "Basis") -> frozenset[Verdict]:
        """The verdicts given under other rules that may be others under these."""
        found = _NOTHING
        if self.history_since < before.history_since:
            found |= {Verdict.OUTSIDE_WINDOW}
        if self.max_recipients > before.max_recipients:
            found |= {Verdict.TOO_MANY_RECIPIENTS}
        if self.max_recipients < before.max_recipients:
            found |= _BY_FEWER_RECIPIENTS
        if self.headers > before.headers:
            found |= {Verdict.UNREADABLE}
        if self.blocks != before.blocks:
            found |= _BY_BLOCKS
        return found


@dataclass(frozen=True, slots=True)
class Concern:
    """The copies that may get another verdict, by the one that they have."""

    whole: frozenset[Verdict] = _NOTHING
    """All copies with these verdicts."""
    naming: frozenset[Verdict] = _NOTHING
    """Of the copies with these verdicts, those that name one of `addresses`."""
    addresses: frozenset[Address] = frozenset()
    """Those of which people have changed."""
    dated: frozenset[Verdict] = _NOTHING
    """Of the copies with these verdicts, those whose INTERNALDATE is outside the window."""
    mirrored: bool = False
    """Whether copies that are, or were, mirrored may get another verdict."""

    def __bool__(self) -> bool:
        return bool(self.verdicts) or self.mirrored

    @property
    def verdicts(self) -> frozenset[Verdict]:
        """Of the copies that are asked for again."""
        return self.whole | self.naming | self.dated

    def may_name(self, participants: Set[Address]) -> bool:
        """Whether people may have changed of the participants of a mirrored copy."""
        return Verdict.BLOCKED in self.whole or not self.addresses.isdisjoint(participants)


EVERYTHING = Concern(_BY_HEADERS, mirrored=True)
"""Every copy."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a pass that is under way leads to."""

    basis: Basis
    everything: bool = False
    """Whether a person has asked for it: every copy that is not mirrored is judged again."""


@dataclass(frozen=True, slots=True)
class PassState:
    """What is stored of a mailbox's passes."""

    basis: Basis | None = None
    """Under which each verdict of it holds, but for those that were given under `others`."""
    others: tuple[Basis, ...] = ()
    """Further rules under which verdicts were given since, of lines behind the basis's."""
    target: Target | None = None
    """Of the pass that is under way."""
    number: int = 0
    """Of the last pass that was begun: folders store with it how far the pass has come."""
    hinted_line: int = 0
    """The line up to which waiting addresses were searched for."""
    looked_at: datetime | None = None
    """When lines that wait were last read."""
    ended_at: datetime | None = None
    """When the last pass ended."""
    next_at: datetime | None = None
    """When the next pass is due, by the lines that were read."""
    everything_at: datetime | None = None
    """When the last pass over everything began."""
    indexed: Place | None = None
    """The last copy that the pass has put on the timelines of addresses that left the team."""
    hides: bool = False
    """Whether the mailbox has hidden mail."""
    mirrored_at: datetime | None = None
    """When all copies that are, or were, mirrored were last judged again."""

    @property
    def line(self) -> int:
        """Of the log, under which each verdict holds."""
        return self.basis.line if self.basis else 0

    @property
    def look_at(self) -> datetime | None:
        """When lines that wait are read again; None where any is read at once."""
        if self.next_at is None or self.looked_at is None:
            return None
        return min(self.next_at, self.looked_at + LOOK_PAUSE)

    def begun(self, target: Target) -> "PassState":
        """The state as a pass begins."""
        number = self.number + 1
        return replace(self, target=target, number=number, next_at=None, indexed=None)

    def ended(self, basis: Basis, now: datetime) -> "PassState":
        """The state as a pass ends that has led to a basis."""
        return replace(self, basis=basis, others=(), target=None, ended_at=now, indexed=None)

    def nothing_concerned(self, basis: Basis) -> "PassState":
        """The state where what has changed concerns no copy."""
        return replace(self, basis=basis, others=(), target=None, next_at=None)

    def judging_under(self, basis: Basis) -> "PassState":
        """The state before verdicts are given under these rules too."""
        if not self.bases:
            return replace(self, basis=basis)
        if basis.rules in {one.rules for one in self.bases}:
            return self
        if len(self.others) == _MOST_OTHERS:
            return replace(self.given_up(), basis=None)  # all old mail is judged again
        return replace(self.given_up(), others=(*self.others, basis))

    def given_up(self) -> "PassState":
        """The state without the pass that is under way; one over everything begins again."""
        asked = self.target is not None and self.target.everything
        everything_at = None if asked else self.everything_at
        return replace(self, target=None, everything_at=everything_at, indexed=None)

    @property
    def bases(self) -> Sequence[Basis]:
        return [*([self.basis] if self.basis else []), *self.others]

    def concerned(self, now: Basis) -> frozenset[Verdict]:
        """The verdicts that changed rules may change, but for `mirrored`."""
        return frozenset().union(*(now.concerned(one) for one in self.bases))

    def has_other_rules(self, now: Basis) -> bool:
        """Whether some verdicts were given under other rules."""
        return any(one.rules != now.rules for one in self.bases)


def concern_of(
    lines: Iterable[LogLine], passes: PassState, now: Basis, doubtful: Set[Address] = frozenset()
) -> Concern:
    """The copies that may get another verdict.

    It does not count whether an address was gained or lost: it may be gained again before the
    lines are looked at.

    Parameters:
        lines: of the log, those that are to be worked off among them.
        passes: under what the verdicts were given.
        now: under what they are given again.
        doubtful: addresses that are of the team as long as no person has them.
    """
    verdicts: set[Verdict] = set()
    addresses: set[Address] = set()
    mirrored = passes.has_other_rules(now)
    for line in lines:
        named = line.change.gained | line.change.lost
        if passes.line < line.number <= now.line and named:
            of_team = line.change.kind is ChangeKind.TEAM or not doubtful.isdisjoint(named)
            verdicts |= _BY_TEAM if of_team else _BY_PERSONS
            addresses |= named
            # A person may be another's too now, who is blocked.
            mirrored |= of_team or bool(line.change.lost or now.blocks) or passes.hides
    later = any(now.history_since > one.history_since for one in passes.bases)
    return Concern(
        whole=passes.concerned(now),
        naming=frozenset(verdicts) - passes.concerned(now),
        addresses=frozenset(addresses),
        dated=_BY_LATER_WINDOW - passes.concerned(now) if later else _NOTHING,
        mirrored=mirrored,
    )


def daily_pass_at(passes: PassState, basis: Basis, now: datetime) -> datetime | None:
    """When mirrored mail is judged again without a change; None where it need not be.

    What has been hidden for long is erased, and what was deleted at the server is hidden.
    """
    if not (passes.hides or basis.follows):
        return None
    return passes.mirrored_at + timedelta(days=1) if passes.mirrored_at else now


def waiting_addresses(lines: Iterable[LogLine]) -> frozenset[Address]:
    """The addresses that persons have gained by these lines."""
    persons = (line.change for line in lines if line.change.kind is ChangeKind.PERSON)
    return frozenset(address for change in persons for address in change.gained)


def pass_due_at(
    lines: Sequence[LogLine],
    copies: int,
    last_pass_at: datetime | None,
    *,
    the_last_is_read: bool = True,
) -> datetime | None:
    """When the copies that these lines concern are judged again; None where none are.

    An import of many addresses is one pass, after its end; single addresses wait for an hour
    together. Where hourly passes would fetch too much, they come less often.

    Parameters:
        lines: that may change verdicts, the oldest first.
        copies: how many copies they may concern.
        the_last_is_read: whether there are no more lines than these.
    """
    if not lines:
        return None
    due_at = lines[0].at + _LONGEST_WAIT
    if the_last_is_read and len(waiting_addresses(lines)) > _FEW_ADDRESSES:
        due_at = min(due_at, lines[-1].at + _QUIET)
    if last_pass_at is None:
        return due_at
    pause = timedelta(days=1) * (copies * _HEADER_BYTES / _BYTES_A_DAY)
    return max(due_at, last_pass_at + pause)


def are_searched_for(addresses: frozenset[Address]) -> bool:
    """Whether a search for waiting addresses comes before their pass."""
    return 0 < len(addresses) <= _MOST_SEARCHED
