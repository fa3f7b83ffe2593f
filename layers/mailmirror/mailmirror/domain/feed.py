"""The CRM's events, parsed from JSON."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from mailmirror.domain.address import Address, normalise
from mailmirror.domain.deals import ContactId, DealId, DealStatus
from mailmirror.domain.limits import (
    MAX_AHEAD_MINUTES,
    MAX_CRM_ID_CHARS,
    MAX_CRM_NAME_CHARS,
    MAX_DEAL_CONTACTS,
    MAX_PERSON_ADDRESSES,
)
from mailmirror.domain.mailbox import UserId
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.stamp import Stamp


class PersonKind(StrEnum):
    LEAD = "lead"
    CONTACT = "contact"


@dataclass(frozen=True, slots=True)
class PersonRef:
    """A lead or a contact. Their ids are the CRM's, and may coincide."""

    kind: PersonKind
    id: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.id}"

    @classmethod
    def parse(cls, text: str) -> "PersonRef":
        kind, _, id = text.partition("/")
        return cls(PersonKind(kind), id)


@dataclass(frozen=True, slots=True)
class UserUpserted:
    stamp: Stamp
    id: str
    name: str
    emails: frozenset[Address]


@dataclass(frozen=True, slots=True)
class PersonUpserted:
    stamp: Stamp
    person: PersonRef
    name: str
    emails: frozenset[Address]


@dataclass(frozen=True, slots=True)
class PersonDeleted:
    stamp: Stamp
    person: PersonRef


@dataclass(frozen=True, slots=True)
class DealUpserted:
    stamp: Stamp
    id: DealId
    name: str
    status: DealStatus
    contacts: frozenset[ContactId]


@dataclass(frozen=True, slots=True)
class DealDeleted:
    stamp: Stamp
    id: DealId


@dataclass(frozen=True, slots=True)
class OverrideGiven:
    """A person attached a thread or a message to a deal, or detached it."""

    stamp: Stamp
    deal: DealId
    attached: bool
    user: UserId
    thread: str | None
    """Exactly one of thread and message is named."""
    message: str | None


Event = UserUpserted | PersonUpserted | PersonDeleted | DealUpserted | DealDeleted | OverrideGiven

EVENT_TYPES = (
    "user.upserted",
    "lead.upserted",
    "contact.upserted",
    "lead.deleted",
    "contact.deleted",
    "deal.upserted",
    "deal.deleted",
    "association.attached",
    "association.detached",
)
_ID = re.compile(rf"[A-Za-z0-9._:@+=-]{{1,{MAX_CRM_ID_CHARS}}}\Z")
_LEAST_LONG_ID = 10**MAX_CRM_ID_CHARS
"""A number with more digits than an id has characters; Python refuses to write very long ones."""
_HALF_PAIR = re.compile(r"[\ud800-\udfff]")


def parse_event(raw: object, accepted: int = 0) -> Event:
    """Read one event of a webhook.

    Parameters:
        raw: `{"id", "type", "occurred_at", "data"}` as JSON gave it.
        accepted: its number at acceptance, where it has one.

    Raises:
        Refused: it cannot be applied; the code says why and the detail names the field.
    """
    event = _mapping(raw, "event")
    event_type = _text(event, "type")
    stamp = Stamp(_instant(event, "occurred_at"), _id(event, "id"), accepted)
    data = _mapping(event.get("data"), "data")
    try:
        return _read_data(event_type, stamp, data)
    except Refused as refusal:
        if refusal.code is not Code.UNKNOWN_EVENT_TYPE:
            raise Refused(refusal.code, f"data.{refusal.detail}") from refusal
        raise


def _read_data(event_type: str, stamp: Stamp, data: Mapping[str, object]) -> Event:
    match event_type:
        case "user.upserted":
            return UserUpserted(stamp, _id(data, "id"), _name(data), _emails(data))
        case "lead.upserted" | "contact.upserted":
            return PersonUpserted(stamp, _person(event_type, data), _name(data), _emails(data))
        case "lead.deleted" | "contact.deleted":
            return PersonDeleted(stamp, _person(event_type, data))
        case "deal.upserted":
            return DealUpserted(
                stamp, DealId(_id(data, "id")), _name(data), _status(data), _contacts(data)
            )
        case "deal.deleted":
            return DealDeleted(stamp, DealId(_id(data, "id")))
        case "association.attached" | "association.detached":
            return _override(stamp, event_type == "association.attached", data)
    raise Refused(Code.UNKNOWN_EVENT_TYPE, f"type: {event_type[:MAX_CRM_ID_CHARS]}")


def check_not_ahead(event: Event, now: datetime) -> None:
    """Refuse an event that is dated more than MAX_AHEAD_MINUTES after `now`.

    Raises:
        Refused: it is.
    """
    if event.stamp.occurred_at > now + timedelta(minutes=MAX_AHEAD_MINUTES):
        raise Refused(Code.EVENT_AHEAD, "occurred_at")


