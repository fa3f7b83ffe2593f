"""Messages that could not be read, or not whole, an item each, beside their folder.

The ledger says which of them are pending. An item adds why and since when, and is written before
the ledger and deleted after it; a crash in between may leave one, which no reader shows.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from mailmirror.domain.contained import Cause, Contained
from mailmirror.domain.containment import Place
from mailmirror.domain.limits import MAX_CONTAINED_SUBJECT_CHARS
from mailmirror.domain.mailbox import MailboxKey
from mailmirror.store import keys
from mailmirror.store.table import Item, Table, Update


@dataclass(frozen=True, slots=True)
class StoredContained:
    place: Place
    contained: Contained
    since: datetime


class ContainedStore:
    def __init__(self, table: Table) -> None:
        self._table = table

    def put(self, key: MailboxKey, contained: Mapping[Place, Contained], now: datetime) -> None:
        """Store why messages could not be read; since when stays as it is. One write unit each."""
        for place, one in contained.items():
            assignments = ["cause = :cause", "since = if_not_exists(since, :now)"]
            values = {":cause": one.cause.value, ":now": keys.time_text(now)}
            if one.received_at:
                assignments += ["received_at = :received_at", "subject = :subject"]
                subject = (
                    one.subject[:MAX_CONTAINED_SUBJECT_CHARS].encode("utf-8", "replace").decode()
                )
                values |= {
                    ":received_at": keys.time_text(one.received_at),
                    ":subject": subject,
                }
            self._table.update(
                Update(keys.contained(key, place), f"SET {', '.join(assignments)}", values)
            )

    def delete(self, key: MailboxKey, places: Iterable[Place]) -> None:
        """Delete what is read by now. One write unit each."""
        self._table.write(deletes=[keys.contained(key, place) for place in places])

    def list_all(self, key: MailboxKey) -> Sequence[StoredContained]:
        """Those of a mailbox: half a read unit a 4 KB, some forty of them."""
        return [_contained(item) for item in self._items(key)]

    def erase(self, key: MailboxKey) -> None:
        """Delete those of a mailbox in its epoch."""
        self._table.write(
            deletes=[{keys.PK: item[keys.PK], keys.SK: item[keys.SK]} for item in self._items(key)]
        )

    def _items(self, key: MailboxKey) -> Iterable[Item]:
        return self._table.query(keys.folders(key), keys.CONTAINED)


def _contained(item: Item) -> StoredContained:
    received_at = item.get("received_at")
    return StoredContained(
        keys.contained_place(item),
        Contained(
            Cause(item["cause"]),
            datetime.fromisoformat(received_at) if received_at else None,
            item.get("subject", ""),
        ),
        datetime.fromisoformat(item["since"]),
    )
