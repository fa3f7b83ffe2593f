"""The state of the CRM's feed: how far it is applied, and the list of what could not be applied.

What was refused, or applied without a part of it, has two items, written in one transaction:

    event#{hash of its id}   its number in the list, so that a later event with its id replaces it
    gap#{n}, note#{n}        what is listed, by number: a gap in the CRM's facts, or none

Numbers grow with time, and so do the times at which items expire.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import merge
from itertools import islice, takewhile

from mailmirror.domain.event_fields import is_id
from mailmirror.domain.feed import is_gap, label
from mailmirror.domain.left_out import LeftOut
from mailmirror.domain.limits import MAX_COUNTED_GAPS, MAX_REFUSED_EVENT_CHARS
from mailmirror.domain.mailbox import AccountId
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.stamp import accepted_text
from mailmirror.store import keys
from mailmirror.store.table import ConditionFailed, Delete, Item, Put, Table, Update

_LIFETIME = timedelta(days=30)
_MAX_NUMBER = 10**12 - 1


@dataclass(frozen=True, slots=True)
class FeedState:
    """Whether every event of the CRM was applied."""

    as_of: datetime | None
    """When the last event was applied or refused; where others wait behind it, when it was
    accepted. None before the first."""
    refused: int
    """Gaps: events refused within the last 30 days that no later event with their id has replaced,
    and that no person has closed. At most MAX_COUNTED_GAPS, which stands for as many or more."""
    waiting: bool = False
    """Whether events were accepted that are neither applied nor refused yet."""


@dataclass(frozen=True, slots=True)
class ListedEvent:
    """An event that could not be applied, or not as a whole."""

    n: int
    """Names it; of two the greater is the later."""
    id: str
    """Empty where it has none that is text or a number."""
    type: str
    code: Code
    detail: str
    at: datetime
    gap: bool
    """Whether cards are incomplete until it is corrected, or a person closes it."""
    applied: bool
    """Whether it was applied without what `detail` names."""


class FeedStore:
    def __init__(self, table: Table) -> None:
        self._table = table

    def accepted(self, account: AccountId, number: int) -> None:
        """Store that events are queued up to this number, before their sender is answered.

        One write unit. Of several calls the one with the greatest number may end first.
        """
        greatest = "attribute_not_exists(accepted) OR accepted < :n"
        values = {":n": accepted_text(number)}
        with suppress(ConditionFailed):
            self._table.update(Update(keys.feed(account), "SET accepted = :n", values, greatest))

    def applied(
        self,
        account: AccountId,
        event: object,
        now: datetime,
        left_out: Sequence[LeftOut] = (),
        accepted: int = 0,
        accepted_at: datetime | None = None,
    ) -> None:
        """Store that an event was applied, and list what it was applied without. One write unit.

        What is listed under its id is no longer.

        Parameters:
            accepted: its number at acceptance.
            accepted_at: when that was; now, where it was not queued.
        """
        listed = [one for one in left_out if not one.empty]
        if listed:
            detail = "; ".join(one.detail for one in listed)
            entry = _entry(event, listed[0].code, detail, now, applied=True)
            self._list(account, _name(event), entry, now, accepted, gap=False)
        head = self._reach(account, now, accepted, accepted_at or now)
        if listed or not _is_within_lifetime(head.get("listed_at"), now):
            return
        pointer = self._table.get(keys.listed_event(account, _name(event)), consistent=True)
        if pointer is not None:
            key = keys.listed_event(account, _name(event))
            self._table.transact([_entry_deletion(account, pointer), Delete(key)])

    def refuse(
        self,
        account: AccountId,
        event: object,
        refusal: Refused,
        now: datetime,
        accepted: int = 0,
        accepted_at: datetime | None = None,
    ) -> None:
        """List an event that cannot be applied, with its code, for 30 days. Nine write units.

        Parameters:
            accepted: its number at acceptance, which tells it from others without an id.
            accepted_at: when that was; now, where it was not queued.
        """
        entry = _entry(event, refusal.code, refusal.detail, now)
        name = _name(event, accepted)
        self._list(account, name, entry, now, accepted, gap=is_gap(label(event)))
        self._reach(account, now, accepted, accepted_at or now)

    def is_listed(self, account: AccountId, event: object, accepted: int, code: Code) -> bool:
        """Whether an event stands in the list under this number at acceptance with this code, and
        not by another outcome. One read unit."""
        key = keys.listed_event(account, _name(event, accepted))
        found = self._table.get(key, consistent=True) or {}
        listed = found.get("accepted"), found.get("code")
        return listed == (accepted_text(accepted), code.value)

    def state(self, account: AccountId, now: datetime) -> FeedState:
        """Read how far the feed is applied; consistently, so that all that was accepted is known.

        One read unit; where a gap came within 30 days, one more for every ten gaps.
        """
        item = self._table.get(keys.feed(account), consistent=True) or {}
        waiting = item.get("accepted", "") > item.get("applied", "")
        as_of = item.get("applied_until" if waiting else "as_of")
        has_gaps = _is_within_lifetime(item.get("gap_at"), now)
        return FeedState(
            datetime.fromisoformat(as_of) if as_of else None,
            self.gaps(account, now) if has_gaps else 0,
            waiting,
        )

    def gaps(self, account: AccountId, now: datetime) -> int:
        """Count the gaps, up to MAX_COUNTED_GAPS."""
        found = self._kept(account, keys.GAPS, now, None, MAX_COUNTED_GAPS)
        return sum(1 for _ in found)

    def refused(
        self,
        account: AccountId,
        now: datetime,
        before: int | None = None,
        limit: int = 100,
        *,
        gap: bool | None = None,
    ) -> Sequence[ListedEvent]:
        """List what could not be applied in the last 30 days, the latest first.

        Parameters:
            before: only those with lesser numbers.
            gap: only those that are gaps, or only those that are none.
        """
        kinds = {True: (keys.GAPS,), False: (keys.NOTES,), None: (keys.GAPS, keys.NOTES)}[gap]
        each = [self._kept(account, kind, now, before, limit) for kind in kinds]
        latest_first = merge(*each, key=lambda item: -int(item["listed_n"]))
        return [_listed(item) for item in islice(latest_first, limit)]

    def close(self, account: AccountId, n: int) -> bool:
        """Take an event off the list, as a person asks; tell whether it was there.

        The entry goes first. A crash after that leaves a pointer to nothing, which is deleted with
        the next event of its id, or expires.
        """
        found = self._table.get_many(
            [keys.listed(account, kind, n) for kind in (keys.GAPS, keys.NOTES)], consistent=True
        )
        for item in found:
            self._table.delete({keys.PK: item[keys.PK], keys.SK: item[keys.SK]})
            self._table.delete(keys.listed_event(account, item["event_name"]), listed_n=n)
        return bool(found)

    def _list(
        self, account: AccountId, name: str, entry: Item, now: datetime, accepted: int, *, gap: bool
    ) -> None:
        """List an event in place of what was listed under its name."""
        noted = "listed_at = :now, gap_at = :now" if gap else "listed_at = :now"
        values = {":now": keys.time_text(now), ":one": 1}
        head = self._table.update(
            Update(keys.feed(account), f"SET {noted} ADD listed_n :one", values)
        )
        n, kind = int(head["listed_n"]), keys.GAPS if gap else keys.NOTES
        key = keys.listed_event(account, name)
        before = self._table.get(key, consistent=True)
        number = accepted_text(accepted)
        common = {"listed_n": n, keys.EXPIRES: int((now + _LIFETIME).timestamp())}
        puts = [
            Put({**key, "list": kind, "code": entry["code"], "accepted": number, **common}),
            Put({**keys.listed(account, kind, n), **entry, "event_name": name, **common}),
        ]
        self._table.transact([*puts, *([_entry_deletion(account, before)] if before else [])])

    def _kept(
        self, account: AccountId, kind: str, now: datetime, before: int | None, limit: int
    ) -> Iterator[Item]:
        """Read what is listed, the latest first; consistently, so that what is closed is gone."""
        last = keys.listed(account, kind, _MAX_NUMBER if before is None else before - 1)
        found = self._table.query(
            keys.refusals(account),
            between=(kind, last[keys.SK]),
            descending=True,
            limit=limit,
            consistent=True,
        )
        # An expired item can stay for days before DynamoDB deletes it; all behind it are expired.
        return takewhile(lambda item: item[keys.EXPIRES] > now.timestamp(), found)

    def _reach(self, account: AccountId, now: datetime, accepted: int, at: datetime) -> Item:
        """Store that the feed is applied up to this event.

        It is the last write of an event: until then cards say that events wait. An event that comes
        from the dead-letter queue, behind later ones, changes nothing of what they reached.
        """
        values = {":now": keys.time_text(now)}
        numbered = {":n": accepted_text(accepted), ":at": keys.time_text(at)}
        try:
            return self._table.update(
                Update(
                    keys.feed(account),
                    "SET as_of = :now, applied = :n, applied_until = :at",
                    values | numbered,
                    "attribute_not_exists(applied) OR applied <= :n",
                )
            )
        except ConditionFailed:
            return self._table.update(Update(keys.feed(account), "SET as_of = :now", values))


def _entry(event: object, code: Code, detail: str, now: datetime, *, applied: bool = False) -> Item:
    """What is listed of an event."""
    named = label(event)
    return {
        "id": named.get("id"),
        "type": named.get("type"),
        "at": keys.time_text(now),
        "event": _text(event)[:MAX_REFUSED_EVENT_CHARS],
        "code": code.value,
        "detail": detail,
        "applied": applied,
    }


def _listed(item: Item) -> ListedEvent:
    return ListedEvent(
        n=int(item["listed_n"]),
        id=item.get("id", ""),
        type=item.get("type", ""),
        code=Code(item["code"]),
        detail=item["detail"],
        at=datetime.fromisoformat(item["at"]),
        gap=item[keys.SK].startswith(keys.GAPS),
        applied=item["applied"],
    )


def _entry_deletion(account: AccountId, pointer: Item) -> Delete:
    return Delete(keys.listed(account, pointer["list"], int(pointer["listed_n"])))


def _name(event: object, accepted: int = 0) -> str:
    """What an event and its repeats have in common: the id. One without an id has no repeats, but
    may come from the queue again, under its number."""
    id = label(event).get("id", "")
    text = id if is_id(id) else f"{accepted}#{_text(event)}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _is_within_lifetime(at: str | None, now: datetime) -> bool:
    return at is not None and now - datetime.fromisoformat(at) < _LIFETIME


def _text(event: object) -> str:
    """Return an event as JSON in ASCII; empty where it is nested too deeply to be written."""
    try:
        return json.dumps(event)
    except (RecursionError, ValueError):
        return ""
