"""An account's change log: one numbered line for each change that can change a verdict or a match.

A line is written in the transaction of its change. A sync that reads the log's head first and
people after it, consistently, therefore misses no pair of a message and a person: what it does not
see has a line behind the head that it read.
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mailmirror.domain.address import Address
from mailmirror.domain.mailbox import AccountId
from mailmirror.store import keys
from mailmirror.store.table import Delete, Item, Put, Table, Update


class ChangeKind(StrEnum):
    PERSON = "person"
    TEAM = "team"
    DEAL = "deal"


@dataclass(frozen=True, slots=True)
class Change:
    """Addresses that were added or removed, or a deal that has changed."""

    kind: ChangeKind
    gained: Set[Address] = frozenset()
    lost: Set[Address] = frozenset()
    deal: str | None = None
    since: datetime | None = None
    """When the deal's event happened: matches of mail of more than 30 days before do not change."""

    def __bool__(self) -> bool:
        return bool(self.gained or self.lost or self.deal)


@dataclass(frozen=True, slots=True)
class LogLine:
    number: int
    change: Change


class ChangeLog:
    def __init__(self, table: Table) -> None:
        self._table = table

    def head(self, account: AccountId) -> int:
        """The number of the last line; 0 before the first. One read unit."""
        item = self._table.get(keys.log_head(account), consistent=True)
        return int(item["number"]) if item else 0

    @staticmethod
    def _counted(account: AccountId, number: int, after: int) -> Update:
        condition = (
            "#number = :number" if number else "attribute_not_exists(pk) OR #number = :number"
        )
        values = {":number": number, ":after": after}
        return Update(
            keys.log_head(account), "SET #number = :after", values, condition, {"#number": "number"}
        )

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
            head: the number of the last line, where it was read already.

        Raises:
            ConditionFailed: a condition of `writes` does not hold, or another change came in
                between; nothing was written.
        """
        if not change:
            self._table.transact(writes)
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
        self._table.transact([*writes, self._counted(account, number, number + 1), Put(line)])

    def lines(self, account: AccountId, after: int, most: int) -> Sequence[LogLine]:
        """Read the lines behind one of them, consistently. One read unit a 4 KB."""
        first, last = (keys.log_line(account, n) for n in (after + 1, after + most))
        between = (first[keys.SK], last[keys.SK])
        items = self._table.query(first[keys.PK], between=between, consistent=True)
        return list(map(_line, items))


def _line(item: Item) -> LogLine:
    since = item.get("since")
    change = Change(
        ChangeKind(item["kind"]),
        gained=frozenset(map(Address, item.get("gained") or ())),
        lost=frozenset(map(Address, item.get("lost") or ())),
        deal=item.get("deal"),
        since=datetime.fromisoformat(since) if since else None,
    )
    return LogLine(int(item[keys.SK].removeprefix(keys.LOG_LINES)), change)
