"""What the CRM sent and is not applied yet makes cards incomplete, and each card says so."""

from datetime import timedelta
from typing import Any

import pytest

from mailmirror.aws.queues import FeedJob
from mailmirror.domain.problems import Code
from mailmirror.domain.words.explanation import Language
from mailmirror.runtime import Runtime
from mailmirror.store.people import PeopleStore
from mailmirror.usecases.crm_feed.accept_events import accept_events
from mailmirror.usecases.crm_feed.apply_event import MAX_ATTEMPTS, apply_event
from tests.integration.api_calls import Api, Json
from tests.integration.events_queue import EventsQueue
from tests.integration.interruptions import Killed, before_write
from tests.integration.office import KIM, MARCH, REP, STRANGER, Office, letter
from tests.servers.mailbox_server import MailboxServer

KIMS = "/v1/contacts/kim/messages"


def contact(event_id: str, *emails: str, **fields: object) -> Json:
    data = {"id": "kim", "name": "Kim", "emails": [KIM, *emails]}
    at = (MARCH + timedelta(hours=int(event_id[1:]))).isoformat()
    event = {"id": event_id, "type": "contact.upserted", "occurred_at": at, "data": data}
    return event | fields


def accept(office: Office, *events: Json) -> None:
    accept_events(office.account, events, office.runtime)


def apply(jobs: list[FeedJob], runtime: Runtime) -> None:
    for job in jobs:
        apply_event(job, runtime)


def coverage(api: Api) -> Json:
    found: Json = api.ask("GET", KIMS)[1]["coverage"]
    return found


@pytest.fixture
def synced(office: Office, imap_server: MailboxServer) -> None:
    """A mailbox with a message from Kim and one from a stranger."""
    imap_server.append(REP, "INBOX", letter(1), MARCH)
    imap_server.append(REP, "INBOX", letter(2, sender=STRANGER), MARCH)
    office.sync(office.connect(imap_server, "rep", REP))


@pytest.mark.usefixtures("synced")
def test_a_card_says_that_accepted_events_wait_until_they_are_applied(
    api: Api, office: Office, events_queue: EventsQueue
) -> None:
    before = coverage(api)
    assert before["complete"]
    accept(office, contact("e1"), contact("e2", STRANGER))
    waiting = coverage(api)
    assert not waiting["complete"]
    assert waiting["gap"] == waiting["feed"]["gap"] == "events_waiting"
    assert waiting["feed"]["as_of"] == before["feed"]["as_of"]
    apply(events_queue.take(1), office.runtime)
    assert coverage(api)["gap"] == "events_waiting"
    apply(events_queue.take(), office.runtime)
    assert coverage(api)["feed"]["complete"]
    assert coverage(api)["gap"] == "late_facts"  # the stranger's mail is judged again


@pytest.mark.usefixtures("synced")
@pytest.mark.parametrize(
    ("language", "reason", "remedy"),
    [
        (Language.EN, "are not applied yet", "Open the card again in a minute."),
        (Language.JA, "まだ適用されていない", "1 分ほど後にカードを開き直してください。"),
    ],
)
def test_what_waits_is_said_with_what_to_do(
    language: Language,
    reason: str,
    remedy: str,
    api: Api,
    office: Office,
    events_queue: EventsQueue,
) -> None:
    accept(office, contact("e1"))
    said = api.ask("GET", KIMS, language=language)[1]["coverage"]
    assert reason in said["reason"]
    assert remedy in said["remedy"]
    apply(events_queue.take(), office.runtime)
    assert coverage(api)["complete"]


def feed(office: Office) -> tuple[bool, int]:
    state = office.runtime.feed.state(office.account, office.runtime.now())
    return state.waiting, state.refused


def test_while_events_wait_the_feed_is_as_of_the_acceptance_of_the_last_that_is_applied(
    office: Office, events_queue: EventsQueue
) -> None:
    accept(office, contact("e1"), contact("e2"))
    (first,) = events_queue.take(1)
    assert first.accepted_at is not None
    apply_event(first, office.runtime)
    state = office.runtime.feed.state(office.account, office.runtime.now())
    assert state.as_of == first.accepted_at
    begin = office.runtime.now()
    apply(events_queue.take(), office.runtime)
    state = office.runtime.feed.state(office.account, office.runtime.now())
    assert state.as_of is not None
    assert state.as_of >= begin


