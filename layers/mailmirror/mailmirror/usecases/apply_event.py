"""Apply one event of the CRM's to what we know of people and deals."""

import json

from mailmirror.domain.feed import (
    DealDeleted,
    DealUpserted,
    Event,
    PersonDeleted,
    PersonUpserted,
    UserUpserted,
    parse_event,
)
from mailmirror.domain.mailbox import AccountId
from mailmirror.domain.problems import Refused
from mailmirror.runtime import Runtime
from mailmirror.store.queues import FeedJob


def apply_event(job: FeedJob, runtime: Runtime) -> None:
    """Apply an event; one that cannot be applied is counted, kept 30 days, and passed.

    Fails only for AWS's errors, upon which the queue brings the event again.
    """
    now = runtime.now()
    try:
        event = parse_event(job.event)
    except Refused as refusal:
        runtime.feed.refuse(job.account, json.dumps(job.event), refusal, now)
        runtime.feed.count(job.account, 0, 1, now)
        runtime.count("EventsRefused")
        return
    _apply(job.account, event, runtime)
    runtime.feed.count(job.account, 1, 0, now)
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
            runtime.deals.put(account, event)
