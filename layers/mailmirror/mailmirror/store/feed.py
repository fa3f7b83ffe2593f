"""What became of the CRM's events."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailmirror.domain.mailbox import AccountId
from mailmirror.domain.problems import Refused
from mailmirror.store import keys
from mailmirror.store.table import ConditionFailed, Item, Put, Table, Update

_KEPT_FOR = timedelta(days=30)
_LONGEST = 16_000


@dataclass(frozen=True, slots=True)
class FeedState:
    """How far the CRM's side can be trusted."""

    as_of: datetime | None
    """When the last event was applied or refused; None before the first."""
    applied: int
    refused: int
    """Events refused within the last 30 days, and not sent again in a better form since."""


class FeedStore:
    def __init__(self, table: Table) -> None:
        self._table = table

    def applied(self, account: AccountId, event_id: str, now: datetime) -> None:
        """Count an event. One write unit.

        Where it mends a refused one of the same id, that one is forgotten.
        """
        head = self._count(account, "SET as_of = :now ADD applied :one", now)
        if head.get("refused", 0) > 0:
            key = keys.refused(account, _digest(event_id))
            if self._table.delete(key):
                self._count(account, "SET as_of = :now, refused = refused - :one", now)

    def refuse(self, account: AccountId, event: object, refusal: Refused, now: datetime) -> None:
        """Keep an event that cannot be applied, with its code, for 30 days, and count it once."""
        text = json.dumps(event)
        id = event.get("id") if isinstance(event, dict) else None
        item = {
            **keys.refused(account, _digest(str(id) if isinstance(id, str | int) else text)),
            "event": text[:_LONGEST],
            "code": refusal.code.value,
            "detail": refusal.detail,
            keys.EXPIRES: int((now + _KEPT_FOR).timestamp()),
        }
        try:
            self._table.put(Put(item, "attribute_not_exists(pk)"))
        except ConditionFailed:
            return
        self._count(account, "SET as_of = :now, refused_at = :now ADD refused :one", now)

    def state(self, account: AccountId) -> FeedState:
        """Half a read unit."""
        item = self._table.get(keys.feed(account))
        if item is None:
            return FeedState(None, 0, 0)
        refused_at = item.get("refused_at")
        as_of = datetime.fromisoformat(item["as_of"])
        recent = refused_at and as_of - datetime.fromisoformat(refused_at) < _KEPT_FOR
        return FeedState(
            as_of, int(item.get("applied", 0)), int(item.get("refused", 0)) if recent else 0
        )

    def _count(self, account: AccountId, expression: str, now: datetime) -> Item:
        values = {":now": keys.time_text(now), ":one": 1}
        return self._table.update(Update(keys.feed(account), expression, values))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
