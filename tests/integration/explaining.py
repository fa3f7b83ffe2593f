"""Asking why a message is missing, and doing what the answer says."""

from collections.abc import Mapping

from mailmirror.domain.mailbox import Mailbox
from tests.integration.api_calls import Api, Json


def path(mailbox: Mailbox) -> str:
    return f"/v1/mailboxes/{mailbox.key.mailbox}/explain"


def explained(api: Api, mailbox: Mailbox, number: int, user: str = "rep") -> Json:
    """What is said of a letter, by its Message-ID."""
    return api.get(path(mailbox), user, message_id=f"<{number}@mail.example>")


def pasted(api: Api, mailbox: Mailbox, headers: str) -> Json:
    """What is said of a message by its headers."""
    status, body = api.ask("POST", path(mailbox), body={"headers": headers})
    assert status == 200, body
    return body


def every_cause(found: Json) -> list[Json]:
    """The causes of the mailbox, and then those of its messages."""
    return [cause for one in (found, *found["messages"]) for cause in one["causes"]]


def causes(found: Json) -> list[str]:
    return [one["code"] for one in every_cause(found)]


def cause(found: Json, code: str) -> Json:
    """The only cause of a code."""
    (one,) = [one for one in every_cause(found) if one["code"] == code]
    return one


def follow(api: Api, found: Json, user: str = "rep") -> None:
    """Make the calls that an answer names, as they are."""
    calls = [call for one in every_cause(found) for call in one["calls"]]
    assert calls
    for call in calls:
        route, _, query = call["path"].partition("?")
        params: Mapping[str, str] = dict([query.split("=")]) if query else {}
        status, body = api.ask(call["method"], route, user, params=params, body=call["body"])
        assert status < 300, body
