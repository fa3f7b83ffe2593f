"""When mail that was deleted at the server is hidden, where an account follows deletions."""

from datetime import datetime, timedelta

LEFT_FOR = timedelta(days=1)
"""Between two looks at which a folder did not list a UID that it had listed before."""
_MOST_A_DAY = 100
_LEAST_A_DAY = 5
_PART_A_DAY = 0.05


def has_left(left_at: datetime | None, now: datetime) -> bool:
    """Tell whether a copy has left its server for good.

    Parameters:
        left_at: when its folder was first found not to list it; None where it does.
    """
    return left_at is not None and left_at + LEFT_FOR <= now


def may_leave(messages: int, left_today: int) -> int:
    """How many more messages of a mailbox may be hidden within a day without a person's word.

    A program that empties a folder, or a server that lost it, takes little with it.

    Parameters:
        messages: that the mailbox has mirrored.
        left_today: hidden within the last 24 hours, because they have left.
    """
    allowed = min(_MOST_A_DAY, max(_LEAST_A_DAY, int(messages * _PART_A_DAY)))
    return max(0, allowed - left_today)
