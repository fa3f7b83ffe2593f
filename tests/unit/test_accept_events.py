"""What a webhook accepts of many events, and what it says of those that it does not."""

import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

from mailmirror.aws.queues import FeedJob
from mailmirror.domain.address import Address
from mailmirror.domain.feed import PersonUpserted, parse_event
from mailmirror.domain.limits import MAX_EVENTS
from mailmirror.domain.mailbox import AccountId
from mailmirror.domain.persons import Persons, Record
from mailmirror.domain.problems import Code
from mailmirror.runtime import Runtime
from mailmirror.usecases.crm_feed.accept_events import accept_events

ACCOUNT = AccountId("5a1e5c0ffee0")
EVENTS, BAD = 20_000, 1_000
AT = "2026-03-01T10:00:00Z"


@dataclass
class Queue:
    jobs: list[FeedJob] = field(default_factory=list)

    def send(self, jobs: list[FeedJob]) -> int:
        numbered = {n: FeedJob.from_json(job.to_json()) for n, job in enumerate(jobs, 1)}
        self.jobs += [replace(job, accepted=n) for n, job in numbered.items()]
        return len(numbered)


def contact(n: int, **fields: object) -> dict[str, Any]:
    data = {"id": n, "name": f"N{n}", "emails": [f"c{n}@x.example"]}
    return {"id": n, "type": "contact.upserted", "occurred_at": AT, "data": data} | fields


def bad(n: int) -> tuple[object, Code]:
    """One of the ways in which an event is wrong."""
    merged = {"id": n, "winner_id": n}
    ways: list[tuple[object, Code]] = [
        ("{", Code.INVALID_FIELD),
        (None, Code.MISSING_FIELD),
        (contact(n, id=""), Code.MISSING_FIELD),
        (contact(n, type="contact.gone"), Code.UNKNOWN_EVENT_TYPE),
        (contact(n, occurred_at=1772359200), Code.INVALID_FIELD),
        (contact(n, occurred_at="2099-01-01T00:00:00Z"), Code.EVENT_AHEAD),
        (contact(n, data={"id": n, "emails": ["n/a"]}), Code.INVALID_EMAIL),
        (contact(n, data={"id": n}), Code.MISSING_FIELD),
        (contact(n, type="contact.merged", data=merged), Code.INVALID_FIELD),
        (contact(n, type="lead.converted", data={"id": n}), Code.MISSING_FIELD),
        (contact(n, data={"id": "\ud800", "emails": []}), Code.INVALID_FIELD),
        (contact(n, data=[contact(n)]), Code.INVALID_FIELD),
    ]
    return ways[n % len(ways)]


def test_a_thousand_bad_events_among_twenty_thousand_are_named_and_lose_no_other() -> None:
    chosen = set(random.Random(18).sample(range(EVENTS), BAD))
    sent = [bad(n)[0] if n in chosen else contact(n) for n in range(EVENTS)]
    queue = Queue()
    runtime = cast(
        "Runtime",
        SimpleNamespace(
            now=lambda: datetime(2026, 3, 1, 12, tzinfo=UTC),
            feed_queue=queue,
            feed=SimpleNamespace(accepted=lambda *_: None),
            count=lambda *_: None,
        ),
    )
    named: dict[int, str] = {}
    accepted = 0
    for first in range(0, EVENTS, MAX_EVENTS):
        answer = accept_events(ACCOUNT, sent[first : first + MAX_EVENTS], runtime)
        accepted += answer.accepted
        named |= {first + one["index"]: one["code"] for one in answer.refused}
        assert all(one["reason"] and one["remedy"] for one in answer.refused)
    assert accepted == EVENTS - BAD
    assert named == {n: bad(n)[1] for n in chosen}
    assert len(queue.jobs) == EVENTS
    assert sum(job.refusal is not None for job in queue.jobs) == BAD
    records = {}
    for job in queue.jobs:
        if job.refusal is None:
            event = parse_event(job.event, job.accepted)
            assert isinstance(event, PersonUpserted)
            record = Record(event.person).then(event)
            assert record is not None
            records[event.person] = record
    has = Persons(records).holders().keys()
    assert has == {Address(f"c{n}@x.example") for n in range(EVENTS) if n not in chosen}
