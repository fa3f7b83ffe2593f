"""What could not be applied is listed and counted, until it is corrected, closed or 30 days old."""

import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import pytest

from mailmirror.api.answers import Answer
from mailmirror.api.events import EventsAccepted, LeftOutAtOnce
from mailmirror.aws.queues import FeedJob
from mailmirror.domain.address import Address
from mailmirror.domain.coverage import FeedCoverage
from mailmirror.domain.deals import DealId
from mailmirror.domain.feed import PersonKind, PersonRef
from mailmirror.domain.limits import MAX_COUNTED_GAPS, MAX_WEBHOOK_BYTES
from mailmirror.domain.mailbox import AccountId
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.words.coverage import explain_feed
from mailmirror.domain.words.explanation import Language
from mailmirror.runtime import Runtime
from mailmirror.usecases.crm_feed.accept_events import Accepted, accept_events
from mailmirror.usecases.crm_feed.apply_event import apply_event
from mailmirror.usecases.crm_feed.refused_events import Page, close_refused, list_refused
from mailmirror.usecases.operating.accounts import create_account
from tests.integration.interruptions import Killed, before_write
from tests.integration.office import Clock

RIGHT = Address("right@customer.example")


@pytest.fixture
def account(runtime: Runtime) -> AccountId:
    return create_account("Test", runtime).account_id


def contact(event_id: object = "e1", **data: object) -> dict[str, Any]:
    whole: dict[str, object] = {"id": "new", "name": "N", "emails": [RIGHT]}
    at = "2026-03-01T10:00:00Z"
    return {"id": event_id, "type": "contact.upserted", "occurred_at": at, "data": whole | data}


def bad(event_id: object = "e1") -> dict[str, Any]:
    return contact(event_id, emails=["none"])


def applied(account: AccountId, runtime: Runtime, *events: object) -> None:
    for event in events:
        apply_event(FeedJob(account, event), runtime)


def listed(account: AccountId, runtime: Runtime, gap: bool | None = None) -> list[str]:
    """The ids of all that is listed, by pages of three."""
    return [one.id for page in pages(account, runtime, 3, gap) for one in page.events]


def pages(
    account: AccountId, runtime: Runtime, limit: int, gap: bool | None = None
) -> Sequence[Page]:
    found = [list_refused(account, None, limit, runtime, gap=gap)]
    while cursor := found[-1].next_cursor:
        found.append(list_refused(account, cursor, limit, runtime, gap=gap))
    return found


def gaps(account: AccountId, runtime: Runtime) -> int:
    """The gaps that a card counts, which are those that the list says and has."""
    counted = runtime.feed.state(account, runtime.now()).refused
    (said,) = {page.gaps for page in pages(account, runtime, 50)}
    assert said == counted == min(MAX_COUNTED_GAPS, len(listed(account, runtime, gap=True)))
    return counted


def accepted(
    account: AccountId,
    runtime: Runtime,
    monkeypatch: pytest.MonkeyPatch,
    *events: object,
    language: Language = Language.EN,
) -> Accepted:
    """What a webhook answers; what it queues is applied, as JSON has brought it."""
    queued: list[FeedJob] = []

    class Queue:
        send = staticmethod(queued.extend)

    monkeypatch.setitem(runtime.__dict__, "feed_queue", Queue)
    found = accept_events(account, events, runtime, language)
    for job in queued:
        assert FeedJob.from_json(job.to_json()) == job
        apply_event(FeedJob.from_json(job.to_json()), runtime)
    return found


def test_the_list_has_the_latest_first_and_goes_on_by_its_cursor(
    account: AccountId, runtime: Runtime
) -> None:
    unknown = contact("e3") | {"type": "task.created"}
    applied(account, runtime, bad("e1"), bad("e2"), unknown, bad("e4"), contact("e5"), bad("e6"))
    applied(account, runtime, contact("e7", emails=[RIGHT, "n/a"]))
    assert listed(account, runtime) == ["e7", "e6", "e4", "e3", "e2", "e1"]
    assert listed(account, runtime, gap=True) == ["e6", "e4", "e2", "e1"]
    assert listed(account, runtime, gap=False) == ["e7", "e3"]
    numbers = [one.n for page in pages(account, runtime, 2) for one in page.events]
    assert numbers == sorted(set(numbers), reverse=True)
    assert [len(page.events) for page in pages(account, runtime, 2)] == [2, 2, 2]
    assert gaps(account, runtime) == 4


