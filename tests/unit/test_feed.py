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
    OverrideGiven,
    PersonDeleted,
    PersonKind,
    PersonRedirected,
    PersonRef,
    PersonUpserted,
    UserUpserted,
    check_not_ahead,
    envelope,
    label,
    parse_event,
)
from mailmirror.domain.left_out import LeftOut
from mailmirror.domain.limits import (
    MAX_CRM_ID_CHARS,
    MAX_DEAL_CONTACTS,
    MAX_LEFT_OUT_CHARS,
    MAX_PERSON_ADDRESSES,
)
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
        (contact(emails="kim@customer.example"), Code.INVALID_FIELD, "data.emails"),
        (contact(emails=["", "kim", None]), Code.INVALID_EMAIL, "data.emails[1]"),
        (contact(emails=[7]), Code.INVALID_EMAIL, "data.emails[0]"),
        (contact(emails=["kim@customer,example"]), Code.INVALID_EMAIL, "data.emails[0]"),
        (contact(emails=["-"]) | {"type": "user.upserted"}, Code.INVALID_EMAIL, "data.emails[0]"),
        (contact(emails=["k\ud800@x.example"]), Code.INVALID_EMAIL, "data.emails[0]"),
        (deal(status=None), Code.MISSING_FIELD, "data.status"),
        (deal(status="deleted"), Code.INVALID_FIELD, "data.status"),
        (deal(status="Open"), Code.INVALID_FIELD, "data.status"),
        (deal(contact_ids=None), Code.MISSING_FIELD, "data.contact_ids"),
        (deal(contact_ids="1"), Code.INVALID_FIELD, "data.contact_ids"),
        (deal(contact_ids=[None, {}]), Code.INVALID_FIELD, "data.contact_ids"),
        (deal(contact_ids=["1/2"]), Code.INVALID_FIELD, "data.contact_ids"),
    ],
)
def test_a_refusal_has_its_code_and_names_the_field(raw: object, code: Code, names: str) -> None:
    found, detail = refusal(raw)
    assert found is code
    assert detail.split(":")[0] == names.split(":")[0]
    assert detail.startswith(names)


def left_out(raw: object) -> list[str]:
    """What is left out of an event, each with its code."""
    parsed = parse_event(raw)
    assert not isinstance(parsed, PersonDeleted | PersonRedirected | DealDeleted | OverrideGiven)
    for one in parsed.left_out:
        assert LeftOut.from_json(json.loads(json.dumps(one.to_json()))) == one
    return [f"{one.code} {one.detail}" for one in parsed.left_out]


@pytest.mark.parametrize(
    ("emails", "said", "lost"),
    [
        (["kim@customer.example", "n/a"], ["invalid_email data.emails[1]: n/a"], 0),
        (["kim@customer.example", ""], ["invalid_email data.emails[1]: empty"], 0),
        (["kim@customer.example", None], ["invalid_email data.emails[1]: empty"], 0),
        (["kim@customer.example", " \t"], ["invalid_email data.emails[1]: empty"], 0),
        (["mailto:kim@customer.example"], [], 0),
        (["Kim <kim@customer.example>"], [], 0),
        (["  KIM@Customer.EXAMPLE\t"], [], 0),
        (["kim@customer.example", 5551234], ["invalid_email data.emails[1]: 5551234"], 0),
        (["kim@customer.example", {}], ["invalid_email data.emails[1]: not text"], 0),
        (["kim@customer.example", ";"], ["invalid_email data.emails[1]: ;"], 0),
        (["lee@x,jp", "kim@customer.example"], ["invalid_email data.emails[0]: lee@x,jp"], 1),
        (
            ["kim@customer.example; lee@", None, "n/a"],
            [
                "invalid_email data.emails[0]: lee@; data.emails[2]: n/a",
                "invalid_email data.emails[1]: empty",
            ],
            1,
        ),
        (["kim@customer.example", "\ud800@"], ["invalid_email data.emails[1]: \ufffd@"], 1),
    ],
)
@pytest.mark.parametrize("type", ["user.upserted", "lead.upserted", "contact.upserted"])
def test_an_address_that_cannot_be_read_loses_no_other_and_is_named(
    type: str, emails: list[object], said: list[str], lost: int
) -> None:
    raw = event(type, {"id": "7", "emails": emails})
    parsed = parse_event(raw)
    assert isinstance(parsed, PersonUpserted | UserUpserted)
    assert parsed.emails == {KIM_ADDRESS}
    assert left_out(raw) == said
    assert sum(one.lost for one in parsed.left_out) == lost


