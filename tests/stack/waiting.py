"""Waiting for what deployed functions do: a look again and again, until it is so."""

import time
from collections.abc import Callable

_BETWEEN_LOOKS = 0.1


class Late(AssertionError):
    """What was waited for did not come."""


def wait_for[T](
    what: str, look: Callable[[], T], wanted: Callable[[T], bool] = bool, seconds: float = 20
) -> T:
    """Look until what is seen is what is wanted, and return it.

    Parameters:
        what: for the error's text.
        wanted: by default all that is true.

    Raises:
        Late: it was not so within `seconds`; the text says what was seen last.
    """
    deadline = time.monotonic() + seconds
    while not wanted(seen := look()):
        if time.monotonic() > deadline:
            raise Late(f"{what} did not happen within {seconds} s; last seen: {seen!r}")
        time.sleep(_BETWEEN_LOOKS)
    return seen