def test_of_two_webhooks_the_one_that_notes_later_hides_no_event_of_the_other(
    office: Office, events_queue: EventsQueue
) -> None:
    accept(office, contact("e1"), contact("e2"))
    first, second = events_queue.take()
    apply_event(first, office.runtime)
    office.runtime.feed.accepted(office.account, first.accepted)  # its webhook was slow
    assert feed(office) == (True, 0)
    apply_event(second, office.runtime)
    office.runtime.feed.accepted(office.account, second.accepted)
    assert feed(office) == (False, 0)


def test_an_event_that_is_applied_behind_later_ones_leaves_nothing_waiting(
    office: Office, events_queue: EventsQueue
) -> None:
    """As one that an operator has brought back from the dead-letter queue."""
    accept(office, contact("e1"), contact("e2"))
    first, second = events_queue.take()
    apply([second, first], office.runtime)
    assert feed(office) == (False, 0)


def test_a_refused_event_waits_until_it_is_listed(
    office: Office, events_queue: EventsQueue
) -> None:
    """A card is incomplete at each moment: until then because it waits, then because of the gap."""
    accept(office, contact("e1", data={"id": "kim", "emails": ["none"]}))
    (job,) = events_queue.take()
    for number in range(1, 4):
        with (
            pytest.raises(Killed),
            before_write(office.runtime, number, lambda: None, then_die=True),
        ):
            apply_event(job, office.runtime)
        assert any(feed(office))
    apply_event(job, office.runtime)
    assert feed(office) == (False, 1)


def again(job: FeedJob, attempt: int) -> FeedJob:
    """The event as the queue brings it another time."""
    fields: dict[str, Any] = {"SequenceNumber": job.accepted, "ApproximateReceiveCount": attempt}
    return FeedJob.from_json(job.to_json(), fields)


def test_an_event_that_fails_each_time_is_listed_and_skipped(
    office: Office, events_queue: EventsQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept(office, contact("e1"), contact("e2", STRANGER))
    first, second = events_queue.take()
    with monkeypatch.context() as patch:
        patch.setattr(PeopleStore, "apply", fails)
        for attempt in range(1, MAX_ATTEMPTS + 2):
            with pytest.raises(TimeoutError):
                apply_event(again(first, attempt), office.runtime)
            assert feed(office) == (True, int(attempt > MAX_ATTEMPTS))
        apply_event(again(first, MAX_ATTEMPTS + 2), office.runtime)
    (listed,) = office.runtime.feed.refused(office.account, office.runtime.now())
    assert (listed.id, listed.code, listed.gap) == ("e1", Code.EVENT_FAILED, True)
    apply_event(again(second, MAX_ATTEMPTS + 2), office.runtime)  # it came as often, untried
    assert feed(office) == (False, 1)
    apply_event(again(first, 1), office.runtime)  # sent again under its id
    assert feed(office) == (False, 0)


def fails(*_: object, **__: object) -> None:
    raise TimeoutError


@pytest.mark.parametrize(
    ("emails", "code", "applied"),
    [([STRANGER, "typo@x@y"], Code.INVALID_EMAIL, True), (["none"], Code.INVALID_EMAIL, False)],
)
def test_an_event_that_comes_once_more_keeps_the_outcome_that_it_had(
    emails: list[str],
    code: Code,
    applied: bool,
    office: Office,
    events_queue: EventsQueue,
) -> None:
    """As where another event of its batch ends the function each time."""
    accept(office, contact("e1", data={"id": "kim", "name": "Kim", "emails": emails}))
    (job,) = events_queue.take()
    for attempt in range(MAX_ATTEMPTS, MAX_ATTEMPTS + 4):
        apply_event(again(job, attempt), office.runtime)
        (listed,) = office.runtime.feed.refused(office.account, office.runtime.now())
        assert (listed.code, listed.applied) == (code, applied)


def test_an_event_that_succeeds_at_last_is_not_listed(
    office: Office, events_queue: EventsQueue
) -> None:
    accept(office, contact("e1"))
    (job,) = events_queue.take()
    apply_event(again(job, MAX_ATTEMPTS + 1), office.runtime)
    assert feed(office) == (False, 0)
