"""An import of many contacts, some of which are wrong: each of these is named, no other is lost."""

import os
from collections.abc import Callable, Iterator, Mapping
from itertools import batched
from typing import Any

import pytest

from mailmirror.domain.feed import PersonKind, PersonRef
from mailmirror.domain.limits import MAX_EVENTS
from mailmirror.domain.mailbox import AccountId
from mailmirror.domain.problems import Code
from mailmirror.runtime import Runtime
from mailmirror.usecases.crm_feed.accept_events import accept_events
from mailmirror.usecases.crm_feed.apply_event import apply_event
from mailmirror.usecases.crm_feed.refused_events import list_refused
from mailmirror.usecases.operating.accounts import create_account
from tests.integration.events_queue import EventsQueue

CONTACTS = int(os.environ.get("IMPORTED_CONTACTS", "400"))
EACH_BAD = 20
"""One of so many is wrong."""

Event = dict[str, Any]


def contact(number: int) -> Event:
    data = {"id": f"k{number}", "name": f"N {number}", "emails": [f"k{number}@customer.example"]}
    return {
        "id": f"e{number}",
        "type": "contact.upserted",
        "occurred_at": "2026-03-01T10:00:00Z",
        "data": data,
    }


def with_data(number: int, **data: object) -> Event:
    event = contact(number)
    return event | {"data": event["data"] | data}


BAD: Mapping[Code, Callable[[int], object]] = {
    Code.INVALID_EMAIL: lambda n: with_data(n, emails=["not an address"]),
    Code.INVALID_FIELD: lambda n: with_data(n, emails="a list is wanted"),
    Code.MISSING_FIELD: lambda n: {"id": f"e{n}", "type": "contact.upserted"},
    Code.UNKNOWN_EVENT_TYPE: lambda n: contact(n) | {"type": "contact.sneezed"},
    Code.EVENT_AHEAD: lambda n: contact(n) | {"occurred_at": "2099-01-01T00:00:00Z"},
}
"""By the code that names what is wrong, an event."""
CODES = list(BAD)


def is_bad(number: int) -> bool:
    return number % EACH_BAD == 7


def code_of(number: int) -> Code:
    return CODES[number // EACH_BAD % len(CODES)]


def lines() -> Iterator[object]:
    for number in range(CONTACTS):
        yield BAD[code_of(number)](number) if is_bad(number) else contact(number)


@pytest.mark.long
def test_bad_lines_of_an_import_are_named_and_lose_no_other(
    runtime: Runtime, events_queue: EventsQueue
) -> None:
    account = create_account("Test", runtime).account_id
    expected = {number: code_of(number) for number in range(CONTACTS) if is_bad(number)}
    named: dict[int, str] = {}
    for first, body in enumerate(batched(lines(), MAX_EVENTS, strict=False)):
        answer = accept_events(account, body, runtime)
        assert answer.accepted == len(body) - len(answer.refused)
        named |= {first * MAX_EVENTS + one["index"]: one["code"] for one in answer.refused}
    assert named == expected
    for job in events_queue.jobs():
        apply_event(job, runtime)
    refs = {number: PersonRef(PersonKind.CONTACT, f"k{number}") for number in range(CONTACTS)}
    known = runtime.people.find_many(account, refs.values())
    assert {number for number, ref in refs.items() if ref in known} == refs.keys() - expected.keys()
    assert listed(account, runtime) == sorted(expected.values())


def listed(account: AccountId, runtime: Runtime) -> list[str]:
    """The codes of all events that the API lists as refused."""
    codes: list[str] = []
    cursor: str | None = None
    while True:
        page = list_refused(account, cursor, 100, runtime, gap=None)
        codes += [one.code for one in page.events]
        if (cursor := page.next_cursor) is None:
            return sorted(codes)
