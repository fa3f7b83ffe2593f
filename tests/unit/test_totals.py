"""What a mailbox's folders amount to: how many messages are left, and how long that takes."""

from datetime import timedelta

import pytest

from mailmirror.domain.totals import Totals

MINUTE = timedelta(minutes=1)


def totals(messages: int, judged: int, *, complete: bool = False) -> Totals:
    return Totals(folders=2, complete_folders=2 * complete, messages=messages, judged=judged)


@pytest.mark.parametrize(
    ("found", "left", "time_left"),
    [
        (totals(0, 0), 0, None),
        (totals(1_000, 0), 1_000, None),
        (totals(1_000, 250), 750, 3 * MINUTE),
        (totals(1_000, 1_000), 0, timedelta()),
        (totals(10, 12), 0, timedelta()),
        (totals(1_000, 990, complete=True), 0, timedelta()),
    ],
    ids=["nothing is known", "nothing is judged", "a quarter", "all", "some have left", "complete"],
)
def test_the_rest_takes_as_long_as_what_was_judged_so_far(
    found: Totals, left: int, time_left: timedelta | None
) -> None:
    assert found.left == left
    assert found.time_left(MINUTE) == time_left


def test_nothing_tells_it_before_any_time_has_passed() -> None:
    assert totals(1_000, 1).time_left(timedelta()) is None
