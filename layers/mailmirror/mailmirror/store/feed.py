"""What became of the CRM's events."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailmirror.domain.mailbox import AccountId
from mailmirror.domain.problems import Refused
from mailmirror.store import keys
from mailmirror.store.table import Table, Update

_KEPT_FOR = timedelta(days=30)
_LONGEST = 16_000


@dataclass(frozen=True, slots=True)
class FeedState:
    """How far the CRM's side can be trusted."""

    as_of: datetime | None
    """When the last event was applied; None before the first."""
    applied: int
    refused: int


class FeedStore:
    def __init__(self, table: Table) -> None:
        self._table = table

    def count(self, account: AccountId, applied: int, refused: int, now: datetime) -> None:
        """Add to the account's counters. One write unit."""
        self._table.update(
            Update(
                keys.feed(account),
                "SET as_of = :now ADD applied :applied, refused :refused",
                {":now": keys.time_text(now), ":applied": applied, ":refused": refused},
            )
        )

    def refuse(self, account: AccountId, event: str, refusal: Refused, now: datetime) -> None:
        """Keep an event that cannot be applied, with its code, for 30 days."""
        item = {
            **keys.refused(account, now, hashlib.sha256(event.encode()).hexdigest()[:16]),
            "event": event[:_LONGEST],
            "code": refusal.code.value,
            "detail": refusal.detail,
            keys.EXPIRES: int((now + _KEPT_FOR).timestamp()),
        }
        self._table.write([item])

    def state(self, account: AccountId) -> FeedState:
        """Half a read unit."""
        item = self._table.get(keys.feed(account))
        if item is None:
            return FeedState(None, 0, 0)
        as_of = datetime.fromisoformat(item["as_of"])
        return FeedState(as_of, int(item["applied"]), int(item["refused"]))
