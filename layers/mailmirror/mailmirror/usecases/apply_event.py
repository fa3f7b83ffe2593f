"""Apply one event of the CRM's: to what we know of people and deals, or as a person's hand."""

from mailmirror.domain.feed import (
    DealDeleted,
    DealUpserted,
    Event,
    HandGiven,
    PersonDeleted,
    PersonUpserted,
    UserUpserted,
    parse_event,
)
from mailmirror.domain.mailbox import AccountId
from mailmirror.domain.problems import Refused
from mailmirror.runtime import Runtime
from mailmirror.store.queues import FeedJob
from mailmirror.usecases.give_hand import apply_hand


def apply_event(job: FeedJob, runtime: Runtime) -> None:
    """Apply an event; one that cannot be applied is counted, kept 30 days, and passed.

    Fails only for AWS's errors, upon which the queue brings the event again.
    """
    now = runtime.now()
    try:
        event = parse_event(job.event)
        _apply(job.account, event, runtime)
    except Refused as refusal:
        runtime.feed.refuse(job.account, job.event, refusal, now)
        runtime.count("EventsRefused")
        runtime.count(f"Refused_{refusal.code}")
        return
    runtime.feed.applied(job.account, event.stamp.event_id, now)
    runtime.count("EventsApplied")


def _apply(account: AccountId, event: Event, runtime: Runtime) -> None:
    match event:
        case UserUpserted():
            runtime.people.put_user(account, event, runtime.now())
        case PersonUpserted():
            runtime.people.put_person(account, event, runtime.now())
        case PersonDeleted():
            runtime.people.delete_person(account, event, runtime.now())
        case DealUpserted() | DealDeleted():
            runtime.deals.put(account, event, runtime.now())
        case HandGiven():
            apply_hand(account, event, runtime)
