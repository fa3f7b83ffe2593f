"""Apply one event of the CRM to people, deals or overrides."""

import random
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from botocore.exceptions import ClientError, ParamValidationError

from mailmirror.aws.queues import FeedJob
from mailmirror.domain.feed import (
    DealDeleted,
    DealUpserted,
    Event,
    OverrideGiven,
    PersonDeleted,
    PersonEvent,
    PersonRedirected,
    PersonUpserted,
    UserUpserted,
    check_not_ahead,
    left_out_of,
    parse_event,
)
from mailmirror.domain.left_out import LeftOut
from mailmirror.domain.mailbox import AccountId
from mailmirror.domain.problems import Code, Refused
from mailmirror.observing import log_failure
from mailmirror.runtime import Runtime
from mailmirror.usecases.threads.set_override import apply_override

MAX_ATTEMPTS = 8
"""How often the queue brings an event before it is listed as one that cannot be applied."""
_PAUSE_SECONDS = 0.2
_MAX_PAUSE_SECONDS = 8.0
_FOR_GOOD = (ArithmeticError, LookupError, RecursionError, TypeError, ValueError)
"""What code raises for a value that it cannot take; AWS's and the network's errors are none."""

_MATCHED = UserUpserted | PersonEvent | DealUpserted | DealDeleted
"""Events that can change which deals messages match."""


def apply_event(
    job: FeedJob,
    runtime: Runtime,
    until: datetime | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Apply an event; one that cannot be applied is counted, listed for 30 days, and skipped.

    What fails for now (throttling, AWS's own errors, the network, writes in between) is repeated
    with exponential backoff and full jitter: the queue brings an event again only after six
    minutes, and its account's next ones wait behind it. One that has come more than MAX_ATTEMPTS
    times is listed before it is tried once more, and skipped the next time: also one that ends the
    function blocks those behind it for an hour at most, and cards say that it is missing.

    Parameters:
        until: after which nothing is repeated; None repeats nothing.

    Returns:
        Whether the account's threads are to be matched again. Also after a repeat: the function may
        have ended before it could queue the job.

    Raises:
        Exception: it failed for now until then; the queue brings the event again.
    """
    if job.attempt > MAX_ATTEMPTS:
        was_tried = runtime.feed.is_listed(job.account, job.event, job.accepted, Code.EVENT_FAILED)
        _refuse(job, Refused(Code.EVENT_FAILED), runtime)
        if was_tried:
            return False
    pause = _PAUSE_SECONDS
    while True:
        try:
            return _apply_or_refuse(job, runtime)
        except Exception:
            delay = random.uniform(0, pause)
            if until is None or runtime.now() + timedelta(seconds=delay) >= until:
                raise
        runtime.count("EventsRepeated")
        sleep(delay)
        pause = min(2 * pause, _MAX_PAUSE_SECONDS)


def _apply_or_refuse(job: FeedJob, runtime: Runtime) -> bool:
    now = runtime.now()
    try:
        if job.refusal:
            raise Refused(Code(job.refusal[0]), job.refusal[1])
        event = parse_event(job.event, job.accepted)
        check_not_ahead(event, now)
        left_out = job.left_out or left_out_of(event)
        doubt = _apply(job.account, event, sum(one.lost for one in left_out), runtime)
    except Refused as refusal:
        _refuse(job, refusal, runtime)
    except Exception as error:
        if not _is_for_good(error):
            raise
        log_failure(error)
        _refuse(job, Refused(Code.EVENT_NOT_KEPT), runtime)
    else:
        said = [*left_out, doubt] if doubt else left_out
        runtime.feed.applied(job.account, job.event, now, said, job.accepted, job.accepted_at)
        runtime.count("EventsApplied")
        return isinstance(event, _MATCHED)
    return False


def _refuse(job: FeedJob, refusal: Refused, runtime: Runtime) -> None:
    runtime.feed.refuse(
        job.account, job.event, refusal, runtime.now(), job.accepted, job.accepted_at
    )
    runtime.count("EventsRefused")
    runtime.count(f"Refused_{refusal.code}")


def _is_for_good(error: Exception) -> bool:
    """Whether an event can never be stored, as one that outgrows an item; else AWS has failed."""
    if isinstance(error, ClientError):
        return error.response["Error"]["Code"] == "ValidationException"
    return isinstance(error, (*_FOR_GOOD, ParamValidationError))


def _apply(account: AccountId, event: Event, lost: int, runtime: Runtime) -> LeftOut | None:
    """Store what an event says.

    Parameters:
        lost: addresses or contacts that were left out of it.

    Returns:
        What has no effect for now, as the merge into a contact that is not known.
    """
    match event:
        case UserUpserted():
            runtime.people.put_user(account, event, runtime.now())
        case PersonUpserted() | PersonDeleted() | PersonRedirected():
            return runtime.people.apply(account, event, runtime.now(), lost=lost).doubt(event)
        case DealUpserted() | DealDeleted():
            runtime.deals.put(account, event, lost, runtime.now())
        case OverrideGiven():
            apply_override(account, event, runtime)
    return None
