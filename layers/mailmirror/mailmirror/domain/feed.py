"""The CRM's events, parsed from JSON.

What a person, a user or a deal can do without is left out where it cannot be read: a name, some of
several addresses or contacts. An event without anything else is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from mailmirror.domain.address import Address, plain
from mailmirror.domain.deals import ContactId, DealId, DealStatus
from mailmirror.domain.event_fields import (
    has_half_pair,
    id_of,
    instant,
    is_id,
    items,
    mapping,
    number_as_text,
    text,
    without_half_pairs,
)
from mailmirror.domain.left_out import LeftOut, Omissions
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
from mailmirror.domain.typed_addresses import NOTHING_TYPED, read_typed


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
    left_out: tuple[LeftOut, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class PersonUpserted:
    stamp: Stamp
    person: PersonRef
    name: str
    emails: frozenset[Address]
    left_out: tuple[LeftOut, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class PersonDeleted:
    stamp: Stamp
    person: PersonRef


@dataclass(frozen=True, slots=True)
class PersonRedirected:
    """A lead was converted to a contact, or a contact merged into another one."""

    stamp: Stamp
    person: PersonRef
    target: PersonRef

    @property
    def field(self) -> str:
        """The field of the event's data that names the target."""
        return _TARGET_FIELDS[self.person.kind]


PersonEvent = PersonUpserted | PersonDeleted | PersonRedirected
_TARGET_FIELDS = {PersonKind.LEAD: "contact_id", PersonKind.CONTACT: "winner_id"}
_REDIRECTS = {PersonKind.LEAD: "lead.converted", PersonKind.CONTACT: "contact.merged"}


@dataclass(frozen=True, slots=True)
class DealUpserted:
    stamp: Stamp
    id: DealId
    name: str
    status: DealStatus
    contacts: frozenset[ContactId]
    left_out: tuple[LeftOut, ...] = field(default=(), compare=False)


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


Event = UserUpserted | PersonEvent | DealUpserted | DealDeleted | OverrideGiven

EVENT_TYPES = (
    "user.upserted",
    "lead.upserted",
    "contact.upserted",
    "lead.deleted",
    "contact.deleted",
    "lead.converted",
    "contact.merged",
    "deal.upserted",
    "deal.deleted",
    "association.attached",
    "association.detached",
)


def parse_event(raw: object, accepted: int = 0) -> Event:
    """Read one event of a webhook.

    Parameters:
        raw: `{"id", "type", "occurred_at", "data"}` as JSON gave it.
        accepted: its number at acceptance, where it has one.

    Raises:
        Refused: it cannot be applied; the code says why and the detail names the field.
    """
    event = mapping(raw, "event")
    event_type = text(event, "type")
    stamp = Stamp(instant(event, "occurred_at"), id_of(event, "id"), accepted)
    data = mapping(event.get("data"), "data")
    try:
        return _read_data(event_type, stamp, data)
    except Refused as refusal:
        if refusal.code is not Code.UNKNOWN_EVENT_TYPE:
            raise Refused(refusal.code, f"data.{refusal.detail}") from refusal
        raise


def _read_data(event_type: str, stamp: Stamp, data: Mapping[str, object]) -> Event:
    out = Omissions()
    match event_type:
        case "user.upserted":
            user = UserUpserted(stamp, id_of(data, "id"), _name(data, out), _emails(data, out))
            return replace(user, left_out=out.all)
        case "lead.upserted" | "contact.upserted":
            ref = _person(event_type, data)
            person = PersonUpserted(stamp, ref, _name(data, out), _emails(data, out))
            return replace(person, left_out=out.all)
        case "lead.deleted" | "contact.deleted":
            return PersonDeleted(stamp, _person(event_type, data))
        case "lead.converted" | "contact.merged":
            return _redirect(stamp, _person(event_type, data), data)
        case "deal.upserted":
            id, status = DealId(id_of(data, "id")), _status(data)
            deal = DealUpserted(stamp, id, _name(data, out), status, _contacts(data, out))
            return replace(deal, left_out=out.all)
        case "deal.deleted":
            return DealDeleted(stamp, DealId(id_of(data, "id")))
        case "association.attached" | "association.detached":
            return _override(stamp, event_type == "association.attached", data)
    raise Refused(Code.UNKNOWN_EVENT_TYPE, f"type: {event_type[:MAX_CRM_ID_CHARS]}")


def left_out_of(event: Event) -> tuple[LeftOut, ...]:
    """Return what was left out of an event when it was read."""
    match event:
        case UserUpserted() | PersonUpserted() | DealUpserted():
            return event.left_out
        case _:
            return ()


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
        case PersonRedirected(person=person, target=target):
            type, data = _REDIRECTS[person.kind], {"id": person.id, event.field: target.id}
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
    for name in ("id", "type"):
        value = number_as_text(event.get(name))
        if isinstance(value, str) and value:
            found[name] = without_half_pairs(value[:MAX_CRM_ID_CHARS])
    return found


