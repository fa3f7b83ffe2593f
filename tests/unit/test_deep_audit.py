"""How fast the rounds of a deep audit go, and what they remember."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmirror.domain.deep_audit import (
    MAX_LISTED,
    MAX_REMEMBERED,
    ROUND,
    SLICE_PAUSE,
    Fault,
    FaultKind,
    Found,
    Round,
    first_slice_at,
)
from mailmirror.domain.mailbox import AccountId, MailboxId, MailboxKey

MAY = datetime(2026, 5, 1, 9, tzinfo=UTC)
DAY = timedelta(days=1)


def fault(uid: int, kind: FaultKind = FaultKind.COPY) -> Fault:
    return Fault.of(kind, "0123456789ab", uid)


@given(
    uids=st.integers(0, 100_000),
    pauses=st.lists(st.floats(0.01, 20), max_size=40),
)
def test_a_round_ends_within_fourteen_days_or_with_the_first_slice_after_them(
    uids: int, pauses: list[float]
) -> None:
    now, one = MAY, Round(1, MAY)
    while one.found.uids < uids:
        judged = min(one.quota(uids, now), uids - one.found.uids)
        one = one.with_faults(Found(judged), [], [])
        if now >= MAY + ROUND - SLICE_PAUSE:
            break
        now += timedelta(days=pauses.pop() if pauses else 1)
    assert one.found.uids == uids


def test_a_slice_is_a_fourteenth_of_the_mailbox_and_makes_up_for_days_without_one() -> None:
    one = Round(1, MAY)
    assert one.quota(1_400, MAY) == 100
    after = one.with_faults(Found(100), [], [])
    assert after.quota(1_400, MAY) == 0
    assert after.quota(1_400, MAY + DAY) == 100
    assert after.quota(1_400, MAY + 9 * DAY) == 900


def test_what_a_person_asks_for_is_done_at_once() -> None:
    assert Round(1, MAY, asked_at=MAY).quota(1_400, MAY) >= 1_400


def test_the_next_round_begins_fourteen_days_after_the_last_or_when_it_is_asked_for() -> None:
    under_way = Round(1, MAY)
    assert not under_way.is_over(MAY + 40 * DAY, None)
    done = Round(1, MAY, finished_at=MAY + 13 * DAY)
    assert not done.is_over(MAY + 13 * DAY, None)
    assert done.next_at(MAY + 13 * DAY) == MAY + ROUND
    assert done.is_over(MAY + ROUND, None)
    assert done.is_over(MAY + 13 * DAY, MAY + 12 * DAY)
    asked = Round(2, MAY + 13 * DAY, asked_at=MAY + 12 * DAY)
    assert not asked.is_over(MAY + 13 * DAY, MAY + 12 * DAY)
    assert asked.is_over(MAY + 13 * DAY, MAY + 13 * DAY)


def test_the_number_of_a_round_is_greater_than_any_before_though_rounds_are_forgotten() -> None:
    first = Round(int(MAY.timestamp()), MAY)
    assert first.after(MAY, None).number > first.number
    assert first.after(MAY + DAY, None).number == int((MAY + DAY).timestamp())


def test_a_fault_that_was_repaired_and_is_found_again_is_named() -> None:
    first = Round(1, MAY).with_faults(Found(9), [fault(1), fault(2)], [fault(2)])
    assert (first.found.repaired, first.found.lost, first.found.returned) == (1, 1, 0)
    assert first.listed == (fault(2),)
    second = first.after(MAY + ROUND, None).with_faults(Found(9), [fault(1), fault(3)], [])
    assert (second.found.repaired, second.found.returned) == (2, 1)
    assert second.listed == (fault(1),)


def test_what_is_remembered_is_bounded() -> None:
    many = [fault(uid) for uid in range(1, 1_000)]
    one = Round(1, MAY).with_faults(Found(), many, many[::2])
    assert (len(one.listed), len(one.repaired)) == (MAX_LISTED, MAX_REMEMBERED)
    assert one.found.faults == {FaultKind.COPY: 999}


def test_a_fault_names_its_item_by_a_hash_alone() -> None:
    found = Fault.of(FaultKind.TIMELINE, "0123456789ab", 7, "kim@customer.example", "x")
    assert "kim" not in repr(found)
    again = Fault.of(FaultKind.TIMELINE, "ba9876543210", 8, "kim@customer.example", "x")
    assert found.same == again.same


@pytest.mark.parametrize("parts", [4])
def test_first_slices_are_spread_over_the_second_day(parts: int) -> None:
    account = AccountId("0123456789ab")
    found = [
        int((first_slice_at(MailboxKey(account, MailboxId(f"{n:016x}")), MAY) - MAY) / DAY * parts)
        for n in range(400)
    ]
    assert all(60 < found.count(parts + part) < 140 for part in range(parts))
    assert set(found) == set(range(parts, 2 * parts))
