"""Repeat a step of a job that fails at AWS, before the queue repeats the job.

A queue repeats a job after half an hour, and moves it to the dead letters after five failures. So
a step is repeated at once, with exponential backoff and full jitter: until the job's deadline, and
no more than a few times without progress.
"""

import random
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from mailmirror.observing import is_of_aws, log_failure
from mailmirror.runtime import Runtime

_REPEATS = 6
"""How often a step is repeated without progress."""
PAUSE_SECONDS = 0.2
"""Before the first repeat, at the most; it doubles with each."""


def repeated[T](
    step: Callable[[], T],
    runtime: Runtime,
    until: datetime,
    *,
    moves: Callable[[], int] = lambda: 0,
    failed: Callable[[], None] = lambda: None,
) -> T:
    """Do a step, which must be idempotent; again where AWS or the network fails.

    Parameters:
        until: after which nothing is repeated.
        moves: counts what the step has done for good; a failure after more of it is the first.
        failed: called before each repeat.

    Raises:
        Exception: the step's last failure, or its first that is not of AWS.
    """
    failures, before = 0, moves()
    while True:
        try:
            return step()
        except Exception as error:
            now_done = moves()
            failures = 1 if now_done > before else failures + 1
            before = now_done
            seconds = random.uniform(0, PAUSE_SECONDS * 2 ** (failures - 1))
            ends_at = runtime.now() + timedelta(seconds=seconds)
            if not is_of_aws(error) or failures > _REPEATS or ends_at >= until:
                raise
            log_failure(error)
        runtime.count("StepsRepeated")
        failed()
        time.sleep(seconds)
