"""Renew the lease of a mailbox for as long as its sync works.

A thread renews it, because one step (a large message from a slow server, a batch of writes) may
last longer than the lease lives. It ends with the job, or at the job's deadline. It renews nothing
while no progress was noted for a minute, so that a sync that hangs loses its lease to the next one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Event, Thread

from mailmirror.observing import log_failure
from mailmirror.runtime import Runtime
from mailmirror.store.sync_state import Lease, LeaseLost

RENEW_SECONDS = 25.0
_MAX_STALL = timedelta(seconds=60)
"""How long a sync may go without progress."""
_JOIN_SECONDS = 5.0
"""How long a renewal that is under way may hold up the end of the job."""


class Progress:
    """Counts the steps of a sync: answers of the mail server, and requests to the table."""

    def __init__(self, runtime: Runtime) -> None:
        self._meter = runtime.table.meter
        self._noted = 0
        self.renewals = 0

    def note(self) -> None:
        """The mail server has answered."""
        self._noted += 1

    def total(self) -> int:
        """The number of steps; renewals are requests to the table, too, and are subtracted."""
        return self._noted + self._meter.requests - self.renewals


@contextmanager
def renewed(lease: Lease, runtime: Runtime, until: datetime) -> Iterator[Progress]:
    """Renew a lease until the block ends or `until` has come, while the sync makes progress."""
    progress = Progress(runtime)
    ended = Event()
    thread = Thread(target=_renew, args=(lease, runtime, until, progress, ended), daemon=True)
    thread.start()
    try:
        yield progress
    finally:
        ended.set()
        thread.join(_JOIN_SECONDS)


def _renew(
    lease: Lease, runtime: Runtime, until: datetime, progress: Progress, ended: Event
) -> None:
    total, since = progress.total(), runtime.now()
    while not ended.wait(RENEW_SECONDS):
        now = runtime.now()
        if progress.total() != total:
            total, since = progress.total(), now
        if now >= until:
            return
        if now - since >= _MAX_STALL:
            continue
        try:
            runtime.sync_states.renew(lease, now)
            progress.renewals += 1
        except LeaseLost:
            return
        except Exception as error:  # AWS fails for a moment: the next renewal may succeed
            log_failure(error)
