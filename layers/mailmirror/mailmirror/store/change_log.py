"""An account's change log: one numbered line for each change that can change a verdict or a match.

A line is written in the transaction of its change. A sync that reads the log's head first and
people after it, consistently, therefore misses no pair of a message and a person: what it does not
see has a line behind the head that it read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count, takewhile

from mailmirror.domain.address import Address
from mailmirror.domain.changes import Change, ChangeKind, LogLine
from mailmirror.domain.mailbox import AccountId
from mailmirror.store import keys
from mailmirror.store.table import Delete, Item, Put, Table, Update

_HEADS = ("number", "judging", "left_team", "ruling", "policy", "parted")


@dataclass(frozen=True, slots=True)
class Heads:
    """The numbers of an account's last lines; 0 where there is none."""

    number: int
    judging: int
    """That may change a verdict."""
    left_team: int
    """By which an address has left the team, so that mail of it may be a person's."""
    ruling: int
    """By which a setting has changed that verdicts depend on."""
    policy: int
    """By which the deal policy has changed."""
    parted: int
    """By which leads or contacts were parted that were joined."""


class ChangeLog:
    def __init__(self, table: Table) -> None:
        self._table = table

    def head(self, account: AccountId) -> int:
        """The number of the last line; 0 before the first. One read unit."""
        item = self._table.get(keys.log_head(account), consistent=True)
        return int(item["number"]) if item else 0

    def heads(self, account: AccountId, *, consistent: bool = True) -> Heads:
        """The numbers of the last lines of each sort. One read unit, or half of it."""
        item = self._table.get(keys.log_head(account), consistent=consistent) or {}
        number, *others = (int(item.get(name, 0)) for name in _HEADS)
        return Heads(number, *others)

    @staticmethod
    def _counted(account: AccountId, number: int, change: Change) -> Update:
        sorts = {
            "judging": change.kind.changes_verdicts,
            "left_team": change.kind is ChangeKind.TEAM and bool(change.lost),
            "ruling": change.kind is ChangeKind.RULES,
            "policy": change.of_policy,
            "parted": change.parted,
        }
        more = "".join(f", {name} = :after" for name, holds in sorts.items() if holds)
        return _on_head(account, f"SET #number = :after{more}", number, {":after": number + 1})

    @staticmethod
    def _still(account: AccountId, number: int) -> Update:
        return _on_head(account, "SET #number = :number", number, {})

    def write(
        self,
        account: AccountId,
        change: Change,
        writes: Sequence[Put | Update | Delete],
        now: datetime,
        head: int | None = None,
    ) -> None:
        """Make a change together with its line, or alone where nothing can depend on it.

        Parameters:
            head: the number of the last line, where it was read already; it is a condition of a
                change without a line, too.

        Raises:
            ConditionFailed: a condition of `writes` does not hold, or another change came in
                between; nothing was written.
        """
        if not change:
            unmoved = [] if head is None else [self._still(account, head)]
            self._table.transact([*writes, *unmoved])
            return
        number = self.head(account) if head is None else head
        line = {
            **keys.log_line(account, number + 1),
            "kind": change.kind.value,
            "gained": set(change.gained) or None,
            "lost": set(change.lost) or None,
            "deal": change.deal,
            "since": change.since and keys.time_text(change.since),
            "at": keys.time_text(now),
        }
        self._table.transact([*writes, self._counted(account, number, change), Put(line)])

    def lines(self, account: AccountId, after: int, most: int) -> Sequence[LogLine]:
        """Read the lines behind one of them, consistently, without a gap.

        One read unit a 4 KB. A query does not promise to show a transaction as a whole; a line
        that it lacks comes with the next one.
        """
        first, last = (keys.log_line(account, n) for n in (after + 1, after + most))
        between = (first[keys.SK], last[keys.SK])
        items = self._table.query(first[keys.PK], between=between, consistent=True)
        numbered = zip(map(_line, items), count(after + 1), strict=False)
        return [line for line, _ in takewhile(lambda one: one[0].number == one[1], numbered)]


def _on_head(account: AccountId, expression: str, number: int, values: Mapping[str, int]) -> Update:
    """An update of the log's head, on the condition that it has this number."""
    condition = "#number = :number" if number else "attribute_not_exists(pk) OR #number = :number"
    return Update(
        keys.log_head(account),
        expression,
        {":number": number, **values},
        condition,
        {"#number": "number"},
    )


def _line(item: Item) -> LogLine:
    since = item.get("since")
    change = Change(
        ChangeKind(item["kind"]),
        gained=frozenset(map(Address, item.get("gained") or ())),
        lost=frozenset(map(Address, item.get("lost") or ())),
        deal=item.get("deal"),
        since=datetime.fromisoformat(since) if since else None,
    )
    number = int(item[keys.SK].removeprefix(keys.LOG_LINES))
    return LogLine(number, change, datetime.fromisoformat(item["at"]))