@pytest.mark.parametrize("cursor", ["", "x", "é", "MA==", "LTE=", "MDAx", "AAAA", "%", "1" * 5_000])
def test_a_cursor_that_was_not_made_here_is_refused(
    cursor: str, account: AccountId, runtime: Runtime
) -> None:
    with pytest.raises(Refused) as refused:
        list_refused(account, cursor, 10, runtime, gap=None)
    assert refused.value.code is Code.INVALID_CURSOR


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        "text",
        {},
        contact(None),
        contact("an id"),
        contact() | {"type": "task.created"},
        contact() | {"type": None},
        contact() | {"type": 7},
    ],
    ids=range(9),
)
def test_what_no_repeat_can_mend_is_told_and_listed_and_no_gap(
    event: object, account: AccountId, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = accepted(account, runtime, monkeypatch, event)
    assert (found.accepted, len(found.refused)) == (0, 1)
    (page,) = pages(account, runtime, 10)
    assert [(one.gap, one.applied) for one in page.events] == [(False, False)]
    assert gaps(account, runtime) == 0


@pytest.mark.parametrize(
    "event",
    [
        contact() | {"occurred_at": 1770681600000},
        contact() | {"occurred_at": "2099-01-01T00:00:00Z"},
        contact() | {"data": None},
        contact(id=None),
        bad(),
    ],
    ids=range(5),
)
def test_what_is_of_a_known_type_and_can_be_sent_again_is_a_gap(
    event: object, account: AccountId, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    accepted(account, runtime, monkeypatch, event)
    assert gaps(account, runtime) == 1
    accepted(account, runtime, monkeypatch, contact())
    assert gaps(account, runtime) == 0
    assert listed(account, runtime) == []


def test_an_event_that_is_refused_replaced_and_refused_again_is_listed_once(
    account: AccountId, runtime: Runtime
) -> None:
    applied(account, runtime, bad("e1"), bad("e2"), bad("e1"))
    assert listed(account, runtime) == ["e1", "e2"]
    applied(account, runtime, contact("e1"))
    assert listed(account, runtime) == ["e2"]
    applied(account, runtime, bad("e1"))
    assert listed(account, runtime) == ["e1", "e2"]
    assert gaps(account, runtime) == 2
    applied(account, runtime, contact("e1") | {"type": "task.created"})
    assert (listed(account, runtime), gaps(account, runtime)) == (["e1", "e2"], 1)
    applied(account, runtime, bad("e1"))
    assert gaps(account, runtime) == 2


def test_a_person_closes_a_gap_and_the_card_says_so_at_once(
    account: AccountId, runtime: Runtime
) -> None:
    applied(account, runtime, bad("e1"), bad("e2"))
    second, first = list_refused(account, None, 10, runtime, gap=None).events
    close_refused(account, str(first.n), runtime)
    assert (listed(account, runtime), gaps(account, runtime)) == (["e2"], 1)
    close_refused(account, str(second.n), runtime)
    assert FeedCoverage(runtime.now(), gaps(account, runtime)).complete
    with pytest.raises(Refused) as refused:
        close_refused(account, str(second.n), runtime)
    assert refused.value.code is Code.NOT_FOUND
    applied(account, runtime, bad("e1"))
    assert gaps(account, runtime) == 1
    applied(account, runtime, contact("e1"), contact("e2"))
    assert gaps(account, runtime) == 0


def test_what_is_no_gap_can_be_closed_too(account: AccountId, runtime: Runtime) -> None:
    applied(account, runtime, None, contact("e1", emails=[RIGHT, "n/a"]))
    for one in list_refused(account, None, 10, runtime, gap=None).events:
        close_refused(account, str(one.n), runtime)
    assert listed(account, runtime) == []


@pytest.mark.parametrize("number", ["0", "-1", "01", "1.0", "x", "٣", "9" * 12, "9" * 60, "gap"])
def test_an_unknown_number_closes_nothing(
    number: str, account: AccountId, runtime: Runtime
) -> None:
    applied(account, runtime, bad())
    with pytest.raises(Refused) as refused:
        close_refused(account, number, runtime)
    assert refused.value.code is Code.NOT_FOUND
    assert gaps(account, runtime) == 1


def test_another_accounts_number_closes_nothing(account: AccountId, runtime: Runtime) -> None:
    other = create_account("Other", runtime).account_id
    applied(account, runtime, bad("e1"), bad("e2"), bad("e3"))
    (latest, *_) = list_refused(account, None, 1, runtime, gap=None).events
    with pytest.raises(Refused):
        close_refused(other, str(latest.n), runtime)
    assert gaps(account, runtime) == 3


@pytest.mark.exceeds("MAX_COUNTED_GAPS")
def test_many_gaps_are_counted_up_to_a_hundred_and_all_of_them_are_listed(
    account: AccountId, runtime: Runtime
) -> None:
    number = MAX_COUNTED_GAPS + 5
    applied(account, runtime, *(bad(f"e{n}") for n in range(number)))
    ids = [one.id for page in pages(account, runtime, 50) for one in page.events]
    assert ids == [f"e{n}" for n in reversed(range(number))]
    before = runtime.table.meter.read_units
    state = runtime.feed.state(account, runtime.now())
    assert runtime.table.meter.read_units - before < 20
    assert state.refused == MAX_COUNTED_GAPS
    said = explain_feed(FeedCoverage(state.as_of, state.refused), Language.EN)
    assert said is not None
    assert said.reason == "100 or more of the CRM's events could not be applied."
    assert {page.gaps for page in pages(account, runtime, 50)} == {100}


def test_after_thirty_days_a_refused_event_is_neither_listed_nor_counted(
    account: AccountId, runtime: Runtime, clock: Clock
) -> None:
    applied(account, runtime, bad("e1"))
    clock.advance(timedelta(days=29))
    applied(account, runtime, bad("e2"))
    assert gaps(account, runtime) == 2
    clock.advance(timedelta(days=1, minutes=1))
    assert (listed(account, runtime), gaps(account, runtime)) == (["e2"], 1)
    applied(account, runtime, contact("e1"))
    assert gaps(account, runtime) == 1
    clock.advance(timedelta(days=29))
    assert (listed(account, runtime), gaps(account, runtime)) == ([], 0)
    applied(account, runtime, contact("e2"))


@pytest.mark.parametrize("event", [bad("e1"), contact("e1"), contact("e1", emails=[RIGHT, "n/a"])])
@pytest.mark.parametrize("listed_before", [True, False])
def test_a_crash_at_any_write_leaves_one_entry_or_none(
    event: dict[str, Any],
    listed_before: bool,
    account: AccountId,
    runtime: Runtime,
) -> None:
    for number in range(1, 20):
        if listed_before:
            applied(account, runtime, bad("e1"))
        with before_write(runtime, number, lambda: None, then_die=True) as died, suppress(Killed):
            applied(account, runtime, event)
        assert len(listed(account, runtime)) <= 1
        applied(account, runtime, event)
        is_listed = event["data"]["emails"] != [RIGHT]
        assert listed(account, runtime) == (["e1"] if is_listed else [])
        assert gaps(account, runtime) == (event == bad("e1"))
        if not died:
            return
    raise AssertionError("it never ended")


def test_a_close_at_any_moment_of_a_repeat_leaves_the_later_entry(
    account: AccountId, runtime: Runtime
) -> None:
    for number in range(1, 20):
        applied(account, runtime, bad("e1"))
        (one,) = list_refused(account, None, 10, runtime, gap=None).events
        closed: list[bool] = []

        def close(n: int = one.n, closed: list[bool] = closed) -> None:
            closed.append(runtime.feed.close(account, n))

        with before_write(runtime, number, close) as came:
            applied(account, runtime, bad("e1"))
        assert listed(account, runtime) == ["e1"]
        applied(account, runtime, contact("e1"))
        assert listed(account, runtime) == []
        if not came:
            return


def test_what_is_left_out_of_an_event_is_said_at_once_and_listed(
    account: AccountId, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    emails = [RIGHT, "n/a", "", "lee@x,example"]
    found = accepted(account, runtime, monkeypatch, None, contact("e1", emails=emails, name=7))
    assert (found.accepted, [one["index"] for one in found.refused]) == (1, [0])
    assert [(one["index"], one["id"], one["code"], one["detail"]) for one in found.left_out] == [
        (1, "e1", Code.INVALID_FIELD, "data.name: 7"),
        (1, "e1", Code.INVALID_EMAIL, "data.emails[1]: n/a; data.emails[3]: lee@x,example"),
        (1, "e1", Code.INVALID_EMAIL, "data.emails[2]: empty"),
    ]
    person = runtime.people.find(account, PersonRef(PersonKind.CONTACT, "new"))
    assert person is not None
    assert (person.emails, person.name, person.lost) == ({RIGHT}, "", 1)
    entry, _ = list_refused(account, None, 10, runtime, gap=None).events
    assert (entry.id, entry.type, entry.gap, entry.applied) == (
        "e1",
        "contact.upserted",
        False,
        True,
    )
    assert entry.detail == "data.name: 7; data.emails[1]: n/a; data.emails[3]: lee@x,example"
    assert gaps(account, runtime) == 0


def test_what_is_left_out_is_said_in_the_callers_language(
    account: AccountId, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = [contact("e1", emails=[RIGHT, "n/a"]), bad("e2")]
    found = accepted(account, runtime, monkeypatch, *events, language=Language.JA)
    for said in (*found.left_out, *found.refused):
        assert said["reason"] == "メールアドレスとして正しくない項目があります。"


def test_an_empty_entry_is_said_at_once_and_not_listed(
    account: AccountId, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = accepted(account, runtime, monkeypatch, contact("e1", emails=[RIGHT, ""]))
    assert [one["detail"] for one in found.left_out] == ["data.emails[1]: empty"]
    assert listed(account, runtime) == []


def test_a_corrected_event_takes_what_was_left_out_off_the_list(
    account: AccountId, runtime: Runtime
) -> None:
    applied(account, runtime, contact("e1", emails=[RIGHT, "lee@"]))
    assert listed(account, runtime) == ["e1"]
    applied(account, runtime, contact("e1"))
    assert listed(account, runtime) == []


def test_a_deal_counts_the_contacts_that_a_version_in_force_lacks(
    account: AccountId, runtime: Runtime
) -> None:
    def lost(event_id: str, day: int, *contacts: object) -> int:
        data = {"id": "d", "status": "open", "contact_ids": list(contacts)}
        at = f"2026-03-0{day}T10:00:00Z"
        event = {"id": event_id, "type": "deal.upserted", "occurred_at": at, "data": data}
        applied(account, runtime, event)
        deal = runtime.deals.find(account, DealId("d"))
        assert deal is not None
        return deal.lost

    assert lost("1", 1, "kim", "a b", "") == 1
    assert lost("2", 2, "kim") == 1  # mail of the first day may still be missing
    assert lost("3", 1, "kim", "lee") == 0


def test_the_largest_answer_of_a_webhook_fits_into_a_functions(
    account: AccountId, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lambda answers at most 6 MB, in JSON that holds JSON."""

    class Queue:
        @staticmethod
        def send(jobs: list[FeedJob]) -> None:
            assert jobs

    monkeypatch.setitem(runtime.__dict__, "feed_queue", Queue)
    event: dict[str, object] = {"id": "1", "type": "lead.upserted"}
    event |= {"occurred_at": "2026-03-01T10:00Z"}
    event |= {"data": {"id": 1, "name": 0, "emails": ["k@x", *[0] * 12, *[""] * 4]}}
    number = MAX_WEBHOOK_BYTES // len(json.dumps(event, separators=(",", ":")))
    found = accept_events(account, [event] * number, runtime, Language.JA)
    assert len(found.left_out) == 3 * number
    left_out = [LeftOutAtOnce(**one) for one in found.left_out]
    answer = Answer(HTTPStatus.ACCEPTED, EventsAccepted(number, [], left_out)).to_gateway()
    assert len(json.dumps(answer)) < 6_000_000


def test_events_without_an_id_are_listed_each(account: AccountId, runtime: Runtime) -> None:
    for number, event in enumerate(({}, {}, {"type": "contact.upserted"}), 1):
        job = FeedJob(account, event, ("missing_field", "id"), accepted=number)
        for _ in range(2):  # the queue may bring it again
            apply_event(job, runtime)
    listed = runtime.feed.refused(account, runtime.now())
    assert len(listed) == 3