def test_several_addresses_in_one_text_are_several() -> None:
    parsed = parse_event(contact(emails=["kim@customer.example; lee@customer.example"]))
    assert isinstance(parsed, PersonUpserted)
    assert parsed.emails == {KIM_ADDRESS, "lee@customer.example"}


@pytest.mark.parametrize("emails", [[], [""], [None], [" ", None]])
def test_a_list_of_nothing_is_a_person_without_addresses(emails: list[object]) -> None:
    parsed = parse_event(contact(emails=emails))
    assert isinstance(parsed, PersonUpserted)
    assert parsed.emails == frozenset()
    assert all(one.empty for one in parsed.left_out)


@pytest.mark.parametrize(
    ("name", "kept", "said"),
    [
        (7, "", "7"),
        (["Kim"], "", "not text"),
        (float("nan"), "", "not text"),
        ("Kim \ud83d", "Kim \ufffd", "Kim \ufffd"),
    ],
)
def test_a_name_that_cannot_be_read_loses_no_event(name: object, kept: str, said: str) -> None:
    for raw in (contact(name=name), deal(name=name)):
        parsed = parse_event(raw)
        assert isinstance(parsed, PersonUpserted | DealUpserted)
        assert parsed.name == kept
        assert left_out(raw) == [f"invalid_field data.name: {said}"]
    assert parse_event(contact(name="k" * 500 + "\ud800")) == parse_event(contact(name="k" * 500))


@pytest.mark.parametrize(
    ("ids", "said", "lost"),
    [
        (["1", "a b"], ["invalid_field data.contact_ids[1]: a b"], 1),
        ([1, 2.5], ["invalid_field data.contact_ids[1]: not text"], 1),
        (["1", None], ["invalid_field data.contact_ids[1]: empty"], 0),
        (["", "1"], ["invalid_field data.contact_ids[0]: empty"], 0),
        (["1", ["2"]], ["invalid_field data.contact_ids[1]: not text"], 1),
    ],
)
def test_a_contact_that_cannot_be_read_loses_no_other(
    ids: list[object], said: list[str], lost: int
) -> None:
    parsed = parse_event(deal(contact_ids=ids))
    assert isinstance(parsed, DealUpserted)
    assert parsed.contacts == {"1"}
    assert left_out(deal(contact_ids=ids)) == said
    assert sum(one.lost for one in parsed.left_out) == lost
    without_any = parse_event(deal(contact_ids=[None]))
    assert isinstance(without_any, DealUpserted)
    assert without_any.contacts == frozenset()


@pytest.mark.exceeds("MAX_PERSON_ADDRESSES", "MAX_DEAL_CONTACTS", "MAX_LEFT_OUT_DETAILS")
def test_of_too_many_addresses_or_contacts_the_first_are_kept() -> None:
    many = [f"k{n}@x.example" for n in range(MAX_PERSON_ADDRESSES + 12)]
    parsed = parse_event(contact(emails=[*many, many[0]]))
    assert isinstance(parsed, PersonUpserted)
    assert parsed.emails == set(many[:MAX_PERSON_ADDRESSES])
    (said,) = parsed.left_out
    assert said.detail.startswith("data.emails[100]: more than 100; data.emails[101]: ")
    assert said.detail.endswith("data.emails[109]: more than 100; and 2 more")
    assert said.lost == 12
    assert left_out(contact(emails=["k@x.example"] * (MAX_PERSON_ADDRESSES + 1))) == []
    contacts = parse_event(deal(contact_ids=[*range(MAX_DEAL_CONTACTS + 1)]))
    assert isinstance(contacts, DealUpserted)
    assert contacts.contacts == {str(n) for n in range(MAX_DEAL_CONTACTS)}
    assert left_out(deal(contact_ids=[*range(MAX_DEAL_CONTACTS + 1)])) == [
        "invalid_field data.contact_ids[500]: more than 500"
    ]


@pytest.mark.exceeds("MAX_LEFT_OUT_CHARS")
def test_of_a_long_value_the_beginning_is_named() -> None:
    found = left_out(contact(emails=["kim@customer.example", "x" * 200_000]))
    assert found == [f"invalid_email data.emails[1]: {'x' * MAX_LEFT_OUT_CHARS}"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (1770681600000, "1770681600000 ms"),
        ("1770681600000", "1770681600000 ms"),
        (1770681600, "1770681600 s"),
        ("1770681600", "1770681600 s"),
        (1770681600.25, "1770681600.25 s"),
        (" 1770681600.000 ", "1770681600.000 s"),
        (1770681600000000, "1770681600000000 µs"),
        (1770681600000000000, "1770681600000000000 ns"),
    ],
)
def test_a_number_in_place_of_a_time_is_named_with_its_unit_and_what_it_means(
    value: object, said: str
) -> None:
    raw = event("deal.deleted", occurred_at=value)
    meant = f"occurred_at: {said} = 2026-02-10T00:00:00Z (RFC 3339 time)"
    assert refusal(raw) == (Code.INVALID_FIELD, meant)


