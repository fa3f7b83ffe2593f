"""The CRM's webhook: what is taken in, what is refused, and what comes of it."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import requests

from mailmirror.domain.problems import Code
from mailmirror.domain.words.explanation import Language
from mailmirror.domain.words.problems import PROBLEMS
from tests.crm import Crm, contact, deal, event, lead, sign, user
from tests.stack.feed import READER, handled, knows, told
from tests.stack.traces import Traces

LIMIT = 256 * 1024
"""Bytes of a body."""
EMPTY = b'{"events": []}'
EARLY = datetime(2026, 2, 1, 9, tzinfo=UTC)
LATE = EARLY + timedelta(hours=1)


def refused(answer: requests.Response) -> tuple[int, str]:
    """The status and code of a problem that says why and what to do."""
    problem = answer.json()
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert problem["status"] == answer.status_code
    assert problem["reason"]
    assert problem["remedy"]
    return answer.status_code, problem["code"]


def test_events_are_accepted_and_applied(crm: Crm) -> None:
    answer = crm.post(lead("lena", "lena@customer.example"), deal("rollout"))

    assert (answer.status_code, answer.json()) == (202, {"accepted": 2, "refused": []})
    handled(crm)
    assert knows(crm, "leads/lena")
    assert knows(crm, "deals/rollout")
    assert not knows(crm, "contacts/lena")


def test_no_events_are_no_mistake(crm: Crm) -> None:
    assert crm.post().json() == {"accepted": 0, "refused": []}


@pytest.mark.parametrize(
    "signed",
    [
        lambda now: "",
        lambda now: "v1=00",
        lambda now: f"t=now,v1={'0' * 64}",
        lambda now: f"t={now},v1={'0' * 64}",
        lambda now: sign("another secret", EMPTY, now),
    ],
    ids=["nothing", "no time", "a time that is none", "a made-up one", "another secret"],
)
def test_a_body_that_was_not_signed_by_the_account_is_refused(
    crm: Crm, signed: Callable[[int], str]
) -> None:
    assert refused(crm.post_body(EMPTY, signed(int(time.time())))) == (401, "invalid_signature")


def test_a_signature_is_for_one_body(crm: Crm) -> None:
    signature = sign(crm.account.webhook_secret, EMPTY, int(time.time()))

    assert refused(crm.post_body(EMPTY + b" ", signature)) == (401, "invalid_signature")


def test_a_signature_is_for_one_account(crm: Crm) -> None:
    for other in ("000000000000", "no-account"):
        assert refused(crm.post_body(EMPTY, account_id=other)) == (401, "invalid_signature")


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_timestamp_may_be_five_minutes_off_and_no_more(crm: Crm, minutes: int) -> None:
    now, secret = int(time.time()), crm.account.webhook_secret
    nearly = now + minutes * 60 * 4 // 6

    assert crm.post_body(EMPTY, sign(secret, EMPTY, nearly)).status_code == 202
    assert refused(crm.post_body(EMPTY, sign(secret, EMPTY, now + minutes * 60))) == (
        401,
        "stale_timestamp",
    )


@pytest.mark.exceeds("MAX_WEBHOOK_BYTES")
def test_a_body_may_have_256_kilobytes_and_no_more(crm: Crm) -> None:
    assert crm.post_body(EMPTY.ljust(LIMIT)).status_code == 202
    assert refused(crm.post_body(EMPTY.ljust(LIMIT + 1))) == (413, "body_too_large")


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", (400, "malformed_json")),
        (b"{", (400, "malformed_json")),
        (b"[" * 100_000, (400, "malformed_json")),
        (b"[]", (400, "malformed_json")),
        (b'"events"', (400, "malformed_json")),
        (b"{}", (422, "missing_field")),
        (b'{"events": null}', (422, "missing_field")),
        (b'{"events": {}}', (422, "invalid_field")),
    ],
)
def test_a_signed_body_that_is_no_list_of_events_is_refused(
    crm: Crm, body: bytes, problem: tuple[int, str]
) -> None:
    assert refused(crm.post_body(body)) == problem


def without(whole: dict[str, Any], field: str) -> dict[str, Any]:
    return {name: value for name, value in whole.items() if name != field}


BAD_EVENTS = [
    ("not an event", Code.INVALID_FIELD, "event"),
    (None, Code.MISSING_FIELD, "event"),
    (event("contact.sneezed", item="x", id="e-type"), Code.UNKNOWN_EVENT_TYPE, "type"),
    (without(contact("x"), "type"), Code.MISSING_FIELD, "type"),
    (without(contact("x"), "id"), Code.MISSING_FIELD, "id"),
    (contact("x", id="an id"), Code.INVALID_FIELD, "id"),
    (without(contact("x"), "occurred_at"), Code.MISSING_FIELD, "occurred_at"),
    (contact("x") | {"occurred_at": "2026-02-01T09:00:00"}, Code.INVALID_FIELD, "occurred_at"),
    (contact("x") | {"occurred_at": "yesterday"}, Code.INVALID_FIELD, "occurred_at"),
    (without(contact("x"), "data"), Code.MISSING_FIELD, "data"),
    (contact("x") | {"data": []}, Code.INVALID_FIELD, "data"),
    (event("contact.upserted", item=None, name="X", emails=[]), Code.MISSING_FIELD, "data.id"),
    (event("contact.upserted", item="x", name="X"), Code.MISSING_FIELD, "data.emails"),
    (event("contact.upserted", item="x", emails="x@y.example"), Code.INVALID_FIELD, "data.emails"),
    (contact("x", "", "not an address"), Code.INVALID_EMAIL, "data.emails[1]"),
    (contact("x") | {"occurred_at": 1770681600000}, Code.INVALID_FIELD, "occurred_at"),
    (deal("x", status="maybe"), Code.INVALID_FIELD, "data.status"),
    (event("deal.upserted", item="x", status="open"), Code.MISSING_FIELD, "data.contact_ids"),
    (contact("x") | {"occurred_at": "2099-01-01T00:00:00Z"}, Code.EVENT_AHEAD, "occurred_at"),
    (deal("x") | {"occurred_at": "2099-01-01T00:00:00Z"}, Code.EVENT_AHEAD, "occurred_at"),
]
"""An event that cannot be applied, why, and the field to correct."""


def test_a_bad_event_in_a_batch_loses_no_other_and_is_named(crm: Crm) -> None:
    good = [lead(f"good-{number}") for number in range(len(BAD_EVENTS) + 1)]
    batch: list[Any] = [good[0]]
    for (bad, _, _), next_good in zip(BAD_EVENTS, good[1:], strict=True):
        batch += [bad, next_good]

    answer = told(crm, *batch)

    assert answer["accepted"] == len(good)
    assert [problem["index"] for problem in answer["refused"]] == list(range(1, len(batch), 2))
    for problem, (bad, code, field) in zip(answer["refused"], BAD_EVENTS, strict=True):
        assert problem["code"] == code
        assert problem["reason"] == PROBLEMS[code][Language.EN].reason
        assert problem["remedy"] == PROBLEMS[code][Language.EN].remedy
        assert problem["detail"].startswith(field)
        assert problem.get("id") == (bad.get("id") if isinstance(bad, dict) else None)
    assert all(knows(crm, f"leads/good-{number}") for number in range(len(good)))
    assert not knows(crm, "contacts/x")
    assert not knows(crm, "deals/x")


def test_an_id_of_half_a_surrogate_pair_stops_no_other_event(new_crm: Callable[[], Crm]) -> None:
    crm = new_crm()
    answer = told(crm, contact("x", id="\ud800"), lead("behind"))
    assert answer["accepted"] == 1
    assert [one["code"] for one in answer["refused"]] == ["invalid_field"]
    assert knows(crm, "leads/behind")
    (listed,) = crm.get("/events/refused")["events"]
    assert listed["code"] == "invalid_field"


def test_a_number_too_long_for_anything_loses_no_other_event(crm: Crm) -> None:
    written = json.dumps({"events": [contact("x", id=7), lead("beside")]})
    answer = crm.post_body(written.replace('"id": 7,', f'"id": {"7" * 5_000},').encode())
    assert answer.status_code == 202
    assert [one["detail"] for one in answer.json()["refused"]] == ["id: not a string"]


def test_refused_events_are_a_gap_that_every_card_tells_of(new_crm: Callable[[], Crm]) -> None:
    crm = new_crm()
    told(crm, lead("gil"), lead("gina", "no address"))

    feed = crm.get("/leads/gil/messages", READER)["coverage"]["feed"]

    assert feed["complete"] is False
    assert feed["reason"]
    assert feed["remedy"]


def test_ids_may_be_numbers(crm: Crm) -> None:
    told(crm, event("contact.upserted", id="n1", item=4711, name="Nora", emails=[]))

    assert knows(crm, "contacts/4711")


def test_a_deleted_person_stays_deleted_when_an_older_event_comes_late(crm: Crm) -> None:
    told(crm, contact("dora", occurred_at=EARLY))
    assert knows(crm, "contacts/dora")

    told(crm, event("contact.deleted", item="dora", occurred_at=LATE))
    assert not knows(crm, "contacts/dora")

    told(crm, contact("dora", "dora@customer.example", occurred_at=LATE - timedelta(seconds=1)))
    assert not knows(crm, "contacts/dora")


def test_a_deletion_may_come_before_what_it_deletes(crm: Crm) -> None:
    told(crm, event("lead.deleted", item="luis", occurred_at=LATE))
    told(crm, lead("luis", occurred_at=EARLY))

    assert not knows(crm, "leads/luis")


def test_a_converted_lead_and_a_merged_contact_lead_to_the_contact_they_are_now(crm: Crm) -> None:
    told(
        crm,
        lead("lou", "lou@customer.example"),
        contact("lou", "lou@home.example"),
        contact("max", "max@customer.example"),
        event("contact.merged", item="lou", winner_id="max"),
        event("lead.converted", item="lou", contact_id="lou"),
    )

    max = {"kind": "contact", "id": "max"}
    asked = ("leads/lou", "contacts/lou", "contacts/max")
    pages = [crm.get(f"/{card}/messages", READER) for card in asked]
    assert [page["redirected_to"] for page in pages] == [max, max, None]

    told(crm, contact("lou", "lou@home.example"))
    assert crm.get("/contacts/lou/messages", READER)["redirected_to"] is None
    assert crm.get("/leads/lou/messages", READER)["redirected_to"] == max | {"id": "lou"}


def test_a_late_deletion_does_not_undo_what_happened_after_it(crm: Crm) -> None:
    told(crm, contact("rosa", occurred_at=LATE))
    told(crm, event("contact.deleted", item="rosa", occurred_at=EARLY))

    assert knows(crm, "contacts/rosa")


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_events_at_one_instant_the_greater_number_is_the_later(
    crm: Crm, order: tuple[int, int]
) -> None:
    name = f"twin-{order[0]}"
    both = [
        contact(name, occurred_at=EARLY, id="9"),
        event("contact.deleted", item=name, occurred_at=EARLY, id="10"),
    ]

    told(crm, *(both[index] for index in order))

    assert not knows(crm, f"contacts/{name}")


def test_of_two_texts_at_one_instant_the_later_arrival_counts_and_no_repeat(crm: Crm) -> None:
    gone = event("contact.deleted", item="tess", occurred_at=EARLY, id="evt_b")
    back = contact("tess", occurred_at=EARLY, id="evt_a")
    told(crm, gone, back)
    assert knows(crm, "contacts/tess")
    told(crm, gone)
    assert knows(crm, "contacts/tess")


def test_what_is_left_out_is_told_and_listed_and_a_gap_is_closed(
    new_crm: Callable[[], Crm],
) -> None:
    crm = new_crm()
    answer = told(crm, contact("lou", "lou@customer.example", "n/a"), lead("gina", "no address"))
    (left_out,) = answer["left_out"]
    assert (left_out["index"], left_out["code"]) == (0, "invalid_email")
    assert left_out["detail"] == "data.emails[1]: n/a"
    assert left_out["reason"] == PROBLEMS[Code.INVALID_EMAIL][Language.EN].reason
    assert knows(crm, "contacts/lou")

    page = crm.get("/events/refused", limit=1)
    rest = crm.get("/events/refused", limit=1, cursor=page["next_cursor"])
    (gap,), (note,) = page["events"], rest["events"]
    assert (gap["gap"], gap["applied"], note["gap"], note["applied"]) == (True, False, False, True)
    assert (page["gaps"], rest["gaps"], rest["next_cursor"]) == (1, 1, None)
    assert [one["n"] for one in crm.get("/events/refused", gap="true")["events"]] == [gap["n"]]
    assert not crm.get("/contacts/lou/messages", READER)["coverage"]["feed"]["complete"]

    assert crm.ask("DELETE", f"/events/refused/{gap['n']}").status_code == 204
    assert crm.get("/contacts/lou/messages", READER)["coverage"]["feed"]["complete"]
    assert refused(crm.ask("DELETE", f"/events/refused/{gap['n']}")) == (404, "not_found")
    assert refused(crm.ask("GET", "/events/refused?cursor=x")) == (400, "invalid_cursor")


def test_an_event_that_was_refused_is_applied_when_it_is_sent_again_at_once(
    new_crm: Callable[[], Crm],
) -> None:
    """Within the five minutes in which SQS drops what has the id of an earlier message."""
    crm = new_crm()
    early = event("association.attached", item=None, deal_id="d", user_id="u", thread_id="t")
    told(crm, early)
    (first,) = crm.get("/events/refused")["events"]
    told(crm, early)
    (second,) = crm.get("/events/refused")["events"]
    assert second["n"] > first["n"]


def test_an_instant_counts_and_not_how_its_zone_is_written(crm: Crm) -> None:
    tokyo = timezone(timedelta(hours=9))
    created = lead("zoe", occurred_at=EARLY)
    deleted = event("lead.deleted", item="zoe", occurred_at=LATE.astimezone(tokyo))

    told(crm, deleted, created)

    assert not knows(crm, "leads/zoe")


def test_a_repeat_changes_nothing(crm: Crm) -> None:
    created, deleted = (
        contact("rita", occurred_at=EARLY),
        event("contact.deleted", item="rita", occurred_at=LATE),
    )
    told(crm, created, deleted)

    # With its fields in another order the queue cannot know it for a repeat.
    told(crm, created, deleted, dict(reversed(created.items())))

    assert not knows(crm, "contacts/rita")


def test_a_deal_is_as_its_latest_version_says(crm: Crm) -> None:
    told(crm, event("deal.deleted", item="lift", occurred_at=LATE))
    told(crm, deal("lift", occurred_at=EARLY))
    assert not knows(crm, "deals/lift")

    told(crm, deal("lift", occurred_at=LATE + timedelta(seconds=1)))
    assert knows(crm, "deals/lift")


def test_nothing_of_an_event_is_logged(crm: Crm, traces: Traces) -> None:
    markers = ["Xenia Quartz", "xenia@quartz.example", "xenia-quartz"]
    told(
        crm,
        contact("xenia-quartz", "xenia@quartz.example") | {"note": "Xenia Quartz"},
        contact("xenia-quartz", "xenia@quartz.example", "Xenia Quartz"),
        user("xenia-quartz", "xenia@quartz.example"),
    )
    body = json.dumps({"events": ["Xenia Quartz"]}).encode()
    crm.post_body(body, "t=1,v1=0")

    secrets = [crm.account.webhook_secret, crm.account.api_key]
    assert traces.of([*markers, *secrets], traces.logs()) == []
