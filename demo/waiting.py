"""Waiting for what others do, with a word on how it stands."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from demo.crm import Refused
from demo.page import Page

LOOKS_EVERY: Final = 1.0
"""Seconds. There is no call that would tell us: a CRM asks, too."""
SPEAKS_EVERY: Final = 15.0


class Late(Exception):
    """A wait ran out."""


class NotYet(Exception):
    """What is waited for is not so; the text says how it stands."""


def wait_for[T](what: str, look: Callable[[], T], patience: timedelta, page: Page) -> T:
    """Look until `look` no longer raises `NotYet`, and return what it saw.

    Server errors count as not yet: a stack that has just started may still be warming up.

    Raises:
        Late: `patience` ran out; the text says how it stood.
        Refused: the API refused for a reason that time does not mend.
    """
    began = time.monotonic()
    said, said_at = "", -SPEAKS_EVERY
    while True:
        try:
            return look()
        except NotYet as reason:
            stands = str(reason)
        except Refused as refused:
            if refused.status < 500:
                raise
            stands = str(refused)
        waited = time.monotonic() - began
        if waited > patience.total_seconds():
            raise Late(f"waited {waited:.0f} s in vain for {what}: {stands}")
        if page.live or stands != said or waited - said_at >= SPEAKS_EVERY:
            page.progress(f"{what}, {waited:.0f} s: {stands}")
            said, said_at = stands, waited
        time.sleep(LOOKS_EVERY)
