"""How far an account's threads were matched again after changes of its people and deals.

The cursor on the account's change log, and the run that moves it: one at a time, as an account's
lines are worked off in their order.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from mailmirror.domain.mailbox import AccountId
from mailmirror.store import keys
from mailmirror.store.change_log import Heads
from mailmirror.store.table import ConditionFailed, Item, Table, Update


@dataclass(frozen=True, slots=True)
class Matching:
    """Where a run goes on."""

    run: str
    line: int
    """Of the log: the threads that it and the lines before it concern are matched."""
    end: int = 0
    """The last line of those that are being worked off together; 0 where none are."""
    address: str = ""
    """Of their addresses, in order, those before this one are done."""
    before: str = "~"
    """Of this address, the messages that stand at or after this place of its timelines are done."""
    policy_line: int = 0
    """The line at which the deal policy was changed under which the log is worked off."""

    def reached(self, end: int, address: str, before: str) -> "Matching":
        return replace(self, end=end, address=address, before=before)

    def done(self, end: int) -> "Matching":
        return Matching(self.run, end, policy_line=self.policy_line)

    def under(self, policy_line: int) -> "Matching":
        """Where a run goes on: at the log's beginning, where the deal policy is another."""
        if policy_line <= self.policy_line:
            return self
        return Matching(self.run, 0, policy_line=policy_line)

    def is_behind(self, heads: Heads) -> bool:
        """Whether threads are to be matched again, by the last lines of the log."""
        return self.line < heads.number or self.policy_line < heads.policy


class MatchingStore:
    def __init__(self, table: Table) -> None:
        self._table = table

    def read(self, account: AccountId) -> Matching:
        """How far threads are matched, when the last run ended. Half a read unit."""
        item = self._table.get(keys.matching(account))
        return _matching({"run": "", **item}) if item else Matching("", 0)

    def begin(
        self, account: AccountId, run: str, now: datetime, until: datetime
    ) -> Matching | None:
        """Begin a run, or return None where another one is at work. One write unit.

        Parameters:
            until: when the run has ended, whatever becomes of it.
        """
        try:
            item = self._table.update(
                Update(
                    keys.matching(account),
                    "SET #run = :run, run_until = :until, line = if_not_exists(line, :none)",
                    {
                        ":run": run,
                        ":until": keys.time_text(until),
                        ":now": keys.time_text(now),
                        ":none": 0,
                    },
                    "attribute_not_exists(run_until) OR run_until <= :now",
                    {"#run": "run"},
                )
            )
        except ConditionFailed:
            return None
        return _matching(item)

    def end(self, account: AccountId, at: Matching) -> None:
        """End a run, and store where the next one goes on. One write unit.

        Raises:
            ConditionFailed: it has taken too long, and another one is at work.
        """
        self._table.update(
            Update(
                keys.matching(account),
                "SET line = :line, #end = :end, address = :address, #at = :at,"
                " policy_line = :policy REMOVE #run, run_until",
                {
                    ":line": at.line,
                    ":end": at.end,
                    ":address": at.address,
                    ":at": at.before,
                    ":policy": at.policy_line,
                    ":run": at.run,
                },
                "#run = :run",
                {"#run": "run", "#end": "end", "#at": "before"},
            )
        )


def _matching(item: Item) -> Matching:
    return Matching(
        item["run"],
        int(item["line"]),
        int(item.get("end", 0)),
        item.get("address", ""),
        item.get("before", "~"),
        int(item.get("policy_line", 0)),
    )
