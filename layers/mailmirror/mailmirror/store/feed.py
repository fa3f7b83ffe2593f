"""The state of the CRM's feed: the last event applied, and the events refused."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailmirror.domain.feed import is_id, label
from mailmirror.domain.limits import MAX_REFUSED_EVENT_CHARS
from mailmirror.domain.mailbox import AccountId
from mailmirror.domain.problems import Code, Refused
from mailmirror.store import keys
from mailmirror.store.table import Item, Table, Update

_REFUSED_LIFETIME = timedelta(days=30)
_MAX_LISTED = 100


@dataclass(frozen=True, slots=True)
class FeedState:
    """Whether every event of the CRM was applied."""

    as_of: datetime | None
    """When the last event was applied or refused; None before the first."""
    refused: int
    """Events refused within the last 30 days that no later event with their id has replaced."""


@dataclass(frozen=True, slots=True)
class RefusedEvent:
    """An event that could not be applied."""

    id: str
    """Empty where it has none that is text or a number."""
    type: str
    code: Code
    detail: str
    at: datetime | None
    """None of one that was refused before this was noted."""


class FeedStore:
    def __init__(self, table: Table) -> None:
        self._table = table

    def applied(self, account: AccountId, event_id: str, now: datetime) -> None:
        """Store that an event was applied. One write unit.

        A refused event of the same id is deleted.
        """
        head = self._note(account, "SET as_of = :now", now)
        refused_at = head.get("refused_at")
        if refused_at and now - datetime.fromisoformat(refused_at) < _REFUSED_LIFETIME:
            self._table.delete(keys.refused(account, _digest(event_id)))

    def refuse(self, account: AccountId, event: object, refusal: Refused, now: datetime) -> None:
        """Store an event that cannot be applied, with its code, for 30 days."""
        named = label(event)
        id = named.get("id", "")
        text = _text(event)
        item = {
            **keys.refused(account, _digest(id if is_id(id) else text)),
            "id": id or None,
            "type": named.get("type"),
            "at": keys.time_text(now),
            "event": text[:MAX_REFUSED_EVENT_CHARS],
            "code": refusal.code.value,
            "detail": refusal.detail,
            # Without an id, or with an unknown type, no later event can replace it.
            "gap": is_id(id) and refusal.code is not Code.UNKNOWN_EVENT_TYPE,
            keys.EXPIRES: int((now + _REFUSED_LIFETIME).timestamp()),
        }
        self._note(account, "SET as_of = :now, refused_at = :now", now)
        self._table.write([item])

    def state(self, account: AccountId, now: datetime) -> FeedState:
        """Half a read unit, and half a unit for every four refused events."""
        item = self._table.get(keys.feed(account))
        if item is None:
            return FeedState(None, 0)
        as_of, refused_at = datetime.fromisoformat(item["as_of"]), item.get("refused_at")
        if not refused_at or now - datetime.fromisoformat(refused_at) >= _REFUSED_LIFETIME:
            return FeedState(as_of, 0)
        return FeedState(as_of, sum(1 for one in self._kept(account, now) if one["gap"]))

    def refused(self, account: AccountId, now: datetime) -> list[RefusedEvent]:
        """The events that could not be applied, of the last 30 days, at most a hundred."""
        return [
            RefusedEvent(
                id=item.get("id", ""),
                type=item.get("type", ""),
                code=Code(item["code"]),
                detail=item["detail"],
                at=datetime.fromisoformat(item["at"]) if "at" in item else None,
            )
            for item in self._kept(account, now)
        ]

    def _kept(self, account: AccountId, now: datetime) -> Iterator[Item]:
        # An expired item can stay for days before DynamoDB deletes it.
        kept = self._table.query(keys.refusals(account), limit=_MAX_LISTED)
        return (one for one in kept if one[keys.EXPIRES] > now.timestamp())

    def _note(self, account: AccountId, expression: str, now: datetime) -> Item:
        return self._table.update(
            Update(keys.feed(account), expression, {":now": keys.time_text(now)})
        )


def _text(event: object) -> str:
    """Return an event as JSON in ASCII; empty where it is nested too deeply to be written."""
    try:
        return json.dumps(event)
    except (RecursionError, ValueError):
        return ""


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
