"""What has changed since the verdicts of a mailbox were given: lines of the log, and its rules."""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime

from mailmirror.domain.address import Address
from mailmirror.domain.changes import ChangeKind, LogLine
from mailmirror.domain.mailbox import AccountId
from mailmirror.domain.passes import (
    EVERYTHING,
    Basis,
    Concern,
    PassState,
    concern_of,
    pass_due_at,
    waiting_addresses,
)
from mailmirror.store.change_log import ChangeLog
from mailmirror.usecases.crm_feed.crm_view import CrmView

_LINES_AT_ONCE = 5_000
_MAX_LINES = 50_000
"""Behind more, all old mail is judged again: each sync that waits reads some 7 MB of lines."""


@dataclass(frozen=True, slots=True)
class LateFacts:
    """What a mailbox's old mail was not judged under yet."""

    account: AccountId
    lines: Sequence[LogLine]
    """Behind the mailbox's cursor, those that may change verdicts, in their order."""
    basis: Basis
    """What verdicts are given under now."""
    passes: PassState
    """Of the mailbox."""
    doubtful: Set[Address]
    """Addresses that are of the team as long as no person has them."""
    too_many: bool = False
    """Whether there are more lines than are read."""

    @classmethod
    def read(cls, view: CrmView, basis: Basis, passes: PassState, log: ChangeLog) -> "LateFacts":
        """Read the lines between the two. One read unit a 4 KB, some thirty lines.

        Parameters:
            view: by which verdicts are given.
            basis: what they are given under.
        """
        lines: list[LogLine] = []
        at, end = passes.line, min(basis.line, passes.line + _MAX_LINES)
        while at < end:
            some = log.lines(view.account.id, at, min(_LINES_AT_ONCE, end - at))
            if not some:
                break
            lines += (one for one in some if one.change.kind.changes_verdicts)
            at = some[-1].number
        too_many = end < basis.line
        known = basis if too_many else replace(basis, line=at)
        return cls(view.account.id, lines, known, passes, view.doubtful, too_many)

    def concern(self, target: Basis) -> Concern:
        """The copies that a pass judges again on the way to a basis."""
        if self.too_many or self.passes.basis is None:
            return EVERYTHING
        return concern_of(self.lines, self.passes, target, self.doubtful)

    @property
    def unsearched(self) -> frozenset[Address]:
        """The addresses that persons have gained, and that were not searched for."""
        line = self.passes.hinted_line
        return waiting_addresses(one for one in self.lines if one.number > line)

    def left_team(self, target: Basis, log: ChangeLog) -> frozenset[Address]:
        """The addresses that may have left the team by the lines that a pass works off.

        An address of a mailbox without a proof leaves it where a person gains it. Where there are
        more lines than were read, the others are read now.
        """
        left: set[Address] = set()
        for line in self._lines_to(target, log):
            of_team = line.change.kind is ChangeKind.TEAM
            left |= line.change.lost if of_team else line.change.gained & self.doubtful
        return frozenset(left)

    def _lines_to(self, target: Basis, log: ChangeLog) -> Iterator[LogLine]:
        yield from (one for one in self.lines if one.number <= target.line)
        at = self.passes.line + _MAX_LINES
        while self.too_many and at < target.line:
            some = log.lines(self.account, at, min(_LINES_AT_ONCE, target.line - at))
            if not some:
                return
            yield from some
            at = some[-1].number

    def due_at(self, copies: int, now: datetime) -> datetime | None:
        """When the next pass is due; None where nothing waits for one.

        Parameters:
            copies: how many the mailbox has.
        """
        if self.passes.basis is None or self.passes.has_other_rules(self.basis):
            return now
        lines = self.lines if self.concern(self.basis) else ()
        ends = not self.too_many
        return pass_due_at(lines, copies, self.passes.ended_at, the_last_is_read=ends)

    def behind(self, passes: PassState) -> "LateFacts":
        """What is left after a pass."""
        lines = [one for one in self.lines if one.number > passes.line]
        left = self.too_many and self.basis.line > passes.line
        return replace(self, lines=lines, passes=passes, too_many=left)
