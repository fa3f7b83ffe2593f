"""Which of two events of the CRM's is the later, and that a repeat is not."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from functools import reduce
from itertools import permutations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailmirror.domain.limits import MAX_REMEMBERED_EVENTS
from mailmirror.domain.stamp import Latest, Stamp

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

stamps = st.builds(
    Stamp,
    st.datetimes(
        datetime(1, 1, 2),  # noqa: DTZ001
        datetime(9999, 12, 30),  # noqa: DTZ001
        timezones=st.integers(-23, 23).map(lambda hours: timezone(timedelta(hours=hours))),
    ),
    st.text("019AZaz._:@+=-", min_size=1, max_size=64) | st.text("01289", min_size=1, max_size=64),
    st.integers(0, 2**128 - 1) | st.sampled_from([0, 9, 10]),
)


@given(stamps, stamps)
@example(Stamp(NOON.replace(year=999), "e"), Stamp(NOON, "e"))
@example(Stamp(NOON, "e"), Stamp(NOON.replace(microsecond=1), "e"))
@example(Stamp(NOON, "e"), Stamp(NOON, "e1"))
@example(Stamp(NOON, "9"), Stamp(NOON, "10"))
@example(Stamp(NOON, "7"), Stamp(NOON, "007"))
@example(Stamp(NOON, "0"), Stamp(NOON, "00"))
@example(Stamp(NOON, "10", 1), Stamp(NOON, "10", 2))
@example(Stamp(NOON, "z", 9), Stamp(NOON, "a", 10))
@example(Stamp(NOON, "9" * 64, 9), Stamp(NOON, "a", 0))
def test_stamps_sort_as_their_text_does_and_are_read_from_it(one: Stamp, other: Stamp) -> None:
    assert (one < other) == (str(one) < str(other))
    assert (one == other) == (str(one) == str(other))
    assert Stamp.parse(str(one)) == one
    assert hash(Stamp.parse(str(one))) == hash(one)


@given(st.sampled_from(["0", "7", "007", "10", "e"]), stamps, stamps, stamps)
def test_the_order_is_total_also_where_numbers_and_texts_are_mixed(
    id: str, one: Stamp, other: Stamp, third: Stamp
) -> None:
    mixed = [Stamp(NOON, each.event_id, each.accepted) for each in (one, other, third)]
    mixed.append(Stamp(NOON, id))
    assert len({tuple(sorted(order)) for order in permutations(mixed)}) == 1


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (Stamp(NOON, "9", 2), Stamp(NOON, "10", 1)),
        (Stamp(NOON, "009", 2), Stamp(NOON, "10", 1)),
        (Stamp(NOON, "9" * 20), Stamp(NOON, "1" + "0" * 20)),
        (Stamp(NOON, "007", 2), Stamp(NOON, "7", 1)),
        (Stamp(NOON, "evt_b", 1), Stamp(NOON, "evt_a", 2)),
        (Stamp(NOON, "evt_b", 9), Stamp(NOON, "evt_a", 10)),
        (Stamp(NOON, "10", 2), Stamp(NOON, "-5", 1)),
        (Stamp(NOON, "10", 2), Stamp(NOON, "evt_a", 1)),
        (Stamp(NOON, "z", 9), Stamp(NOON + timedelta(microseconds=1), "a", 1)),
    ],
)
def test_numbers_are_compared_as_numbers_and_texts_by_their_number_at_acceptance(
    earlier: Stamp, later: Stamp
) -> None:
    assert earlier < later
    assert str(earlier) < str(later)


def latest(*events: Stamp) -> Latest:
    """What an item has of events that are applied in this order."""
    first, *further = events
    return reduce(lambda one, stamp: one.then(stamp) or one, further, Latest(first))


FIRST, SECOND = Stamp(NOON, "evt_b", 1), Stamp(NOON, "evt_a", 2)


@pytest.mark.parametrize(
    ("events", "last"),
    [
        ([FIRST, SECOND], SECOND),
        ([FIRST, SECOND, Stamp(NOON, "evt_b", 3)], SECOND),
        ([FIRST, SECOND, Stamp(NOON, "evt_b", 3), Stamp(NOON, "evt_b", 4)], SECOND),
        ([FIRST, Stamp(NOON, "evt_b", 2), SECOND], SECOND),
        ([FIRST, SECOND, Stamp(NOON, "evt_a", 3), Stamp(NOON, "evt_b", 4)], SECOND),
        ([SECOND, FIRST], SECOND),
        ([FIRST, SECOND, Stamp(NOON, "evt_c", 3), FIRST, SECOND], Stamp(NOON, "evt_c", 3)),
    ],
)
def test_a_repeat_does_not_win_though_it_is_accepted_last(
    events: Sequence[Stamp], last: Stamp
) -> None:
    assert latest(*events).stamp == last


def test_a_repeat_is_the_event_that_it_repeats() -> None:
    assert Latest(FIRST).then(Stamp(NOON, "evt_b", 5)) is None


@given(st.permutations([Stamp(NOON, id) for id in ("7", "007", "9", "10")]))
def test_of_numbers_the_order_of_arrival_never_matters(order: Sequence[Stamp]) -> None:
    assert latest(*order).stamp == Stamp(NOON, "10")


@given(st.permutations([Stamp(NOON + timedelta(seconds=s), "e", 9 - s) for s in range(4)]))
def test_of_instants_the_order_of_arrival_never_matters(order: Sequence[Stamp]) -> None:
    assert latest(*order) == Latest(Stamp(NOON + timedelta(seconds=3), "e", 6))


@pytest.mark.exceeds("MAX_REMEMBERED_EVENTS")
def test_what_an_item_remembers_is_bounded() -> None:
    events = [Stamp(NOON, f"evt_{n}", n) for n in range(MAX_REMEMBERED_EVENTS + 2)]
    found = latest(*events)
    assert len(found.earlier) == MAX_REMEMBERED_EVENTS
    assert found.then(Stamp(NOON, "evt_1", 1_000)) is None
    assert found.then(Stamp(NOON, "evt_0", 1_000)) is not None
