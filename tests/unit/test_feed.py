"""What the CRM may send, and what it is told of what it may not."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailmirror.domain.address import Address
from mailmirror.domain.deals import ContactId, DealId, DealStatus
from mailmirror.domain.feed import (
    DealDeleted,
    DealUpserted,
    PersonDeleted,
    PersonKind,
    PersonRef,
    PersonUpserted,
    UserUpserted,
    check_not_ahead,
    envelope,
    label,
    parse_event,
)
from mailmirror.domain.limits import MAX_CRM_ID_CHARS, MAX_DEAL_CONTACTS, MAX_PERSON_ADDRESSES
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.stamp import Stamp

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
STAMP = Stamp(NOON, "e1")
KIM_ADDRESS = Address("kim@customer.example")
ANY_TEXT = st.text(st.characters(exclude_categories=()))


def event(
    type: object = "contact.upserted", data: object = None, **fields: object
) -> dict[str, Any]:
    whole: dict[str, Any] = {"id": "e1", "type": type, "occurred_at": "2026-03-01T12:00:00Z"}
    return whole | {"data": {"id": "7"} if data is None else data} | fields


def contact(**data: object) -> dict[str, Any]:
    return event(data={"id": "7", "name": "Kim", "emails": ["kim@customer.example"]} | data)


def deal(**data: object) -> dict[str, Any]:
    whole = {"id": "7", "name": "Order", "status": "open", "contact_ids": ["1"]}
    return event("deal.upserted", whole | data)


def without(whole: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in whole.items() if key != name}


def refusal(raw: object) -> tuple[Code, str]:
    with pytest.raises(Refused) as refused:
        parse_event(raw)
    return refused.value.code, refused.value.detail


@pytest.mark.parametrize("kind", PersonKind)
def test_a_lead_or_contact_has_a_name_and_addresses(kind: PersonKind) -> None:
    data = {"id": "7", "name": "Kim", "emails": ["KIM@customer.example", "kim@customer.example"]}
    assert parse_event(event(f"{kind}.upserted", data)) == PersonUpserted(
        STAMP, PersonRef(kind, "7"), "Kim", frozenset({KIM_ADDRESS})
    )


@pytest.mark.parametrize("kind", PersonKind)
def test_a_lead_or_contact_is_deleted_by_its_id(kind: PersonKind) -> None:
    assert parse_event(event(f"{kind}.deleted")) == PersonDeleted(STAMP, PersonRef(kind, "7"))


def test_a_user_has_addresses() -> None:
    data = {"id": "u1", "name": "Rep", "emails": ["rep@us.example"]}
    assert parse_event(event("user.upserted", data)) == UserUpserted(
        STAMP, "u1", "Rep", frozenset({Address("rep@us.example")})
    )


@pytest.mark.parametrize("status", ["open", "won", "lost"])
def test_a_deal_has_a_status_and_contacts(status: str) -> None:
    assert parse_event(deal(status=status, contact_ids=["1", 2, 2])) == DealUpserted(
        STAMP, DealId("7"), "Order", DealStatus(status), frozenset(map(ContactId, "12"))
    )


def test_a_deal_is_deleted_by_its_id() -> None:
    assert parse_event(event("deal.deleted")) == DealDeleted(STAMP, DealId("7"))


def test_an_id_may_be_a_number() -> None:
    numbered = event("deal.deleted", {"id": 7}, id=9)
    assert parse_event(numbered) == DealDeleted(Stamp(NOON, "9"), DealId("7"))


@pytest.mark.exceeds("MAX_CRM_NAME_CHARS")
def test_a_name_may_be_missing_and_is_cut_where_it_is_endless() -> None:
    nameless = contact()
    del nameless["data"]["name"]
    for raw, name in [
        (nameless, ""),
        (contact(name=None), ""),
        (contact(name="k" * 501), "k" * 500),
    ]:
        parsed = parse_event(raw)
        assert isinstance(parsed, PersonUpserted)
        assert parsed.name == name


@pytest.mark.exceeds("MAX_CRM_ID_CHARS")
def test_an_id_that_is_too_long_is_refused_and_labelled_by_its_beginning() -> None:
    longest = "k" * MAX_CRM_ID_CHARS
    parsed = parse_event(event("contact.deleted", {"id": longest}))
    assert isinstance(parsed, PersonDeleted)
    assert parsed.person.id == longest
    for long in (f"{longest}k", 10**MAX_CRM_ID_CHARS):
        assert refusal(event("contact.deleted", {"id": long}))[0] is Code.INVALID_FIELD
    assert label({"id": f"{longest}k", "type": f"{longest}k"}) == {"id": longest, "type": longest}


def test_a_person_may_have_lost_every_address() -> None:
    parsed = parse_event(contact(emails=[]))
    assert isinstance(parsed, PersonUpserted)
    assert parsed.emails == frozenset()


def test_fields_that_nobody_asked_for_are_passed_over() -> None:
    assert parse_event(contact(phone="1")) == parse_event(contact())


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01T12:00:00Z",
        "2026-03-01t12:00:00z",
        "2026-03-01 12:00:00+00:00",
        "2026-03-01T21:00:00+09:00",
        "2026-03-01T12:00:00.000000Z",
    ],
)
def test_a_time_is_an_rfc_3339_time_in_any_zone(text: str) -> None:
    parsed = parse_event(event("deal.deleted", occurred_at=text))
    assert parsed.stamp == STAMP
    assert parsed.stamp.occurred_at.tzinfo is UTC


@pytest.mark.parametrize(
    ("raw", "code", "names"),
    [
        (None, Code.MISSING_FIELD, "event"),
        ([], Code.INVALID_FIELD, "event"),
        ({}, Code.MISSING_FIELD, "type"),
        (without(event(), "id"), Code.MISSING_FIELD, "id"),
        (without(event(), "type"), Code.MISSING_FIELD, "type"),
        (without(event(), "occurred_at"), Code.MISSING_FIELD, "occurred_at"),
        (without(event(), "data"), Code.MISSING_FIELD, "data"),
        (event(type=""), Code.MISSING_FIELD, "type"),
        (event(type="company.upserted"), Code.UNKNOWN_EVENT_TYPE, "type: company.upserted"),
        (event(type="user.deleted"), Code.UNKNOWN_EVENT_TYPE, "type: user.deleted"),
        (event(type=3), Code.INVALID_FIELD, "type"),
        (event(id=""), Code.MISSING_FIELD, "id"),
        (event(id="a#b"), Code.INVALID_FIELD, "id"),
        (event(id="a\n"), Code.INVALID_FIELD, "id"),
        (event(id="a" * 65), Code.INVALID_FIELD, "id"),
        (event(id=True), Code.INVALID_FIELD, "id"),
        (event(id=1.5), Code.INVALID_FIELD, "id"),
        (event(id=10**5000), Code.INVALID_FIELD, "id"),
        (event(occurred_at="yesterday"), Code.INVALID_FIELD, "occurred_at"),
        (event(occurred_at="2026-03-01"), Code.INVALID_FIELD, "occurred_at"),
        (event(occurred_at="2026-03-01T12:00:00"), Code.INVALID_FIELD, "occurred_at"),
        (event(occurred_at="0001-01-01T00:00:00+01:00"), Code.INVALID_FIELD, "occurred_at"),
        (event(occurred_at=1772366400), Code.INVALID_FIELD, "occurred_at"),
        (event(data=[]), Code.INVALID_FIELD, "data"),
        (event(data={}), Code.MISSING_FIELD, "data.id"),
        (event(data={"id": "7"}), Code.MISSING_FIELD, "data.emails"),
        (contact(name=7), Code.INVALID_FIELD, "data.name"),
        (contact(name="\ud800"), Code.INVALID_FIELD, "data.name"),
        (contact(emails="kim@customer.example"), Code.INVALID_FIELD, "data.emails"),
        (
            contact(emails=["k@x.example"] * (MAX_PERSON_ADDRESSES + 1)),
            Code.INVALID_FIELD,
            "data.emails",
        ),
        (contact(emails=["kim@customer.example", "kim"]), Code.INVALID_EMAIL, "data.emails[1]"),
        (contact(emails=[None]), Code.INVALID_EMAIL, "data.emails[0]"),
        (contact(emails=["k\ud800@x.example"]), Code.INVALID_EMAIL, "data.emails[0]"),
        (deal(status=None), Code.MISSING_FIELD, "data.status"),
        (deal(status="deleted"), Code.INVALID_FIELD, "data.status"),
        (deal(status="Open"), Code.INVALID_FIELD, "data.status"),
        (deal(contact_ids=None), Code.MISSING_FIELD, "data.contact_ids"),
        (deal(contact_ids="1"), Code.INVALID_FIELD, "data.contact_ids"),
        (deal(contact_ids=[None]), Code.MISSING_FIELD, "data.contact_ids"),
        (deal(contact_ids=["1/2"]), Code.INVALID_FIELD, "data.contact_ids"),
        (deal(contact_ids=["1"] * (MAX_DEAL_CONTACTS + 1)), Code.INVALID_FIELD, "data.contact_ids"),
    ],
)
@pytest.mark.exceeds("MAX_PERSON_ADDRESSES", "MAX_DEAL_CONTACTS")
def test_a_refusal_has_its_code_and_names_the_field(raw: object, code: Code, names: str) -> None:
    found, detail = refusal(raw)
    assert found is code
    assert detail.split(":")[0] == names.split(":")[0]
    assert detail.startswith(names)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=5,
)
TYPES = [
    "user.upserted",
    *(f"{kind}.{verb}" for kind in ("lead", "contact", "deal") for verb in ("upserted", "deleted")),
]
data_values = st.fixed_dictionaries(
    {},
    optional={
        "id": st.just("7") | json_values,
        "name": json_values,
        "emails": st.lists(st.just("kim@customer.example") | json_values, max_size=2) | json_values,
        "status": st.sampled_from(["open", "won"]) | json_values,
        "contact_ids": st.lists(json_values, max_size=2) | json_values,
    },
)
events = st.fixed_dictionaries(
    {
        "id": st.just("e1") | json_values,
        "type": st.sampled_from(TYPES) | json_values,
        "occurred_at": st.datetimes().map(lambda at: f"{at.isoformat()}+09:00") | json_values,
        "data": data_values | json_values,
    }
)


@given(events | json_values)
@example(event(type="\ud800"))
def test_whatever_json_says_is_an_event_or_refused(raw: object) -> None:
    try:
        parsed = parse_event(raw)
    except Refused as refused:
        # Details are kept and sent: they must be text that can be.
        refused.detail.encode()
        return
    assert Stamp.parse(str(parsed.stamp)) == parsed.stamp


@given(events)
@example(contact(emails=["B@x.example", "a@x.example"], phone="1"))
@example(deal(contact_ids=[2, "1"]))
@example(event("association.attached", {"deal_id": "d", "user_id": "u", "message_id": "m"}))
def test_an_envelope_says_all_that_counts_and_nothing_else(raw: dict[str, Any]) -> None:
    try:
        parsed = parse_event(raw)
    except Refused:
        return
    written = envelope(parsed)
    assert parse_event(written) == parsed
    assert json.loads(json.dumps(written)) == written
    assert len(json.dumps(written)) < 64_000


@given(events | json_values)
@example(event(id="\ud800" * 1_000, type="\udfff"))
@example(event(id=10**5_000))
def test_a_label_can_be_kept_whatever_was_sent(raw: object) -> None:
    for text in label(raw).values():
        assert 0 < len(text) <= 64
        text.encode()


@pytest.mark.exceeds("MAX_AHEAD_MINUTES")
def test_an_event_may_be_dated_five_minutes_ahead_and_no_more() -> None:
    parsed = parse_event(contact())
    check_not_ahead(parsed, NOON - timedelta(minutes=5))
    with pytest.raises(Refused) as refused:
        check_not_ahead(parsed, NOON - timedelta(minutes=5, seconds=1))
    assert refused.value.code is Code.EVENT_AHEAD


@given(st.sampled_from(PersonKind), st.text("019AZaz._:@+=-", min_size=1))
def test_a_person_is_named_by_kind_and_id(kind: PersonKind, id: str) -> None:
    assert PersonRef.parse(str(PersonRef(kind, id))) == PersonRef(kind, id)


def test_a_lead_and_a_contact_with_one_id_are_two_persons() -> None:
    assert str(PersonRef(PersonKind.LEAD, "7")) != str(PersonRef(PersonKind.CONTACT, "7"))
