"""Who has which address follows from the CRM's events alone, not from the order they come in."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmirror.domain.address import Address
from mailmirror.domain.feed import (
    PersonDeleted,
    PersonEvent,
    PersonKind,
    PersonRedirected,
    PersonRef,
    PersonUpserted,
)
from mailmirror.domain.persons import Persons, Record, are_parted, changed_holders
from mailmirror.domain.problems import Code
from mailmirror.domain.stamp import Stamp

MARCH = datetime(2026, 3, 1, tzinfo=UTC)
LEAD = PersonRef(PersonKind.LEAD, "a")
A, B, C, D = (PersonRef(PersonKind.CONTACT, id) for id in "abcd")
REFS = (LEAD, PersonRef(PersonKind.LEAD, "b"), A, B, C, D)
NAMES = ("a@x.example", "b@x.example", "c@x.example", "d@x.example")


def stamp(day: int, id: int | None = None) -> Stamp:
    return Stamp(MARCH + timedelta(days=day), str(day if id is None else id))


def given_to(ref: PersonRef, day: int, *names: str, id: int | None = None) -> PersonUpserted:
    emails = frozenset(Address(f"{name}@x.example") for name in names)
    return PersonUpserted(stamp(day, id), ref, ref.id, emails)


def deleted(ref: PersonRef, day: int, id: int | None = None) -> PersonDeleted:
    return PersonDeleted(stamp(day, id), ref)


def joined(ref: PersonRef, target: PersonRef, day: int, id: int | None = None) -> PersonRedirected:
    return PersonRedirected(stamp(day, id), ref, target)


def after(events: Iterable[PersonEvent], before: Persons | None = None) -> Persons:
    records = dict(before.records) if before else {}
    for event in events:
        record = records.get(event.person, Record(event.person)).then(event)
        if record is not None:
            records[event.person] = record
    return Persons(records)


def addresses(persons: Persons) -> dict[str, str]:
    """By person, the local parts of its addresses."""
    return {
        str(one.ref): "".join(sorted(address.partition("@")[0] for address in one.emails))
        for one in persons.all
    }


def outcome(persons: Persons, events: Sequence[PersonEvent]) -> object:
    """All that readers see."""
    return (
        {ref: persons.person(ref) for ref in REFS},
        persons.holders(),
        [persons.doubt(event) for event in events],
    )


LIVES: dict[str, tuple[Sequence[PersonEvent], dict[str, str]]] = {
    "a converted lead gives its addresses to the contact": (
        [given_to(LEAD, 1, "l", "x"), given_to(A, 2, "a"), joined(LEAD, A, 3)],
        {"contact/a": "alx"},
    ),
    "until the contact is sent with its addresses": (
        [
            given_to(LEAD, 1, "l", "x"),
            given_to(A, 2, "a"),
            joined(LEAD, A, 3),
            given_to(A, 4, "a", "x"),
        ],
        {"contact/a": "ax"},
    ),
    "a lead stays converted": (
        [given_to(A, 1, "a"), joined(LEAD, A, 2), given_to(LEAD, 3, "l")],
        {"contact/a": "al"},
    ),
    "a lead that is deleted once it is converted": (
        [given_to(LEAD, 1, "l"), given_to(A, 2, "a"), joined(LEAD, A, 3), deleted(LEAD, 4)],
        {"contact/a": "al"},
    ),
    "a lead that is deleted while it is converted": (
        [given_to(LEAD, 1, "l"), given_to(A, 2, "a"), deleted(LEAD, 3), joined(LEAD, A, 4)],
        {"contact/a": "al"},
    ),
    "a merged contact gives its addresses to the other": (
        [given_to(A, 1, "a"), given_to(B, 1, "b", id=2), joined(A, B, 3)],
        {"contact/b": "ab"},
    ),
    "a contact that is sent after its merge is restored, and so is the other": (
        [given_to(A, 1, "a"), given_to(B, 2, "b"), joined(A, B, 3), given_to(A, 4, "a")],
        {"contact/a": "a", "contact/b": "b"},
    ),
    "and can be merged again": (
        [
            given_to(A, 1, "a"),
            given_to(B, 2, "b"),
            joined(A, B, 3),
            given_to(A, 4, "c"),
            joined(A, B, 5),
        ],
        {"contact/b": "bc"},
    ),
    "merged into another than before": (
        [
            given_to(A, 1, "a"),
            given_to(B, 2, "b"),
            given_to(C, 2, "c", id=3),
            joined(A, B, 4),
            joined(A, C, 5),
        ],
        {"contact/b": "b", "contact/c": "ac"},
    ),
    "one after the other": (
        [
            given_to(LEAD, 1, "l"),
            given_to(A, 2, "a"),
            given_to(B, 2, "b", id=3),
            joined(LEAD, A, 4),
            joined(A, B, 5),
        ],
        {"contact/b": "abl"},
    ),
    "what the contact between did not keep": (
        [
            given_to(LEAD, 1, "l"),
            given_to(B, 2, "b"),
            joined(LEAD, A, 3),
            given_to(A, 4, "a"),
            joined(A, B, 5),
        ],
        {"contact/b": "ab"},
    ),
    "a merge into an unknown contact loses nothing": (
        [given_to(A, 1, "a"), joined(A, B, 2)],
        {"contact/a": "a"},
    ),
    "and counts once the contact is known": (
        [given_to(A, 1, "a"), joined(A, B, 2), given_to(B, 1, "b", id=3)],
        {"contact/b": "ab"},
    ),
    "a merge into a contact that was deleted before loses nothing": (
        [given_to(A, 1, "a"), given_to(B, 2, "b"), deleted(B, 3), joined(A, B, 4)],
        {"contact/a": "a"},
    ),
    "a contact that is deleted takes those merged into it along": (
        [given_to(A, 1, "a"), given_to(B, 2, "b"), joined(A, B, 3), deleted(B, 4)],
        {},
    ),
    "a deleted contact that is sent again": (
        [given_to(A, 1, "a"), deleted(A, 2), given_to(A, 3, "a", "c")],
        {"contact/a": "ac"},
    ),
    "two persons with one address": (
        [given_to(LEAD, 1, "x"), given_to(A, 1, "x", id=2), given_to(B, 1, "x", id=3)],
        {"lead/a": "x", "contact/a": "x", "contact/b": "x"},
    ),
    "of whom one loses it": (
        [
            given_to(LEAD, 1, "x"),
            given_to(A, 1, "x", id=2),
            given_to(A, 4),
        ],
        {"lead/a": "x", "contact/a": ""},
    ),
    "the latest merge of a circle counts": (
        [
            given_to(A, 1, "a"),
            given_to(B, 1, "b", id=2),
            given_to(C, 1, "c", id=3),
            joined(A, B, 4),
            joined(B, C, 5),
            joined(C, A, 6),
        ],
        {"contact/a": "abc"},
    ),
    "contradictions of one instant": (
        [
            given_to(A, 1, "a", id=1),
            given_to(B, 1, "b", id=2),
            joined(A, B, 1, id=3),
            joined(B, A, 1, id=4),
            deleted(A, 1, id=5),
            given_to(A, 1, "c", id=6),
        ],
        {"contact/a": "c"},
    ),
}


@pytest.mark.parametrize("life", LIVES)
def test_who_has_which_address_in_whatever_order_the_events_come(life: str) -> None:
    events, expected = LIVES[life]
    outcomes = []
    for order in permutations(events):
        persons = after(order)
        assert addresses(persons) == expected
        outcomes.append(outcome(persons, events))
    assert all(one == outcomes[0] for one in outcomes)


def codes(events: Sequence[PersonEvent]) -> list[str]:
    persons = after(events)
    return [doubt.code for event in events if (doubt := persons.doubt(event))]


def test_a_merge_that_has_no_effect_is_named_with_the_contact() -> None:
    events: list[PersonEvent] = [given_to(A, 1, "a"), joined(A, B, 2)]
    doubt = after(events).doubt(events[1])
    assert doubt is not None
    assert (doubt.code, doubt.detail) == (Code.CONTACT_UNKNOWN, "data.winner_id: b")
    assert codes([*events, given_to(B, 1, "b")]) == []
    assert codes([*events, given_to(A, 3, "a")]) == []
    converted = joined(LEAD, B, 2)
    doubt = after([converted]).doubt(converted)
    assert doubt is not None
    assert (doubt.code, doubt.detail) == (Code.CONTACT_UNKNOWN, "data.contact_id: b")


@pytest.mark.parametrize("last", range(3))
def test_a_circle_is_named_whichever_of_its_merges_comes_last(last: int) -> None:
    merges = [joined(A, B, 4), joined(B, C, 5), joined(C, A, 6)]
    persons = after([given_to(A, 1, "a"), given_to(B, 1, "b"), given_to(C, 1, "c"), *merges])
    doubt = persons.doubt(merges[last])
    assert doubt is not None
    path = "contact/a → contact/b → contact/c → contact/a"
    assert (doubt.code, doubt.detail) == (Code.REDIRECTS_IN_CIRCLE, f"data.winner_id: {path}")


def test_deals_of_the_merged_name_the_other_and_addresses_of_both_change() -> None:
    before = after([given_to(A, 1, "a"), given_to(B, 2, "b")])
    merged = after([joined(A, B, 3)], before)
    person = merged.person(A)
    assert person is not None
    assert (person.ref, sorted(person.contacts)) == (B, ["a", "b"])
    a, b = Address("a@x.example"), Address("b@x.example")
    assert changed_holders(before, merged) == ({a, b}, set())
    parted = after([given_to(A, 4, "a")], merged)
    assert changed_holders(merged, parted) == ({a, b}, {a, b})
    assert not are_parted(before, merged)
    assert are_parted(merged, parted)


def test_two_persons_of_one_address_are_another_person_once_they_are_joined() -> None:
    before = after([given_to(A, 1, "x"), given_to(B, 2, "x")])
    merged = after([joined(A, B, 3)], before)
    x = Address("x@x.example")
    assert changed_holders(before, merged) == ({x}, set())
    parted = after([given_to(A, 4, "x")], merged)
    assert changed_holders(merged, parted) == ({x}, set())
    assert are_parted(merged, parted)


def test_a_conversion_concerns_all_addresses_of_the_contact_as_a_merge_does() -> None:
    before = after([given_to(LEAD, 1, "l"), given_to(A, 2, "a")])
    converted = after([joined(LEAD, A, 3)], before)
    changed = {Address("l@x.example"), Address("a@x.example")}
    assert changed_holders(before, converted) == (changed, set())


def test_a_long_row_of_merges_is_followed() -> None:
    many = 3_000
    row = [PersonRef(PersonKind.CONTACT, f"{n}") for n in range(many)]
    persons = after(
        [
            *(given_to(ref, 1, ref.id) for ref in row),
            *(joined(row[n], row[n + 1], 2 + n) for n in range(200)),
            *(joined(row[n], row[200], 2 + n) for n in range(201, many)),
        ]
    )
    (person,) = persons.all
    assert (person.ref, len(person.emails)) == (row[200], many)


@st.composite
def histories(draw: st.DrawFn) -> list[PersonEvent]:
    """Events of few persons, many of one instant, no two of one person under one id."""
    events: list[PersonEvent] = []
    for id in range(draw(st.integers(1, 12))):
        day = draw(st.integers(0, 4))
        ref = draw(st.sampled_from(REFS))
        kind = draw(st.sampled_from(["upserted", "upserted", "deleted", "joined", "joined"]))
        if kind == "upserted":
            emails = draw(st.frozensets(st.sampled_from(NAMES).map(Address), max_size=2))
            events.append(PersonUpserted(stamp(day, id), ref, f"N{id}", emails))
        elif kind == "deleted":
            events.append(deleted(ref, day, id))
        else:
            target = draw(st.sampled_from([one for one in (A, B, C, D) if one != ref]))
            events.append(joined(ref, target, day, id))
    return events


@given(st.data())
def test_any_permutation_of_events_ends_in_the_same_persons(data: st.DataObject) -> None:
    events = data.draw(histories())
    order = data.draw(st.permutations([*events, *events[:3]]))
    assert outcome(after(order), events) == outcome(after(events), events)


@given(histories())
def test_no_redirect_loses_a_person_or_an_address(events: list[PersonEvent]) -> None:
    persons = after(events)
    for ref, record in persons.records.items():
        person = persons.person(ref)
        if record.upserted is None:
            continue
        if person is None:
            # It is deleted, or what it redirects to is.
            assert record.is_deleted or record.redirect is not None
            continue
        if person.ref == ref:
            assert record.emails <= person.emails
        else:
            assert ref in person.redirecting
            stamps = [one.upserted.stamp for one in persons.records.values() if one.upserted]
            assert record.redirected is not None
            if record.redirected.stamp > max(stamps):
                assert record.emails <= person.emails
    given = frozenset().union(*(one.given for one in persons.records.values()))
    assert persons.holders().keys() <= given


def having(persons: Persons) -> dict[Address, set[frozenset[PersonRef]]]:
    """The persons who have each address, each as the leads and contacts that it is."""
    found: dict[Address, set[frozenset[PersonRef]]] = {}
    for person in persons.all:
        for address in person.emails:
            found.setdefault(address, set()).add(person.refs)
    return found


@given(histories())
def test_what_an_event_changes_is_named(events: list[PersonEvent]) -> None:
    before = Persons({})
    for event in events:
        now = after([event], before)
        gained, lost = changed_holders(before, now)
        had, has = having(before), having(now)
        unchanged = (had.keys() | has.keys()) - gained - lost
        assert all(had[one] == has[one] for one in unchanged)
        before = now


def test_an_address_given_and_taken_a_hundred_times_is_as_the_last_event_says() -> None:
    events: list[PersonEvent] = []
    for n in range(100):
        events += [given_to(A, 1, "a", "x", id=2 * n), given_to(A, 1, "a", id=2 * n + 1)]
    for order in (events, events[::-1], events[1::2] + events[::2]):
        assert addresses(after(order)) == {"contact/a": "a"}
    assert addresses(after([given_to(A, 1, "x", id=200), *events])) == {"contact/a": "x"}
