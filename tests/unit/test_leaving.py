"""How much of a mailbox is hidden within a day because it has left the server."""

import pytest

from mailmirror.domain.leaving import may_leave


@pytest.mark.parametrize(
    ("messages", "left_today", "more"),
    [
        (0, 0, 5),
        (100, 0, 5),
        (101, 0, 5),
        (140, 0, 7),
        (2_000, 0, 100),
        (1_000_000, 0, 100),
        (140, 6, 1),
        (140, 7, 0),
        (140, 9, 0),
    ],
)
def test_at_most_5_percent_or_100_messages_leave_a_day(
    messages: int, left_today: int, more: int
) -> None:
    assert may_leave(messages, left_today) == more