def is_gap(named: Mapping[str, str]) -> bool:
    """Tell whether an event that was refused can be corrected and sent again under its id.

    Parameters:
        named: its label. Of one whose id or type cannot be read, or whose type is unknown, nothing
            says that it is about a person or a deal.
    """
    return is_id(named.get("id", "")) and named.get("type") in EVENT_TYPES


def _name(data: Mapping[str, object], omissions: Omissions) -> str:
    value = data.get("name")
    if value is None:
        return ""
    if not isinstance(value, str):
        omissions.add(Code.INVALID_FIELD, "name", value)
        return ""
    name = value[:MAX_CRM_NAME_CHARS]
    if has_half_pair(name):
        omissions.add(Code.INVALID_FIELD, "name", name)
    return without_half_pairs(name)


def _emails(data: Mapping[str, object], omissions: Omissions) -> frozenset[Address]:
    """Read what can be read; an event of which none of the addresses can be is refused.

    Without its addresses a person would lose all mail, so that is not done because of a text that
    is not understood.
    """
    emails: set[Address] = set()
    first_unread = None
    for index, value in enumerate(items(data, "emails")):
        path = f"emails[{index}]"
        if value is None or (isinstance(value, str) and not plain(value)):
            omissions.add(Code.INVALID_EMAIL, path, None, empty=True)
            continue
        typed = read_typed(value) if isinstance(value, str) else NOTHING_TYPED
        if typed == NOTHING_TYPED:
            omissions.add(Code.INVALID_EMAIL, path, value)
        for piece in typed.unread:
            omissions.add(Code.INVALID_EMAIL, path, piece, lost="@" in piece)
        if typed.unread or not typed.addresses:
            first_unread = first_unread or path
        for address in typed.addresses:
            if address not in emails and len(emails) == MAX_PERSON_ADDRESSES:
                beyond = f"more than {MAX_PERSON_ADDRESSES}"
                omissions.add(Code.INVALID_FIELD, path, beyond, lost=True)
            else:
                emails.add(address)
    if first_unread and not emails:
        raise Refused(Code.INVALID_EMAIL, first_unread)
    return frozenset(emails)


def _person(event_type: str, data: Mapping[str, object]) -> PersonRef:
    return PersonRef(PersonKind(event_type.partition(".")[0]), id_of(data, "id"))


def _redirect(stamp: Stamp, person: PersonRef, data: Mapping[str, object]) -> PersonRedirected:
    field = _TARGET_FIELDS[person.kind]
    target = PersonRef(PersonKind.CONTACT, id_of(data, field))
    if target == person:
        raise Refused(Code.INVALID_FIELD, f"{field}: the contact itself")
    return PersonRedirected(stamp, person, target)


def _override(stamp: Stamp, attached: bool, data: Mapping[str, object]) -> OverrideGiven:
    named = [field for field in ("thread_id", "message_id") if data.get(field) is not None]
    if len(named) != 1:
        code = Code.INVALID_FIELD if named else Code.MISSING_FIELD
        raise Refused(code, "thread_id: or message_id, one of them")
    return OverrideGiven(
        stamp,
        DealId(id_of(data, "deal_id")),
        attached,
        UserId(id_of(data, "user_id")),
        thread=id_of(data, "thread_id") if named == ["thread_id"] else None,
        message=id_of(data, "message_id") if named == ["message_id"] else None,
    )


def _status(data: Mapping[str, object]) -> DealStatus:
    value = text(data, "status")
    if value not in ("open", "won", "lost"):
        raise Refused(Code.INVALID_FIELD, "status: open, won or lost")
    return DealStatus(value)


def _contacts(data: Mapping[str, object], omissions: Omissions) -> frozenset[ContactId]:
    """Read what can be read; an event of which none of the contacts can be is refused."""
    contacts: set[ContactId] = set()
    refusal: Refused | None = None
    for index, value in enumerate(items(data, "contact_ids")):
        path = f"contact_ids[{index}]"
        if value is None or value == "":
            omissions.add(Code.INVALID_FIELD, path, value, empty=True)
            continue
        try:
            contact = ContactId(id_of({"contact_ids": value}, "contact_ids"))
        except Refused as error:
            refusal = refusal or error
            omissions.add(Code.INVALID_FIELD, path, value, lost=True)
            continue
        if contact not in contacts and len(contacts) == MAX_DEAL_CONTACTS:
            omissions.add(Code.INVALID_FIELD, path, f"more than {MAX_DEAL_CONTACTS}", lost=True)
        else:
            contacts.add(contact)
    if not contacts and refusal:
        raise refusal
    return frozenset(contacts)
