"""Sets of UIDs behave as sets of numbers do, and cost what their ranges cost."""

from collections.abc import Set

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmirror.domain.uids import UidSet

uids = st.frozensets(st.integers(1, 40))


def is_canonical(some: UidSet) -> bool:
    """Sorted ranges that neither touch nor overlap: equal sets have equal ranges."""
    gaps = zip(some.ranges, some.ranges[1:], strict=False)
    return all(a <= b for a, b in some.ranges) and all(a[1] + 1 < b[0] for a, b in gaps)


@given(uids, uids)
def test_union_difference_and_intersection_are_those_of_sets(a: Set[int], b: Set[int]) -> None:
    for found, expected in [
        (UidSet.of(a) | UidSet.of(b), a | b),
        (UidSet.of(a) - UidSet.of(b), a - b),
        (UidSet.of(a) & UidSet.of(b), a & b),
    ]:
        assert found == UidSet.of(expected)
        assert list(found) == sorted(expected)
        assert is_canonical(found)


@given(uids)
def test_length_truth_members_and_the_last_are_those_of_a_set(some: Set[int]) -> None:
    found = UidSet.of(some)
    assert len(found) == len(some)
    assert bool(found) == bool(some)
    assert found.last == max(some, default=0)
    assert {uid for uid in range(42) if uid in found} == some


@given(st.lists(st.integers(1, 40)))
def test_neither_order_nor_repeats_matter(some: list[int]) -> None:
    assert UidSet.of(some) == UidSet.of(some + some[::-1]) == UidSet.of(set(some))


@given(uids)
def test_a_sequence_set_is_read_as_it_was_written(some: Set[int]) -> None:
    assert UidSet.parse(str(UidSet.of(some))) == UidSet.of(some)


@given(st.integers(1, 40), st.integers(0, 40))
def test_a_span_has_both_its_ends(first: int, last: int) -> None:
    assert list(UidSet.span(first, last)) == list(range(first, last + 1))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("7", [7]),
        ("1:3,7", [1, 2, 3, 7]),
        ("3:1", [1, 2, 3]),
        ("7,1:3,2:4", [1, 2, 3, 4, 7]),
        ("4294967295", [2**32 - 1]),
    ],
)
def test_servers_may_write_a_sequence_set_in_any_order(text: str, expected: list[int]) -> None:
    assert list(UidSet.parse(text)) == expected


@pytest.mark.parametrize("text", ["*", "1:*", "0", "0:3", "-1", "1:2:3", "a", ":", "1:"])
def test_what_is_no_sequence_set_of_numbers_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"invalid literal|not a UID"):
        UidSet.parse(text)


def test_neighbours_are_one_range() -> None:
    assert str(UidSet.of([1, 2, 3, 7]) | UidSet.parse("4:5")) == "1:5,7"


def test_a_folder_of_a_billion_messages_with_one_verdict_is_one_range() -> None:
    everything = UidSet.span(1, 10**9)
    assert len(everything - UidSet.parse("5:6")) == 10**9 - 2
    assert (everything & UidSet.parse("10,2000000000")) == UidSet.of([10])
    assert 10**9 in everything
    assert 10**9 + 1 not in everything


@given(uids, st.integers(0, 50))
def test_the_newest_are_the_greatest_in_falling_order(some: Set[int], most: int) -> None:
    assert UidSet.of(some).newest(most) == sorted(some, reverse=True)[:most]


def test_the_newest_of_billions_are_named_without_the_others() -> None:
    assert UidSet.span(1, 2**32 - 1).newest(2) == [2**32 - 1, 2**32 - 2]
