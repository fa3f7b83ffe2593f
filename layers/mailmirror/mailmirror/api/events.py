"""The CRM's events: the webhook's answer, and the list of those that were refused."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from mailmirror.api.decoding import Strict
from mailmirror.api.times import utc
from mailmirror.domain.feed import EVENT_TYPES
from mailmirror.domain.problems import Code
from mailmirror.domain.words.explanation import Language
from mailmirror.domain.words.problems import PROBLEMS

if TYPE_CHECKING:  # the webhook needs no store to be described
    from mailmirror.store.feed import RefusedEvent as Listed

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


class RefusedEvent(Struct, frozen=True):
    """An event that could not be applied, and what to do."""

    id: str | None
    type: str | None
    refused_at: datetime | None
    code: Code
    reason: str
    remedy: str
    detail: str | None

    @classmethod
    def of(cls, one: "Listed", language: Language) -> "RefusedEvent":
        words = PROBLEMS[one.code][language]
        return cls(
            one.id or None,
            one.type or None,
            utc(one.at),
            one.code,
            words.reason,
            words.remedy,
            one.detail or None,
        )


class RefusedEvents(Struct, frozen=True):
    events: Sequence[RefusedEvent]


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


class EventsAccepted(Struct, frozen=True):
    accepted: int
    refused: Sequence[RefusedAtOnce]
