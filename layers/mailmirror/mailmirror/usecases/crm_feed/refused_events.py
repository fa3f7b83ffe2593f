"""The list of the CRM's events that could not be applied, or not as a whole."""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass

from mailmirror.domain.mailbox import AccountId
from mailmirror.domain.problems import Code, Refused
from mailmirror.runtime import Runtime
from mailmirror.store.feed import ListedEvent

_NUMBER = re.compile(r"[1-9][0-9]{0,11}\Z")


@dataclass(frozen=True, slots=True)
class Page:
    events: Sequence[ListedEvent]
    next_cursor: str | None
    gaps: int
    """How many gaps there are, as the cards count them."""


def list_refused(
    account: AccountId, cursor: str | None, limit: int, runtime: Runtime, *, gap: bool | None
) -> Page:
    """Read a page, the latest first.

    Parameters:
        gap: only those that are gaps, or only those that are none.

    Raises:
        Refused: the cursor was not made here.
    """
    now, before = runtime.now(), _before(cursor)
    found = runtime.feed.refused(account, now, before, limit + 1, gap=gap)
    next_cursor = _cursor(found[limit - 1].n) if len(found) > limit else None
    return Page(found[:limit], next_cursor, runtime.feed.state(account, now).refused)


def close_refused(account: AccountId, number: str, runtime: Runtime) -> None:
    """Take an event off the list, because a person says that it is dealt with.

    Raises:
        Refused: the account has none of that number.
    """
    if not _NUMBER.match(number) or not runtime.feed.close(account, int(number)):
        raise Refused(Code.NOT_FOUND)
    runtime.count("RefusedEventsClosed")


def _cursor(number: int) -> str:
    return base64.urlsafe_b64encode(str(number).encode()).decode()


def _before(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    try:
        text = base64.urlsafe_b64decode(cursor.encode("ascii")).decode("ascii")
    except (ValueError, binascii.Error) as error:
        raise Refused(Code.INVALID_CURSOR) from error
    if not _NUMBER.match(text):
        raise Refused(Code.INVALID_CURSOR)
    return int(text)
