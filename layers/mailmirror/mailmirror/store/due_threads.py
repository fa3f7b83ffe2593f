"""Threads that are due: an announcement to complete, or deals to sweep."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from mailmirror.domain.mailbox import AccountId
from mailmirror.domain.threads import ThreadId
from mailmirror.store import keys
from mailmirror.store.table import Put, Table


@dataclass(frozen=True, slots=True)
class DueThread:
    account: AccountId
    thread: ThreadId
    reason: str
    """Names what is due, so that one is not taken for another: a run, or what it has found."""


class DueThreads:
    def __init__(self, table: Table) -> None:
        self._table = table

    @staticmethod
    def item(due: DueThread, due_at: datetime) -> Put:
        """What schedules a thread, to be put in the transaction of its reason."""
        key = keys.due_thread(due.account, due.thread, due.reason)
        return Put({**key, "due_at": keys.time_text(due_at)})

    def put(self, due: DueThread, due_at: datetime) -> None:
        """Schedule a thread. One write unit."""
        self._table.put(self.item(due, due_at))

    def find(self, shard: int, now: datetime) -> Sequence[DueThread]:
        """Those of a shard that are due."""
        items = self._table.query(keys.due_threads(shard))
        return [_due(item[keys.SK]) for item in items if item["due_at"] <= keys.time_text(now)]

    def are_due(self, dues: Iterable[DueThread]) -> bool:
        """Whether one of these is still scheduled. One read unit each."""
        wanted = (keys.due_thread(one.account, one.thread, one.reason) for one in dues)
        return bool(self._table.get_many(wanted, consistent=True))

    def done(self, dues: Iterable[DueThread]) -> None:
        """Delete what was done. One write unit each."""
        self._table.write(
            deletes=(keys.due_thread(one.account, one.thread, one.reason) for one in dues)
        )


def _due(name: str) -> DueThread:
    account, thread, reason = name.split("#", 2)
    return DueThread(AccountId(account), ThreadId(thread), reason)