@pytest.mark.parametrize("value", [-1, 10**30, "-62135596801"])
def test_a_number_that_means_no_time_is_named_with_the_form_of_one(value: object) -> None:
    raw = event("deal.deleted", occurred_at=value)
    said = f"occurred_at: {value} ≠ YYYY-MM-DDThh:mm:ssZ (RFC 3339 time)"
    assert refusal(raw) == (Code.INVALID_FIELD, said)


def test_any_number_in_place_of_a_time_is_refused() -> None:
    numbers = [0, -1, 10**30, 10**5_000, float("inf"), float("nan"), True, 10**17 * 9]
    for value in [*numbers, "0", "9" * 500, "-62135596801"]:
        assert refusal(event("deal.deleted", occurred_at=value))[0] is Code.INVALID_FIELD


@pytest.mark.parametrize(
    "text", ["2026-02-10T00:00:00", "10/02/2026", "2026-02-30T00:00:00Z", "2026-02-10", "20260210"]
)
def test_a_text_that_is_no_time_is_refused(text: str) -> None:
    code, detail = refusal(event("deal.deleted", occurred_at=text))
    assert code is Code.INVALID_FIELD
    assert "RFC 3339 time" in detail


def test_a_day_that_does_not_exist_is_refused_with_an_example_of_a_time() -> None:
    code, detail = refusal(event("deal.deleted", occurred_at="2026-02-30T00:00:00Z"))
    assert code is Code.INVALID_FIELD
    said = "occurred_at: a time with its zone such as 2026-01-31T09:30:00Z (RFC 3339 time)"
    assert detail == said


@pytest.mark.parametrize(
    ("text", "microsecond"),
    [
        ("2026-02-10 00:00:00+00:00", 0),
        ("2026-02-10T00:00:00.123456789Z", 123456),
        ("2026-02-10T00:00:00+0000", 0),
        ("2026-02-10t00:00:00z", 0),
    ],
)
def test_the_forms_of_a_time_that_programs_write_are_taken(text: str, microsecond: int) -> None:
    parsed = parse_event(event("deal.deleted", occurred_at=text))
    assert parsed.stamp.occurred_at == datetime(2026, 2, 10, microsecond=microsecond, tzinfo=UTC)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=5,
)
TYPES = [
    "user.upserted",
    *(f"{kind}.{verb}" for kind in ("lead", "contact", "deal") for verb in ("upserted", "deleted")),
    "lead.converted",
    "contact.merged",
]


@pytest.mark.parametrize(
    ("type", "field", "kind"),
    [
        ("lead.converted", "contact_id", PersonKind.LEAD),
        ("contact.merged", "winner_id", PersonKind.CONTACT),
    ],
)
def test_a_conversion_and_a_merge_name_a_contact(type: str, field: str, kind: PersonKind) -> None:
    raw = event(type, {"id": 7, field: 8})
    target = PersonRef(PersonKind.CONTACT, "8")
    assert parse_event(raw) == PersonRedirected(STAMP, PersonRef(kind, "7"), target)
    assert envelope(parse_event(raw))["data"] == {"id": "7", field: "8"}
    assert refusal(event(type)) == (Code.MISSING_FIELD, f"data.{field}")


def test_a_contact_cannot_be_merged_into_itself_and_a_lead_can_have_its_contacts_id() -> None:
    merged = event("contact.merged", {"id": "7", "winner_id": 7})
    assert refusal(merged) == (Code.INVALID_FIELD, "data.winner_id: the contact itself")
    assert isinstance(
        parse_event(event("lead.converted", {"id": "7", "contact_id": "7"})), PersonRedirected
    )


data_values = st.fixed_dictionaries(
    {},
    optional={
        "id": st.just("7") | json_values,
        "name": json_values,
        "emails": st.lists(st.just("kim@customer.example") | json_values, max_size=2) | json_values,
        "status": st.sampled_from(["open", "won"]) | json_values,
        "contact_ids": st.lists(json_values, max_size=2) | json_values,
        "winner_id": st.just("8") | json_values,
        "contact_id": st.just("8") | json_values,
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
