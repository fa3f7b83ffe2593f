"""An office whose people are copied is the one that events make."""

import json
from typing import Any

from mailmirror.domain.address import Address
from mailmirror.runtime import Runtime
from tests.integration.office import KIM, Office
from tests.integration.stored_people import TIMES, StoredPeople


def stored(office: Office) -> Any:
    """What the table holds of an account but the account itself, without ids and times."""
    runtime = office.runtime
    items = runtime._client("dynamodb").scan(TableName=runtime.settings.table)["Items"]
    own = [one for one in items if one["pk"]["S"].startswith(f"{office.account}#")]
    told = [one for one in own if not one["pk"]["S"].endswith("#account")]
    for one in told:
        one |= {name: {"S": "now"} for name in TIMES if name in one}
    text = json.dumps(told, sort_keys=True).replace(office.account, "account")
    return sorted(json.loads(text), key=lambda one: (one["pk"]["S"], one["sk"]["S"]))


def test_people_that_are_copied_are_those_of_whom_events_told(
    runtime: Runtime, stored_people: StoredPeople
) -> None:
    told, copied = Office(runtime), Office(runtime, stored_people)
    assert stored(copied) == stored(told)
    for office in (told, copied):
        office.tell("contact.deleted", id="kim")
    assert stored(copied) == stored(told)


def test_people_that_are_copied_are_as_of_now(
    runtime: Runtime, stored_people: StoredPeople
) -> None:
    before = runtime.now()
    office = Office(runtime, stored_people)
    as_of = runtime.feed.state(office.account, runtime.now()).as_of
    assert as_of is not None
    assert before <= as_of <= runtime.now()
    assert KIM in runtime.people.known(office.account, [Address(KIM)])
