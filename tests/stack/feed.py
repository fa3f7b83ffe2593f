"""Telling Mailmirror something, and waiting until it knows."""

from tests.crm import Crm, Json, contact, user
from tests.stack.waiting import wait_for

READER = "feed-reader"
_MARK = "feed-mark"


def told(crm: Crm, *events: object) -> Json:
    """Post events, and return the webhook's answer when all of them were handled.

    An account's events are handled in their order: when a contact that comes last is there, all
    before it have been.
    """
    answer = crm.post(*events)
    assert answer.status_code == 202, answer.text
    handled(crm)
    body: Json = answer.json()
    return body


def handled(crm: Crm) -> None:
    """Wait until all that was posted before was handled."""
    mark = contact(_MARK)
    mark["data"]["id"] = f"{_MARK}-{mark['id']}"
    assert crm.post(user(READER), mark).status_code == 202
    wait_for("the feed to be applied", lambda: knows(crm, f"contacts/{mark['data']['id']}"))


def knows(crm: Crm, card: str) -> bool:
    """Tell whether there is a card such as `leads/kim`."""
    answer = crm.ask("GET", f"/{card}/messages", READER)
    assert answer.status_code in (200, 403, 404), answer.text
    return answer.status_code == 200