def envelope(event: Event) -> dict[str, object]:
    """Return an event as a webhook would send it, with nothing but the fields that count.

    `parse_event` makes the same event of it. It has at most 64 KB, whatever was sent.
    """
    data: dict[str, object]
    match event:
        case UserUpserted(id=id):
            type, data = "user.upserted", {"id": id, "name": event.name}
            data["emails"] = sorted(event.emails)
        case PersonUpserted(person=person):
            type, data = f"{person.kind}.upserted", {"id": person.id, "name": event.name}
            data["emails"] = sorted(event.emails)
        case PersonDeleted(person=person):
            type, data = f"{person.kind}.deleted", {"id": person.id}
        case DealUpserted(id=id):
            type, data = "deal.upserted", {"id": id, "name": event.name}
            data |= {"status": event.status.value, "contact_ids": sorted(event.contacts)}
        case DealDeleted(id=id):
            type, data = "deal.deleted", {"id": id}
        case OverrideGiven():
            type = "association.attached" if event.attached else "association.detached"
            data = {"deal_id": event.deal, "user_id": event.user}
            named = {"thread_id": event.thread, "message_id": event.message}
            data |= {field: id for field, id in named.items() if id is not None}
    at = event.stamp.occurred_at.isoformat().replace("+00:00", "Z")
    return {"id": event.stamp.event_id, "type": type, "occurred_at": at, "data": data}


def label(raw: object) -> dict[str, str]:
    """Return `id` and `type` of whatever was sent as an event, as text that can be stored.

    At most 64 characters each, half surrogate pairs replaced; a value that is neither text nor a
    number is left out.
    """
    event = raw if isinstance(raw, dict) else {}
    found = {}
    for field in ("id", "type"):
        value = event.get(field)
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LEAST_LONG_ID:
            value = str(value)
        if isinstance(value, str) and value:
            found[field] = _HALF_PAIR.sub("\N{REPLACEMENT CHARACTER}", value[:MAX_CRM_ID_CHARS])
    return found


def _mapping(value: object, field: str) -> Mapping[str, object]:
    if value is None:
        raise Refused(Code.MISSING_FIELD, field)
    if not isinstance(value, dict):
        raise Refused(Code.INVALID_FIELD, f"{field}: not an object")
    return value


def _text(fields: Mapping[str, object], field: str) -> str:
    value = fields.get(field)
    if value is None or value == "":
        raise Refused(Code.MISSING_FIELD, field)
    return _whole(value, field)


def _whole(value: object, field: str) -> str:
    """Refuse half a surrogate pair: JSON can contain it, UTF-8 cannot."""
    if not isinstance(value, str):
        raise Refused(Code.INVALID_FIELD, f"{field}: not a string")
    if _HALF_PAIR.search(value):
        raise Refused(Code.INVALID_FIELD, f"{field}: half a surrogate pair")
    return value


def _id(fields: Mapping[str, object], field: str) -> str:
    value = fields.get(field)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LEAST_LONG_ID:
        value = str(value)
    return checked_id(_text({field: value}, field), field)


def checked_id(value: str, field: str) -> str:
    """Return an id of the CRM's, if it can be stored.

    Raises:
        Refused: it has other than 1 to 64 letters, digits and `._:@+=-`.
    """
    if not is_id(value):
        expected = f"1 to {MAX_CRM_ID_CHARS} of letters, digits and ._:@+=-"
        raise Refused(Code.INVALID_FIELD, f"{field}: {expected}")
    return value


def is_id(value: str) -> bool:
    """Tell whether a text can be an id of the CRM's."""
    return _ID.match(value) is not None


def _instant(fields: Mapping[str, object], field: str) -> datetime:
    try:
        # RFC 3339 allows lower-case letters, Python does not.
        instant = datetime.fromisoformat(_text(fields, field).upper())
        if instant.tzinfo is None:
            raise ValueError(field)
        return instant.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Refused(Code.INVALID_FIELD, f"{field}: not an RFC 3339 time with its zone") from error


def _name(data: Mapping[str, object]) -> str:
    value = data.get("name")
    return "" if value is None else _whole(value, "name")[:MAX_CRM_NAME_CHARS]


def _list(data: Mapping[str, object], field: str, most: int) -> list[object]:
    value = data.get(field)
    if value is None:
        raise Refused(Code.MISSING_FIELD, field)
    if not isinstance(value, list) or len(value) > most:
        raise Refused(Code.INVALID_FIELD, f"{field}: not a list of at most {most}")
    return value


def _emails(data: Mapping[str, object]) -> frozenset[Address]:
    emails = set()
    for index, value in enumerate(_list(data, "emails", MAX_PERSON_ADDRESSES)):
        address = normalise(value) if isinstance(value, str) else None
        if address is None:
            raise Refused(Code.INVALID_EMAIL, f"emails[{index}]")
        emails.add(address)
    return frozenset(emails)


def _person(event_type: str, data: Mapping[str, object]) -> PersonRef:
    return PersonRef(PersonKind(event_type.partition(".")[0]), _id(data, "id"))


def _override(stamp: Stamp, attached: bool, data: Mapping[str, object]) -> OverrideGiven:
    named = [field for field in ("thread_id", "message_id") if data.get(field) is not None]
    if len(named) != 1:
        code = Code.INVALID_FIELD if named else Code.MISSING_FIELD
        raise Refused(code, "thread_id: or message_id, one of them")
    return OverrideGiven(
        stamp,
        DealId(_id(data, "deal_id")),
        attached,
        UserId(_id(data, "user_id")),
        thread=_id(data, "thread_id") if named == ["thread_id"] else None,
        message=_id(data, "message_id") if named == ["message_id"] else None,
    )


def _status(data: Mapping[str, object]) -> DealStatus:
    value = _text(data, "status")
    if value not in ("open", "won", "lost"):
        raise Refused(Code.INVALID_FIELD, "status: open, won or lost")
    return DealStatus(value)


def _contacts(data: Mapping[str, object]) -> frozenset[ContactId]:
    ids = _list(data, "contact_ids", MAX_DEAL_CONTACTS)
    return frozenset(ContactId(_id({"contact_ids": value}, "contact_ids")) for value in ids)
