"""The CRM's events: the webhook's answer, and the list of those that were refused."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from mailmirror.api.decoding import Strict
from mailmirror.api.times import utc
from mailmirror.domain.feed import EVENT_TYPES
from mailmirror.domain.limits import MAX_PAGE_LINES
from mailmirror.domain.problems import Code
from mailmirror.domain.words.explanation import Language
from mailmirror.domain.words.problems import PROBLEMS

if TYPE_CHECKING:  # the webhook needs no store to be described
    from mailmirror.store.feed import ListedEvent

_EVENT = {
    "type": "object",
    "properties": {
        "id": {"type": ["string", "integer"]},
        "type": {"enum": list(EVENT_TYPES)},
        "occurred_at": {"type": "string", "format": "date-time"},
        "data": {"type": "object"},
    },
    "required": ["id", "type", "occurred_at", "data"],
}


class EventsBody(Strict):
    """A webhook's body. Each event is read and refused by itself (`domain/feed.py`)."""

    events: Annotated[list[Any], Meta(extra_json_schema={"items": _EVENT})]


class RefusedQuery(Strict):
    limit: Annotated[int, Meta(ge=1, le=MAX_PAGE_LINES, description="Events on a page")] = 100
    cursor: Annotated[str | None, Meta(description="`next_cursor` of the page before")] = None
    gap: Annotated[bool | None, Meta(description="Only gaps, or only what is none")] = None


class RefusedEvent(Struct, frozen=True):
    """An event that could not be applied, or not as a whole, and what to do."""

    n: int
    """Its number, by which it is closed."""
    id: str | None
    type: str | None
    refused_at: datetime
    code: Code
    reason: str
    remedy: str
    detail: str | None
    gap: bool
    """Whether cards are incomplete until it is sent again under its id, or closed."""
    applied: bool
    """Whether it was applied without what `detail` names."""

    @classmethod
    def of(cls, one: "ListedEvent", language: Language) -> "RefusedEvent":
        words = PROBLEMS[one.code][language]
        return cls(
            n=one.n,
            id=one.id or None,
            type=one.type or None,
            refused_at=utc(one.at),
            code=one.code,
            reason=words.reason,
            remedy=words.remedy,
            detail=one.detail or None,
            gap=one.gap,
            applied=one.applied,
        )


class RefusedEvents(Struct, frozen=True):
    events: Sequence[RefusedEvent]
    next_cursor: str | None
    gaps: int
    """As the cards count them: 100 stands for 100 or more."""


class RefusedAtOnce(Struct, frozen=True):
    """A problem of one event of a webhook; `index` from 0, `id` where the event has one."""

    index: int
    type: str
    title: str
    status: int
    code: Code
    reason: str
    remedy: str
    id: str | int | UnsetType = UNSET
    detail: str | UnsetType = UNSET


class LeftOutAtOnce(Struct, frozen=True):
    """What an event of a webhook is applied without, for one reason."""

    index: int
    id: str
    code: Code
    reason: str
    remedy: str
    detail: str
    """The path of each value, and its beginning."""


class EventsAccepted(Struct, frozen=True):
    accepted: int
    refused: Sequence[RefusedAtOnce]
    left_out: Sequence[LeftOutAtOnce] | UnsetType = UNSET
    """Only where something was left out of an accepted event."""
