"""What nobody may find: mail that matches nobody, and secrets."""

from collections.abc import Callable
from dataclasses import astuple

import pytest

from mailmirror.domain.identity import vertex
from mailmirror.runtime import Runtime
from mailmirror.usecases.operating.accounts import add_key
from tests.crm import Crm
from tests.stack.team import QUOTE, Team
from tests.stack.traces import Traces


def test_a_look_for_traces_finds_what_is_there(team: Team, traces: Traces) -> None:
    """Or the other tests here would prove nothing."""
    found = traces.of([QUOTE, "quote@customer.example", "<b>40 scanners</b>"])

    assert any("content#" in where for where in found), "a line in the table"
    assert any("object mail/" in where for where in found), "raw mail in the bucket"
    assert traces.of(["START RequestId"], traces.logs()) != []


def test_mail_to_nobody_known_leaves_no_trace(team: Team, traces: Traces) -> None:
    unmatched = sum(
        folder["verdicts"]["no_person"]
        for one in (team.ann, team.bob)
        for folder in team.crm.ledger(one.mailbox, one.user).values()
    )
    assert unmatched == 4, "it was seen, and judged"

    private = astuple(team.private)
    words = [word for text in private for word in text.split() if len(word) > 12]
    digests = [vertex(team.private.message_id), vertex(team.private.message_id.upper())]

    assert traces.of([*private, *words, *digests]) == []


def test_an_explain_finds_mail_wherever_it_lies_and_leaves_no_trace_of_it(
    team: Team, traces: Traces
) -> None:
    path, private = f"/mailboxes/{team.ann.mailbox}/explain", team.private

    def causes(**query: str) -> list[str]:
        (message,) = team.crm.get(path, "ann", **query)["messages"]
        return [one["code"] for one in message["causes"]]

    assert causes(message_id="<quote@customer.example>") == ["shown"]
    assert causes(subject="To all") == ["too_many_recipients"]
    assert causes(message_id=private.message_id) == ["no_person"]
    pasted = {"headers": f"Message-ID: <{private.message_id}>\r\nSubject: {private.subject}"}
    answer = team.crm.ask("POST", path, "ann", json=pasted)
    assert (answer.status_code, len(answer.json()["messages"])) == (200, 1)
    assert team.crm.ask("POST", path, "bob", json=pasted).status_code == 404

    digests = [vertex(private.message_id), vertex(private.message_id.upper())]
    assert traces.of([*astuple(private), *digests]) == []


def test_no_password_is_kept_or_logged(team: Team, traces: Traces) -> None:
    passwords = list(team.server.users.values())

    assert traces.of(passwords) == []


@pytest.mark.parametrize("again", [False, True])
def test_no_key_or_secret_of_an_account_is_kept_or_logged(
    new_crm: Callable[[], Crm], office: Runtime, team: Team, traces: Traces, again: bool
) -> None:
    crm = new_crm() if again else team.crm
    second = add_key(crm.account.account_id, "second", office)
    assert crm.ask("GET", "/mailboxes", key=second).status_code == 200
    assert crm.post().status_code == 202

    keys = [crm.account.api_key, second]
    secrets = [key.split("_", 3)[3] for key in keys]

    assert traces.of([*keys, *secrets, crm.account.webhook_secret]) == []
